#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

void walk(Graph& graph, Environment& env) {
    graph.walk([&graph, &env](api::NodeId node, Packets packets) {
        switch (node) {
            case api::NodeId::EthernetInput:
                return ethernet_input(graph, env, packets);
            case api::NodeId::ArpInput:
                return arp_input(graph, env, packets);
            case api::NodeId::RarpInput:
                return rarp_input(graph, env, packets);
            case api::NodeId::Ip4Input:
                return ip4_input(graph, env, packets);
            case api::NodeId::NatInbound:
                return nat_inbound(graph, env, packets);
            case api::NodeId::NatOutbound:
                return nat_outbound(graph, env, packets);
            case api::NodeId::Ip4Lookup:
                return ip4_lookup(graph, env, packets);
            case api::NodeId::Ip4Local:
                return ip4_local(graph, env, packets);
            case api::NodeId::Ip4Reassembly:
                return ip4_reassembly(graph, env, packets);
            case api::NodeId::IcmpInput:
                return icmp_input(graph, env, packets);
            case api::NodeId::IcmpError:
                return icmp_error(graph, env, packets);
            case api::NodeId::Ip4Options:
                return ip4_options(graph, env, packets);
            case api::NodeId::Ip4Rewrite:
                return ip4_rewrite(graph, env, packets);
            case api::NodeId::Ip4Fragment:
                return ip4_fragment(graph, env, packets);
            case api::NodeId::ArpResolve:
                return arp_resolve(graph, env, packets);
            case api::NodeId::Punt:
                return punt(graph, env, packets);
            case api::NodeId::InterfaceOutput:
                return interface_output(graph, env, packets);
            case api::NodeId::StraightPath:  // before the graph, not in it
            case api::NodeId::Drop:          // the graph's own
            case api::NodeId::kCount:
                break;
        }
    });
}

}  // namespace godwit::dataplane
