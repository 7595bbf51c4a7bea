// ip4-options: the options of a packet that leaves, now that its way out is known (RFC 1812 5.2.1.2
// (8), 5.3.13). Between the lookup and the rewrite, and before the neighbour is asked for where it
// is not known: what waits for it is finished.
//
//   Record Route, source routes   our address on the way out (RFC 1812 4.2.2.2)
//   Timestamp                     the time, with that address or for the one that is asked
//   Router Alert                  a copy goes to the control plane, and the packet on (RFC 2113)
//   everything else               as it came
//
// A strict source route goes to a neighbour or nowhere (RFC 1812 5.2.4.3).
//
// Packets made here pass too: the reply to an echo request is entered into the options that came
// with the request and go back with it (RFC 1122 3.2.2.6, RFC 1812 4.3.3.6), and what the control
// plane sends with options begins with our own entry (RFC 1812 4.2.2.1 (e)).
#include "dataplane/nodes/icmp/report.hpp"
#include "dataplane/nodes/ip4/received_options.hpp"

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/ip4/own_addresses.hpp"
#include "dataplane/nodes/ip4/source_route.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "dataplane/nodes/punt/punt_copy.hpp"
#include "net/icmp.hpp"
#include "net/ipv4_options.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using api::NodeId;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

bool is_on_subnet(const InterfaceEntry& egress, Ipv4Address address) {
    for (const net::Ipv4InterfaceAddress& own : egress.addresses) {
        if (own.subnet().contains(address)) {
            return true;
        }
    }
    return false;
}

// RFC 1812 5.2.4.2: on a network of ours, and the packet goes to it directly.
bool is_neighbor(const Environment& env, const NextHopEntry& hop, Ipv4Address destination) {
    switch (hop.verdict) {
        case Verdict::Adjacency:
            return env.next_hops.adjacency(hop.target).neighbor == destination.value();
        case Verdict::Glean:
            return true;
        case Verdict::Incomplete: {
            const InterfaceEntry* egress = env.interface(hop.interface);
            return egress != nullptr && is_on_subnet(*egress, destination);
        }
        case Verdict::NoRoute:
        case Verdict::Blackhole:
        case Verdict::Receive:
        case Verdict::Broadcast:
        case Verdict::Group:
            return false;
    }
    return false;
}

// RFC 791 3.1, RFC 1812 5.3.13.6.
void stamp(const Environment& env, rte_mbuf* packet, std::size_t option, Ipv4Address own) {
    const auto asked = net::timestamp_asks(header_of(packet), option);
    if (asked && !is_own_address(*env.interfaces, *asked)) {
        return;
    }
    net::add_timestamp(header_of(packet), option, asked.value_or(own),
                       env.universal_milliseconds());
}

void fill_in(const Environment& env, rte_mbuf* packet, const net::Ipv4Options& options,
             net::InterfaceId egress) {
    const Ipv4Address destination =
        Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).destination);
    const Ipv4Address own = recorded_address(*env.interfaces, egress, destination);
    if (options.source_route != 0 && meta(packet).local_source == 0) {
        net::record_source_route(header_of(packet), options.source_route,
                                 meta(packet).source_route_hops, own);
    }
    if (options.record_route != 0) {
        net::record_route(header_of(packet), options.record_route, own);
    }
    if (options.timestamp != 0) {
        stamp(env, packet, options.timestamp, own);
    }
    renew_checksum(packet);
}

// False: it goes no further.
bool process(Graph& graph, Environment& env, rte_mbuf* packet, const NextHopEntry& hop) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const bool in_transit = meta(packet).local_source == 0;
    if (in_transit && header.ttl <= 1) {
        return true;  // ip4-rewrite ends it: it is told about as it came
    }
    const net::Ipv4Options options = net::read_ipv4_options(header_of(packet));
    if (options.fault != net::Ipv4Options::Fault::None) {
        // ip4-input has judged what came from outside.
        graph.drop(packet, DropReason::Ip4BadOptions);
        return false;
    }
    if (in_transit && options.source_route != 0 && options.is_strict &&
        !is_neighbor(env, hop, Ipv4Address::from_wire(header.destination))) {
        report(graph, packet, net::IcmpType::DestinationUnreachable,
               static_cast<std::uint8_t>(net::UnreachableCode::SourceRouteFailed),
               DropReason::Ip4SourceRouteFailed);
        return false;
    }
    if (in_transit && options.router_alert != 0) {
        copy_to_control_plane(env, packet, api::PuntClass::RouterAlert);
    }
    if (options.record_route != 0 || options.timestamp != 0 || options.source_route != 0) {
        fill_in(env, packet, options, hop.interface);
    }
    return true;
}

bool is_echo_request(rte_mbuf* packet) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::size_t header_bytes = header_of(packet).size();
    return net::IpProtocol{header.protocol} == net::IpProtocol::Icmp &&
           packet->data_len > header_bytes &&
           net::IcmpType{layout_at<std::uint8_t>(packet, header_bytes)} == net::IcmpType::Echo;
}

}  // namespace

void stamp_received(const Environment& env, rte_mbuf* packet) {
    const net::Ipv4Options options = net::read_ipv4_options(header_of(packet));
    if (options.timestamp == 0 || options.fault != net::Ipv4Options::Fault::None ||
        is_echo_request(packet)) {
        return;
    }
    stamp(env, packet, options.timestamp,
          Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).destination));
    renew_checksum(packet);
}

void ip4_options(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const NextHopEntry hop = env.next_hops.entry(meta(packet).next_hop);
        if (process(graph, env, packet, hop)) {
            graph.next(NodeId::Ip4Rewrite, packet);  // which sees what became of the entry
        }
    }
}

}  // namespace godwit::dataplane
