#include "dataplane/owner/hops.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "net/byte_writer.hpp"
#include "net/ethernet.hpp"
#include "net/vlan.hpp"

namespace godwit::dataplane {

namespace {

NeighborKey gateway_of(const HopTarget& target) {
    return {target.interface, target.gateway};
}

Verdict verdict_of(api::NextHopKind kind) {
    switch (kind) {
        case api::NextHopKind::Blackhole:
            return Verdict::Blackhole;
        case api::NextHopKind::Receive:
            return Verdict::Receive;
        case api::NextHopKind::Broadcast:
            return Verdict::Broadcast;
        case api::NextHopKind::Glean:
            return Verdict::Glean;
        case api::NextHopKind::Gateway:
            return Verdict::Incomplete;
        case api::NextHopKind::NoRoute:
        case api::NextHopKind::Group:
            break;
    }
    return Verdict::NoRoute;
}

NextHopEntry plain_entry(const HopTarget& target) {
    NextHopEntry entry;
    entry.verdict = verdict_of(target.kind);
    entry.interface = target.interface;
    return entry;
}

}  // namespace

Adjacency make_adjacency(const InterfaceEntry& interface, const net::MacAddress& mac,
                         net::Ipv4Address neighbor) {
    Adjacency adjacency;
    net::ByteWriter writer(std::span(adjacency.rewrite).first(Adjacency::kMaxRewriteBytes));
    const bool tagged = interface.vlan != 0;
    net::EthernetHeader{mac, interface.mac, tagged ? net::EtherType::Vlan : net::EtherType::Ipv4}
        .encode(writer);
    if (tagged) {
        net::VlanTag tag;
        tag.id = interface.vlan;
        tag.type = net::EtherType::Ipv4;
        tag.encode(writer);
    }
    adjacency.rewrite_bytes = static_cast<std::uint8_t>(writer.written().size());
    adjacency.interface = interface.id;
    adjacency.port = interface.port;
    adjacency.mtu = interface.mtu;
    adjacency.neighbor = neighbor.value();
    return adjacency;
}

Hops::Hops(NextHops& next_hops, const InterfaceTable& interfaces, NeighborDemand& demand)
    : next_hops_(next_hops), interfaces_(interfaces), demand_(demand) {}

Hops::Made Hops::make(const HopTarget& target) {
    if (const auto refused = check(target)) {
        return net::unexpected(*refused);
    }
    const bool gateway = target.kind == api::NextHopKind::Gateway;
    if (gateway && !demand_.refer(gateway_of(target))) {
        return net::unexpected(api::RouteRejection::NeighborsFull);
    }
    const auto index = next_hops_.allocate(plain_entry(target));
    if (!index) {
        if (gateway) {
            demand_.unrefer(gateway_of(target));
        }
        return net::unexpected(api::RouteRejection::NextHopsFull);
    }
    put(*index).target = target;
    if (gateway) {
        links_[gateway_of(target)].gateway_hops.insert(*index);
        write_entry(*index);
    }
    return *index;
}

Hops::Made Hops::make_group(std::vector<std::uint32_t> members) {
    const auto index = next_hops_.allocate(NextHopEntry{});
    if (!index) {
        return net::unexpected(api::RouteRejection::NextHopsFull);
    }
    if (!next_hops_.set_group(*index, members)) {
        next_hops_.release(*index);
        return net::unexpected(api::RouteRejection::GroupsFull);
    }
    for (const std::uint32_t member : members) {
        ++hops_[member]->group_references;
    }
    Hop& hop = put(*index);
    hop.target.kind = api::NextHopKind::Group;
    hop.members = std::move(members);
    return *index;
}

std::optional<api::RouteRejection> Hops::change(std::uint32_t index, const HopTarget& target) {
    Hop& hop = *hops_[index];
    if (hop.target == target) {
        return std::nullopt;
    }
    if (const auto refused = check(target)) {
        return refused;
    }
    // The new neighbour first: when it is the old one, it must not be forgotten in between.
    if (target.kind == api::NextHopKind::Gateway) {
        if (!demand_.refer(gateway_of(target))) {
            return api::RouteRejection::NeighborsFull;
        }
        links_[gateway_of(target)].gateway_hops.insert(index);
    }
    const Hop old = hop;
    hop.target = target;
    hop.members.clear();
    write_entry(index);
    leave(index, old);
    return std::nullopt;
}

std::optional<api::RouteRejection> Hops::change_to_group(std::uint32_t index,
                                                         std::vector<std::uint32_t> members) {
    Hop& hop = *hops_[index];
    if (hop.is_group() && hop.members == members) {
        return std::nullopt;
    }
    if (!next_hops_.set_group(index, members)) {
        return api::RouteRejection::GroupsFull;
    }
    for (const std::uint32_t member : members) {
        ++hops_[member]->group_references;
    }
    const Hop old = hop;
    hop.target = HopTarget{api::NextHopKind::Group, {}, {}};
    hop.members = std::move(members);
    leave(index, old);
    return std::nullopt;
}

void Hops::release(std::uint32_t index) {
    const Hop old = *hops_[index];
    hops_[index].reset();
    next_hops_.release(index);
    leave(index, old);
}

bool Hops::is_resolved(std::uint32_t index) const {
    const Hop* hop = find(index);
    return hop != nullptr && (hop->target.kind != api::NextHopKind::Gateway ||
                              next_hops_.entry(index).verdict == Verdict::Adjacency);
}

bool Hops::neighbor_up(const NeighborKey& key, const net::MacAddress& mac) {
    Link& link = links_[key];
    link.mac = mac;
    if (!link.own_hop) {
        NextHopEntry entry;
        entry.verdict = Verdict::Incomplete;
        entry.interface = key.interface;
        link.own_hop = next_hops_.allocate(entry);
        if (link.own_hop) {
            Hop& hop = put(*link.own_hop);
            hop.target = HopTarget{api::NextHopKind::Gateway, key.interface, key.address};
            hop.of_neighbor = true;
        }
    }
    if (link.own_hop) {
        write_entry(*link.own_hop);
    }
    for (const std::uint32_t index : link.gateway_hops) {
        write_entry(index);
    }
    return link.own_hop && next_hops_.entry(*link.own_hop).verdict == Verdict::Adjacency;
}

void Hops::neighbor_down(const NeighborKey& key) {
    const auto position = links_.find(key);
    if (position == links_.end()) {
        return;
    }
    Link& link = position->second;
    link.mac.reset();
    for (const std::uint32_t index : link.gateway_hops) {
        write_entry(index);
    }
    if (link.own_hop) {
        hops_[*link.own_hop].reset();
        next_hops_.release(*link.own_hop);
        link.own_hop.reset();
        ++released_;
    }
    drop_link_if_idle(key);
}

std::optional<std::uint32_t> Hops::hop_of(const NeighborKey& key) const {
    const auto position = links_.find(key);
    return position == links_.end() ? std::nullopt : position->second.own_hop;
}

std::uint64_t Hops::packets_to(const NeighborKey& key) const {
    const auto position = links_.find(key);
    if (position == links_.end()) {
        return 0;
    }
    const Link& link = position->second;
    std::uint64_t packets = link.own_hop ? next_hops_.hits(*link.own_hop) : 0;
    for (const std::uint32_t index : link.gateway_hops) {
        packets += next_hops_.hits(index);
    }
    return packets;
}

std::optional<NeighborKey> Hops::neighbor_of(std::uint32_t index) const {
    const Hop* hop = find(index);
    if (hop == nullptr || hop->target.kind != api::NextHopKind::Gateway) {
        return std::nullopt;
    }
    return gateway_of(hop->target);
}

void Hops::rebuild(net::InterfaceId interface) {
    for (auto position = links_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
         position != links_.end() && position->first.interface == interface; ++position) {
        const Link& link = position->second;
        if (link.own_hop) {
            write_entry(*link.own_hop);
        }
        for (const std::uint32_t index : link.gateway_hops) {
            write_entry(index);
        }
    }
}

void Hops::interface_removed(net::InterfaceId interface) {
    for (std::uint32_t index = 0; index < hops_.size(); ++index) {
        Hop* hop = hops_[index].get();
        if (hop == nullptr || hop->of_neighbor || hop->target.interface != interface) {
            continue;
        }
        const Hop old = *hop;
        hop->target = HopTarget{};
        write_entry(index);
        leave(index, old);
    }
}

// ---- inside

Hop& Hops::put(std::uint32_t index) {
    if (index >= hops_.size()) {
        hops_.resize(index + 1);
    }
    hops_[index] = std::make_unique<Hop>();
    return *hops_[index];
}

std::optional<api::RouteRejection> Hops::check(const HopTarget& target) const {
    switch (target.kind) {
        case api::NextHopKind::NoRoute:
        case api::NextHopKind::Blackhole:
            return std::nullopt;
        case api::NextHopKind::Gateway:
            if (target.gateway.is_this_network() || target.gateway.is_loopback() ||
                target.gateway.is_multicast() || target.gateway.is_reserved() ||
                target.gateway.is_limited_broadcast()) {
                return api::RouteRejection::BadRecord;
            }
            [[fallthrough]];
        case api::NextHopKind::Receive:
        case api::NextHopKind::Broadcast:
        case api::NextHopKind::Glean:
            return interfaces_.current().find(target.interface) == nullptr
                       ? std::optional(api::RouteRejection::UnknownInterface)
                       : std::nullopt;
        case api::NextHopKind::Group:
            break;
    }
    return api::RouteRejection::BadRecord;  // the byte may hold anything
}

// Makes the entry say what the hop says now; a group's is written where the group is made.
void Hops::write_entry(std::uint32_t index) {
    const HopTarget& target = hops_[index]->target;
    if (target.kind == api::NextHopKind::Gateway) {
        const auto position = links_.find(gateway_of(target));
        const InterfaceEntry* interface = interfaces_.current().find(target.interface);
        if (position != links_.end() && position->second.mac && interface != nullptr) {
            if (next_hops_.set_adjacency(
                    index, make_adjacency(*interface, *position->second.mac, target.gateway))) {
                return;
            }
            // No slot. What is written stays only when it is right: Incomplete brings the packets
            // to the owner, which says ArpTableFull.
            ++adjacencies_refused_;
        }
    }
    next_hops_.set_plain(index, plain_entry(target));
}

// Gives back what `hop`, which was at `index`, referred to.
void Hops::leave(std::uint32_t index, const Hop& hop) {
    ++released_;
    for (const std::uint32_t member : hop.members) {
        --hops_[member]->group_references;
    }
    if (hop.target.kind != api::NextHopKind::Gateway || hop.of_neighbor) {
        return;
    }
    const NeighborKey key = gateway_of(hop.target);
    const auto position = links_.find(key);
    if (position != links_.end()) {
        position->second.gateway_hops.erase(index);
        drop_link_if_idle(key);
    }
    demand_.unrefer(key);
}

void Hops::drop_link_if_idle(const NeighborKey& key) {
    const auto position = links_.find(key);
    if (position != links_.end() && !position->second.mac &&
        position->second.gateway_hops.empty()) {
        links_.erase(position);
    }
}

}  // namespace godwit::dataplane
