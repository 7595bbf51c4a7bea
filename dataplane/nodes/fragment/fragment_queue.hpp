// Packets of one worker that are too long for their next hop, waiting to be cut, and the one that
// is being cut.
//
// One packet may become thousands of frames, and the graph has room for a burst or two. So they
// are not made in the walk that brought the packet: ip4-fragment only puts it here, and once the
// walk is over the worker lets cut_fragments() make a burst of frames at a time, each walked and
// flushed before the next. What waits came in one walk, so the graph's own capacity bounds it.
//
// All buffers of a packet are taken before its first fragment is made: a datagram without one of
// its fragments is of no use to anybody, so it is cut as a whole or dropped as a whole.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/graph/graph.hpp"
#include "dataplane/nodes/fragment/fragment_plan.hpp"
#include "dataplane/tables/next_hops.hpp"

namespace godwit::dataplane {

// A place in a chain of buffers, from which bytes are copied in order.
struct ChainCursor {
    const rte_mbuf* segment = nullptr;
    std::uint32_t offset = 0;

    void copy(std::span<std::uint8_t> into);  // the chain has that many
};

class FragmentQueue {
public:
    // 65,535 bytes over an MTU of 68 make 1,366 fragments; only a packet full of options that each
    // fragment repeats makes more. It would take most of a packet pool, and is dropped.
    static constexpr unsigned kMaxFragments = 1536;

    struct Cut {
        rte_mbuf* packet = nullptr;
        FragmentPlan plan;
        ChainCursor payload;
        Adjacency adjacency;
        api::Counter* hits = nullptr;  // null: a broadcast, which is nobody's adjacency
    };

    FragmentQueue() = default;
    ~FragmentQueue();
    FragmentQueue(const FragmentQueue&) = delete;
    FragmentQueue& operator=(const FragmentQueue&) = delete;

    void put(rte_mbuf* packet) {
        assert(end_ < waiting_.size());
        waiting_[end_++] = packet;
    }
    [[nodiscard]] bool empty() const { return begin_ == end_ && !cut_; }
    // The longest waiting; null: none.
    rte_mbuf* take() {
        if (begin_ == end_) {
            begin_ = end_ = 0;
            return nullptr;
        }
        return waiting_[begin_++];
    }

    // The packet under way, and a buffer for each of its parts.
    std::optional<Cut>& cut() { return cut_; }
    std::span<rte_mbuf*> buffers() { return buffers_; }

private:
    unsigned begin_ = 0;
    unsigned end_ = 0;
    std::array<rte_mbuf*, Graph::kCapacity> waiting_;
    std::optional<Cut> cut_;
    std::array<rte_mbuf*, kMaxFragments> buffers_;
};

}  // namespace godwit::dataplane
