#include "tests/bench/wire/frames.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/checksum.hpp"

namespace godwit::bench::wire {
namespace {

constexpr std::array<std::uint8_t, 4> kMark{'G', 'w', 'i', 't'};
constexpr std::uint16_t kUdpPort = 9;  // discard (RFC 863): who receives it answers nothing

void write16(std::uint8_t* at, std::uint16_t value) {
    const auto wire = net::Big16::from_host(value);
    std::memcpy(at, &wire, sizeof(wire));
}

std::uint16_t read16(const std::uint8_t* at) {
    net::Big16 wire;
    std::memcpy(&wire, at, sizeof(wire));
    return wire.host();
}

net::MacAddress read_mac(const std::uint8_t* at) {
    net::MacAddress::Bytes bytes{};
    std::copy_n(at, bytes.size(), bytes.begin());
    return net::MacAddress(bytes);
}

net::Ipv4Address read_destination(std::span<const std::uint8_t> frame) {
    net::Big32 wire;
    std::memcpy(&wire, frame.data() + kDestinationAt, sizeof(wire));
    return net::Ipv4Address::from_wire(wire);
}

std::uint32_t read_place(std::span<const std::uint8_t> frame) {
    std::uint32_t place = 0;
    std::memcpy(&place, frame.data() + kPlaceAt, sizeof(place));
    return place;
}

}  // namespace

PreparedFrame::PreparedFrame(net::MacAddress to, net::MacAddress from, net::Ipv4Address source) {
    std::uint8_t* const frame = bytes_.data();
    std::copy_n(to.bytes().begin(), 6, frame);
    std::copy_n(from.bytes().begin(), 6, frame + 6);
    write16(frame + 12, 0x0800);
    std::uint8_t* const ip = frame + kIpv4At;
    ip[0] = 0x45;
    write16(ip + 2, kFrameBytes - kIpv4At);
    ip[8] = kTtlSent;
    ip[9] = 17;
    const net::Big32 from_address = source.to_wire();
    std::memcpy(ip + 12, &from_address, sizeof(from_address));
    std::uint8_t* const udp = ip + 20;
    write16(udp, kUdpPort);
    write16(udp + 2, kUdpPort);
    write16(udp + 4, kFrameBytes - kIpv4At - 20);
    std::copy(kMark.begin(), kMark.end(), frame + kMarkAt);
    for (std::size_t at = 0; at < 20; at += 2) {
        sum_ += read16(ip + at);
    }
}

Fault check_frame(std::span<const std::uint8_t> frame, const Expectation& expected,
                  std::span<const std::uint32_t> destinations) {
    if (frame.size() < kFrameBytes ||
        !std::equal(kMark.begin(), kMark.end(), frame.begin() + kMarkAt)) {
        return Fault::Foreign;
    }
    if (read_mac(frame.data()) != expected.to || read_mac(frame.data() + 6) != expected.from) {
        return Fault::Ethernet;
    }
    if (frame[kTtlAt] != expected.ttl) {
        return Fault::Ttl;
    }
    if (!net::has_valid_checksum(frame.subspan(kIpv4At, 20))) {
        return Fault::Checksum;
    }
    const std::uint32_t place = read_place(frame);
    if (place >= destinations.size() ||
        read_destination(frame) != net::Ipv4Address(destinations[place])) {
        return Fault::Destination;
    }
    return Fault::None;
}

std::string describe(Fault fault, std::span<const std::uint8_t> frame, const Expectation& expected,
                     std::span<const std::uint32_t> destinations) {
    switch (fault) {
        case Fault::None:
            return "the frame is as expected";
        case Fault::Foreign:
            return "the frame is not the generator's";
        case Fault::Ethernet:
            return fmt::format("the frame goes from {} to {}, expected from {} to {}",
                               read_mac(frame.data() + 6).to_string(),
                               read_mac(frame.data()).to_string(), expected.from.to_string(),
                               expected.to.to_string());
        case Fault::Ttl:
            return fmt::format("the frame has a TTL of {}, expected {}", frame[kTtlAt],
                               expected.ttl);
        case Fault::Checksum:
            return fmt::format("the frame's IPv4 header checksum {:#06x} is wrong",
                               read16(frame.data() + kChecksumAt));
        case Fault::Destination: {
            const std::uint32_t place = read_place(frame);
            const std::string sent_to = place < destinations.size()
                                            ? net::Ipv4Address(destinations[place]).to_string()
                                            : std::string("nowhere");
            return fmt::format("frame {} of the sequence came back with destination {}, sent to {}",
                               place, read_destination(frame).to_string(), sent_to);
        }
    }
    return {};
}

}  // namespace godwit::bench::wire
