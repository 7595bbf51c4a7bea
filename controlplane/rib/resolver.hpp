// What a set of next hops comes to: a pure function of the routes offered and the interfaces'
// state.
//
// A recursive next hop walks the prefixes that contain its address, the longest first, to the first
// one with a route that leads anywhere, and takes over that route's next hops. Whether a route
// leads anywhere is asked in the same way, so the walk recurses; the prefixes under way are kept on
// a stack. A walk that comes back to one of them, or goes deeper than kMaxRecursion, is *tainted*:
// a prefix that yields nothing because of a taint ends the walk of everything above it that belongs
// to the loop, instead of letting it fall through to a shorter prefix. So all routes of a loop are
// unresolved, whichever one is asked first, and a route that merely leads into a loop passes it by.
//
// Nothing is remembered between calls: the caller asks again for what may have changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "controlplane/rib/route_table.hpp"

namespace godwit::control {

class Resolver {
public:
    // `interface_up` by interface number.
    Resolver(const RouteTable& table, const std::vector<bool>& interface_up)
        : table_(table), interface_up_(interface_up) {}

    std::vector<HopResolution> resolve(std::span<const RibNextHop> next_hops,
                                       const std::optional<net::Ipv4Prefix>& owner);
    // The last resolve() gave up in a maze; its tainted next hops are unresolved.
    [[nodiscard]] bool abandoned() const { return abandoned_; }

private:
    using Taint = std::uint32_t;  // a bit for each place on the stack, and kTooDeep

    HopResolution resolve_one(const RibNextHop& next_hop, Taint& taint);
    HopResolution walk(net::Ipv4Address via, Taint& taint);
    std::vector<RibNextHop> evaluate(RouteNumber route, Taint& taint);

    const RouteTable& table_;
    const std::vector<bool>& interface_up_;
    std::vector<net::Ipv4Prefix> stack_;
    std::size_t depth_ = 0;  // the stack without the owner
    std::size_t steps_ = 0;
    bool abandoned_ = false;
};

// All of several resolutions together: sorted, without doubles.
std::vector<RibNextHop> merged(std::span<const HopResolution> hops);

}  // namespace godwit::control
