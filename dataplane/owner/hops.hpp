// The internal next hops: what routes, groups and neighbours lead to, one entry of NextHops each.
//
// Place: between the route table (which knows the control plane's numbers and the prefixes) and
// tables::NextHops (which workers read). A hop keeps its index for its whole life; what it leads to
// may change in place, with one store, and all its routes move with it.
//
// The link to the neighbours: a Gateway hop refers to the neighbour (interface, gateway). While the
// neighbour is up, the hop's entry is an adjacency; else it is Incomplete, and the packets of it
// come to the table owner. Each neighbour that is up has a hop of its own besides: its host route
// leads there, and packets that waited leave by it.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "dataplane/api/messages.hpp"
#include "dataplane/owner/neighbors.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/tables/next_hops.hpp"
#include "net/result.hpp"

namespace godwit::dataplane {

// The Ethernet header (and VLAN tag) for IPv4 packets to `mac` out of `interface`.
Adjacency make_adjacency(const InterfaceEntry& interface, const net::MacAddress& mac,
                         net::Ipv4Address neighbor);

// Who keeps neighbours resolved for next hops; the owner hands this on to Neighbors.
class NeighborDemand {
public:
    virtual ~NeighborDemand() = default;
    virtual bool refer(const NeighborKey& key) = 0;  // false: the neighbour table is full
    virtual void unrefer(const NeighborKey& key) = 0;
};

// Where a hop that is no group leads. Fields that the kind does not need are empty.
struct HopTarget {
    api::NextHopKind kind = api::NextHopKind::NoRoute;
    net::InterfaceId interface;
    net::Ipv4Address gateway;
    friend constexpr auto operator<=>(const HopTarget&, const HopTarget&) = default;
};

struct Hop {
    HopTarget target;
    std::vector<std::uint32_t> members;  // of a group: indices of hops that are no groups
    std::uint32_t route_references = 0;
    std::uint32_t group_references = 0;
    std::optional<std::uint32_t> number;  // the control plane's, in this session
    std::uint64_t mark = 0;               // of the synchronisation that mentioned it last
    bool of_neighbor = false;             // a neighbour's own

    [[nodiscard]] bool is_group() const { return target.kind == api::NextHopKind::Group; }
    [[nodiscard]] bool is_referenced() const {
        return route_references != 0 || group_references != 0;
    }
};

class Hops {
public:
    Hops(NextHops& next_hops, const InterfaceTable& interfaces, NeighborDemand& demand);

    using Made = net::Result<std::uint32_t, api::RouteRejection>;

    Made make(const HopTarget& target);
    Made make_group(std::vector<std::uint32_t> members);
    // In place. A refusal leaves the hop as it was.
    std::optional<api::RouteRejection> change(std::uint32_t index, const HopTarget& target);
    std::optional<api::RouteRejection> change_to_group(std::uint32_t index,
                                                       std::vector<std::uint32_t> members);
    void release(std::uint32_t index);  // unreferenced

    [[nodiscard]] Hop* find(std::uint32_t index) {
        return index < hops_.size() ? hops_[index].get() : nullptr;
    }
    [[nodiscard]] const Hop* find(std::uint32_t index) const {
        return index < hops_.size() ? hops_[index].get() : nullptr;
    }
    [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(hops_.size()); }
    [[nodiscard]] bool is_resolved(std::uint32_t index) const;

    // Neighbours. `neighbor_up` also with a new MAC. False: no room for the neighbour's own hop.
    bool neighbor_up(const NeighborKey& key, const net::MacAddress& mac);
    void neighbor_down(const NeighborKey& key);
    [[nodiscard]] std::optional<std::uint32_t> hop_of(const NeighborKey& key) const;
    // Packets that the workers sent to the neighbour, by whatever hop.
    [[nodiscard]] std::uint64_t packets_to(const NeighborKey& key) const;
    // The neighbour that a Gateway hop, or a neighbour's own hop, leads to.
    [[nodiscard]] std::optional<NeighborKey> neighbor_of(std::uint32_t index) const;

    // The interface has another MAC, MTU or VLAN: every adjacency on it is written anew.
    void rebuild(net::InterfaceId interface);
    // Its hops lead nowhere until the control plane has taken them away.
    void interface_removed(net::InterfaceId interface);

    // Goes up whenever a hop, a group or a reference to a neighbour was given back.
    [[nodiscard]] std::uint64_t released() const { return released_; }
    [[nodiscard]] std::uint64_t adjacencies_refused() const { return adjacencies_refused_; }

private:
    struct Link {
        std::optional<net::MacAddress> mac;  // while the neighbour is up
        std::optional<std::uint32_t> own_hop;
        std::set<std::uint32_t> gateway_hops;
    };

    Hop& put(std::uint32_t index);
    [[nodiscard]] std::optional<api::RouteRejection> check(const HopTarget& target) const;
    void write_entry(std::uint32_t index);
    void leave(std::uint32_t index, const Hop& hop);
    void drop_link_if_idle(const NeighborKey& key);

    NextHops& next_hops_;
    const InterfaceTable& interfaces_;
    NeighborDemand& demand_;
    std::vector<std::unique_ptr<Hop>> hops_;  // by index of NextHops
    std::map<NeighborKey, Link> links_;
    std::uint64_t released_ = 0;
    std::uint64_t adjacencies_refused_ = 0;  // NextHops had no free slot
};

}  // namespace godwit::dataplane
