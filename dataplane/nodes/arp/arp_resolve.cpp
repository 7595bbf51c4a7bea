// arp-resolve: the packet's next hop has no MAC address yet. The table owner asks for it, holds the
// packet meanwhile (bounded), and gives it back with resume = Ip4Rewrite, or with IcmpError when
// nobody answered. What it needs is in the meta: egress, next_hop and gateway.
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

void arp_resolve(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const InterfaceEntry* egress = env.interface(meta(packet).egress);
        if (egress == nullptr || !egress->up) {
            env.counters_of(meta(packet).egress).tx_dropped.add(1);
            graph.drop(packet, api::DropReason::TransmitInterfaceDown);
            continue;
        }
        meta(packet).resume = api::NodeId::ArpResolve;
        env.to_owner.put(packet);
    }
}

}  // namespace godwit::dataplane
