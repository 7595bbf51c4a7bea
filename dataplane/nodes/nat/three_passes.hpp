// How both NAT nodes take a burst: read all packets and fetch their buckets, fetch their sessions,
// decide about each. A `Way` says in these steps what only it knows:
//
//   bool read(packet, asked)      false: it is not for this worker, or not now
//   void prepare(asked, hashes)   of all of them: fetches what deciding will need
//   void decide(packet, asked)
#pragma once

#include <array>
#include <span>

#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

template <class Way>
void in_three_passes(Graph& graph, Environment& env, Packets packets) {
    if (env.nat.translator == nullptr) {  // handed over by a worker that has one already
        for (rte_mbuf* packet : packets) {
            graph.drop(packet, api::DropReason::NatNotReady);
        }
        return;
    }
    Way way(graph, env);
    std::array<typename Way::Asked, kBurst> asked;
    std::array<rte_mbuf*, kBurst> mine;
    std::array<std::uint64_t, kBurst> hashes;
    std::size_t count = 0;
    for (rte_mbuf* packet : packets) {
        if (way.read(packet, asked[count])) {
            hashes[count] =
                env.nat.translator->prefetch(Way::kDirection, asked[count].read.packet.flow);
            mine[count++] = packet;
        }
    }
    way.prepare(std::span(asked).first(count), std::span(hashes).first(count));
    for (std::size_t at = 0; at < count; ++at) {
        way.decide(mine[at], asked[at]);
    }
}

}  // namespace godwit::dataplane
