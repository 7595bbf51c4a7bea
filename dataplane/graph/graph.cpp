#include "dataplane/graph/graph.hpp"

#include <rte_cycles.h>

namespace godwit::dataplane {

std::uint64_t Graph::cycles() {
    return rte_rdtsc();
}

void Graph::finish_dropped(std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
        const PacketMeta& about = meta(packet);
        counters_.drops[static_cast<std::size_t>(about.drop_reason)].add(1);
        if (!about.ingress.is_none()) {
            counters_.interfaces[about.ingress.value()].in_dropped.add(1);
        }
    }
    counters_.dropped.add(packets.size());
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
}

}  // namespace godwit::dataplane
