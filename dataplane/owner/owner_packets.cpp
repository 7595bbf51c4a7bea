// The owner's packets: ARP in and out, packets that wait for a neighbour, packets of the control
// plane.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/owner/owner.hpp"
#include "net/arp.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

// RFC 1112 6.4: the low 23 bits of the group behind 01-00-5E.
net::MacAddress group_mac(net::Ipv4Address group) {
    const std::uint32_t low = group.value() & 0x7fffffU;
    return net::MacAddress({0x01, 0x00, 0x5e, static_cast<std::uint8_t>(low >> 16),
                            static_cast<std::uint8_t>(low >> 8), static_cast<std::uint8_t>(low)});
}

bool is_broadcast_on(const InterfaceEntry& interface, net::Ipv4Address address) {
    if (address.is_limited_broadcast()) {
        return true;
    }
    for (const net::Ipv4InterfaceAddress& own : interface.addresses) {
        if (own.broadcast() == address) {
            return true;
        }
    }
    return false;
}

bool can_be_neighbor(const InterfaceEntry& interface, net::Ipv4Address address) {
    return !address.is_this_network() && !address.is_loopback() && !address.is_reserved() &&
           !interface.owns(address);
}

}  // namespace

void Owner::arp_message(rte_mbuf* packet) {
    const InterfaceEntry* interface = interfaces_.entry(meta(packet).ingress);
    const auto view = net::wire::ArpView::parse(first_bytes(packet));
    if (interface != nullptr && view) {
        const ArpSeen seen{view->operation() == net::ArpOperation::Request, view->sender_mac(),
                           view->sender_address(), view->target_address()};
        if (!is_own_mac(seen.sender_mac)) {
            conflicts_.handle_arp(interface->id, seen, now_, conflict_actions_);
        }
        neighbors_.handle_arp(*interface, seen, now_, actions_);
    }
    dispatch_.end(packet);
}

// RFC 5227 2.1.1: of any interface; two of them may be on one link.
bool Owner::is_own_mac(const net::MacAddress& mac) const {
    const auto& entries = parts_.shared.interfaces.current().entries;
    return std::any_of(entries.begin(), entries.end(), [&](const InterfaceEntry& entry) {
        return !entry.id.is_none() && entry.type != api::InterfaceType::Loopback &&
               entry.mac == mac;
    });
}

void Owner::carry_out_conflicts() {
    bool readdressed = false;
    for (const ConflictAction& action : std::exchange(conflict_actions_, {})) {
        if (const auto* seen = std::get_if<ConflictSeen>(&action)) {
            conflict_seen(*seen);
            continue;
        }
        if (const auto* changed = std::get_if<AddressUseChanged>(&action)) {
            readdressed = true;
            spdlog::info("{}: {} is {}", interfaces_.name_of(changed->own.interface),
                         changed->own.address.to_string(),
                         changed->in_use ? "in use: nobody else has it"
                                         : "not used until nobody else is known to have it");
            continue;
        }
        const auto* probe = std::get_if<SendArpProbe>(&action);
        const NeighborKey own = probe != nullptr ? probe->own : std::get<DefendAddress>(action).own;
        const InterfaceEntry* interface = interfaces_.entry(own.interface);
        if (interface != nullptr && interface->up) {
            dispatch_.send_arp_request(*interface,
                                       probe != nullptr ? net::Ipv4Address() : own.address,
                                       own.address, std::nullopt);
        }
    }
    if (readdressed) {
        const config::Model running = model_;
        adopt(running);
    }
}

void Owner::conflict_seen(const ConflictSeen& conflict) {
    api::NeighborRecord record;
    record.address = conflict.own.address.value();
    record.interface = conflict.own.interface.value();
    record.state = conflict.in_use ? api::NeighborState::Failed : api::NeighborState::Incomplete;
    record.mac = conflict.other.bytes();
    emit(api::EventType::AddressConflict, record);
    if (const auto left_out = notices_.admit(now_)) {
        spdlog::warn("{}: {} {} our address {} ({} lines left out)",
                     interfaces_.name_of(conflict.own.interface), conflict.other.to_string(),
                     conflict.in_use ? "uses" : "has, so that we do not use,",
                     conflict.own.address.to_string(), *left_out);
    }
}

