// interface-output: a whole frame leaves by meta.egress. It goes into the outbox of its port when
// this worker has a transmit queue there, else to the worker whose queue it may use. The device
// itself is the worker's business (worker/transmit.cpp), a burst at a time.
#include "dataplane/nodes/nodes.hpp"
#include "net/ethernet.hpp"
#include "net/vlan.hpp"

namespace godwit::dataplane {

void interface_output(Graph& graph, Environment& env, Packets packets) {
    constexpr std::uint32_t kHeaderBytes =
        sizeof(net::wire::EthernetLayout) + sizeof(net::wire::VlanTagLayout);
    for (rte_mbuf* packet : packets) {
        PacketMeta& about = meta(packet);
        const InterfaceEntry* entry = env.interface(about.egress);
        if (entry == nullptr || entry->type == api::InterfaceType::Loopback || !entry->up ||
            entry->port >= kMaxPorts || env.interfaces->ports[entry->port].tx_queue_count == 0) {
            env.counters_of(about.egress).tx_dropped.add(1);
            graph.drop(packet, api::DropReason::TransmitInterfaceDown);
            continue;
        }
        if (packet->pkt_len > entry->mtu + kHeaderBytes) {
            env.counters_of(about.egress).tx_dropped.add(1);
            graph.drop(packet, api::DropReason::TransmitTooLong);
            continue;
        }
        const unsigned queues = env.interfaces->ports[entry->port].tx_queue_count;
        if (env.worker >= queues) {
            about.resume = api::NodeId::InterfaceOutput;
            env.to_worker[env.worker % queues].put(packet);
            continue;
        }
        set_passage(packet, {about.ingress, about.egress});
        env.leave_by(entry->port, packet);
    }
}

}  // namespace godwit::dataplane
