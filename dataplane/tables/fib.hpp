// The forwarding table: longest-prefix match from an IPv4 address to a next-hop index.
//
// One writer (the table owner), any number of workers reading without a lock. A reader sees, for
// each address, the value before or after a change, never another one; memory that a change frees
// waits in the Reclaimer. Values are indices of NextHops, below 2^24; kNoRoute where nothing
// matches.
//
// The form: a code of one byte for every /24 (16 MiB in all, of which a small table touches few
// pages), which is a next hop, says "the default route", or names an exception: a /24 with longer
// prefixes inside, whose 256 entries stand elsewhere. With next hops beyond what a byte can say the
// codes become 16 bits wide, and with more beyond those they stand for what an array says.
// fib_view.hpp says why readers are right, fib_burst.hpp and fib_gather.hpp how they look up a
// burst, fib_tables.hpp how the writer finds what a change may write, fib_routes.hpp how it keeps
// the routes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/tables/fib_gather.hpp"
#include "dataplane/tables/reclaimer.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

class Fib {
public:
    static constexpr std::uint32_t kNoRoute =
        0;  // index 0 of NextHops is the entry of kind NoRoute

    enum class Change : std::uint8_t { Added, Replaced, Unchanged, TableFull };
    enum class Built : std::uint8_t { Done, NotSorted, TableFull };

    // What the owner notes at a route. It stands in the writer's record alone: a changed mark
    // changes nothing that workers read.
    using Mark = std::uint8_t;
    static constexpr Mark kMarks = 4;  // 0 to 3

    struct Route {
        net::Ipv4Prefix prefix;
        std::uint32_t next_hop = kNoRoute;
        Mark mark = 0;
    };

    // At most `max_routes` prefixes.
    Fib(Reclaimer& reclaimer, std::size_t max_routes, FibWay way = fastest_fib_way());
    ~Fib();
    Fib(const Fib&) = delete;
    Fib& operator=(const Fib&) = delete;

    // Workers. Addresses in host order.
    [[nodiscard]] std::uint32_t lookup(std::uint32_t address) const;
    // Is there a longer prefix for it than the default route's?
    [[nodiscard]] bool has_specific_route(std::uint32_t address) const;
    void lookup_burst(const std::uint32_t* addresses, std::uint32_t* next_hops,
                      unsigned count) const;

    // Owner.
    //
    // TableFull: max_routes prefixes are there, or all groups of /24s with longer prefixes are
    // taken, or (of a prefix of at most 24 bits, also of one that is there) 49,151 next hops are
    // used by such prefixes. Nothing changed then. Unchanged: perhaps but the mark.
    Change set(const net::Ipv4Prefix& prefix, std::uint32_t next_hop, Mark mark = 0);
    bool remove(const net::Ipv4Prefix& prefix);
    // Replaces everything by these routes, which are sorted by (address, length) without doubles.
    // The new table is made aside and shown to workers at once: until they have left the old one
    // there are two. What is not Done changed nothing.
    Built build(std::span<const Route> routes);
    [[nodiscard]] std::optional<std::uint32_t> find(const net::Ipv4Prefix& prefix) const;  // exact
    // Before a change of it: what readers read there is fetched as well.
    [[nodiscard]] std::optional<Route> find_route(const net::Ipv4Prefix& prefix) const;
    // Mark 0 for every route: some milliseconds for a million.
    void unmark();
    [[nodiscard]] std::size_t size() const;
    // Changes and builds that were TableFull.
    [[nodiscard]] std::uint64_t refused_at_limit() const;
    // In prefix order from `from` on, until `visit` returns false.
    void walk(const net::Ipv4Prefix& from, const std::function<bool(const Route&)>& visit) const;

    // What the table takes now, and the most that it can take with this limit, whatever the routes
    // and the order of changes.
    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bound(std::size_t max_routes);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace godwit::dataplane
