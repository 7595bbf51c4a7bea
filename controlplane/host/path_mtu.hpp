// The largest packet that gets to a destination whole, as routers on the way have told (RFC 1191).
//
// An entry says less than the interface that packets leave by; without one the interface decides.
// What is told is believed only as far as it makes sense: smaller than what was known, smaller than
// the packet that it is about, and never below 68 (RFC 791 3.2). Whose packet it was, and whether
// whoever tells can have seen it (RFC 5927 4.1), is for the caller to judge before. Routers from
// before RFC 1191 tell zero: then it is the next smaller of the sizes that links have (7.1).
//
// An entry is forgotten after ten minutes (6.3), so that a way that became wider is found again.
// The number of entries is bounded; the oldest gives way, and is counted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "controlplane/host/token_bucket.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

class PathMtuCache {
public:
    static constexpr std::uint16_t kLeast = 68;
    static constexpr std::chrono::minutes kAge{10};

    explicit PathMtuCache(std::size_t limit) : limit_(limit) {}

    // A packet of `packet_bytes` was too big; `told` is the MTU of the next hop, zero: not said.
    // False: nothing was learned from it.
    bool learn(net::Ipv4Address destination, std::uint16_t told, std::uint16_t packet_bytes,
               Instant now);
    [[nodiscard]] std::optional<std::uint16_t> find(net::Ipv4Address destination) const;

    // Forgets what is too old; to be called at next_deadline().
    void expire(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::uint64_t given_way() const { return given_way_; }

private:
    struct Entry {
        std::uint16_t mtu = 0;
        std::uint64_t lesson = 0;  // the number of the one that it is from
    };
    struct Lesson {
        net::Ipv4Address destination;
        std::uint64_t number = 0;
        Instant until;
    };

    std::size_t limit_;
    std::unordered_map<net::Ipv4Address, Entry> entries_;
    std::deque<Lesson> lessons_;  // the oldest first; those that newer ones replaced too
    std::uint64_t last_lesson_ = 0;
    std::uint64_t given_way_ = 0;
};

}  // namespace godwit::control
