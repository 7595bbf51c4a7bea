// The packet graph of one worker: a pending vector for every node, and the walk over them.
//
// A node is a function that takes a burst and puts each packet of it into the vector of another
// node, into an outbox, or frees it; the edges are NodeIds. The walk always runs the first node (in
// NodeId order) that has packets, so a burst goes through the straight way node by node, and the
// few edges that lead back (an ICMP error or an echo reply is looked up like any packet) are
// emptied before the walk goes on. `Drop` is last, and the graph's own.
//
// Why the vectors cannot overflow: a walk is begun with at most kBurst packets; each of them makes
// at most one more (an ARP reply, an ICMP error), and one that was made here makes none. So there
// are never more than kCapacity packets in the graph, wherever they stand.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <span>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/drop_reason.hpp"
#include "dataplane/api/node_id.hpp"
#include "dataplane/graph/packet.hpp"

namespace godwit::dataplane {

constexpr unsigned kBurst = 64;

// What a device is asked for, and is given, at once. A device that shares memory with another core
// costs a trip to it for each burst, whatever its size, and a loop of the worker has its price too;
// the graph's own vectors are shorter, because they have to stay in the first-level cache.
constexpr unsigned kDeviceBurst = 256;

class Graph {
public:
    static constexpr unsigned kCapacity = 2 * kBurst;

    explicit Graph(api::CounterBlock& counters) : counters_(counters) {}
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;

    void next(api::NodeId node, rte_mbuf* packet) {
        Pending& pending = pending_[static_cast<std::size_t>(node)];
        assert(pending.count < kCapacity);
        pending.packets[pending.count++] = packet;
        ready_ |= 1U << static_cast<unsigned>(node);
    }
    void drop(rte_mbuf* packet, api::DropReason reason) {
        meta(packet).drop_reason = reason;
        next(api::NodeId::Drop, packet);
    }

    // Counts and frees at once, for who ends more packets than the graph has room for. The reason
    // stands in the meta of each.
    void discard(std::span<rte_mbuf*> packets) { finish_dropped(packets); }

    // Runs nodes until nothing is pending. `run_node(NodeId, std::span<rte_mbuf* const>)` gets
    // bursts of at most kBurst for every node but Drop.
    template <class RunNode>
    void walk(RunNode&& run_node);

private:
    static_assert(api::kNodeCount <= 32);
    struct Pending {
        unsigned count = 0;
        std::array<rte_mbuf*, kCapacity> packets;
    };

    void finish_dropped(std::span<rte_mbuf*> packets);
    static std::uint64_t cycles();

    api::CounterBlock& counters_;
    std::uint32_t ready_ = 0;  // bit n: node n has packets
    std::array<Pending, api::kNodeCount> pending_;
};

template <class RunNode>
void Graph::walk(RunNode&& run_node) {
    while (ready_ != 0) {
        const auto number = static_cast<unsigned>(std::countr_zero(ready_));
        const auto node = static_cast<api::NodeId>(number);
        Pending& pending = pending_[number];
        const unsigned count = pending.count;
        // Emptied before it runs: no node is its own successor, so its packets stay where they are.
        pending.count = 0;
        ready_ &= ~(1U << number);

        const std::uint64_t begin = cycles();
        for (unsigned done = 0; done < count; done += kBurst) {
            const std::span<rte_mbuf*> burst(&pending.packets[done],
                                             count - done < kBurst ? count - done : kBurst);
            if (node == api::NodeId::Drop) {
                finish_dropped(burst);
            } else {
                run_node(node, std::span<rte_mbuf* const>(burst));
            }
        }
        api::NodeCounters& node_counters = counters_.nodes[number];
        node_counters.calls.add(1);
        node_counters.packets.add(count);
        node_counters.cycles.add(cycles() - begin);
    }
}

}  // namespace godwit::dataplane
