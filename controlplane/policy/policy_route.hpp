// What a policy sees of a route, and what it may change. A value: the route itself, and whoever
// offers it, stay as they are.
//
// Protocols fill in what they have. What only some routes carry (communities and the AS path of
// BGP) is added here, as further optional members, with the matches that read it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "controlplane/rib/route.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

struct PolicyRoute {
    net::Ipv4Prefix prefix;
    RouteSource source = RouteSource::Static;
    std::uint8_t distance = 0;
    std::uint32_t metric = 0;
    bool metric_set = false;  // by a policy: it then stands for itself in the protocol it goes to
    std::uint32_t tag = 0;
    // Where it leads: of a route in the RIB its next hops as resolved, of a received one the
    // neighbour that offered it and the interface it came in by. Not owned.
    std::span<const RibNextHop> next_hops;
    std::optional<net::Ipv4Address> next_hop_set;  // by a policy: in the place of `next_hops`
};

}  // namespace godwit::control