void Owner::packet_to_resolve(rte_mbuf* packet) {
    const PacketMeta& about = meta(packet);
    std::optional<NeighborKey> key;
    if (about.gateway != 0) {
        key = NeighborKey{about.egress, net::Ipv4Address(about.gateway)};
    } else {
        key = hops_.neighbor_of(about.next_hop);
    }
    const InterfaceEntry* interface = key ? interfaces_.entry(key->interface) : nullptr;
    if (interface == nullptr) {
        dispatch_.drop(packet, api::DropReason::Ip4NoAdjacency);
        return;
    }
    if (interface->type == api::InterfaceType::Loopback ||
        !can_be_neighbor(*interface, key->address)) {
        drop({packet, api::DropReason::ArpUnresolved, true});  // nobody is there to be asked
        return;
    }
    if (is_broadcast_on(*interface, key->address)) {
        dispatch_.drop(packet, api::DropReason::Ip4DirectedBroadcast);  // RFC 2644
        return;
    }
    neighbors_.handle_packet(*key, packet, now_, actions_);
}

void Owner::forward(const ForwardPacket& action) {
    const auto hop = hops_.hop_of(action.key);
    if (!hop || !hops_.is_resolved(*hop)) {
        dispatch_.drop(action.packet, api::DropReason::ArpTableFull);  // no room for its adjacency
        return;
    }
    meta(action.packet).next_hop = *hop;
    dispatch_.give(action.packet, api::NodeId::Ip4Rewrite);
}

// RFC 1812 4.3.3.1 and 5.2.7.1: host unreachable to the sender. A worker makes the error, where the
// rules allow one and its rate admits it, and drops the packet.
void Owner::drop(const DropPacket& action) {
    PacketMeta& about = meta(action.packet);
    if (!action.host_unreachable || about.local_source != 0) {
        dispatch_.drop(action.packet, action.reason);
        return;
    }
    about.drop_reason = action.reason;
    about.icmp_type = static_cast<std::uint8_t>(net::IcmpType::DestinationUnreachable);
    about.icmp_code = static_cast<std::uint8_t>(net::UnreachableCode::Host);
    dispatch_.give(action.packet, api::NodeId::IcmpError);
}

void Owner::send_request(const SendArpRequest& action) {
    const InterfaceEntry* interface = interfaces_.entry(action.key.interface);
    if (interface == nullptr || !interface->up || interface->type == api::InterfaceType::Loopback) {
        return;  // tried and unanswered, as far as the neighbour is concerned
    }
    const net::Ipv4Address sender = interface->source_for(action.key.address);
    if (sender.is_unspecified()) {
        return;  // RFC 5227 2.1.1: a sender of 0.0.0.0 would be a probe
    }
    dispatch_.send_arp_request(*interface, sender, action.key.address, action.to);
}

void Owner::injected(const api::InjectRecord& header, std::span<const std::byte> packet) {
    // RFC 5227 2.1.1: nothing is sent from an address that is not proved free.
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size());
    if (const auto view = net::wire::Ipv4View::parse(bytes);
        view && parts_.shared.interfaces.current().is_tentative(view->source())) {
        dispatch_.refuse_injected(api::DropReason::Ip4NotYetOurs);
        return;
    }
    if (header.mode == api::InjectMode::Routed) {
        if (rte_mbuf* buffer = dispatch_.inject(packet)) {
            dispatch_.give(buffer, api::NodeId::Ip4Lookup);
        }
        return;
    }
    if (header.mode != api::InjectMode::Neighbor) {
        dispatch_.refuse_injected(api::DropReason::InjectMalformed);
        return;
    }
    const InterfaceEntry* interface = interfaces_.entry(net::InterfaceId(header.interface));
    if (interface == nullptr || interface->type == api::InterfaceType::Loopback) {
        dispatch_.refuse_injected(api::DropReason::InjectBadInterface);
        return;
    }
    if (!interface->up) {
        dispatch_.refuse_injected(api::DropReason::TransmitInterfaceDown);
        return;
    }
    const net::Ipv4Address next_hop(header.next_hop);
    const bool broadcast = is_broadcast_on(*interface, next_hop);
    if (!broadcast && !can_be_neighbor(*interface, next_hop)) {
        dispatch_.refuse_injected(api::DropReason::InjectMalformed);
        return;
    }
    rte_mbuf* buffer = dispatch_.inject(packet);
    if (buffer == nullptr) {
        return;
    }
    if (broadcast) {
        dispatch_.send_frame(buffer, *interface, net::MacAddress::broadcast());
    } else if (next_hop.is_multicast()) {
        dispatch_.send_frame(buffer, *interface, group_mac(next_hop));
    } else {
        meta(buffer).egress = interface->id;
        neighbors_.handle_packet({interface->id, next_hop}, buffer, now_, actions_);
        carry_out_actions();
    }
}

}  // namespace godwit::dataplane
