#include "dataplane/graph/packet_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace godwit::dataplane {

void trim_to(rte_mbuf* packet, std::uint32_t length) {
    std::uint32_t left = length;
    rte_mbuf* segment = packet;
    std::uint16_t kept = 1;
    while (left > segment->data_len && segment->next != nullptr) {
        left -= segment->data_len;
        segment = segment->next;
        ++kept;
    }
    segment->data_len =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(left, segment->data_len));
    for (rte_mbuf* cut = segment->next; cut != nullptr;) {
        rte_mbuf* following = cut->next;
        rte_pktmbuf_free_seg(cut);
        cut = following;
    }
    segment->next = nullptr;
    packet->nb_segs = kept;
    packet->pkt_len = length;
}

void add_bytes(net::ChecksumSum& sum, const rte_mbuf* packet, std::uint32_t offset,
               std::uint32_t length) {
    for (const rte_mbuf* segment = packet; segment != nullptr && length > 0;
         segment = segment->next) {
        if (offset >= segment->data_len) {
            offset -= segment->data_len;
            continue;
        }
        const std::uint32_t part = std::min<std::uint32_t>(length, segment->data_len - offset);
        sum.add({rte_pktmbuf_mtod_offset(segment, const std::uint8_t*, offset), part});
        length -= part;
        offset = 0;
    }
}

void copy_bytes(const rte_mbuf* packet, std::span<std::uint8_t> into) {
    for (const rte_mbuf* segment = packet; segment != nullptr && !into.empty();
         segment = segment->next) {
        const std::size_t part = std::min<std::size_t>(into.size(), segment->data_len);
        std::memcpy(into.data(), rte_pktmbuf_mtod(segment, const std::uint8_t*), part);
        into = into.subspan(part);
    }
}

}  // namespace godwit::dataplane
