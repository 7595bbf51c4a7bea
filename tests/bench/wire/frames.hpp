// The frames that the wire's generator sends, and what it asks of those that come back.
//
// Every frame is the shortest one of Ethernet (60 bytes before the FCS): Ethernet, IPv4, UDP
// without a checksum, and eight bytes of payload that the check goes by: a mark, and the frame's
// place in the sequence of destinations. A prepared frame is written once; sending it again to
// another destination writes the destination, the header checksum and the place, ten bytes in one
// cache line. The checksum comes from the sum of everything but the destination, made once.
//
// A forwarder is right when the frame came back with the Ethernet header that the case expects, the
// hops that are left, a valid header checksum, and the destination that its place names. Frames
// without the mark are somebody else's (an ARP request) and no fault.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/byte_order.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

namespace godwit::bench::wire {

constexpr std::size_t kFrameBytes = 60;
constexpr std::uint8_t kTtlSent = 64;

// Where the parts stand.
constexpr std::size_t kIpv4At = 14;
constexpr std::size_t kTtlAt = kIpv4At + 8;
constexpr std::size_t kChecksumAt = kIpv4At + 10;
constexpr std::size_t kDestinationAt = kIpv4At + 16;
constexpr std::size_t kMarkAt = kIpv4At + 20 + 8;
constexpr std::size_t kPlaceAt = kMarkAt + 4;

class PreparedFrame {
public:
    PreparedFrame(net::MacAddress to, net::MacAddress from, net::Ipv4Address source);

    // The whole frame, without destination, place and checksum.
    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

    // Completes a frame that bytes() was copied to.
    void aim(std::uint8_t* frame, std::uint32_t destination, std::uint32_t place) const {
        const auto wire = net::Big32::from_host(destination);
        std::uint32_t sum = sum_ + (destination >> 16U) + (destination & 0xffffU);
        sum = (sum >> 16U) + (sum & 0xffffU);
        sum = (sum >> 16U) + (sum & 0xffffU);
        const auto checksum = net::Big16::from_host(static_cast<std::uint16_t>(~sum));
        std::memcpy(frame + kDestinationAt, &wire, sizeof(wire));
        std::memcpy(frame + kChecksumAt, &checksum, sizeof(checksum));
        std::memcpy(frame + kPlaceAt, &place, sizeof(place));
    }

private:
    std::array<std::uint8_t, kFrameBytes> bytes_{};
    std::uint32_t sum_ = 0;  // of the IPv4 header with destination and checksum zero, host order
};

struct Expectation {
    net::MacAddress to;
    net::MacAddress from;
    std::uint8_t ttl = kTtlSent;
};

enum class Fault : std::uint8_t {
    None,
    Foreign,  // without the mark
    Ethernet,
    Ttl,
    Checksum,
    Destination,
};

Fault check_frame(std::span<const std::uint8_t> frame, const Expectation& expected,
                  std::span<const std::uint32_t> destinations);

// For a person: what was expected, and what the frame has instead.
std::string describe(Fault fault, std::span<const std::uint8_t> frame, const Expectation& expected,
                     std::span<const std::uint32_t> destinations);

}  // namespace godwit::bench::wire
