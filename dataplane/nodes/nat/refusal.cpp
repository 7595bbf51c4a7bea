#include "dataplane/nodes/nat/refusal.hpp"

#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/nodes/icmp/report.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using nat::Reason;

DropReason drop_reason_of(Reason reason) {
    switch (reason) {
        case Reason::SessionTableFull:
            return DropReason::NatSessionsFull;
        case Reason::SubscriberTableFull:
            return DropReason::NatSubscribersFull;
        case Reason::SubscriberSessions:
            return DropReason::NatSubscriberSessions;
        case Reason::SubscriberPorts:
            return DropReason::NatSubscriberPorts;
        case Reason::SubscriberRate:
            return DropReason::NatSubscriberRate;
        case Reason::PortsExhausted:
            return DropReason::NatPortsExhausted;
        case Reason::UntranslatableProtocol:
            return DropReason::NatUntranslatable;
        case Reason::Filtered:
            return DropReason::NatFiltered;
        case Reason::UnsolicitedSyn:
            return DropReason::NatUnsolicitedSyn;
        case Reason::StrayReset:
            return DropReason::NatStrayReset;
        case Reason::UnknownQuote:
            return DropReason::NatUnknownQuote;
        case Reason::NotOwner:
        case Reason::None:
            break;
    }
    return DropReason::NatNotReady;
}

}  // namespace

void refuse(Graph& graph, rte_mbuf* packet, nat::Direction direction, Reason reason) {
    if (nat::is_shortage(reason) && direction == nat::Direction::Outbound) {
        report(graph, packet, net::IcmpType::DestinationUnreachable,
               static_cast<std::uint8_t>(net::UnreachableCode::Prohibited), drop_reason_of(reason));
        return;
    }
    graph.drop(packet, drop_reason_of(reason));
}

DropReason fault_of(const NatPacket& read) {
    return read.kind == NatPacket::Kind::BadQuote ? DropReason::NatBadQuote
                                                  : DropReason::NatTruncated;
}

bool knows_ports(Graph& graph, Environment& env, rte_mbuf* packet, api::NodeId node) {
    PacketMeta& about = meta(packet);
    if (!is_fragment(packet) || about.nat_ports_known != 0) [[likely]] {
        return true;
    }
    const std::uint32_t hash = flow_hash(first_bytes(packet));
    const unsigned home = worker_of_flow(hash, env.worker_count);
    if (home != env.worker) {
        hand_over(env, packet, home, node);
        return false;
    }
    about.resume = node;
    const FragmentPorts::Fate fate = env.nat.fragments->take(packet, env.now_cycles);
    for (rte_mbuf*& ended : env.nat.fragments->ended()) {
        graph.discard({&ended, 1});
    }
    if (fate == FragmentPorts::Fate::Ends) {
        graph.drop(packet, about.drop_reason);
    }
    return fate == FragmentPorts::Fate::Goes;
}

void hand_over(Environment& env, rte_mbuf* packet, unsigned owner, api::NodeId node) {
    meta(packet).resume = node;
    env.to_worker[owner].put(packet);
}

}  // namespace godwit::dataplane
