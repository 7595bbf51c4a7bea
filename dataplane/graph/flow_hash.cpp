#include "dataplane/graph/flow_hash.hpp"

#include <cstring>

#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

// The finaliser of MurmurHash3: every bit of the input moves every bit of the output.
constexpr std::uint64_t mix(std::uint64_t value) {
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdULL;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ULL;
    value ^= value >> 33;
    return value;
}

constexpr bool has_ports(std::uint8_t protocol) {
    constexpr std::uint8_t kDccp = 33;
    constexpr std::uint8_t kSctp = 132;
    constexpr std::uint8_t kUdpLite = 136;
    return protocol == static_cast<std::uint8_t>(net::IpProtocol::Tcp) ||
           protocol == static_cast<std::uint8_t>(net::IpProtocol::Udp) || protocol == kDccp ||
           protocol == kSctp || protocol == kUdpLite;
}

}  // namespace

std::uint32_t flow_hash(std::span<const std::uint8_t> packet) {
    net::wire::Ipv4Layout header;
    if (packet.size() < sizeof header) {
        return 0;
    }
    std::memcpy(&header, packet.data(), sizeof header);
    const std::size_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    const std::uint16_t fragment = header.fragment.host();
    const bool is_fragment = (fragment & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0;

    std::uint32_t ports = 0;
    if (!is_fragment && has_ports(header.protocol) && header_bytes >= sizeof header &&
        packet.size() >= header_bytes + sizeof ports) {
        std::memcpy(&ports, packet.data() + header_bytes, sizeof ports);
    }
    const std::uint64_t addresses =
        std::uint64_t{header.source.host()} << 32 | header.destination.host();
    const std::uint64_t hash = mix(addresses ^ mix(std::uint64_t{ports} << 8 | header.protocol));
    const auto folded = static_cast<std::uint32_t>(hash >> 32 ^ hash);
    return folded == 0 ? 1 : folded;
}

}  // namespace godwit::dataplane
