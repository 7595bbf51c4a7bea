// Packets that wait for a neighbour's MAC address: a queue a neighbour, a limit a queue and a limit
// over all, so that neighbours that never answer cannot starve the packet pool.
//
// At both limits the oldest gives way (RFC 1122 2.3.2.2 asks for the latest): of the neighbour's
// own queue, or of the queue that has waited longest. Who answers does so in milliseconds, so the
// longest wait is the one least likely to end well, and a sweep of silent addresses pushes out its
// own packets before those of a neighbour that has just been asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

#include "dataplane/owner/neighbor_key.hpp"

struct rte_mbuf;

namespace godwit::dataplane {

class HeldPackets {
public:
    HeldPackets(std::size_t max_per_neighbor, std::size_t max_total)
        : max_per_neighbor_(max_per_neighbor), max_total_(max_total) {}

    // Takes the packet over. The one that gave way for it, which may be itself; null when none did.
    [[nodiscard]] rte_mbuf* add(const NeighborKey& key, rte_mbuf* packet);
    // Gives back what waits for the neighbour, the oldest first.
    [[nodiscard]] std::deque<rte_mbuf*> take(const NeighborKey& key);

    [[nodiscard]] std::size_t of(const NeighborKey& key) const;
    [[nodiscard]] std::size_t total() const { return total_; }
    [[nodiscard]] std::size_t capacity() const { return max_total_; }
    [[nodiscard]] std::uint64_t pushed_out() const { return pushed_out_; }

private:
    struct Queue {
        std::uint64_t begun = 0;  // its place in begun_
        std::deque<rte_mbuf*> packets;
    };
    using Queues = std::map<NeighborKey, Queue>;

    rte_mbuf* push_out(Queues::iterator queue);
    void end(Queues::iterator queue);

    std::size_t max_per_neighbor_;
    std::size_t max_total_;
    Queues queues_;                               // none is empty
    std::map<std::uint64_t, NeighborKey> begun_;  // in the order in which the queues began
    std::uint64_t next_ = 0;
    std::size_t total_ = 0;
    std::uint64_t pushed_out_ = 0;
};

}  // namespace godwit::dataplane
