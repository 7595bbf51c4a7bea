// ip4-reassembly: fragments that are for this router, put together (RFC 1122 3.3.2, RFC 1812
// 4.2.2.8). What is only forwarded never comes here (RFC 1812 5.2.6). A whole datagram goes on
// where `after_reassembly` of its first fragment says: to icmp-input or punt, or to a feature.
//
// The fragments of one datagram meet on one worker, whatever brought them: two interfaces, or a
// device that hashes the ports of a first fragment. Each worker gives what is not its own to the
// worker that our own hash names, which sees no ports in any fragment.
//
// A datagram that fits into one buffer leaves as one, since not every device sends chains; what
// stays a chain is longer than any MTU, so if it leaves again (as an echo reply) it is cut first.
#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using net::wire::Ipv4Layout;

// Of the packet pool, for all workers: enough for a few dozen of the longest datagrams in the
// smallest pool, and little enough that a flood of fragments starves nobody.
constexpr std::uint32_t kPoolShare = 8;  // which drivers/memory_budget.cpp makes room for
constexpr unsigned kExpiredFragmentsPerLoop = kBurst;

// Other limits than before, when the configuration changed.
void follow_limits(Environment& env) {
    const InterfaceSnapshot& now = *env.interfaces;
    Environment::ReassemblyLimits& last = env.reassembly_limits;
    if (now.reassembly_datagrams == last.datagrams &&
        now.reassembly_datagrams_per_interface == last.datagrams_per_interface) [[likely]] {
        return;
    }
    last = {now.reassembly_datagrams, now.reassembly_datagrams_per_interface};
    const auto share = [&env](std::uint32_t of_all) {
        return std::max<std::uint32_t>(of_all / env.worker_count, 1);
    };
    env.reassembler.set_limits(
        {share(last.datagrams), share(last.datagrams_per_interface),
         std::max(share(env.pool->size / kPoolShare), std::uint32_t{Reassembler::kMaxFragments})});
}

bool is_first_fragment(rte_mbuf* packet) {
    return (layout_at<Ipv4Layout>(packet).fragment.host() & net::kIpv4OffsetMask) == 0;
}

// RFC 1122 3.3.2, RFC 792: the source is told that the time ran out, with the first fragment.
void settle_ended(Graph& graph, Environment& env) {
    for (rte_mbuf*& packet : env.reassembler.ended()) {
        PacketMeta& about = meta(packet);
        if (about.drop_reason == api::DropReason::ReassemblyTimeout && is_first_fragment(packet)) {
            about.icmp_type = static_cast<std::uint8_t>(net::IcmpType::TimeExceeded);
            about.icmp_code = static_cast<std::uint8_t>(net::TimeExceededCode::Reassembly);
            graph.next(api::NodeId::IcmpError, packet);
        } else {
            graph.discard({&packet, 1});
        }
    }
}

void pass_on(Graph& graph, Environment& env, rte_mbuf* whole) {
    const auto merged = env.reassembler.merged();
    for (const net::InterfaceId ingress : merged) {
        if (!ingress.is_none()) {
            env.counters_of(ingress).in_punted.add(1);
        }
    }
    env.counters.punted.add(merged.size());
    env.counters.fragments_merged.add(merged.size());
    env.counters.datagrams_reassembled.add(1);
    if (whole->pkt_len - whole->data_len <= rte_pktmbuf_tailroom(whole)) {
        rte_pktmbuf_linearize(whole);
    }
    meta(whole).flow_hash = 0;  // it was the fragments'
    graph.next(meta(whole).after_reassembly, whole);
}

}  // namespace

void ip4_reassembly(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        PacketMeta& about = meta(packet);
        if (env.worker_count > 1) {
            about.flow_hash = flow_hash(first_bytes(packet));
            const unsigned home = worker_of_flow(about.flow_hash, env.worker_count);
            if (home != env.worker) {
                about.resume = api::NodeId::Ip4Reassembly;
                env.to_worker[home].put(packet);
                continue;
            }
        }
        rte_mbuf* whole = env.reassembler.add(packet, env.now_cycles);
        settle_ended(graph, env);
        if (whole != nullptr) {
            pass_on(graph, env, whole);
        }
    }
}

unsigned expire_datagrams(Graph& graph, Environment& env) {
    follow_limits(env);
    if (env.reassembler.is_idle()) [[likely]] {
        return 0;
    }
    env.reassembler.expire(env.now_cycles, kExpiredFragmentsPerLoop);
    const auto ended = static_cast<unsigned>(env.reassembler.ended().size());
    settle_ended(graph, env);
    return ended;
}

}  // namespace godwit::dataplane
