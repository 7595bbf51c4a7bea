// A packet in the test's own memory: an mbuf, its private area and its data, as a pool would lay
// them out. It has no pool, so it must not be freed.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "dataplane/graph/packet.hpp"

namespace godwit::test {

template <std::size_t kBytes>
struct alignas(64) LoosePacket {
    rte_mbuf packet{};
    std::array<std::uint8_t, dataplane::kPacketPrivateBytes> private_area{};
    std::array<std::uint8_t, kBytes> data{};

    explicit LoosePacket(std::span<const std::uint8_t> bytes) {
        packet.buf_addr = data.data();
        packet.buf_len = static_cast<std::uint16_t>(data.size());
        packet.priv_size = dataplane::kPacketPrivateBytes;
        packet.nb_segs = 1;
        packet.data_len = static_cast<std::uint16_t>(bytes.size());
        packet.pkt_len = packet.data_len;
        std::copy(bytes.begin(), bytes.end(), data.begin());
        dataplane::reset_meta(&packet);
    }
    LoosePacket(const LoosePacket&) = delete;
    LoosePacket& operator=(const LoosePacket&) = delete;
};

}  // namespace godwit::test
