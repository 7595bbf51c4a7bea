// rarp-input: hosts that know their Ethernet address and ask for their IPv4 address (RFC 903).
//
// The interface's map says who is told what. A host that is not in it gets no answer (RFC 903 III:
// there are no "not found" packets, another server may know it); so does everything else that is no
// request. All of it is counted.
//
// What the map is asked for is the target hardware address, which is the asker's own or that of
// another host; the answer goes to the asker. The sender of the answer names our address of the
// subnet that the host will be in, else our primary one, for convenience only (RFC 903 III);
// 0.0.0.0 when the interface has none to use.
//
// DEVIATION(903, III): operations 1 and 2, which "may be passed on to regular ARP code", are
// dropped here: ARP has a frame type of its own.
#include <algorithm>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/arp/answer.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/arp.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::ArpOperation;
using net::wire::ArpLayout;
using net::wire::ArpView;

bool is_of_a_host(const net::MacAddress& mac) {
    return !mac.is_group() && !mac.is_zero();
}

const net::Ipv4Address* address_of(const InterfaceEntry& entry, const net::MacAddress& mac) {
    const auto position =
        std::lower_bound(entry.rarp.begin(), entry.rarp.end(), mac,
                         [](const auto& pair, const auto& wanted) { return pair.first < wanted; });
    return position != entry.rarp.end() && position->first == mac ? &position->second : nullptr;
}

// Why there is no answer; else `answer` is it.
bool refuse(const InterfaceEntry& entry, const ArpView& request, ArpLayout& answer,
            DropReason& reason) {
    if (request.operation() == ArpOperation::RarpReply) {
        reason = DropReason::RarpNotForUs;
        return true;
    }
    if (request.operation() != ArpOperation::RarpRequest || !is_of_a_host(request.sender_mac())) {
        reason = DropReason::RarpMalformed;
        return true;
    }
    const net::Ipv4Address* address = address_of(entry, request.target_mac());
    if (address == nullptr) {
        reason = DropReason::RarpUnknown;
        return true;
    }
    answer.operation = net::Big16::from_host(static_cast<std::uint16_t>(ArpOperation::RarpReply));
    answer.sender_mac = entry.mac;
    answer.sender_address = entry.source_for(*address).to_wire();
    answer.target_mac = request.target_mac();
    answer.target_address = address->to_wire();
    return false;
}

}  // namespace

void rarp_input(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const auto request = ArpView::parse(first_bytes(packet));
        if (!request) {
            graph.drop(packet, DropReason::RarpMalformed);
            continue;
        }
        const InterfaceEntry* entry = env.interface(meta(packet).ingress);
        if (entry == nullptr) {
            graph.drop(packet, DropReason::InterfaceDown);
            continue;
        }
        ArpLayout answer = layout_at<ArpLayout>(packet);
        const net::MacAddress asker = answer.sender_mac;
        DropReason reason{};
        if (refuse(*entry, *request, answer, reason)) {
            graph.drop(packet, reason);
            continue;
        }
        answer_in_place(graph, packet, *entry, asker, answer);
    }
}

}  // namespace godwit::dataplane
