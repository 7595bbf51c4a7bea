// One worker's traffic: a rotation of buffers that are filled from a sequence of frames, put into
// the worker's ring, taken from where it sent them, and filled again.
//
// The rotation is larger than the first-level cache, so that a worker finds its packets where a
// device would have put them and not where the bench has just been. A lane is used by one thread,
// the one that steps the worker.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tests/bench/router/router.hpp"
#include "tests/bench/traffic/frames.hpp"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace godwit::bench {

constexpr unsigned kBuffersInRotation = 2048;

class Lane {
public:
    // Throws when the pool has too few buffers.
    Lane(Router& router, unsigned worker, rte_mempool* pool, FrameSequence sequence,
         unsigned buffers = kBuffersInRotation);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    // Offers the next `count` frames; how many the ring took (all, unless it was not emptied).
    unsigned offer(unsigned count);
    // What was sent since, at most `kCollectAtMost`; valid until the next call.
    static constexpr unsigned kCollectAtMost = 512;
    std::span<rte_mbuf* const> collect();
    // Buffers come back to the rotation, and are filled again when their turn has come.
    void give_back(std::span<rte_mbuf* const> packets);

    [[nodiscard]] unsigned buffers_ready() const { return ready_; }

private:
    rte_ring* to_router_;
    rte_ring* from_router_;
    FrameWriter writer_;
    std::vector<rte_mbuf*> rotation_;  // a circle: `ready_` buffers from `head_` on
    unsigned head_ = 0;
    unsigned ready_ = 0;
    std::vector<rte_mbuf*> collected_;
};

}  // namespace godwit::bench
