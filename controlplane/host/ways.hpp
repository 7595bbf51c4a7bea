// Where packets of the host's own go, and what address they speak from.
//
// The routes are the RIB's, asked for by a function; the interfaces are given as a whole whenever
// they change. RFC 1122 3.3.4.3 leaves the choice of a source to the host: here it is an address of
// the interface that the packet leaves by, of the subnet of its next hop where there is one, so
// that the answer finds its way back (the spirit of RFC 6724 5, rules 1, 5 and 8). An interface
// without an address borrows one, a loopback's if there is one (RFC 1812 2.2.7).
//
// A destination that is our own is reached by no interface: such a packet turns round inside the
// dataplane.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/host/path_mtu.hpp"
#include "controlplane/rib/route.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::control {

struct Link {
    net::InterfaceId interface;
    std::string name;          // for sentences
    std::uint16_t mtu = 1500;  // bytes of IPv4, header included
    bool up = false;
    bool loopback = false;
    std::vector<net::Ipv4InterfaceAddress> addresses;
};

using RouteLookup = std::function<std::optional<RouteToward>(net::Ipv4Address destination)>;

struct Way {
    net::Ipv4Address source;
    net::InterfaceId egress;     // none: to ourselves
    net::Ipv4Address neighbor;   // who gets it on that link
    std::uint16_t mtu = 0;       // of the egress interface
    std::uint16_t path_mtu = 0;  // what gets to the destination whole, as far as is known
    bool broadcast = false;      // `neighbor` is the broadcast address of a subnet of ours
};

// Why a packet cannot be sent: for a program by its kind, for a person as a sentence.
struct Obstacle {
    enum class Kind : std::uint8_t {
        NoRoute,
        LeadsNowhere,  // a blackhole
        NoSource,      // we have no address to speak from
        BadSource,     // the address that was asked for is not ours
        BadDestination,
        Broadcast,  // is not permitted, or makes no sense here
        BadInterface,
        InterfaceDown,
        NotOnLink,  // the destination is no neighbour on the interface that was asked for
        TooLong,
        NoPort,  // of the peer: zero is none
        NoRoom,  // a limit is reached, or every port is in use
    };
    Kind kind{};
    std::string sentence;
};

class Ways {
public:
    static constexpr std::uint16_t kOwnMtu = 65'535;  // to ourselves: no link is crossed

    // `path_mtu` outlives this.
    Ways(RouteLookup routes, const PathMtuCache& path_mtu)
        : routes_(std::move(routes)), path_mtu_(&path_mtu) {}

    void set_links(std::span<const Link> links) { links_.assign(links.begin(), links.end()); }
    [[nodiscard]] std::span<const Link> links() const { return links_; }
    [[nodiscard]] const Link* link(net::InterfaceId interface) const;

    [[nodiscard]] bool owns(net::Ipv4Address address) const;
    // The broadcast address of a subnet of ours; no address of ours is one.
    [[nodiscard]] bool is_subnet_broadcast(net::Ipv4Address address) const;
    // What a single host may have as its address (RFC 1122 3.2.1.3).
    [[nodiscard]] bool is_one_host(net::Ipv4Address address) const;

    [[nodiscard]] net::Result<Way, Obstacle> to(net::Ipv4Address destination) const;
    // By this interface, whatever the routes say: a neighbour on it, a group or a broadcast.
    [[nodiscard]] net::Result<Way, Obstacle> by(net::InterfaceId egress,
                                                net::Ipv4Address destination) const;

private:
    [[nodiscard]] std::optional<net::Ipv4Address> source_on(const Link& link,
                                                            net::Ipv4Address neighbor) const;

    [[nodiscard]] std::uint16_t path_mtu_to(net::Ipv4Address destination, std::uint16_t mtu) const;

    RouteLookup routes_;
    const PathMtuCache* path_mtu_;
    std::vector<Link> links_;
};

}  // namespace godwit::control
