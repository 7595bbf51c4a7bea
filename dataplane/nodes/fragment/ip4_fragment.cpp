// ip4-fragment: packets that are longer than the MTU of their next hop and may be cut (RFC 791 2.3
// and 3.2, RFC 1812 4.2.2.7 and 5.2.6). ip4-rewrite has judged time to live and Don't Fragment; the
// rest of its work is done here, once for all fragments.
//
// Each fragment is a copy in a buffer of its own. The other way, an indirect buffer that refers to
// the packet's bytes behind a buffer for the headers, takes two buffers of the one pool instead of
// one, and makes chains, which not every device sends (net_af_xdp reads the first buffer only). So
// what leaves this node fits every device, whatever chain came in.
//
// The first fragment is the packet, as far as the ledger is concerned; the others are originated.
// A router never puts fragments together before it forwards them (RFC 1812 5.2.6).
#include <rte_cycles.h>

#include <algorithm>
#include <cstring>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/ip4/broadcast_adjacency.hpp"
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::wire::Ipv4Layout;

struct Way {
    Adjacency adjacency;
    api::Counter* hits = nullptr;
};

// Nothing: it changed since ip4-rewrite saw it.
std::optional<Way> way_of(Environment& env, const PacketMeta& about) {
    const NextHopEntry hop = env.next_hops.entry(about.next_hop);
    if (hop.verdict == Verdict::Adjacency) {
        return Way{env.next_hops.adjacency(hop.target), &env.hits[hop.target]};
    }
    const InterfaceEntry* link = env.interface(hop.interface);
    if (hop.verdict == Verdict::Broadcast && link != nullptr && link->directed_broadcast) {
        return Way{broadcast_adjacency(*link), nullptr};
    }
    return std::nullopt;
}

// Why it is dropped; nothing when it is being cut now.
std::optional<DropReason> begin_cut(Environment& env, rte_mbuf* packet) {
    PacketMeta& about = meta(packet);
    const std::optional<Way> way = way_of(env, about);
    if (!way) {
        return DropReason::Ip4NoAdjacency;
    }
    const Adjacency& adjacency = way->adjacency;
    auto& header = layout_at<Ipv4Layout>(packet);
    const std::size_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    if (about.local_source == 0) {
        --header.ttl;  // RFC 1812 5.3.1; every fragment gets a checksum of its own
    }
    const std::uint32_t room = rte_pktmbuf_data_room_size(env.pool) - RTE_PKTMBUF_HEADROOM;
    const auto mtu = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(adjacency.mtu, room - adjacency.rewrite_bytes));
    auto plan = FragmentPlan::make(first_bytes(packet).first(header_bytes), mtu);
    if (!plan) {
        return DropReason::ReassemblyTooLong;
    }
    if (plan->count() > FragmentQueue::kMaxFragments ||
        rte_pktmbuf_alloc_bulk(env.pool, env.fragments.buffers().data(), plan->count()) != 0) {
        return DropReason::Ip4FragmentNoBuffer;
    }
    about.egress = adjacency.interface;
    env.fragments.cut() = FragmentQueue::Cut{packet,
                                             *plan,
                                             {packet, static_cast<std::uint32_t>(header_bytes)},
                                             way->adjacency,
                                             way->hits};
    env.counters.datagrams_fragmented.add(1);
    env.counters.fragments_made.add(plan->count());
    env.counters.originated.add(plan->count() - 1);
    return std::nullopt;
}

void make_next(Graph& graph, Environment& env, FragmentQueue::Cut& cut) {
    const Adjacency& adjacency = cut.adjacency;
    const bool is_first = cut.plan.left() == cut.plan.count();
    rte_mbuf* fragment = env.fragments.buffers()[cut.plan.left() - 1];

    std::array<std::uint8_t, net::kIpv4MaxHeaderBytes> header;
    const FragmentPlan::Part part = cut.plan.next(header);
    const auto frame_bytes = static_cast<std::uint16_t>(adjacency.rewrite_bytes +
                                                        part.header_bytes + part.payload_bytes);
    auto* frame = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(fragment, frame_bytes));
    std::memcpy(frame, adjacency.rewrite.data(), adjacency.rewrite_bytes);
    std::memcpy(frame + adjacency.rewrite_bytes, header.data(), part.header_bytes);
    cut.payload.copy({frame + adjacency.rewrite_bytes + part.header_bytes, part.payload_bytes});

    meta(fragment) = meta(cut.packet);
    if (!is_first) {
        meta(fragment).ingress = {};
    }
    if (cut.hits != nullptr) {
        cut.hits->add(1);
    }
    graph.next(api::NodeId::InterfaceOutput, fragment);
}

}  // namespace

void ChainCursor::copy(std::span<std::uint8_t> into) {
    while (!into.empty()) {
        const std::size_t part = std::min<std::size_t>(into.size(), segment->data_len - offset);
        std::memcpy(into.data(), rte_pktmbuf_mtod_offset(segment, const std::uint8_t*, offset),
                    part);
        into = into.subspan(part);
        offset += static_cast<std::uint32_t>(part);
        if (offset == segment->data_len) {
            segment = segment->next;
            offset = 0;
        }
    }
}

FragmentQueue::~FragmentQueue() {
    while (rte_mbuf* packet = take()) {
        rte_pktmbuf_free(packet);
    }
}

void ip4_fragment(Graph& /*graph*/, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        env.fragments.put(packet);
    }
}

bool cut_fragments(Graph& graph, Environment& env) {
    FragmentQueue& queue = env.fragments;
    if (queue.empty()) [[likely]] {
        return false;
    }
    const std::uint64_t begin = rte_rdtsc();
    for (unsigned made = 0; made < kBurst;) {
        if (!queue.cut()) {
            rte_mbuf* packet = queue.take();
            if (packet == nullptr) {
                break;
            }
            if (const auto reason = begin_cut(env, packet)) {
                meta(packet).drop_reason = *reason;
                graph.discard({&packet, 1});
            }
            continue;
        }
        FragmentQueue::Cut& cut = *queue.cut();
        make_next(graph, env, cut);
        ++made;
        if (cut.plan.left() == 0) {
            rte_pktmbuf_free(cut.packet);  // it goes on as its fragments
            queue.cut().reset();
        }
    }
    env.counters.nodes[static_cast<std::size_t>(api::NodeId::Ip4Fragment)].cycles.add(rte_rdtsc() -
                                                                                      begin);
    return true;
}

}  // namespace godwit::dataplane
