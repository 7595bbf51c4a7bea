// How a packet that is longer than the next hop's MTU is cut: where, and the header of each part.
// Pure: bytes of a header in, bytes of headers out.
//
// There are as few fragments as there can be (RFC 1812 4.2.2.7), in order, and of nearly equal
// size. Full ones with a small rest would be as many here, but a link further on that is a little
// narrower would cut each full one again; equal parts pass it. Every part but the last is a
// multiple of 8 bytes (RFC 791 2.3).
//
// Options stand in the first fragment as they are; in the others only those whose copy bit says so,
// without what stood between them, padded to a multiple of 4 (RFC 791 3.1). What is cut may be a
// fragment itself: offsets count on from its own, and its own "more fragments" stays that of its
// last part (RFC 791 3.2). The reserved flag is each part's as it was the packet's (RFC
// 1812 5.2.5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "net/ipv4.hpp"

namespace godwit::dataplane {

class FragmentPlan {
public:
    struct Part {
        std::uint16_t header_bytes = 0;
        std::uint16_t payload_bytes = 0;
    };

    // `header`: a valid IPv4 header with its options, its total length true and above the MTU.
    // Nothing for a fragment that lies beyond the end of any datagram, since no offset says where
    // its parts would begin; and for an MTU without room for the header and 8 bytes behind it,
    // which is below the 68 bytes of RFC 791 3.2.
    static std::optional<FragmentPlan> make(std::span<const std::uint8_t> header,
                                            std::uint16_t mtu_bytes);

    [[nodiscard]] unsigned count() const { return count_; }  // of all parts
    [[nodiscard]] unsigned left() const { return left_; }

    // Of the next part; its header is written into `into`, checksum and all. Only while left() > 0.
    Part next(std::span<std::uint8_t, net::kIpv4MaxHeaderBytes> into);

private:
    struct Header {
        std::array<std::uint8_t, net::kIpv4MaxHeaderBytes> bytes{};
        std::uint16_t size = 0;
    };
    FragmentPlan() = default;
    [[nodiscard]] std::uint32_t room(const Header& header) const {
        return (mtu_bytes_ - std::uint32_t{header.size}) & ~7U;
    }

    Header first_;
    Header later_;
    std::uint32_t payload_bytes_ = 0;  // of the whole packet
    std::uint32_t done_bytes_ = 0;
    std::uint16_t fragment_units_ = 0;  // where the packet itself begins in its datagram
    std::uint16_t mtu_bytes_ = 0;
    std::uint16_t reserved_flag_ = 0;  // of the packet itself, as it is in the field
    bool more_fragments_ = false;      // of the packet itself
    unsigned count_ = 0;
    unsigned left_ = 0;
};

}  // namespace godwit::dataplane
