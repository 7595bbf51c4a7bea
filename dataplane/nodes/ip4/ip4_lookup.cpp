// ip4-lookup: the longest prefix for every packet of the burst, then the edge that its next hop
// names. A group is followed to one member here, by flow hash, so that everything behind sees a
// plain next hop.
#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using api::NodeId;

std::uint32_t member_of(const Environment& env, rte_mbuf* packet, std::uint32_t index) {
    const NextHopEntry entry = env.next_hops.entry(index);
    if (entry.verdict != Verdict::Group) [[likely]] {
        return index;
    }
    if (entry.of_one) {
        return env.next_hops.group(entry.target).of(0);
    }
    PacketMeta& about = meta(packet);
    if (about.flow_hash == 0) {
        about.flow_hash = flow_hash(first_bytes(packet));
    }
    return env.next_hops.member(index, about.flow_hash);
}

void follow(Graph& graph, rte_mbuf* packet, const NextHopEntry& hop) {
    PacketMeta& about = meta(packet);
    // RFC 1812 5.3.4: what came to everyone on the link is for nobody in particular. A host that
    // forwarded it would make one packet many.
    if (about.link_group != 0 && hop.verdict != Verdict::Broadcast) {
        graph.drop(packet, DropReason::Ip4LinkBroadcast);
        return;
    }
    switch (hop.verdict) {
        case Verdict::Adjacency:
            graph.next(NodeId::Ip4Rewrite, packet);
            return;
        case Verdict::NoRoute:
            // RFC 1812 5.2.7.1: network unreachable.
            about.icmp_type = static_cast<std::uint8_t>(net::IcmpType::DestinationUnreachable);
            about.icmp_code = static_cast<std::uint8_t>(net::UnreachableCode::Network);
            about.drop_reason = DropReason::Ip4NoRoute;
            graph.next(NodeId::IcmpError, packet);
            return;
        case Verdict::Blackhole:
            graph.drop(packet, DropReason::Ip4Blackhole);
            return;
        case Verdict::Receive:
            graph.next(NodeId::Ip4Local, packet);
            return;
        case Verdict::Broadcast:
            // Ours to hear on its own network, not to be forwarded onto it (RFC 2644).
            if (!about.ingress.is_none() && about.ingress == hop.interface) {
                about.punt_class = api::PuntClass::Broadcast;
                graph.next(NodeId::Punt, packet);
            } else {
                graph.drop(packet, DropReason::Ip4DirectedBroadcast);
            }
            return;
        case Verdict::Glean:
            about.egress = hop.interface;
            about.gateway = layout_at<net::wire::Ipv4Layout>(packet).destination.host();
            graph.next(NodeId::ArpResolve, packet);
            return;
        case Verdict::Incomplete:
            about.egress = hop.interface;
            about.gateway = 0;
            graph.next(NodeId::ArpResolve, packet);
            return;
        case Verdict::Group:
            // A member became a group since the group was read; groups do not nest.
            graph.drop(packet, DropReason::Ip4NoAdjacency);
            return;
    }
    graph.drop(packet, DropReason::Ip4NoAdjacency);
}

}  // namespace

void ip4_lookup(Graph& graph, Environment& env, Packets packets) {
    std::array<std::uint32_t, kBurst> destinations;
    std::array<std::uint32_t, kBurst> next_hops;
    const auto count = static_cast<unsigned>(packets.size());
    for (unsigned i = 0; i < count; ++i) {
        destinations[i] = layout_at<net::wire::Ipv4Layout>(packets[i]).destination.host();
    }
    env.fib.lookup_burst(destinations.data(), next_hops.data(), count);
    for (unsigned i = 0; i < count; ++i) {
        const std::uint32_t index = member_of(env, packets[i], next_hops[i]);
        meta(packets[i]).next_hop = index;
        follow(graph, packets[i], env.next_hops.entry(index));
    }
}

}  // namespace godwit::dataplane
