// nat-inbound: packets to an outside address, before the lookup. What belongs to a session, a
// mapping or a rule gets its inside destination; the rest is the router's own, or nobody's.
//
// A packet that comes from inside (hairpin, RFC 4787 REQ-9) is first asked whether anything inside
// answers at its destination. If so its source is translated as if it left, by nat-outbound, and it
// comes back here as if from outside. Each step is done by the worker that owns it.
//
// An echo request belongs to no mapping, only to a one-to-one address: nobody's identifier makes
// the router's address answer with another host's voice.
#include "dataplane/nodes/nat/ftp_segment.hpp"
#include "dataplane/nodes/nat/nat_packet.hpp"
#include "dataplane/nodes/nat/refusal.hpp"
#include "dataplane/nodes/nat/rewrite.hpp"
#include "dataplane/nodes/nat/three_passes.hpp"
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using api::NodeId;
using nat::Direction;
using Kind = NatPacket::Kind;

bool is_routers(const Environment& env, net::Ipv4Address address) {
    return env.next_hops.entry(env.fib.lookup(address.value())).verdict == Verdict::Receive;
}

class Inbound {
public:
    Inbound(Graph& graph, Environment& env)
        : graph_(graph), env_(env), translator_(*env.nat.translator), rules_(translator_.rules()) {}

    static constexpr Direction kDirection = Direction::Inbound;
    struct Asked {
        NatPacket read;
    };

    bool read(rte_mbuf* packet, Asked& asked) {
        NatPacket& read = asked.read;
        if (!knows_ports(graph_, env_, packet, NodeId::NatInbound)) {
            return false;
        }
        read = read_packet(Direction::Inbound, packet);
        if (read.kind == Kind::Truncated) {
            graph_.drop(packet, fault_of(read));
            return false;
        }
        const nat::Flow& flow = read.packet.flow;
        const unsigned owner =
            read.kind == Kind::Error
                ? rules_.owner_of_quoted(Direction::Inbound, flow, env_.worker_count)
                : rules_.owner(Direction::Inbound, flow, env_.worker_count);
        if (owner != env_.worker && read.kind != Kind::BadQuote) {
            hand_over(env_, packet, owner, NodeId::NatInbound);
            return false;
        }
        return true;
    }

    void prepare(std::span<Asked> /*asked*/, std::span<const std::uint64_t> hashes) const {
        for (const std::uint64_t hash : hashes) {
            translator_.prefetch_session(hash);
        }
    }

    void decide(rte_mbuf* packet, const Asked& asked) {
        const NatPacket& read = asked.read;
        PacketMeta& about = meta(packet);
        if (about.nat_hairpin == 0 && comes_from_inside(about, read)) {
            turn_around(packet, read);
            return;
        }
        switch (read.kind) {
            case Kind::Flow:
                carry_out(packet, read, translator_.inbound(read.packet, env_.nat.now));
                return;
            case Kind::Request:
            case Kind::Strange:
                if (is_one_to_one(read.packet.flow)) {
                    carry_out(packet, read, translator_.inbound(read.packet, env_.nat.now));
                } else {
                    unmapped(packet, DropReason::NatUnmapped);
                }
                return;
            case Kind::Error:
                carry_out_error(packet, read);
                return;
            case Kind::BadQuote:
            case Kind::Truncated:
                unmapped(packet, fault_of(read));
                return;
        }
    }

private:
    // An error is about what its sender got: the flow of the answer is the one that leaves.
    static nat::Flow leaving_flow(const NatPacket& read) {
        return read.kind == Kind::Error ? nat::reversed(read.packet.flow) : read.packet.flow;
    }
    static net::Ipv4Address outside_of(const NatPacket& read) {
        return read.kind == Kind::Error ? read.packet.flow.source.address
                                        : read.packet.flow.destination.address;
    }

    [[nodiscard]] bool is_one_to_one(const nat::Flow& flow) const {
        return rules_.match_inbound(flow.protocol, flow.destination).kind ==
               nat::NatRules::Kind::OneToOne;
    }

    [[nodiscard]] bool comes_from_inside(const PacketMeta& about, const NatPacket& read) const {
        if (about.ingress.is_none() || read.kind == Kind::BadQuote) {
            return false;
        }
        const nat::Flow flow = leaving_flow(read);
        const net::InterfaceId out = rules_.interface_of(outside_of(read), flow.source.address);
        return !out.is_none() && out != about.ingress &&
               rules_.match_outbound(flow, out).kind != nat::NatRules::Kind::Untouched;
    }

