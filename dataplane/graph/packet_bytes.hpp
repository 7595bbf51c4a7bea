// The bytes of a packet, as nodes touch them.
//
// A packet may be a chain of buffers (a device that scatters long frames). Headers are read in the
// first buffer only: a frame whose headers do not lie there ends as truncated. Lengths that matter
// to other hosts (total length, what an error quotes, what is punted) count the whole chain.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "net/checksum.hpp"

namespace godwit::dataplane {

// What lies in the first buffer.
inline std::span<std::uint8_t> first_bytes(rte_mbuf* packet) {
    return {rte_pktmbuf_mtod(packet, std::uint8_t*), packet->data_len};
}

// A structure of net/ at `offset`; the caller has checked that first_bytes() reaches behind it.
template <class Layout>
Layout& layout_at(rte_mbuf* packet, std::size_t offset = 0) {
    static_assert(alignof(Layout) == 1);
    return *rte_pktmbuf_mtod_offset(packet, Layout*, offset);
}

// Cuts the end off; `length` is not above the packet's.
void trim_to(rte_mbuf* packet, std::uint32_t length);

// Adds `length` bytes from `offset` on, over all buffers; the packet is at least that long.
void add_bytes(net::ChecksumSum& sum, const rte_mbuf* packet, std::uint32_t offset,
               std::uint32_t length);

// Copies the first `into.size()` bytes of the packet, which is at least that long.
void copy_bytes(const rte_mbuf* packet, std::span<std::uint8_t> into);

}  // namespace godwit::dataplane
