// Where a node leaves packets that go out of the graph: to a device, to another worker, to the
// table owner. The worker empties it: after a walk when a device's burst has come together, else at
// the end of its loop.
//
// It cannot overflow: the worker leaves less than a device's burst in it before it begins a walk,
// and a walk moves at most Graph::kCapacity packets.
#pragma once

#include <array>
#include <cassert>
#include <cstring>
#include <span>

#include "dataplane/graph/graph.hpp"

namespace godwit::dataplane {

class Outbox {
public:
    static constexpr unsigned kCapacity = Graph::kCapacity + kDeviceBurst;

    // True: it was empty before.
    bool put(rte_mbuf* packet) {
        assert(count_ < kCapacity);
        packets_[count_] = packet;
        return count_++ == 0;
    }
    bool put(std::span<rte_mbuf* const> packets) {
        assert(count_ + packets.size() <= kCapacity);
        std::memcpy(&packets_[count_], packets.data(), packets.size_bytes());
        const bool was_empty = count_ == 0;
        count_ += static_cast<unsigned>(packets.size());
        return was_empty;
    }
    [[nodiscard]] bool has_burst() const { return count_ >= kDeviceBurst; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    // Everything, which the caller must dispose of before the next put().
    std::span<rte_mbuf*> take() {
        const unsigned count = count_;
        count_ = 0;
        return {packets_.data(), count};
    }

private:
    unsigned count_ = 0;
    std::array<rte_mbuf*, kCapacity> packets_;
};

}  // namespace godwit::dataplane
