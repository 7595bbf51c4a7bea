// How much of the packet pool is out: in devices' rings, on workers, held for neighbours, in
// reassembly. A pool that runs dry is the last sign of a leak or of a limit that is too large, so
// the most that was ever out is kept beside what is out now.
//
// The owner looks whenever it polls the links: a peak shorter than that interval may be missed.
// Buffers in the caches of lcores count as free, and those of other threads move while they are
// counted, so a figure may be a burst off.
#pragma once

#include <rte_mempool.h>

#include <algorithm>
#include <cstdint>

namespace godwit::dataplane {

class PacketBuffers {
public:
    explicit PacketBuffers(const rte_mempool& pool) : pool_(pool) {}

    void look() { most_used_ = std::max(most_used_, used()); }

    [[nodiscard]] std::uint32_t used() const { return rte_mempool_in_use_count(&pool_); }
    [[nodiscard]] std::uint32_t capacity() const { return pool_.size; }
    [[nodiscard]] std::uint32_t most_used() const { return std::max(most_used_, used()); }

private:
    const rte_mempool& pool_;
    std::uint32_t most_used_ = 0;
};

}  // namespace godwit::dataplane
