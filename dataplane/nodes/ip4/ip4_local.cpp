// ip4-local: unicast packets to an address of ours. ICMP is looked at here on the worker; all else
// is the control plane's, by class. Fragments are put together first.
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/fragment/deliver.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

api::PuntClass class_of(net::IpProtocol protocol) {
    if (protocol == net::IpProtocol::Tcp) {
        return api::PuntClass::Tcp;
    }
    return protocol == net::IpProtocol::Udp ? api::PuntClass::Udp : api::PuntClass::OtherProtocol;
}

}  // namespace

void ip4_local(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const auto& header = layout_at<net::wire::Ipv4Layout>(packet);
        if (env.interfaces->is_tentative(net::Ipv4Address::from_wire(header.destination))) {
            graph.drop(packet, api::DropReason::Ip4NotYetOurs);  // RFC 5227 2.1
            continue;
        }
        const auto protocol = net::IpProtocol{header.protocol};
        if (protocol == net::IpProtocol::Icmp) {
            deliver(graph, packet, api::NodeId::IcmpInput);
            continue;
        }
        meta(packet).punt_class = class_of(protocol);
        deliver(graph, packet, api::NodeId::Punt);
    }
}

}  // namespace godwit::dataplane
