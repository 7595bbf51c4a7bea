// nat-outbound: packets that leave by an interface of a rule, after the lookup, when the way out is
// known; and packets from inside to an outside address (hairpin), which go to nat-inbound next.
//
// What ends here for its time to live, or is told that it is too long further on, is told about as
// it came: what a traceroute from inside sees are its own addresses. A packet that the router made
// and that speaks from an address of its own out there passes as it is.
#include <array>
#include <span>

#include "dataplane/nodes/icmp/report.hpp"
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
using net::Ipv4Address;
using net::wire::Ipv4Layout;
using Kind = NatPacket::Kind;

// Where it leaves; none: the way vanished since the lookup, which ip4-rewrite sees too.
net::InterfaceId egress_of(const Environment& env, const PacketMeta& about) {
    const NextHopEntry hop = env.next_hops.entry(about.next_hop);
    return hop.verdict == Verdict::Adjacency ? env.next_hops.adjacency(hop.target).interface : hop.interface;
}

class Outbound {
public:
    Outbound(Graph& graph, Environment& env)
        : graph_(graph), env_(env), translator_(*env.nat.translator), rules_(translator_.rules()) {}

    static constexpr Direction kDirection = Direction::Outbound;
    struct Asked {
        NatPacket read;
        net::InterfaceId out;
        nat::Translator::Opening opening;
    };

    bool read(rte_mbuf* packet, Asked& asked) {
        NatPacket& read = asked.read;
        net::InterfaceId& out = asked.out;
        const PacketMeta& about = meta(packet);
        const auto& header = layout_at<Ipv4Layout>(packet);
        const auto source = Ipv4Address::from_wire(header.source);
        if (about.local_source != 0 && is_routers_voice(about, source)) {
            go_on(packet);
            return false;
        }
        if (about.local_source == 0 && header.ttl <= 1) {
            report(graph_, packet, net::IcmpType::TimeExceeded,
                   static_cast<std::uint8_t>(net::TimeExceededCode::Transit),
                   DropReason::Ip4TtlExpired);
            return false;
        }
        if (!knows_ports(graph_, env_, packet, NodeId::NatOutbound)) {
            return false;
        }
        read = read_packet(Direction::Outbound, packet);
        const nat::Flow& flow = read.packet.flow;
        out = about.nat_hairpin != 0 ? rules_.interface_of(outside_of(read), inside_of(read))
                                     : egress_of(env_, about);
        if (read.kind == Kind::Truncated || read.kind == Kind::BadQuote) {
            unreadable(packet, read, out);
            return false;
        }
        if (about.nat_ftp == static_cast<std::uint8_t>(FtpQuestion::Asked)) [[unlikely]] {
            answer_ftp_question(env_, packet, flow, out);
            return false;
        }
        const unsigned owner =
            read.kind == Kind::Error
                ? rules_.owner_of_quoted(Direction::Outbound, flow, env_.worker_count)
                : rules_.owner(Direction::Outbound, flow, env_.worker_count);
        if (owner != env_.worker) {
            hand_over(env_, packet, owner, NodeId::NatOutbound);
            return false;
        }
        return true;
    }

    // What new flows will need, a piece of memory of all of them after the other: where a port is
    // free says which bucket its flow will lie in.
    void prepare(std::span<Asked> asked, std::span<const std::uint64_t> hashes) const {
        std::array<Asked*, kBurst> opening;
        std::size_t count = 0;
        for (std::size_t at = 0; at < asked.size(); ++at) {
            asked[at].opening = {};
            const bool seems_new = translator_.prefetch_session(hashes[at]) == nat::kNone;
            if (seems_new && asked[at].read.kind == Kind::Flow) {
                asked[at].opening =
                    translator_.prefetch_opening(asked[at].read.packet.flow, asked[at].out);
                opening[count++] = &asked[at];
            }
        }
        for (Asked* each : std::span(opening).first(count)) {
            translator_.prefetch_port(each->read.packet.flow, each->opening, env_.nat.now);
        }
        for (const Asked* each : std::span(opening).first(count)) {
            translator_.prefetch_binding(each->read.packet.flow, each->opening, env_.nat.now);
        }
    }

