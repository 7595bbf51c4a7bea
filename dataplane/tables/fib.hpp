// The forwarding table: longest-prefix match from an IPv4 address to a next-hop index.
//
// One writer (the table owner), any number of workers reading without a lock. A reader sees, for
// each address, the value before or after a change, never another one; memory that a change frees
// waits in the Reclaimer. Values are indices of NextHops, below 2^24; kNoRoute where nothing
// matches.
//
// The form is DIR-24-8: one 32-bit entry for every /24, which holds the answer, or names a group of
// 256 entries when a longer prefix lies inside. The default route would touch all of it, so it
// stands aside. An entry also knows the length of its prefix, so that a change finds the entries
// that are its own without looking at other routes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/tables/reclaimer.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

class Fib {
public:
    static constexpr std::uint32_t kNoRoute =
        0;  // index 0 of NextHops is the entry of kind NoRoute

    enum class Change : std::uint8_t { Added, Replaced, Unchanged, TableFull };

    // At most `max_routes` prefixes.
    Fib(Reclaimer& reclaimer, std::size_t max_routes);
    ~Fib();
    Fib(const Fib&) = delete;
    Fib& operator=(const Fib&) = delete;

    // Workers. Addresses in host order.
    [[nodiscard]] std::uint32_t lookup(std::uint32_t address) const;
    void lookup_burst(const std::uint32_t* addresses, std::uint32_t* next_hops,
                      unsigned count) const;

    // Owner.
    Change set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop);
    bool remove(const net::Ipv4Prefix& prefix);
    [[nodiscard]] std::optional<std::uint32_t> find(const net::Ipv4Prefix& prefix) const;  // exact
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t memory_bytes() const;
    // In prefix order from `from` on, until `visit` returns false.
    void walk(const net::Ipv4Prefix& from,
              const std::function<bool(const net::Ipv4Prefix&, std::uint32_t)>& visit) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace godwit::dataplane
