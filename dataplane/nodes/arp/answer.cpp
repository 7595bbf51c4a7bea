#include "dataplane/nodes/arp/answer.hpp"

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/ethernet/link_header.hpp"

namespace godwit::dataplane {

namespace {

using net::wire::ArpLayout;

// RARP has the format of ARP, and a frame type of its own (RFC 903 III).
net::EtherType type_of(const ArpLayout& answer) {
    const auto operation = net::ArpOperation{answer.operation.host()};
    return operation == net::ArpOperation::RarpReply ? net::EtherType::Rarp : net::EtherType::Arp;
}

// `packet` holds the room for it.
bool write_answer(rte_mbuf* packet, const InterfaceEntry& entry, const net::MacAddress& to,
                  const ArpLayout& answer) {
    layout_at<ArpLayout>(packet) = answer;
    return prepend_link_header(packet, entry, to, type_of(answer));
}

void send_answer(Graph& graph, rte_mbuf* packet, const InterfaceEntry& entry) {
    meta(packet).egress = entry.id;
    meta(packet).local_source = 1;
    graph.next(api::NodeId::InterfaceOutput, packet);
}

}  // namespace

void answer_in_place(Graph& graph, rte_mbuf* packet, const InterfaceEntry& entry,
                     const net::MacAddress& to, const ArpLayout& answer) {
    trim_to(packet, sizeof answer);
    if (write_answer(packet, entry, to, answer)) {
        send_answer(graph, packet, entry);
    } else {
        graph.drop(packet, api::DropReason::NoBuffer);
    }
}

void answer_apart(Graph& graph, Environment& env, const InterfaceEntry& entry,
                  const net::MacAddress& to, const ArpLayout& answer) {
    rte_mbuf* packet = rte_pktmbuf_alloc(env.pool);
    if (packet == nullptr) {
        return;
    }
    reset_meta(packet);
    if (rte_pktmbuf_append(packet, sizeof answer) == nullptr ||
        !write_answer(packet, entry, to, answer)) {
        rte_pktmbuf_free(packet);
        return;
    }
    env.counters.originated.add(1);
    send_answer(graph, packet, entry);
}

}  // namespace godwit::dataplane
