// The frames that a bench offers: a prepared sequence of destinations and sizes, written into
// buffers again and again, outside of what is timed.
//
// A frame is Ethernet, IPv4 without options, UDP; TTL 64. The UDP payload begins with the frame's
// place in the sequence, so that whoever gets it back knows what it should have become. Sizes are
// those of the wire: 64 means 60 bytes in the buffer, because a device takes the frame check
// sequence away.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

struct rte_mbuf;

namespace godwit::bench {

constexpr unsigned kSmallestFrame = 64;
constexpr unsigned kLargestFrame = 1518;
constexpr unsigned kFrameCheckBytes = 4;

struct FlowOfFrame {
    std::uint32_t source = 0;  // host order, as the ports
    std::uint32_t destination = 0;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
};

struct FrameSequence {
    net::MacAddress to;    // the router's
    net::MacAddress from;  // any neighbour's
    net::Ipv4Address source;
    std::vector<std::uint32_t> destinations;  // host order; the frame at place i goes to i modulo
                                              // their number
    std::vector<std::uint16_t> sizes;         // on the wire, likewise
    // In place of `source` and `destinations`, where there are any; with a UDP checksum, which
    // nobody on the way looks at.
    std::vector<FlowOfFrame> flows = {};
};

// 64, 594 and 1518 bytes in the proportion 7:4:1, in an order from the seed.
std::vector<std::uint16_t> imix_sizes(std::uint64_t seed);

class FrameWriter {
public:
    explicit FrameWriter(FrameSequence sequence);

    // The next frame of the sequence, whatever the buffer held before.
    void write_next(rte_mbuf* packet);
    // Where in the sequence a frame came from that was written here; its data begins at the
    // Ethernet header.
    static std::uint32_t place_of(const rte_mbuf* packet);
    [[nodiscard]] const FrameSequence& sequence() const { return sequence_; }

private:
    void write_addresses(std::uint8_t* frame, std::uint32_t length) const;

    FrameSequence sequence_;
    std::vector<std::uint8_t> template_;  // of the headers; destination, length, checksum are 0
    std::uint32_t header_sum_ = 0;        // of the template's IPv4 header, not folded
    std::uint32_t place_ = 0;
    std::uint32_t size_place_ = 0;
};

}  // namespace godwit::bench
