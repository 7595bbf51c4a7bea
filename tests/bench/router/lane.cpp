#include "tests/bench/router/lane.hpp"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace godwit::bench {

Lane::Lane(Router& router, unsigned worker, rte_mempool* pool, FrameSequence sequence,
           unsigned buffers)
    : to_router_(router.west(worker).to_port(0)),
      from_router_(router.east().from_port(static_cast<std::uint16_t>(worker))),
      writer_(std::move(sequence)),
      rotation_(buffers),
      collected_(kCollectAtMost) {
    if (rte_pktmbuf_alloc_bulk(pool, rotation_.data(), buffers) != 0) {
        throw std::runtime_error("the packet pool has too few buffers for a lane");
    }
    ready_ = buffers;
    for (rte_mbuf* packet : rotation_) {
        writer_.write_next(packet);
    }
}

Lane::~Lane() {
    for (std::span<rte_mbuf* const> left = collect(); !left.empty(); left = collect()) {
        give_back(left);
    }
    for (unsigned i = 0; i < ready_; ++i) {
        rte_pktmbuf_free(rotation_[(head_ + i) % rotation_.size()]);
    }
}

unsigned Lane::offer(unsigned count) {
    const auto size = static_cast<unsigned>(rotation_.size());
    unsigned offered = 0;
    count = std::min(count, ready_);
    while (offered < count) {
        const unsigned run = std::min(count - offered, size - head_);
        const unsigned taken = rte_ring_enqueue_burst(
            to_router_, reinterpret_cast<void**>(&rotation_[head_]), run, nullptr);
        head_ = (head_ + taken) % size;
        ready_ -= taken;
        offered += taken;
        if (taken < run) {
            break;
        }
    }
    return offered;
}

std::span<rte_mbuf* const> Lane::collect() {
    const unsigned count = rte_ring_dequeue_burst(
        from_router_, reinterpret_cast<void**>(collected_.data()), kCollectAtMost, nullptr);
    return std::span(collected_).first(count);
}

void Lane::give_back(std::span<rte_mbuf* const> packets) {
    const auto size = static_cast<unsigned>(rotation_.size());
    for (rte_mbuf* packet : packets) {
        writer_.write_next(packet);
        rotation_[(head_ + ready_) % size] = packet;
        ++ready_;
    }
}

}  // namespace godwit::bench