    void decide(rte_mbuf* packet, const Asked& asked) {
        const NatPacket& read = asked.read;
        const net::InterfaceId out = asked.out;
        if (read.kind == Kind::Error) {
            carry_out_error(packet, read, out);
            return;
        }
        if (read.kind == Kind::Strange && is_dynamic(read.packet.flow, out)) {
            refuse(graph_, packet, Direction::Outbound, nat::Reason::UntranslatableProtocol);
            return;
        }
        const nat::Decision decision =
            translator_.outbound(read.packet, out, env_.nat.now, asked.opening);
        switch (decision.verdict) {
            case nat::Verdict::Translate:
                if (decision.is_followed &&
                    !follow_outbound(graph_, env_, packet, read, decision.session, out)) {
                    return;
                }
                rewrite(Direction::Outbound, packet, read, decision.rewrite);
                if (decision.is_hairpin) {
                    meta(packet).nat_hairpin = 1;
                }
                go_on(packet);
                return;
            case nat::Verdict::Drop:
                refuse(graph_, packet, Direction::Outbound, decision.reason);
                return;
            case nat::Verdict::Untouched:
            case nat::Verdict::Unmapped:
            case nat::Verdict::Unsolicited:
                go_on(packet);
                return;
        }
    }

private:
    static Ipv4Address outside_of(const NatPacket& read) {
        return read.kind == Kind::Error ? read.packet.flow.source.address
                                        : read.packet.flow.destination.address;
    }
    static Ipv4Address inside_of(const NatPacket& read) {
        return read.kind == Kind::Error ? read.packet.flow.destination.address
                                        : read.packet.flow.source.address;
    }
    [[nodiscard]] bool is_dynamic(const nat::Flow& flow, net::InterfaceId out) const {
        return rules_.match_outbound(flow, out).kind == nat::NatRules::Kind::Dynamic;
    }

    // What the router itself says out there: from an outside address, or from one of the link.
    [[nodiscard]] bool is_routers_voice(const PacketMeta& about, Ipv4Address source) const {
        const InterfaceEntry* egress = env_.interface(egress_of(env_, about));
        return rules_.is_outside_address(source) || (egress != nullptr && egress->owns(source));
    }

    // What no rule is about passes, whatever it is.
    void unreadable(rte_mbuf* packet, const NatPacket& read, net::InterfaceId out) {
        const auto& header = layout_at<Ipv4Layout>(packet);
        const nat::Flow flow{net::IpProtocol{header.protocol},
                             {Ipv4Address::from_wire(header.source), 0},
                             {Ipv4Address::from_wire(header.destination), 0}};
        if (rules_.match_outbound(flow, out).kind == nat::NatRules::Kind::Untouched) {
            go_on(packet);
        } else {
            graph_.drop(packet, fault_of(read));
        }
    }

    void carry_out_error(rte_mbuf* packet, const NatPacket& read, net::InterfaceId out) {
        const auto outer = Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).source);
        const nat::QuotedDecision decision =
            translator_.translate_quoted(Direction::Outbound, read.packet.flow, outer, out);
        if (decision.verdict == nat::Verdict::Drop) {
            refuse(graph_, packet, Direction::Outbound, decision.reason);
            return;
        }
        if (decision.verdict == nat::Verdict::Translate) {
            rewrite_error(Direction::Outbound, packet, read, decision);
        }
        go_on(packet);
    }

    void go_on(rte_mbuf* packet) {
        PacketMeta& about = meta(packet);
        if (about.nat_hairpin != 0) {
            graph_.next(NodeId::NatInbound, packet);
            return;
        }
        about.nat_is_done = 1;
        graph_.next(about.after_nat, packet);
    }

    Graph& graph_;
    Environment& env_;
    nat::Translator& translator_;
    const nat::NatRules& rules_;
};

}  // namespace

void nat_outbound(Graph& graph, Environment& env, Packets packets) {
    in_three_passes<Outbound>(graph, env, packets);
}

}  // namespace godwit::dataplane
