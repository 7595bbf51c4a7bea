// ip4-local: unicast packets to an address of ours. ICMP is looked at here on the worker; all else
// is the control plane's, by class.
#include "dataplane/graph/packet_bytes.hpp"
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

void ip4_local(Graph& graph, Environment& /*env*/, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const auto protocol = net::IpProtocol{layout_at<net::wire::Ipv4Layout>(packet).protocol};
        if (protocol == net::IpProtocol::Icmp) {
            graph.next(api::NodeId::IcmpInput, packet);
            continue;
        }
        meta(packet).punt_class = class_of(protocol);
        graph.next(api::NodeId::Punt, packet);
    }
}

}  // namespace godwit::dataplane
