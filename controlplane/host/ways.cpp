#include "controlplane/host/ways.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::control {

namespace {

auto obstacle(Obstacle::Kind kind, std::string sentence) {
    return net::unexpected(Obstacle{kind, std::move(sentence)});
}

}  // namespace

const Link* Ways::link(net::InterfaceId interface) const {
    const auto found = std::find_if(links_.begin(), links_.end(),
                                    [&](const Link& link) { return link.interface == interface; });
    return found == links_.end() ? nullptr : &*found;
}

bool Ways::owns(net::Ipv4Address address) const {
    return std::any_of(links_.begin(), links_.end(), [address](const Link& link) {
        return std::any_of(link.addresses.begin(), link.addresses.end(),
                           [address](const auto& own) { return own.address == address; });
    });
}

bool Ways::is_subnet_broadcast(net::Ipv4Address address) const {
    return std::any_of(links_.begin(), links_.end(), [address](const Link& link) {
        return std::any_of(link.addresses.begin(), link.addresses.end(),
                           [address](const auto& own) { return own.broadcast() == address; });
    });
}

bool Ways::is_one_host(net::Ipv4Address address) const {
    return !address.is_this_network() && !address.is_loopback() && !address.is_multicast() &&
           !address.is_limited_broadcast() && !address.is_reserved() &&
           !is_subnet_broadcast(address);
}

std::optional<net::Ipv4Address> Ways::source_on(const Link& link, net::Ipv4Address neighbor) const {
    for (const net::Ipv4InterfaceAddress& own : link.addresses) {
        if (own.subnet().contains(neighbor)) {
            return own.address;
        }
    }
    if (!link.addresses.empty()) {
        return link.addresses.front().address;
    }
    std::optional<net::Ipv4Address> borrowed;
    for (const Link& other : links_) {
        if (!other.addresses.empty() && (!borrowed || other.loopback)) {
            borrowed = other.addresses.front().address;
        }
    }
    return borrowed;
}

std::uint16_t Ways::path_mtu_to(net::Ipv4Address destination, std::uint16_t mtu) const {
    return std::min(mtu, path_mtu_->find(destination).value_or(mtu));
}

net::Result<Way, Obstacle> Ways::to(net::Ipv4Address destination) const {
    if (owns(destination)) {
        return Way{destination, {}, destination, kOwnMtu, kOwnMtu, false};
    }
    const auto route = routes_ ? routes_(destination) : std::nullopt;
    if (!route) {
        return obstacle(
            Obstacle::Kind::NoRoute,
            fmt::format("no route leads to {}; see `show routes`", destination.to_string()));
    }
    const Link* const out = route->next_hop ? link(route->next_hop->interface) : nullptr;
    if (!route->next_hop || route->next_hop->kind == RibNextHop::Kind::Blackhole) {
        return obstacle(Obstacle::Kind::LeadsNowhere,
                        fmt::format("the route to {} ({}) leads nowhere", destination.to_string(),
                                    route->prefix.to_string()));
    }
    const net::Ipv4Address neighbor = route->next_hop->via.value_or(destination);
    const auto source = source_on(out == nullptr ? Link{} : *out, neighbor);
    if (!source) {
        return obstacle(Obstacle::Kind::NoSource,
                        "this router has no address to send from; give an interface one in "
                        "addresses");
    }
    const std::uint16_t mtu = out == nullptr ? kOwnMtu : out->mtu;
    return Way{*source,
               route->next_hop->interface,
               neighbor,
               mtu,
               path_mtu_to(destination, mtu),
               route->next_hop->kind == RibNextHop::Kind::Broadcast};
}

net::Result<Way, Obstacle> Ways::by(net::InterfaceId egress, net::Ipv4Address destination) const {
    const Link* const out = link(egress);
    if (out == nullptr || out->loopback) {
        return obstacle(Obstacle::Kind::BadInterface,
                        fmt::format("nothing can be sent to {} by interface {}: it is no link of "
                                    "this router; see `show interfaces`",
                                    destination.to_string(),
                                    out == nullptr ? fmt::to_string(egress.value()) : out->name));
    }
    if (!out->up) {
        return obstacle(Obstacle::Kind::InterfaceDown,
                        fmt::format("nothing can be sent to {} by {}: the interface is down",
                                    destination.to_string(), out->name));
    }
    const bool broadcast =
        destination.is_limited_broadcast() ||
        std::any_of(out->addresses.begin(), out->addresses.end(),
                    [&](const auto& own) { return own.broadcast() == destination; });
    const bool on_link =
        std::any_of(out->addresses.begin(), out->addresses.end(), [&](const auto& own) {
            return own.address != destination && own.subnet().contains(destination);
        });
    if (!destination.is_multicast() && !broadcast && !on_link) {
        const auto routed = to(destination);
        if (!routed || routed->egress != egress) {
            return obstacle(Obstacle::Kind::NotOnLink,
                            fmt::format("{} is not reached by {}: it is in no subnet of that "
                                        "interface, and no route leads there by it",
                                        destination.to_string(), out->name));
        }
        return routed;
    }
    const auto source = source_on(*out, destination);
    if (!source) {
        return obstacle(Obstacle::Kind::NoSource,
                        "this router has no address to send from; give an interface one in "
                        "addresses");
    }
    return Way{*source,  egress, destination, out->mtu, path_mtu_to(destination, out->mtu),
               broadcast};
}

}  // namespace godwit::control
