// The IPv4 header (RFC 791 3.1).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-------+-------+---------------+-------------------------------+
//  |Version|  IHL  |Type of service|         Total length          |
//  +-------+-------+---------------+-----+-------------------------+
//  |        Identification         |Flags|     Fragment offset     |
//  +---------------+---------------+-----+-------------------------+
//  | Time to live  |   Protocol    |        Header checksum        |
//  +---------------+---------------+-------------------------------+
//  |                        Source address                         |
//  +---------------------------------------------------------------+
//  |                     Destination address                       |
//  +---------------------------------------------------------------+
//  |                    Options and padding ...                    |
//  +---------------------------------------------------------------+
//
// parse() is the structure part of the checks of RFC 1812 5.2.2: enough bytes, version 4, a header
// length of at least 20, a total length that holds the header and lies within the input, options
// that lie within the header. The checksum is asked for apart (`has_valid_checksum`), because a
// device may have looked at it already; addresses are judged by whoever routes or delivers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/byte_writer.hpp"
#include "net/checksum.hpp"
#include "net/decode_error.hpp"
#include "net/header_options.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::net {

constexpr std::size_t kIpv4MinHeaderBytes = 20;
constexpr std::size_t kIpv4MaxHeaderBytes = kIpv4MinHeaderBytes + kMaxOptionBytes;
constexpr std::size_t kIpv4MaxTotalBytes = 65535;
constexpr std::uint8_t kIpv4DefaultTtlHops = 64;  // IANA "IP Parameters"; RFC 1700

// The flags and the offset share one field.
constexpr std::uint16_t kIpv4ReservedFlag = 0x8000;
constexpr std::uint16_t kIpv4DontFragment = 0x4000;
constexpr std::uint16_t kIpv4MoreFragments = 0x2000;
constexpr std::uint16_t kIpv4OffsetMask = 0x1fff;  // in units of 8 bytes

// Option kinds, copy flag included (RFC 791 3.1, RFC 2113). Open.
enum class Ipv4OptionKind : std::uint8_t {
    End = 0,
    NoOperation = 1,
    RecordRoute = 7,
    Timestamp = 68,
    LooseSourceRoute = 131,
    StrictSourceRoute = 137,
    RouterAlert = 148,
};

namespace wire {

struct Ipv4Layout {
    std::uint8_t version_ihl;
    std::uint8_t type_of_service;
    Big16 total_length;
    Big16 identification;
    Big16 fragment;  // flags and offset
    std::uint8_t ttl;
    std::uint8_t protocol;
    Big16 checksum;
    Big32 source;
    Big32 destination;
};
static_assert(sizeof(Ipv4Layout) == kIpv4MinHeaderBytes && alignof(Ipv4Layout) == 1);

}  // namespace wire

struct Ipv4Header {
    std::uint8_t type_of_service = 0;  // DSCP and ECN (RFC 2474, RFC 3168)
    std::uint16_t payload_bytes = 0;   // behind the header; at most 65535 less the header
    std::uint16_t identification = 0;
    bool dont_fragment = false;
    bool more_fragments = false;
    std::uint16_t fragment_units = 0;  // offset of the payload in units of 8 bytes, below 8192
    std::uint8_t ttl_hops = kIpv4DefaultTtlHops;
    IpProtocol protocol{};
    Ipv4Address source{};
    Ipv4Address destination{};
    HeaderOptions options{};

    [[nodiscard]] std::size_t encoded_size() const { return kIpv4MinHeaderBytes + options.size(); }
    // The header with its checksum; the payload is the caller's. Fails the writer when the total
    // length or the fragment offset does not fit its field.
    void encode(ByteWriter& writer) const;
    friend bool operator==(const Ipv4Header&, const Ipv4Header&) = default;
};

namespace wire {

class Ipv4View {
public:
    // `bytes` begin at the header; what follows the total length is link padding, and ignored.
    static Result<Ipv4View, DecodeError> parse(std::span<const std::uint8_t> bytes);
    // For the packet that an ICMP error quotes: it may end before its total length says, but never
    // inside its header.
    static Result<Ipv4View, DecodeError> parse_quoted(std::span<const std::uint8_t> bytes);

    [[nodiscard]] std::size_t header_bytes() const { return (layout().version_ihl & 0xfU) * 4U; }
    [[nodiscard]] std::uint8_t type_of_service() const { return layout().type_of_service; }
    [[nodiscard]] std::uint16_t total_bytes() const { return layout().total_length.host(); }
    [[nodiscard]] std::uint16_t identification() const { return layout().identification.host(); }
    [[nodiscard]] bool dont_fragment() const {
        return (layout().fragment.host() & kIpv4DontFragment) != 0;
    }
    [[nodiscard]] bool more_fragments() const {
        return (layout().fragment.host() & kIpv4MoreFragments) != 0;
    }
    [[nodiscard]] std::uint16_t fragment_units() const {
        return static_cast<std::uint16_t>(layout().fragment.host() & kIpv4OffsetMask);
    }
    [[nodiscard]] bool is_fragment() const { return more_fragments() || fragment_units() != 0; }
    [[nodiscard]] std::uint8_t ttl_hops() const { return layout().ttl; }
    [[nodiscard]] IpProtocol protocol() const { return IpProtocol{layout().protocol}; }
    [[nodiscard]] Big16 checksum() const { return layout().checksum; }
    [[nodiscard]] Ipv4Address source() const { return Ipv4Address::from_wire(layout().source); }
    [[nodiscard]] Ipv4Address destination() const {
        return Ipv4Address::from_wire(layout().destination);
    }
    [[nodiscard]] std::span<const std::uint8_t> options() const {
        return packet_.first(header_bytes()).subspan(kIpv4MinHeaderBytes);
    }
    // Up to the total length, or (quoted) to the end of what there is.
    [[nodiscard]] std::span<const std::uint8_t> payload() const {
        return packet_.subspan(header_bytes());
    }
    // Header and payload, without link padding.
    [[nodiscard]] std::span<const std::uint8_t> packet() const { return packet_; }
    [[nodiscard]] bool has_valid_checksum() const {
        return net::has_valid_checksum(packet_.first(header_bytes()));
    }
    [[nodiscard]] Ipv4Header header() const;

private:
    explicit Ipv4View(std::span<const std::uint8_t> packet) : packet_(packet) {}
    static Result<Ipv4View, DecodeError> parse_header(std::span<const std::uint8_t> bytes);
    [[nodiscard]] const Ipv4Layout& layout() const {
        return *reinterpret_cast<const Ipv4Layout*>(packet_.data());
    }
    std::span<const std::uint8_t> packet_;
};

}  // namespace wire
}  // namespace godwit::net
