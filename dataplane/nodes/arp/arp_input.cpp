// arp-input: address resolution (RFC 826) as far as it can be done without the neighbour table.
//
// A request for an address of ours is answered here and now. Who sent something that the table
// owner may learn from (a request or reply to us, a gratuitous announcement, a use of our address)
// goes to the owner as it came, with the data at the ARP message. So a request that teaches gives
// two packets: the original, which ends at the owner, and its answer, which is originated here. A
// probe (RFC 5227 2.1.1) teaches nothing: it is turned into its answer in place.
//
// Only addresses of the interface that was asked are answered for, so that a host on one network
// never learns our MAC as the place of an address on another (RFC 826 has one table an interface);
// where the interface has `proxy-arp`, also those that we are the way to (proxy.hpp).
//
// An address of ours that is not proved free (InterfaceEntry::tentative) is not answered for; who
// claims it, or probes for it too, is the owner's to see (RFC 5227 2.1.1).
//
// RFC 1122 2.3.2.1 asks that stale entries leave the table: the owner ages them.
#include <algorithm>
#include <utility>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/arp/answer.hpp"
#include "dataplane/nodes/arp/proxy.hpp"
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
    const bool conflict =
        entry.owns(arp.sender_address()) || entry.is_tentative(arp.sender_address());
    const bool gratuitous = arp.sender_address() == arp.target_address();
    if (conflict || gratuitous) {
        return Outcome::Teach;
    }
    if (entry.is_tentative(arp.target_address())) {
        reason = DropReason::ArpAddressInUse;
        return arp.sender_address().is_unspecified() ? Outcome::Teach : Outcome::Drop;
    }
    if (!entry.owns(arp.target_address())) {
        const bool news = moves_known_neighbor(env, entry, arp);
        if (answers_for(env, entry, arp)) {
            return news ? Outcome::AnswerAndTeach : Outcome::Answer;
        }
        if (news) {
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

// RFC 826: swap hardware and protocol fields, put the local addresses into the sender's. For the
// address that was asked for, whether it is ours or one that we are the way to.
ArpLayout answer_to(ArpLayout message, const InterfaceEntry& entry) {
    message.operation = net::Big16::from_host(static_cast<std::uint16_t>(ArpOperation::Reply));
    std::swap(message.sender_address, message.target_address);
    message.target_mac = message.sender_mac;
    message.sender_mac = entry.mac;
    return message;
}

ArpKind kind_of(const Environment& env, const InterfaceEntry& entry, const ArpView& arp) {
    if (entry.owns(arp.sender_address())) {
        return ArpKind::Known;  // a conflict
    }
    const NextHopEntry hop = env.next_hops.entry(env.fib.lookup(arp.sender_address().value()));
    if (hop.verdict == Verdict::Adjacency) {
        const Adjacency& adjacency = env.next_hops.adjacency(hop.target);
        if (adjacency.interface == entry.id && adjacency.neighbor == arp.sender_address().value()) {
            return ArpKind::Known;
        }
    }
    return arp.operation() == ArpOperation::Reply ? ArpKind::Reply : ArpKind::Request;
}

void give_owner(Graph& graph, Environment& env, rte_mbuf* packet, ArpKind kind) {
    if (!env.arp_policer.admits(meta(packet).ingress, kind, env.now_cycles)) {
        graph.drop(packet, DropReason::ArpQueueFull);
        return;
    }
    meta(packet).resume = api::NodeId::ArpInput;
    env.arp_to_owner.put(packet);
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
        const Outcome outcome = judge(env, *entry, *arp, reason);
        const net::MacAddress asker = arp->sender_mac();
        const ArpLayout answer = answer_to(layout_at<ArpLayout>(packet), *entry);
        switch (outcome) {
            case Outcome::Drop:
                graph.drop(packet, reason);
                break;
            case Outcome::Answer:
                answer_in_place(graph, packet, *entry, asker, answer);
                break;
            case Outcome::AnswerAndTeach:
                answer_apart(graph, env, *entry, asker, answer);
                give_owner(graph, env, packet, kind_of(env, *entry, *arp));
                break;
            case Outcome::Teach:
                give_owner(graph, env, packet, kind_of(env, *entry, *arp));
                break;
        }
    }
}

}  // namespace godwit::dataplane
