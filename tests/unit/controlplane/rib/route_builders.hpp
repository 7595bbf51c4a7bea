// Short forms for routes in tests.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/rib/route.hpp"

namespace godwit::control::testing {

inline net::Ipv4Address address(std::string_view text) {
    return net::Ipv4Address::parse(text).value();
}
inline net::Ipv4Prefix prefix(std::string_view text) {
    return net::Ipv4Prefix::parse(text).value();
}

inline Route route(RouteSource source, std::string_view to, std::vector<RibNextHop> next_hops) {
    return {prefix(to), source, distance_of(source), 0, 0, std::move(next_hops)};
}
inline Route static_route(std::string_view to, std::vector<RibNextHop> next_hops) {
    return route(RouteSource::Static, to, std::move(next_hops));
}
inline Route connected(std::string_view to, net::InterfaceId interface) {
    return route(RouteSource::Connected, to, {RibNextHop::glean(interface)});
}
inline RibNextHop via(std::string_view gateway, net::InterfaceId interface) {
    return RibNextHop::gateway(address(gateway), interface);
}
inline RibNextHop via(std::string_view gateway) {
    return RibNextHop::recursive(address(gateway));
}

constexpr net::InterfaceId kLan{1};
constexpr net::InterfaceId kWan{2};

}  // namespace godwit::control::testing