    [[nodiscard]] bool is_answered_inside(const NatPacket& read) const {
        const nat::Flow& flow = read.packet.flow;
        switch (read.kind) {
            case Kind::Flow:
                return translator_.is_mapped(flow.protocol, flow.destination);
            case Kind::Error:
                return translator_.is_mapped(flow.protocol, flow.source);
            case Kind::Request:
            case Kind::Strange:
                return is_one_to_one(flow);
            case Kind::BadQuote:
            case Kind::Truncated:
                break;
        }
        return false;
    }

    void turn_around(rte_mbuf* packet, const NatPacket& read) {
        if (!is_answered_inside(read)) {
            unmapped(packet, DropReason::NatUnmapped);
            return;
        }
        meta(packet).nat_hairpin = 1;
        graph_.next(NodeId::NatOutbound, packet);
    }

    void carry_out(rte_mbuf* packet, const NatPacket& read, const nat::Decision& decision) {
        switch (decision.verdict) {
            case nat::Verdict::Translate:
                if (decision.is_followed) {
                    follow_inbound(env_, packet, decision.session);
                }
                rewrite(Direction::Inbound, packet, read, decision.rewrite);
                go_on(packet);
                return;
            case nat::Verdict::Untouched:
                go_on(packet);
                return;
            case nat::Verdict::Unmapped:
                unmapped(packet, DropReason::NatUnmapped);
                return;
            case nat::Verdict::Unsolicited:
                unsolicited(packet, read.packet.flow);
                return;
            case nat::Verdict::Drop:
                refuse(graph_, packet, Direction::Inbound, decision.reason);
                return;
        }
    }

    void carry_out_error(rte_mbuf* packet, const NatPacket& read) {
        const auto outer =
            net::Ipv4Address::from_wire(layout_at<net::wire::Ipv4Layout>(packet).destination);
        const nat::QuotedDecision decision =
            translator_.translate_quoted(Direction::Inbound, read.packet.flow, outer, {});
        switch (decision.verdict) {
            case nat::Verdict::Translate:
                rewrite_error(Direction::Inbound, packet, read, decision);
                go_on(packet);
                return;
            case nat::Verdict::Untouched:
            case nat::Verdict::Unmapped:
            case nat::Verdict::Unsolicited:
                unmapped(packet, DropReason::NatUnknownQuote);
                return;
            case nat::Verdict::Drop:  // it may be about what the router itself has sent
                unmapped(packet, DropReason::NatUnknownQuote);
                return;
        }
    }

    // RFC 5382 REQ-4. Where no mapping could ever be, nobody's open can be simultaneous.
    void unsolicited(rte_mbuf* packet, const nat::Flow& flow) {
        const nat::Endpoint outside = flow.destination;
        if (!rules_.may_be_given_out(flow.protocol, outside)) {
            unmapped(packet, DropReason::NatUnmapped);
            return;
        }
        const auto ticket = translator_.hold_syn(flow, env_.nat.now);
        if (!ticket || *ticket >= NatState::kMaxHeldSyns || is_fragment(packet)) {
            // A ticket without a packet comes back like the others, and is nobody's then.
            graph_.drop(packet, DropReason::NatUnsolicitedSyn);
            return;
        }
        env_.nat.held_syns[*ticket] = packet;
    }

    void unmapped(rte_mbuf* packet, DropReason reason) {
        const auto destination =
            net::Ipv4Address::from_wire(layout_at<net::wire::Ipv4Layout>(packet).destination);
        if (is_routers(env_, destination)) {
            go_on(packet);
        } else {
            graph_.drop(packet, reason);
        }
    }

    void go_on(rte_mbuf* packet) {
        meta(packet).nat_is_done = 1;
        meta(packet).flow_hash = 0;  // it was that of the other destination
        graph_.next(NodeId::Ip4Lookup, packet);
    }

    Graph& graph_;
    Environment& env_;
    nat::Translator& translator_;
    const nat::NatRules& rules_;
};

}  // namespace

void nat_inbound(Graph& graph, Environment& env, Packets packets) {
    in_three_passes<Inbound>(graph, env, packets);
}

}  // namespace godwit::dataplane
