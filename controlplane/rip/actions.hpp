// What goes into the core of RIP and what comes out of it, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "controlplane/rip/database.hpp"
#include "controlplane/rip/packet/fault.hpp"
#include "controlplane/rip/types.hpp"

namespace godwit::control::rip {

// A datagram that came to port 520.
struct Datagram {
    net::InterfaceId interface;
    net::Ipv4Address source;
    std::uint16_t source_port = kPort;
    net::Ipv4Address destination;
    std::uint8_t ttl = 1;
    std::span<const std::uint8_t> payload;
};

// A datagram to send from port 520.
struct Transmit {
    net::InterfaceId interface;  // that it leaves by
    net::Ipv4Address source;
    net::Ipv4Address destination;
    std::uint16_t port = kPort;
    std::uint8_t ttl = 1;
    std::vector<std::uint8_t> payload;
};

enum class EventKind : std::uint8_t {
    InterfaceUp,
    InterfaceDown,
    NeighborFound,
    NeighborLost,
    NeighborLimit,     // `number`: the routes of one neighbour at most
    RouteLimit,        // `number`: the routes of all together
    NotAuthenticated,  // `fault` says why; `number`: the key id, if any
    BadRoute,          // a metric or a destination that cannot be: someone is misconfigured
    KeyOverdue,        // the last key has ended and goes on; `number`: its id
    NoKey,             // the last key has ended and nothing is sent
};

constexpr std::array<std::string_view, 10> kEventNames{
    "interface-up", "interface-down",    "neighbor-found", "neighbor-lost", "neighbor-limit",
    "route-limit",  "not-authenticated", "bad-route",      "key-overdue",   "no-key"};
constexpr std::string_view name_of(EventKind kind) {
    return kEventNames[static_cast<std::size_t>(kind)];
}

struct Event {
    EventKind kind{};
    net::InterfaceId interface;
    net::Ipv4Address neighbor;
    std::uint32_t number = 0;
    std::optional<PacketFault> packet_fault;
    std::optional<RouteFault> route_fault;
};

struct Actions {
    std::vector<Transmit> transmit;
    std::vector<RouteUpdate> routes;
    std::vector<Event> events;
};

// A route of another source that RIP shall tell, as the redistribution gives it.
struct Redistributed {
    net::Ipv4Prefix prefix;
    RouteSource source = RouteSource::Static;
    std::uint8_t distance = 1;
    std::optional<Metric> metric;  // none: the default metric
    std::uint32_t tag = 0;
    net::InterfaceId interface;                // that it leads out of, if it is one
    std::optional<net::Ipv4Address> next_hop;  // a router on that interface
};

}  // namespace godwit::control::rip
