// Routes as values: what a source (the configuration, an interface, later a protocol) says, before
// the RIB has decided anything. Nothing here points into the RIB.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

// Where a route comes from. The order is the last tie-break between routes of equal distance and
// metric: what is local wins over what is learned.
enum class RouteSource : std::uint8_t {
    Local,      // our own addresses, and the broadcast addresses of our subnets
    Connected,  // the subnets of our interfaces
    Static,
    ExternalBgp,
    Ospf,
    Rip,
    InternalBgp,
    kCount
};
constexpr std::size_t kRouteSourceCount = static_cast<std::size_t>(RouteSource::kCount);

// How much a source is trusted; the lowest distance wins. A static route may state its own.
constexpr std::array<std::uint8_t, kRouteSourceCount> kAdministrativeDistances{0,   0,   1,  20,
                                                                               110, 120, 200};
constexpr std::uint8_t distance_of(RouteSource source) {
    return kAdministrativeDistances[static_cast<std::size_t>(source)];
}

constexpr std::array<std::string_view, kRouteSourceCount> kRouteSourceNames{
    "local", "connected", "static", "ebgp", "ospf", "rip", "ibgp"};
constexpr std::string_view name_of(RouteSource source) {
    return kRouteSourceNames[static_cast<std::size_t>(source)];
}

struct RibNextHop {
    enum class Kind : std::uint8_t {
        Gateway,  // `via` on `interface`; without an interface it is resolved through other routes
        Glean,    // the destination itself is the neighbour on `interface`
        Receive,  // an address of ours
        Broadcast,  // the broadcast address of a subnet of `interface`
        Blackhole,
    };

    Kind kind = Kind::Gateway;
    std::optional<net::Ipv4Address> via;  // of Gateway only
    net::InterfaceId interface;           // none: recursive (Gateway), or everywhere (Receive)

    static RibNextHop gateway(net::Ipv4Address via, net::InterfaceId interface) {
        return {Kind::Gateway, via, interface};
    }
    static RibNextHop recursive(net::Ipv4Address via) { return {Kind::Gateway, via, {}}; }
    static RibNextHop glean(net::InterfaceId interface) { return {Kind::Glean, {}, interface}; }
    static RibNextHop receive(net::InterfaceId interface) { return {Kind::Receive, {}, interface}; }
    static RibNextHop broadcast(net::InterfaceId interface) {
        return {Kind::Broadcast, {}, interface};
    }
    static RibNextHop blackhole() { return {Kind::Blackhole, {}, {}}; }

    [[nodiscard]] bool is_recursive() const { return kind == Kind::Gateway && interface.is_none(); }
    [[nodiscard]] std::string to_string() const;  // "via 10.0.0.1 interface 3", for tests and logs
    friend constexpr auto operator<=>(const RibNextHop&, const RibNextHop&) = default;
};

constexpr std::array<std::string_view, 5> kNextHopKindNames{"gateway", "glean", "receive",
                                                            "broadcast", "blackhole"};
constexpr std::string_view name_of(RibNextHop::Kind kind) {
    return kNextHopKindNames[static_cast<std::size_t>(kind)];
}

// Where the longest match leads; no next hop: nowhere (a blackhole).
struct RouteToward {
    net::Ipv4Prefix prefix;
    std::optional<RibNextHop> next_hop;  // resolved: never recursive
};

// One source has at most one route to a prefix; several next hops are equal cost, in any order.
struct Route {
    net::Ipv4Prefix prefix{};
    RouteSource source = RouteSource::Static;
    std::uint8_t distance = distance_of(RouteSource::Static);
    std::uint32_t metric = 0;
    std::uint32_t tag = 0;
    std::vector<RibNextHop> next_hops{};

    friend bool operator==(const Route&, const Route&) = default;
};

// The routes that an interface brings with its addresses; none while it is down. For each address:
// the subnet (Connected, Glean), the address itself (Local, Receive), and the subnet's broadcast
// and network address (Local, Broadcast). A /31 has no broadcast addresses (RFC 3021 2.1); the
// subnet of a /32 is the address (Connected, Receive), so that protocols can announce it. An
// address of ours is never a broadcast address, whatever another subnet says.
std::vector<Route> connected_routes(net::InterfaceId interface,
                                    std::span<const net::Ipv4InterfaceAddress> addresses, bool up);

}  // namespace godwit::control
