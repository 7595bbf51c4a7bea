// arp-input: address resolution (RFC 826) as far as it can be done without the neighbour table.
//
// A request for an address of ours is answered here and now. Who sent something that the table
// owner may learn from (a request or reply to us, a gratuitous announcement, a use of our address)
// goes to the owner as it came, with the data at the ARP message. So a request that teaches gives
// two packets: the original, which ends at the owner, and its answer, which is originated here. A
// probe (RFC 5227 2.1.1) teaches nothing: it is turned into its answer in place.
//
// Only addresses of the interface that was asked are answered for, so that a host on one network
// never learns our MAC as the place of an address on another (RFC 826 has one table an interface).
// RFC 1122 2.3.2.1 asks that stale entries leave the table: the owner ages them.
#include <algorithm>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/ethernet/link_header.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/arp.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::ArpOperation;
using net::wire::ArpLayout;
using net::wire::ArpView;

enum class Outcome : std::uint8_t { Drop, Answer, AnswerAndTeach, Teach };

// A sender that can be a host on this link. 0.0.0.0 is a prober's (RFC 5227 2.1.1).
bool is_possible_sender(const Environment& env, const InterfaceEntry& entry, const ArpView& arp) {
    const net::Ipv4Address sender = arp.sender_address();
    if (arp.sender_mac().is_group() || arp.sender_mac().is_zero() ||
        arp.sender_mac() == entry.mac) {
        return false;
    }
    if (sender.is_unspecified()) {
        return arp.operation() == ArpOperation::Request;
    }
    if (sender.is_this_network() || sender.is_loopback() || sender.is_multicast() ||
        sender.is_reserved() || sender.is_limited_broadcast()) {
        return false;
    }
    // Our own address in another's mouth is a conflict, which the owner wants to see (RFC 5227
    // 2.4); a broadcast address is nobody's.
    return entry.owns(sender) || !env.interfaces->impossible_sources.contains(sender);
}

// RFC 826: a sender that is in the table is updated whatever the message asks for. The workers see
// of the table the neighbours in use, as host routes; only a changed MAC address is news.
bool moves_known_neighbor(const Environment& env, const InterfaceEntry& entry, const ArpView& arp) {
    const NextHopEntry hop = env.next_hops.entry(env.fib.lookup(arp.sender_address().value()));
    if (hop.verdict != Verdict::Adjacency) {
        return false;
    }
    const Adjacency& adjacency = env.next_hops.adjacency(hop.target);
    const auto& mac = arp.sender_mac().bytes();
    return adjacency.interface == entry.id && adjacency.neighbor == arp.sender_address().value() &&
           !std::equal(mac.begin(), mac.end(), adjacency.rewrite.begin());
}

Outcome judge(const Environment& env, const InterfaceEntry& entry, const ArpView& arp,
              DropReason& reason) {
    // RFC 826 "Packet Reception": what is neither request nor reply is not for this protocol.
    if (arp.operation() != ArpOperation::Request && arp.operation() != ArpOperation::Reply) {
        reason = DropReason::ArpMalformed;
        return Outcome::Drop;
    }
    if (!is_possible_sender(env, entry, arp)) {
        reason = DropReason::ArpBadSender;
        return Outcome::Drop;
    }
    const bool conflict = entry.owns(arp.sender_address());
    const bool gratuitous = arp.sender_address() == arp.target_address();
    if (conflict || gratuitous) {
        return Outcome::Teach;
    }
    if (!entry.owns(arp.target_address())) {
        if (moves_known_neighbor(env, entry, arp)) {
            return Outcome::Teach;
        }
        reason = DropReason::ArpNotForUs;
        return Outcome::Drop;
    }
    if (arp.operation() == ArpOperation::Reply) {
        return Outcome::Teach;
    }
    return arp.sender_address().is_unspecified() ? Outcome::Answer : Outcome::AnswerAndTeach;
}

// RFC 826: swap hardware and protocol fields, put the local addresses into the sender's.
bool write_answer(rte_mbuf* answer, const InterfaceEntry& entry, ArpLayout message) {
    message.operation = net::Big16::from_host(static_cast<std::uint16_t>(ArpOperation::Reply));
    std::swap(message.sender_address, message.target_address);
    message.target_mac = message.sender_mac;
    message.sender_mac = entry.mac;
    layout_at<ArpLayout>(answer) = message;
    return prepend_link_header(answer, entry, message.target_mac, net::EtherType::Arp);
}

void send_answer(Graph& graph, rte_mbuf* answer, const InterfaceEntry& entry) {
    meta(answer).egress = entry.id;
    meta(answer).local_source = 1;
    graph.next(api::NodeId::InterfaceOutput, answer);
}

void answer_in_place(Graph& graph, rte_mbuf* packet, const InterfaceEntry& entry) {
    const ArpLayout message = layout_at<ArpLayout>(packet);
    trim_to(packet, sizeof message);
    if (write_answer(packet, entry, message)) {
        send_answer(graph, packet, entry);
    } else {
        graph.drop(packet, DropReason::NoBuffer);
    }
}

// Without a buffer there is no answer, as if it had been lost on the way: the asker asks again.
void answer_apart(Graph& graph, Environment& env, rte_mbuf* packet, const InterfaceEntry& entry) {
    rte_mbuf* answer = rte_pktmbuf_alloc(env.pool);
    if (answer == nullptr) {
        return;
    }
    reset_meta(answer);
    const ArpLayout message = layout_at<ArpLayout>(packet);
    if (rte_pktmbuf_append(answer, sizeof message) == nullptr ||
        !write_answer(answer, entry, message)) {
        rte_pktmbuf_free(answer);
        return;
    }
    env.counters.originated.add(1);
    send_answer(graph, answer, entry);
}

void give_owner(Environment& env, rte_mbuf* packet) {
    meta(packet).resume = api::NodeId::ArpInput;
    env.to_owner.put(packet);
}

}  // namespace

void arp_input(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const auto arp = ArpView::parse(first_bytes(packet));
        if (!arp) {
            graph.drop(packet, arp.error().fault == net::DecodeFault::Truncated
                                   ? DropReason::ArpTruncated
                                   : DropReason::ArpMalformed);
            continue;
        }
        const InterfaceEntry* entry = env.interface(meta(packet).ingress);
        if (entry == nullptr) {
            graph.drop(packet, DropReason::InterfaceDown);
            continue;
        }
        DropReason reason{};
        switch (judge(env, *entry, *arp, reason)) {
            case Outcome::Drop:
                graph.drop(packet, reason);
                break;
            case Outcome::Answer:
                answer_in_place(graph, packet, *entry);
                break;
            case Outcome::AnswerAndTeach:
                answer_apart(graph, env, packet, *entry);
                give_owner(env, packet);
                break;
            case Outcome::Teach:
                give_owner(env, packet);
                break;
        }
    }
}

}  // namespace godwit::dataplane
