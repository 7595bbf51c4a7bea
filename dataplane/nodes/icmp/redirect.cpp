#include "dataplane/nodes/icmp/redirect.hpp"

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/icmp/error_packet.hpp"
#include "dataplane/nodes/icmp/error_rules.hpp"
#include "dataplane/nodes/icmp/reply_options.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using net::Ipv4Address;
using net::wire::Ipv4Layout;

bool is_source_routed(rte_mbuf* packet) {
    const std::size_t header_bytes = (layout_at<Ipv4Layout>(packet).version_ihl & 0xfU) * 4U;
    return header_bytes > sizeof(Ipv4Layout) &&
           has_source_route(first_bytes(packet).first(header_bytes).subspan(sizeof(Ipv4Layout)));
}

}  // namespace

void offer_redirect(Graph& graph, Environment& env, rte_mbuf* packet, const Adjacency& adjacency) {
    const PacketMeta& about = meta(packet);
    // What NAT turned around has no better way.
    if (adjacency.interface != about.ingress || about.local_source != 0 || about.source_was != 0 ||
        about.destination_was != 0) {
        return;
    }
    const InterfaceEntry* entry = env.interface(about.ingress);
    if (entry == nullptr || !entry->redirects) {
        return;
    }
    const Ipv4Address gateway(adjacency.neighbor);
    const Ipv4Address source = Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).source);
    for (const net::Ipv4InterfaceAddress& own : entry->addresses) {
        // RFC 1812 5.2.7.2: source and next hop are on one subnet, and so is who says it.
        if (!own.subnet().contains(source) || !own.subnet().contains(gateway)) {
            continue;
        }
        if (gateway == source) {
            return;  // it would be told to send to itself
        }
        if (is_source_routed(packet)) {
            count_silence(env, api::IcmpSilence::AboutSourceRoute);
            return;
        }
        if (const auto silence = silence_about(env, packet)) {
            count_silence(env, *silence);
            return;
        }
        IcmpErrorDraft draft;
        draft.message = net::IcmpMessage::redirect(net::RedirectCode::Host, gateway);
        draft.source = own.address;
        draft.destination = source;
        if (limit_admits(env, packet, net::IcmpType::Redirect, source)) {
            send_error(graph, env, packet, draft);
        }
        return;
    }
}

}  // namespace godwit::dataplane
