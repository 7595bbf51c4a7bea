// The router as one that asks: pings and traceroutes of its own, and the address that they are sent
// from. Why one cannot be sent is said before it starts, in a sentence for a person.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "controlplane/management/router.hpp"

namespace godwit::control {

namespace {

constexpr std::size_t kIpv4AndIcmpBytes = 28;

}  // namespace

net::Result<PingId, std::string> Router::ping(PingRequest request, PingListener listener) {
    if (auto problem = Ping::check(request)) {
        return net::unexpected(std::move(*problem));
    }
    if (auto problem = choose_source(request)) {
        return net::unexpected(std::move(*problem));
    }
    auto started = host_.start_ping(request, timers_.now());
    if (started) {
        pings_.emplace(*started, std::move(listener));
        arm_host_timer();
    }
    return started;
}

void Router::cancel_ping(PingId ping) {
    pings_.erase(ping);
    host_.cancel_ping(ping);
    arm_host_timer();
}

net::Result<TraceId, std::string> Router::traceroute(TracerouteRequest request,
                                                     TracerouteListener listener) {
    if (auto problem = Traceroute::check(request)) {
        return net::unexpected(std::move(*problem));
    }
    // The same way and the same number of bytes as an echo request of that size.
    PingRequest way;
    way.destination = request.destination;
    way.source = request.source;
    way.size = request.size;
    way.dont_fragment = request.dont_fragment;
    if (auto problem = choose_source(way)) {
        return net::unexpected(std::move(*problem));
    }
    request.source = way.source;
    auto started = host_.start_traceroute(request, timers_.now());
    if (started) {
        traceroutes_.emplace(*started, std::move(listener));
        arm_host_timer();
    }
    return started;
}

void Router::cancel_traceroute(TraceId trace) {
    traceroutes_.erase(trace);
    host_.cancel_traceroute(trace);
    arm_host_timer();
}

std::optional<std::string> Router::choose_source(PingRequest& request) const {
    const auto source = source_for(request);
    if (!source) {
        return source.error();
    }
    if (request.source.is_unspecified()) {
        request.source = *source;
    } else if (!host_.owns(request.source)) {
        return fmt::format(
            "{} is no address of this router; give one that `show interfaces` has, or none",
            request.source.to_string());
    }
    return std::nullopt;
}

// RFC 1122 3.3.4.3 leaves the choice to the host: an address of the interface that the packet
// leaves by, of the subnet of its next hop where there is one; so the answer finds its way back.
net::Result<net::Ipv4Address, std::string> Router::source_for(const PingRequest& request) const {
    if (host_.owns(request.destination)) {
        return request.destination;
    }
    const auto prefix = rib_.lookup(request.destination);
    if (!prefix) {
        return net::unexpected(fmt::format("no route leads to {}; see `show routes`",
                                           request.destination.to_string()));
    }
    std::optional<RibNextHop> way;
    for (const RouteView& route : prefix->routes) {
        for (const NextHopView& next_hop : route.next_hops) {
            if (route.selected && next_hop.active && !way) {
                way = next_hop.resolved.empty() ? next_hop.next_hop : next_hop.resolved.front();
            }
        }
    }
    if (!way || way->kind == RibNextHop::Kind::Blackhole) {
        return net::unexpected(fmt::format("the route to {} ({}) leads nowhere",
                                           request.destination.to_string(),
                                           prefix->prefix.to_string()));
    }
    if (way->kind == RibNextHop::Kind::Broadcast) {
        return net::unexpected(fmt::format("{} is a broadcast address; give a unicast address",
                                           request.destination.to_string()));
    }
    const auto interface =
        running_.model.interfaces.find(name_of(interfaces_.names(), way->interface));
    const net::Ipv4Address neighbor = way->via.value_or(request.destination);
    if (interface != running_.model.interfaces.end()) {
        const config::Interface& out = interface->second;
        // Nobody on the way would say so: no router sends an error to itself.
        if (request.dont_fragment && request.size + kIpv4AndIcmpBytes > out.mtu) {
            return net::unexpected(fmt::format(
                "size {} does not fit the MTU {} of {} with 28 bytes of headers, and must not be "
                "fragmented; give at most {}, or let it be fragmented",
                request.size, out.mtu, out.name, out.mtu - kIpv4AndIcmpBytes));
        }
        for (const net::Ipv4InterfaceAddress& own : out.addresses) {
            if (own.subnet().contains(neighbor)) {
                return own.address;
            }
        }
        if (!out.addresses.empty()) {
            return out.addresses.front().address;
        }
    }
    // An interface without an address of its own borrows one, a loopback's if there is one
    // (RFC 1812 2.2.7).
    std::optional<net::Ipv4Address> borrowed;
    for (const auto& [name, each] : running_.model.interfaces) {
        if (each.enabled && !each.addresses.empty() &&
            (!borrowed || std::holds_alternative<config::Loopback>(each.kind))) {
            borrowed = each.addresses.front().address;
        }
    }
    if (!borrowed) {
        return net::unexpected(std::string(
            "this router has no address to send from; give an interface one in addresses"));
    }
    return *borrowed;
}

}  // namespace godwit::control
