#include "tests/bench/traffic/frames.hpp"

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <utility>

#include "dataplane/graph/packet.hpp"
#include "net/byte_order.hpp"

namespace godwit::bench {

namespace {

constexpr std::size_t kEthernetBytes = 14;
constexpr std::size_t kIpv4Bytes = 20;
constexpr std::size_t kUdpBytes = 8;
constexpr std::size_t kHeaderBytes = kEthernetBytes + kIpv4Bytes + kUdpBytes;
constexpr std::size_t kPlaceBytes = sizeof(std::uint32_t);
constexpr std::size_t kLengthAt = kEthernetBytes + 2;
constexpr std::size_t kChecksumAt = kEthernetBytes + 10;
constexpr std::size_t kSourceAt = kEthernetBytes + 12;
constexpr std::size_t kDestinationAt = kEthernetBytes + 16;
constexpr std::size_t kPortsAt = kEthernetBytes + kIpv4Bytes;
constexpr std::size_t kUdpLengthAt = kEthernetBytes + kIpv4Bytes + 4;
static_assert(kHeaderBytes + kPlaceBytes <= kSmallestFrame - kFrameCheckBytes);

void put16(std::uint8_t* at, std::uint32_t value) {
    const rte_be16_t wire = rte_cpu_to_be_16(static_cast<std::uint16_t>(value));
    std::memcpy(at, &wire, sizeof wire);
}

void put32(std::uint8_t* at, std::uint32_t value) {
    const rte_be32_t wire = rte_cpu_to_be_32(value);
    std::memcpy(at, &wire, sizeof wire);
}

}  // namespace

std::vector<std::uint16_t> imix_sizes(std::uint64_t seed) {
    constexpr std::array<std::uint16_t, 12> kMix{64, 64,  64,  64,  64,  64,
                                                 64, 594, 594, 594, 594, 1518};
    std::mt19937_64 random(seed);
    std::vector<std::uint16_t> sizes;
    for (int i = 0; i < 1024; ++i) {
        auto mix = kMix;
        std::shuffle(mix.begin(), mix.end(), random);
        sizes.insert(sizes.end(), mix.begin(), mix.end());
    }
    return sizes;
}

FrameWriter::FrameWriter(FrameSequence sequence) : sequence_(std::move(sequence)) {
    template_.assign(kHeaderBytes, 0);
    std::uint8_t* const ethernet = template_.data();
    std::memcpy(ethernet, sequence_.to.bytes().data(), 6);
    std::memcpy(ethernet + 6, sequence_.from.bytes().data(), 6);
    put16(ethernet + 12, 0x0800);
    std::uint8_t* const ipv4 = ethernet + kEthernetBytes;
    ipv4[0] = 0x45;
    ipv4[8] = 64;  // TTL
    ipv4[9] = 17;  // UDP
    if (sequence_.flows.empty()) {
        put32(ipv4 + 12, sequence_.source.value());
    }
    put16(ipv4 + kIpv4Bytes, 40'000);
    put16(ipv4 + kIpv4Bytes + 2, 9);
    for (std::size_t i = 0; i < kIpv4Bytes; i += 2) {
        header_sum_ += std::uint32_t{ipv4[i]} << 8 | ipv4[i + 1];
    }
}

// Source, destination, ports, and the checksum of the header that has them.
void FrameWriter::write_addresses(std::uint8_t* frame, std::uint32_t length) const {
    FlowOfFrame flow;
    std::uint32_t sum = header_sum_ + length;
    if (sequence_.flows.empty()) {
        flow.destination = sequence_.destinations[place_];
    } else {
        constexpr std::uint32_t kSomeChecksum = 0x1234;
        flow = sequence_.flows[place_];
        put32(frame + kSourceAt, flow.source);
        put16(frame + kPortsAt, flow.source_port);
        put16(frame + kPortsAt + 2, flow.destination_port);
        put16(frame + kUdpLengthAt + 2, kSomeChecksum);
    }
    for (const std::uint32_t address : {flow.source, flow.destination}) {
        sum += (address >> 16) + (address & 0xffffU);
    }
    sum = (sum >> 16) + (sum & 0xffffU);
    sum += sum >> 16;
    put16(frame + kChecksumAt, ~sum & 0xffffU);
    put32(frame + kDestinationAt, flow.destination);
}

void FrameWriter::write_next(rte_mbuf* packet) {
    const auto bytes = static_cast<std::uint16_t>(sequence_.sizes[size_place_] - kFrameCheckBytes);
    rte_pktmbuf_reset(packet);
    packet->data_len = bytes;
    packet->pkt_len = bytes;
    auto* const frame = rte_pktmbuf_mtod(packet, std::uint8_t*);
    std::memcpy(frame, template_.data(), kHeaderBytes);
    const std::uint32_t length = bytes - static_cast<std::uint32_t>(kEthernetBytes);
    put16(frame + kLengthAt, length);
    write_addresses(frame, length);
    put16(frame + kUdpLengthAt, length - static_cast<std::uint32_t>(kIpv4Bytes));
    std::memcpy(frame + kHeaderBytes, &place_, kPlaceBytes);
    const std::size_t places = std::max(sequence_.destinations.size(), sequence_.flows.size());
    place_ = place_ + 1 == places ? 0 : place_ + 1;
    size_place_ = size_place_ + 1 == sequence_.sizes.size() ? 0 : size_place_ + 1;
}

std::uint32_t FrameWriter::place_of(const rte_mbuf* packet) {
    std::uint32_t place = 0;
    std::memcpy(&place, rte_pktmbuf_mtod_offset(packet, const std::uint8_t*, kHeaderBytes),
                kPlaceBytes);
    return place;
}

}  // namespace godwit::bench
