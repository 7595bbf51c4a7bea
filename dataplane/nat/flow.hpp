// What NAT44 knows of a packet, and what it answers with: flows, time, owners, checksum
// differences.
//
// A flow is the five values as they stand in the packet, in host order. An ICMP query has one
// identifier where TCP and UDP have two ports. It takes the place of the port that the translation
// may change: the source port on the way out, the destination port on the way in; the other is 0.
//
// The owner of a flow is the worker that holds its state. It follows from the port that is the same
// for all packets of the flow in that direction, and a worker gives out only outside ports that it
// owns, so both directions meet on it. Ports 2n and 2n+1 have one owner: parity and neighbours
// (RTP and RTCP) can be preserved, and so can the port, with any number of workers.
#pragma once

#include <bit>
#include <chrono>
#include <compare>
#include <cstdint>

#include "net/byte_order.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"
#include "net/siphash.hpp"

namespace godwit::dataplane::nat {

// Coarse and monotonic; whoever calls brings it. Whole seconds are enough for times of minutes, and
// four bytes in a session.
struct Clock {
    using rep = std::uint32_t;
    using period = std::ratio<1>;
    using duration = std::chrono::duration<rep, period>;
    using time_point = std::chrono::time_point<Clock>;
    static constexpr bool is_steady = true;
};
using Seconds = Clock::duration;
using Instant = Clock::time_point;

enum class Direction : std::uint8_t { Outbound, Inbound };  // inside to outside, and back

struct Endpoint {
    net::Ipv4Address address;
    std::uint16_t port = 0;
    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct Flow {
    net::IpProtocol protocol{};
    Endpoint source;
    Endpoint destination;
    friend constexpr auto operator<=>(const Flow&, const Flow&) = default;
};

// The flow of the answer. For an ICMP query the identifier changes its place with it.
[[nodiscard]] constexpr Flow reversed(const Flow& flow) {
    return {flow.protocol, flow.destination, flow.source};
}

struct WorkerPlace {
    unsigned worker = 0;
    unsigned workers = 1;
};

[[nodiscard]] constexpr unsigned owner_of_port(std::uint16_t port, unsigned workers) {
    return (port >> 1U) % workers;
}

// Protocols that are translated by port or identifier; all others by address only.
[[nodiscard]] constexpr bool has_ports(net::IpProtocol protocol) {
    return protocol == net::IpProtocol::Tcp || protocol == net::IpProtocol::Udp ||
           protocol == net::IpProtocol::Icmp;
}

struct PortRange {
    std::uint16_t first = 1024;
    std::uint16_t last = 65535;
    [[nodiscard]] constexpr bool contains(std::uint16_t port) const {
        return port >= first && port <= last;
    }
    [[nodiscard]] constexpr unsigned size() const { return last < first ? 0U : last - first + 1U; }
    friend constexpr bool operator==(const PortRange&, const PortRange&) = default;
};

// What a rewrite adds to a checksum: the folded sum of ~old + new of every word that it changes, as
// the machine loads them (RFC 1624 equation 3; net/checksum.hpp has why no swap is needed).
class ChecksumDifference {
public:
    constexpr ChecksumDifference() = default;
    constexpr explicit ChecksumDifference(std::uint16_t raw) : raw_(raw) {}

    constexpr void change(net::Big16 old_word, net::Big16 new_word) {
        add(static_cast<std::uint16_t>(~std::bit_cast<std::uint16_t>(old_word)));
        add(std::bit_cast<std::uint16_t>(new_word));
    }
    constexpr void change(net::Ipv4Address old_address, net::Ipv4Address new_address) {
        change(half(old_address, 16), half(new_address, 16));
        change(half(old_address, 0), half(new_address, 0));
    }
    constexpr void change_port(std::uint16_t old_port, std::uint16_t new_port) {
        change(net::Big16::from_host(old_port), net::Big16::from_host(new_port));
    }
    // Of the rewrite that undoes this one.
    [[nodiscard]] constexpr ChecksumDifference inverse() const {
        return ChecksumDifference(static_cast<std::uint16_t>(~raw_));
    }
    [[nodiscard]] constexpr std::uint16_t raw() const { return raw_; }

    // A UDP checksum of zero means "none" and must not be passed here; a computed zero goes through
    // net::udp_wire_checksum.
    [[nodiscard]] constexpr net::Big16 applied_to(net::Big16 checksum) const {
        std::uint32_t sum = (~std::uint32_t{std::bit_cast<std::uint16_t>(checksum)} & 0xffffU) +
                            std::uint32_t{raw_};
        sum = (sum >> 16U) + (sum & 0xffffU);
        return std::bit_cast<net::Big16>(static_cast<std::uint16_t>(~sum));
    }

private:
    static constexpr net::Big16 half(net::Ipv4Address address, unsigned shift) {
        return net::Big16::from_host(static_cast<std::uint16_t>(address.value() >> shift));
    }
    constexpr void add(std::uint16_t word) {
        const std::uint32_t sum = std::uint32_t{raw_} + word;
        raw_ = static_cast<std::uint16_t>((sum >> 16U) + (sum & 0xffffU));
    }

    std::uint16_t raw_ = 0;
};

// A keyed hash of two words, for tables that an outsider fills: without the key nobody can aim at
// one bucket. Two folded multiplications, for it is paid for every packet.
[[nodiscard]] constexpr std::uint64_t hash_words(const net::SipKey& key, std::uint64_t first,
                                                 std::uint64_t second) {
    __extension__ using Wide = unsigned __int128;
    const auto fold = [](std::uint64_t a, std::uint64_t b) {
        const Wide product = Wide{a} * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    };
    return fold(fold(first ^ key.low, second ^ key.high) ^ key.high, 0x9e3779b97f4a7c15ULL);
}

[[nodiscard]] constexpr std::uint64_t hash_flow(const net::SipKey& key, Direction direction,
                                                const Flow& flow) {
    return hash_words(
        key, std::uint64_t{flow.source.address.value()} << 32U | flow.destination.address.value(),
        std::uint64_t{flow.source.port} << 48U | std::uint64_t{flow.destination.port} << 32U |
            std::uint64_t{static_cast<std::uint8_t>(flow.protocol)} << 8U |
            std::uint64_t{static_cast<std::uint8_t>(direction)} << 1U | 1U);
}

}  // namespace godwit::dataplane::nat
