// icmp-error: tells the source of a packet why it goes no further, where the rules allow it, and
// drops the packet for the reason that its meta gives. Type, code and what else the message says
// (an MTU, a pointer) come in the meta, too.
//
// An error that is not sent is counted by its reason (api/icmp_silence.hpp). The order of the
// questions matters for that: the rules first, then whether a way leads back, and the limit last,
// so that only what could be sent is charged to it.
//
// What NAT has translated is told about as its sender knows it.
//
// Of equal paths back the error takes the one that the packet's flow hash names, so that its source
// address can be of the interface that it leaves by.
#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/icmp/error_packet.hpp"
#include "dataplane/nodes/icmp/error_rules.hpp"
#include "dataplane/nodes/icmp/reply_options.hpp"
#include "dataplane/nodes/ip4/own_addresses.hpp"
#include "dataplane/nodes/nat/rewrite.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::IcmpSilence;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

net::IcmpMessage message_of(const PacketMeta& about) {
    const auto type = net::IcmpType{about.icmp_type};
    if (type == net::IcmpType::ParameterProblem) {
        net::IcmpMessage message =
            net::IcmpMessage::parameter_problem(static_cast<std::uint8_t>(about.icmp_parameter));
        message.code = about.icmp_code;
        return message;
    }
    if (type == net::IcmpType::DestinationUnreachable) {
        const auto code = net::UnreachableCode{about.icmp_code};
        return code == net::UnreachableCode::FragmentationNeeded
                   ? net::IcmpMessage::fragmentation_needed(about.icmp_parameter)  // RFC 1191 4
                   : net::IcmpMessage::unreachable(code);
    }
    return {type, about.icmp_code, 0};
}

// The interface that a packet to `destination` leaves by now; none: no way leads there.
net::InterfaceId interface_towards(const Environment& env, Ipv4Address destination,
                                   std::uint32_t flow_hash) {
    const std::uint32_t index =
        env.next_hops.member(env.fib.lookup(destination.value()), flow_hash);
    const NextHopEntry hop = env.next_hops.entry(index);
    switch (hop.verdict) {
        case Verdict::Adjacency:
            return env.next_hops.adjacency(hop.target).interface;
        case Verdict::Glean:
        case Verdict::Incomplete:
            return hop.interface;
        case Verdict::NoRoute:
        case Verdict::Blackhole:
        case Verdict::Receive:
        case Verdict::Broadcast:
        case Verdict::Group:
            break;
    }
    return {};
}

// RFC 1812 4.3.2.4. Unspecified: the router has no address at all.
Ipv4Address speaking_address(const Environment& env, net::InterfaceId interface, Ipv4Address peer) {
    const InterfaceEntry* egress = env.interface(interface);
    if (egress != nullptr && !egress->addresses.empty()) {
        return egress->source_for(peer);
    }
    return router_address(*env.interfaces);
}

// RFC 1812 4.3.2.6: back along the source route, unless the error complains about an option.
void follow_source_route(const Environment& env, rte_mbuf* packet, IcmpErrorDraft& draft) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::size_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    const auto options = first_bytes(packet).first(header_bytes).subspan(sizeof header);
    // Where source routes are refused, an error does not follow one wherever a stranger likes.
    const InterfaceEntry* ingress = env.interface(meta(packet).ingress);
    if (ingress == nullptr || !ingress->source_route ||
        (draft.message.type == net::IcmpType::ParameterProblem &&
         draft.message.pointer() >= sizeof header)) {
        return;
    }
    if (const auto back = route_back(*env.interfaces, options, draft.destination)) {
        draft.destination = back->first_hop;
        draft.options = back->options;
    }
}

std::uint32_t hash_of(rte_mbuf* packet) {
    const std::uint32_t known = meta(packet).flow_hash;
    return known != 0 ? known : flow_hash(first_bytes(packet));
}

void tell_source(Graph& graph, Environment& env, rte_mbuf* packet) {
    restore(packet);
    if (const auto silence = silence_about(env, packet)) {
        count_silence(env, *silence);
        return;
    }
    const auto& header = layout_at<Ipv4Layout>(packet);
    const Ipv4Address told = Ipv4Address::from_wire(header.source);
    IcmpErrorDraft draft;
    draft.message = message_of(meta(packet));
    draft.destination = told;
    draft.flow_hash = hash_of(packet);
    draft.names_interface = env.interfaces->icmp_interface_information;
    if (header.version_ihl != 0x45) {
        follow_source_route(env, packet, draft);
    }
    const net::InterfaceId egress = interface_towards(env, draft.destination, draft.flow_hash);
    if (egress.is_none()) {
        count_silence(env, IcmpSilence::NoWayBack);
        return;
    }
    draft.source = speaking_address(env, egress, draft.destination);
    if (draft.source.is_unspecified()) {
        count_silence(env, IcmpSilence::NoAddress);
        return;
    }
    if (limit_admits(env, packet, draft.message.type, told)) {
        send_error(graph, env, packet, draft);
    }
}

}  // namespace

void icmp_error(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        tell_source(graph, env, packet);
        graph.drop(packet, meta(packet).drop_reason);
    }
}

}  // namespace godwit::dataplane
