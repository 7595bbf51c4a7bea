// ip4-lookup: the longest prefix for every packet of the burst, then the edge that its next hop
// names. A group is followed to one member here, by flow hash, so that everything behind sees a
// plain next hop.
//
// Here it is known whether a packet stays or goes, so here are the rules that depend on it: of
// addresses that never leave their link, of link-layer broadcasts, of broadcasts directed to a
// subnet of ours. What goes and has options passes ip4-options first, whether its neighbour is
// known or still has to be asked for.
//
// Directed broadcasts (RFC 2644, RFC 1812 5.3.5.2) are forwarded as broadcasts of their link where
// its interface says so, and received.
// DEVIATION(2644, 3): the broadcast address of the link that a packet came from is received
// always: neighbours say it to each other (RIP, NetBIOS), and no amplifier is made by hearing it.
#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/fragment/deliver.hpp"
#include "dataplane/nodes/icmp/report.hpp"
#include "dataplane/nodes/ip4/martians.hpp"
#include "dataplane/nodes/ip4/received_options.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "dataplane/nodes/punt/punt_copy.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using api::NodeId;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

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

bool has_options(rte_mbuf* packet) {
    return layout_at<Ipv4Layout>(packet).version_ihl != 0x45;
}

// RFC 1812 5.3.1, before anything is done for a packet that goes no further: it waits for no
// neighbour, and asks for none.
bool expires(rte_mbuf* packet) {
    return meta(packet).local_source == 0 && layout_at<Ipv4Layout>(packet).ttl <= 1;
}

// To `way_out`, by way of NAT and of its options.
void leave(Graph& graph, const Environment& env, rte_mbuf* packet, const NextHopEntry& hop,
           NodeId way_out) {
    PacketMeta& about = meta(packet);
    if (about.link_local != 0 && about.local_source == 0) [[unlikely]] {
        const auto source = Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).source);
        graph.drop(packet, is_link_local(source) ? DropReason::Ip4MartianSource
                                                 : DropReason::Ip4MartianDestination);
        return;
    }
    way_out = has_options(packet) ? NodeId::Ip4Options : way_out;
    if (env.nat.translator != nullptr && about.nat_is_done == 0 && about.link_local == 0) {
        const net::InterfaceId egress =
            hop.verdict == Verdict::Adjacency ? env.next_hops.adjacency(hop.target).interface : hop.interface;
        if (env.nat.translator->rules().concerns_interface(egress)) {
            about.after_nat = way_out;
            graph.next(NodeId::NatOutbound, packet);
            return;
        }
    }
    graph.next(way_out, packet);
}

void resolve(Graph& graph, const Environment& env, rte_mbuf* packet, const NextHopEntry& hop,
             std::uint32_t gateway) {
    if (expires(packet)) {
        report(graph, packet, net::IcmpType::TimeExceeded,
               static_cast<std::uint8_t>(net::TimeExceededCode::Transit),
               DropReason::Ip4TtlExpired);
        return;
    }
    PacketMeta& about = meta(packet);
    about.egress = hop.interface;
    about.gateway = gateway;
    leave(graph, env, packet, hop, NodeId::ArpResolve);
}

void follow_broadcast(Graph& graph, Environment& env, rte_mbuf* packet, const NextHopEntry& hop) {
    PacketMeta& about = meta(packet);
    const InterfaceEntry* link = env.interface(hop.interface);
    // RFC 1812 5.2.3, 5.3.4: never what came as a broadcast itself.
    if (link != nullptr && link->directed_broadcast && about.link_group == 0 &&
        about.local_source == 0 && about.link_local == 0) {
        copy_to_control_plane(env, packet, api::PuntClass::Broadcast);
        about.nat_is_done = 1;  // everyone on a link is no host
        leave(graph, env, packet, hop, NodeId::Ip4Rewrite);
        return;
    }
    if (!about.ingress.is_none() && about.ingress == hop.interface) {
        about.punt_class = api::PuntClass::Broadcast;
        deliver(graph, packet, NodeId::Punt);
        return;
    }
    graph.drop(packet, DropReason::Ip4DirectedBroadcast);
}

void follow(Graph& graph, Environment& env, rte_mbuf* packet, const NextHopEntry& hop) {
    // RFC 1812 5.3.4: what came to everyone on the link is for nobody in particular. A host that
    // forwarded it would make one packet many.
    if (meta(packet).link_group != 0 && hop.verdict != Verdict::Broadcast) {
        graph.drop(packet, DropReason::Ip4LinkBroadcast);
        return;
    }
    switch (hop.verdict) {
        case Verdict::Adjacency:
            leave(graph, env, packet, hop, NodeId::Ip4Rewrite);
            return;
        case Verdict::NoRoute:
            // RFC 1812 5.2.7.1: network unreachable.
            report(graph, packet, net::IcmpType::DestinationUnreachable,
                   static_cast<std::uint8_t>(net::UnreachableCode::Network),
                   DropReason::Ip4NoRoute);
            return;
        case Verdict::Blackhole:
            graph.drop(packet, DropReason::Ip4Blackhole);
            return;
        case Verdict::Receive:
            if (has_options(packet)) {
                stamp_received(env, packet);
            }
            graph.next(NodeId::Ip4Local, packet);
            return;
        case Verdict::Broadcast:
            follow_broadcast(graph, env, packet, hop);
            return;
        case Verdict::Glean: {
            const auto destination =
                Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).destination);
            // RFC 1812 4.2.3.1 (2), (4): the subnet's own address is an old form of its broadcast
            // address; its other impossible hosts have routes of their own.
            if (env.interfaces->impossible_sources.contains(destination)) {
                graph.drop(packet, DropReason::Ip4DirectedBroadcast);
                return;
            }
            resolve(graph, env, packet, hop, destination.value());
            return;
        }
        case Verdict::Incomplete:
            resolve(graph, env, packet, hop, 0);
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
        destinations[i] = layout_at<Ipv4Layout>(packets[i]).destination.host();
    }
    env.fib.lookup_burst(destinations.data(), next_hops.data(), count);
    for (unsigned i = 0; i < count; ++i) {
        const std::uint32_t index = member_of(env, packets[i], next_hops[i]);
        meta(packets[i]).next_hop = index;
        follow(graph, env, packets[i], env.next_hops.entry(index));
    }
}

}  // namespace godwit::dataplane
