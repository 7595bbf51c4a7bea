// The router as one that asks: pings and traceroutes of its own, and the address that they are sent
// from. Why one cannot be sent is said before it starts, in a sentence for a person.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

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
        stack_.settle();
    }
    return started;
}

void Router::cancel_ping(PingId ping) {
    pings_.erase(ping);
    host_.cancel_ping(ping);
    stack_.settle();
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
        stack_.settle();
    }
    return started;
}

void Router::cancel_traceroute(TraceId trace) {
    traceroutes_.erase(trace);
    host_.cancel_traceroute(trace);
    stack_.settle();
}

std::optional<std::string> Router::choose_source(PingRequest& request) const {
    const auto way = host_.ways().to(request.destination);
    if (!way) {
        return way.error().sentence;
    }
    if (way->broadcast) {
        return fmt::format("{} is a broadcast address; give a unicast address",
                           request.destination.to_string());
    }
    // Nobody on the way would say so: no router sends an error to itself.
    if (request.dont_fragment && request.size + kIpv4AndIcmpBytes > way->mtu) {
        return fmt::format(
            "size {} does not fit the MTU {} of {} with 28 bytes of headers, and must not be "
            "fragmented; give at most {}, or let it be fragmented",
            request.size, way->mtu, name_of(interfaces_.names(), way->egress),
            way->mtu - kIpv4AndIcmpBytes);
    }
    if (request.source.is_unspecified()) {
        request.source = way->source;
    } else if (!host_.owns(request.source)) {
        return fmt::format(
            "{} is no address of this router; give one that `show interfaces` has, or none",
            request.source.to_string());
    }
    return std::nullopt;
}

}  // namespace godwit::control
