#include "controlplane/rib/route.hpp"

#include <algorithm>
#include <map>

namespace godwit::control {

std::string RibNextHop::to_string() const {
    std::string text;
    if (via) {
        text = "via " + via->to_string();
    } else {
        text = name_of(kind);
    }
    if (!interface.is_none()) {
        text += " interface " + std::to_string(interface.value());
    }
    return text;
}

std::vector<Route> connected_routes(net::InterfaceId interface,
                                    std::span<const net::Ipv4InterfaceAddress> addresses, bool up) {
    if (!up) {
        return {};
    }
    // Several addresses may lie in one subnet: each prefix is one route.
    std::map<net::Ipv4Prefix, Route> connected;
    std::map<net::Ipv4Prefix, Route> local;
    const auto local_route = [](net::Ipv4Address address, const RibNextHop& next_hop) {
        return Route{net::Ipv4Prefix::covering(address, 32),
                     RouteSource::Local,
                     distance_of(RouteSource::Local),
                     0,
                     0,
                     {next_hop}};
    };
    for (const net::Ipv4InterfaceAddress& own : addresses) {
        connected[own.subnet()] = Route{own.subnet(),
                                        RouteSource::Connected,
                                        distance_of(RouteSource::Connected),
                                        0,
                                        0,
                                        {own.prefix_length < 32 ? RibNextHop::glean(interface)
                                                                : RibNextHop::receive(interface)}};
        const Route receive = local_route(own.address, RibNextHop::receive(interface));
        local[receive.prefix] = receive;
    }
    for (const net::Ipv4InterfaceAddress& own : addresses) {
        const auto broadcast = own.broadcast();
        if (!broadcast) {
            continue;
        }
        // RFC 1812 5.3.5: the obsolete all-zeros form is received as a broadcast too.
        for (const net::Ipv4Address address : {*broadcast, own.subnet().address()}) {
            const Route route = local_route(address, RibNextHop::broadcast(interface));
            local.try_emplace(route.prefix, route);
        }
    }
    std::vector<Route> routes;
    for (auto* part : {&connected, &local}) {
        for (auto& [prefix, route] : *part) {
            routes.push_back(std::move(route));
        }
    }
    return routes;
}

}  // namespace godwit::control
