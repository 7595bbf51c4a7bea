// ip4-rewrite: the last look at a packet that leaves. Time to live (RFC 1812 5.3.1), MTU, and the
// ready Ethernet header of the adjacency in front of it.
//
// What was made here or by the control plane has its first hop still before it: its time to live is
// not touched. What is too long and may be cut goes to ip4-fragment, which does the rest.
#include <algorithm>
#include <cstring>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/icmp/redirect.hpp"
#include "dataplane/nodes/icmp/report.hpp"
#include "dataplane/nodes/ip4/broadcast_adjacency.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/checksum.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using api::NodeId;
using net::wire::Ipv4Layout;

// Time to live and protocol share a word of the checksum (RFC 1624).
void decrement_ttl(Ipv4Layout& header) {
    const auto word = [&header] {
        return net::Big16::from_host(
            static_cast<std::uint16_t>(unsigned{header.ttl} << 8 | header.protocol));
    };
    const net::Big16 before = word();
    --header.ttl;
    header.checksum = net::update_checksum(header.checksum, before, word());
}

// The entry changed since the lookup: its neighbour must be asked for again, or it is gone.
void follow_change(Graph& graph, rte_mbuf* packet, const NextHopEntry& hop) {
    if (hop.verdict != Verdict::Incomplete && hop.verdict != Verdict::Glean) {
        graph.drop(packet, DropReason::Ip4NoAdjacency);
        return;
    }
    PacketMeta& about = meta(packet);
    about.egress = hop.interface;
    about.gateway =
        hop.verdict == Verdict::Glean ? layout_at<Ipv4Layout>(packet).destination.host() : 0;
    graph.next(NodeId::ArpResolve, packet);
}

// True: it leaves.
bool rewrite(Graph& graph, Environment& env, rte_mbuf* packet, const Adjacency& adjacency) {
    PacketMeta& about = meta(packet);
    auto& header = layout_at<Ipv4Layout>(packet);
    const bool in_transit = about.local_source == 0;
    if (in_transit && header.ttl <= 1) {
        // RFC 1812 5.3.1: discarded where it would reach zero, and its source told.
        report(graph, packet, net::IcmpType::TimeExceeded,
               static_cast<std::uint8_t>(net::TimeExceededCode::Transit),
               DropReason::Ip4TtlExpired);
        return false;
    }
    if (packet->pkt_len > adjacency.mtu) {
        if ((header.fragment.host() & net::kIpv4DontFragment) == 0) {
            graph.next(NodeId::Ip4Fragment, packet);
            return false;
        }
        about.icmp_parameter = adjacency.mtu;  // RFC 1191 4
        report(graph, packet, net::IcmpType::DestinationUnreachable,
               static_cast<std::uint8_t>(net::UnreachableCode::FragmentationNeeded),
               DropReason::Ip4DontFragment);
        return false;
    }
    if (in_transit) {
        offer_redirect(graph, env, packet, adjacency);
        decrement_ttl(header);
    }
    char* front = rte_pktmbuf_prepend(packet, adjacency.rewrite_bytes);
    if (front == nullptr) {
        graph.drop(packet, DropReason::NoBuffer);
        return false;
    }
    std::memcpy(front, adjacency.rewrite.data(), adjacency.rewrite_bytes);
    about.egress = adjacency.interface;
    graph.next(NodeId::InterfaceOutput, packet);
    return true;
}

// Only ip4-lookup says which of them are forwarded (RFC 1812 5.3.5.2). One that is longer than the
// link ends in ip4-fragment: what everyone would have to put together is not cut.
void rewrite_broadcast(Graph& graph, Environment& env, rte_mbuf* packet, const NextHopEntry& hop) {
    const InterfaceEntry* link = env.interface(hop.interface);
    if (link == nullptr || !link->directed_broadcast) {
        graph.drop(packet, DropReason::Ip4NoAdjacency);
        return;
    }
    meta(packet).link_group = 1;  // RFC 1812 4.3.2.7: no error is sent about it
    rewrite(graph, env, packet, broadcast_adjacency(*link));
}

}  // namespace

void ip4_rewrite(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const NextHopEntry hop = env.next_hops.entry(meta(packet).next_hop);
        if (hop.verdict == Verdict::Adjacency) [[likely]] {
            if (rewrite(graph, env, packet, env.next_hops.adjacency(hop.target))) [[likely]] {
                env.hits[hop.target].add(1);
            }
        } else if (hop.verdict == Verdict::Broadcast) {
            rewrite_broadcast(graph, env, packet, hop);
        } else {
            follow_change(graph, packet, hop);
        }
    }
}

}  // namespace godwit::dataplane
