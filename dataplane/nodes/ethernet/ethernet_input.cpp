// ethernet-input: which interface a frame came in on, whether it is for us, and what it carries.
//
// The interface is found from the port and the 802.1Q tag; an 802.1ad tag is an unknown type here.
// A tag with VLAN 0 is a priority without a VLAN (IEEE 802.1Q 6.9.1): the frame is the untagged
// interface's. What cannot be given to an interface counts at the port's own.
//
// Promiscuous mode makes the device deliver more, and the router take no more: a frame to another
// host's address would be forwarded a second time.
//
// On a port without a hash of its own, this is also where flows are spread over the workers: only
// IPv4 is handed over, everything else is rare and stays.
#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/ethernet.hpp"
#include "net/vlan.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::wire::EthernetLayout;
using net::wire::VlanTagLayout;

struct Demultiplexed {
    net::InterfaceId interface;  // where the frame counts
    net::EtherType type{};
    std::uint16_t header_bytes = 0;
    bool has_drop = false;
    DropReason reason{};

    static Demultiplexed dropped(net::InterfaceId at, DropReason why) {
        return {.interface = at, .type = {}, .header_bytes = 0, .has_drop = true, .reason = why};
    }
};

Demultiplexed demultiplex(const InterfaceSnapshot& interfaces, rte_mbuf* packet) {
    const auto& port = interfaces.ports[packet->port % kMaxPorts];
    if (packet->data_len < sizeof(EthernetLayout)) {
        return Demultiplexed::dropped(port.untagged, DropReason::FrameTruncated);
    }
    const auto type = net::EtherType{layout_at<EthernetLayout>(packet).type.host()};
    if (type != net::EtherType::Vlan) [[likely]] {
        return {port.untagged, type, sizeof(EthernetLayout)};
    }

    constexpr std::uint16_t kTaggedBytes = sizeof(EthernetLayout) + sizeof(VlanTagLayout);
    if (packet->data_len < kTaggedBytes) {
        return Demultiplexed::dropped(port.untagged, DropReason::FrameTruncated);
    }
    const auto& tag = layout_at<VlanTagLayout>(packet, sizeof(EthernetLayout));
    const auto inner = net::EtherType{tag.type.host()};
    const std::uint16_t vlan = tag.control.host() & net::kVlanIdMask;
    if (vlan == 0) {
        return {port.untagged, inner, kTaggedBytes};
    }
    const net::InterfaceId interface =
        port.by_vlan != nullptr ? (*port.by_vlan)[vlan] : net::InterfaceId();
    if (interface.is_none()) {
        return Demultiplexed::dropped(port.untagged, DropReason::VlanUnknown);
    }
    return {interface, inner, kTaggedBytes};
}

// What is wrong with the frame for this interface; nothing when it is to be taken.
bool refuse(const InterfaceEntry* entry, const EthernetLayout& frame, DropReason& reason) {
    if (entry == nullptr || !entry->up) {
        reason = DropReason::InterfaceDown;
        return true;
    }
    if (frame.source.is_group() || frame.source.is_zero()) {
        reason = DropReason::FrameBadSource;
        return true;
    }
    if (!frame.destination.is_group() && frame.destination != entry->mac) {
        reason = DropReason::FrameNotForUs;
        return true;
    }
    return false;
}

}  // namespace

void ethernet_input(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const Demultiplexed found = demultiplex(*env.interfaces, packet);
        PacketMeta& about = meta(packet);
        about.ingress = found.interface;
        api::InterfaceCounters& counters = env.counters_of(found.interface);
        counters.rx_packets.add(1);
        counters.rx_bytes.add(packet->pkt_len);
        if (found.has_drop) {
            graph.drop(packet, found.reason);
            continue;
        }
        const auto& frame = layout_at<EthernetLayout>(packet);
        DropReason reason{};
        if (refuse(env.interface(found.interface), frame, reason)) {
            graph.drop(packet, reason);
            continue;
        }
        about.link_group = frame.destination.is_group() ? 1 : 0;
        about.source_mac = frame.source.bytes();
        rte_pktmbuf_adj(packet, found.header_bytes);

        if (found.type == net::EtherType::Arp) {
            graph.next(api::NodeId::ArpInput, packet);
            continue;
        }
        if (found.type == net::EtherType::Rarp) {
            graph.next(api::NodeId::RarpInput, packet);
            continue;
        }
        if (found.type != net::EtherType::Ipv4) {
            graph.drop(packet, DropReason::EthertypeUnknown);
            continue;
        }
        if (env.worker_count > 1 && env.interfaces->ports[packet->port % kMaxPorts].software_rss) {
            about.flow_hash = flow_hash(first_bytes(packet));
            const unsigned owner = worker_of_flow(about.flow_hash, env.worker_count);
            if (owner != env.worker && about.flow_hash != 0) {
                about.resume = api::NodeId::Ip4Input;
                env.to_worker[owner].put(packet);
                continue;
            }
        }
        graph.next(api::NodeId::Ip4Input, packet);
    }
}

}  // namespace godwit::dataplane
