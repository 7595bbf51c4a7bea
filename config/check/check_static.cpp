// Static routes and neighbours against the interfaces and against each other.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/check/section_check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

Path route_path(const StaticRoute& route, std::string_view key = {}) {
    Path path = {{"static"}, {"routes"}, {route.prefix.to_string()}};
    if (!key.empty()) {
        path.push_back({std::string(key)});
    }
    return path;
}

Path via_path(const StaticRoute& route, net::Ipv4Address via, std::size_t repeat = 0) {
    Path path = route_path(route, "via");
    path.push_back({via.to_string(), true, repeat});
    return path;
}

class StaticCheck : SectionCheck {
public:
    StaticCheck(const Model& model, std::vector<Finding>& findings)
        : SectionCheck(model, findings) {
        for (const auto& [name, interface] : model.interfaces) {
            names_.push_back(name);
            for (const net::Ipv4InterfaceAddress& address : interface.addresses) {
                own_.emplace(address.address, name);
                connected_.emplace(address.subnet(), name);
            }
        }
    }

    void run() {
        for (const auto& [prefix, route] : model_.static_.routes) {
            if (findings_.size() > kMostFindings) {
                return;
            }
            check_route(route);
        }
        for (const auto& [address, neighbor] : model_.static_.neighbors) {
            if (findings_.size() > kMostFindings) {
                return;
            }
            check_neighbor(neighbor);
        }
    }

private:
    // Whether `name` is an interface with neighbours on it; says so when not.
    bool check_outgoing(const std::string& name, const Path& path) {
        const auto found = model_.interfaces.find(name);
        if (found == model_.interfaces.end()) {
            error("dangling-reference", path, fmt::format("there is no interface '{}'", name),
                  "Name an interface of this file, or add it under 'interfaces'.",
                  nearest_word(name, names_));
            return false;
        }
        if (std::holds_alternative<Loopback>(found->second.kind)) {
            error("wrong-reference", path,
                  fmt::format("'{}' is a loopback: nothing can be sent out of it", name),
                  "Name a port or a VLAN sub-interface; to drop packets use 'blackhole: true'.");
            return false;
        }
        return true;
    }

    // The longest connected subnet with `address`, if any.
    const std::pair<const net::Ipv4Prefix, std::string>* subnet_of(net::Ipv4Address address) const {
        return covering(connected_, address, 0);
    }

    template <class Map>
    static const typename Map::value_type* covering(const Map& map, net::Ipv4Address address,
                                                    int least) {
        for (int length = 32; length >= least; --length) {
            const auto found =
                map.find(net::Ipv4Prefix::covering(address, static_cast<std::uint8_t>(length)));
            if (found != map.end()) {
                return &*found;
            }
        }
        return nullptr;
    }

    // Why nothing can be sent to `address` as a neighbour; empty when it can.
    std::string objection(net::Ipv4Address address) const {
        if (address.is_multicast() || address.is_limited_broadcast() || address.is_reserved() ||
            address.is_this_network() || address.is_loopback()) {
            return "is not the address of a neighbour";  // RFC 1812 5.3.7
        }
        if (const auto own = own_.find(address); own != own_.end()) {
            return fmt::format("is this router's own address, of '{}'", own->second);
        }
        if (const auto* subnet = subnet_of(address); subnet != nullptr) {
            const bool has_ends = subnet->first.length() < 31;  // RFC 3021 2.1
            if (has_ends && address == subnet->first.address()) {
                return fmt::format("is the address of the subnet {} itself",
                                   subnet->first.to_string());
            }
            if (has_ends && address == subnet->first.last_address()) {
                return fmt::format("is the broadcast address of {}", subnet->first.to_string());
            }
        }
        return "";
    }

    void check_destination(const StaticRoute& route) {
        const net::Ipv4Prefix& prefix = route.prefix;
        // RFC 1812 5.3.7: never forwarded by unicast routes.
        const bool multicast = prefix.length() >= 4 && prefix.address().is_multicast();
        const bool host_only = prefix.length() >= 8 && (prefix.address().is_loopback() ||
                                                        prefix.address().is_this_network());
        if (multicast || host_only || prefix.address().is_limited_broadcast()) {
            error("invalid-destination", route_path(route),
                  fmt::format("{} is never forwarded by a unicast route", prefix.to_string()),
                  "Remove the route.");
        }
    }

    void check_via(const StaticRoute& route, const StaticNextHop& next_hop) {
        const net::Ipv4Address via = *next_hop.via;
        if (const std::string why = objection(via); !why.empty()) {
            error("invalid-next-hop", via_path(route, via),
                  fmt::format("{} {}", via.to_string(), why),
                  "Name the address of the next router.");
            return;
        }
        if (next_hop.interface || subnet_of(via) != nullptr) {
            return;
        }
        if (is_resolved_by_another_route(route, via)) {
            return;
        }
        warning("unresolved-next-hop", via_path(route, via),
                fmt::format("no connected subnet and no other route of this file leads to {}",
                            via.to_string()),
                "The route is not used until one does.");
    }

    // A route does not resolve its own next hop.
    bool is_resolved_by_another_route(const StaticRoute& route, net::Ipv4Address via) const {
        for (int length = 32; length >= 0; --length) {
            const auto prefix = net::Ipv4Prefix::covering(via, static_cast<std::uint8_t>(length));
            if (prefix != route.prefix && model_.static_.routes.count(prefix) > 0) {
                return true;
            }
        }
        return false;
    }

    void check_route(const StaticRoute& route) {
        check_destination(route);
        std::map<net::Ipv4Address, std::size_t> seen;
        for (const StaticNextHop& next_hop : route.next_hops) {
            if (!next_hop.via) {
                continue;
            }
            const std::size_t repeat = seen[*next_hop.via]++;
            if (repeat > 0) {
                error("duplicate-next-hop", via_path(route, *next_hop.via, repeat),
                      fmt::format("{} is in the list twice", next_hop.via->to_string()),
                      "Name each next router once; all get an equal share.");
                continue;
            }
            check_via(route, next_hop);
        }
        // All next hops of a route share its interface.
        if (!route.next_hops.empty() && route.next_hops.front().interface) {
            check_outgoing(*route.next_hops.front().interface, route_path(route, "interface"));
        }
    }

    void check_neighbor(const StaticNeighbor& neighbor) {
        const Path path = {{"static"}, {"neighbors"}, {neighbor.address.to_string()}};
        if (const std::string why = objection(neighbor.address); !why.empty()) {
            error("invalid-neighbor", path, fmt::format("{} {}", neighbor.address.to_string(), why),
                  "Name the address of a neighbour.");
        }
        if (neighbor.interface.empty()) {
            return;
        }
        Path at = path;
        at.push_back({"interface"});
        if (!check_outgoing(neighbor.interface, at)) {
            return;
        }
        const auto& addresses = model_.interfaces.at(neighbor.interface).addresses;
        const bool on_link = std::any_of(
            addresses.begin(), addresses.end(),
            [&](const auto& address) { return address.subnet().contains(neighbor.address); });
        if (!on_link) {
            warning("neighbor-outside-subnet", path,
                    fmt::format("{} is in no subnet of '{}'", neighbor.address.to_string(),
                                neighbor.interface),
                    "It is used only by routes through that interface.");
        }
    }

    std::vector<std::string> names_;
    std::map<net::Ipv4Address, std::string> own_;
    std::map<net::Ipv4Prefix, std::string> connected_;
};

}  // namespace

void check_static(const Model& model, std::vector<Finding>& findings) {
    StaticCheck(model, findings).run();
}

}  // namespace godwit::config
