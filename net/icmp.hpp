// ICMP messages (RFC 792, RFC 1191, RFC 1812 4.3).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +---------------+---------------+-------------------------------+
//  |     Type      |     Code      |           Checksum            |
//  +---------------+---------------+-------------------------------+
//  |   Rest of header: identifier and sequence (echo), pointer     |
//  |   (parameter problem), 0 and next-hop MTU (fragmentation      |
//  |   needed), gateway (redirect), else unused                    |
//  +---------------------------------------------------------------+
//  |   Body: echo data, or the packet that the error is about      |
//  +---------------------------------------------------------------+
//
// An IcmpMessage is the eight bytes of the head as a value; the body is bytes of the caller, since
// an echo's data or a quoted packet is passed on, never interpreted here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/byte_writer.hpp"
#include "net/checksum.hpp"
#include "net/decode_error.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::net {

// Open: every other value is kept as it came.
enum class IcmpType : std::uint8_t {
    EchoReply = 0,
    DestinationUnreachable = 3,
    SourceQuench = 4,  // neither sent nor acted upon (RFC 6633)
    Redirect = 5,
    Echo = 8,
    RouterAdvertisement = 9,
    RouterSolicitation = 10,
    TimeExceeded = 11,
    ParameterProblem = 12,
    Timestamp = 13,
    TimestampReply = 14,
};

// Codes of DestinationUnreachable (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1).
enum class UnreachableCode : std::uint8_t {
    Network = 0,
    Host = 1,
    Protocol = 2,
    Port = 3,
    FragmentationNeeded = 4,
    SourceRouteFailed = 5,
    NetworkUnknown = 6,
    HostUnknown = 7,
    NetworkProhibited = 9,
    HostProhibited = 10,
    NetworkForService = 11,
    HostForService = 12,
    Prohibited = 13,  // by a filter
    HostPrecedence = 14,
    PrecedenceCutoff = 15,
};

enum class TimeExceededCode : std::uint8_t { Transit = 0, Reassembly = 1 };

enum class RedirectCode : std::uint8_t {
    Network = 0,
    Host = 1,
    NetworkForService = 2,
    HostForService = 3,
};

// RFC 1812 4.3.2.3: an error quotes as much of the packet as fits without the whole ICMP datagram,
// IPv4 header included, exceeding 576 bytes.
constexpr std::size_t kIcmpErrorMaxDatagramBytes = 576;
constexpr std::size_t kIcmpHeaderBytes = 8;
constexpr std::size_t kIcmpQuoteMaxBytes = kIcmpErrorMaxDatagramBytes - 20 - kIcmpHeaderBytes;
// RFC 792: the least that an error quotes behind the IPv4 header.
constexpr std::size_t kIcmpQuoteMinPayloadBytes = 8;

// RFC 1122 3.2.2: these must never be answered by an ICMP error.
[[nodiscard]] constexpr bool is_icmp_error(IcmpType type) {
    switch (type) {
        case IcmpType::DestinationUnreachable:
        case IcmpType::SourceQuench:
        case IcmpType::Redirect:
        case IcmpType::TimeExceeded:
        case IcmpType::ParameterProblem:
            return true;
        case IcmpType::EchoReply:
        case IcmpType::Echo:
        case IcmpType::RouterAdvertisement:
        case IcmpType::RouterSolicitation:
        case IcmpType::Timestamp:
        case IcmpType::TimestampReply:
            break;
    }
    return false;
}

namespace wire {

struct IcmpLayout {
    std::uint8_t type;
    std::uint8_t code;
    Big16 checksum;
    Big32 rest;
};
static_assert(sizeof(IcmpLayout) == kIcmpHeaderBytes && alignof(IcmpLayout) == 1);

}  // namespace wire

struct IcmpMessage {
    IcmpType type{};
    std::uint8_t code = 0;
    std::uint32_t rest = 0;  // the second word, in host order

    static constexpr IcmpMessage echo(std::uint16_t identifier, std::uint16_t sequence) {
        return {IcmpType::Echo, 0, std::uint32_t{identifier} << 16 | sequence};
    }
    static constexpr IcmpMessage echo_reply(std::uint16_t identifier, std::uint16_t sequence) {
        return {IcmpType::EchoReply, 0, std::uint32_t{identifier} << 16 | sequence};
    }
    static constexpr IcmpMessage unreachable(UnreachableCode code) {
        return {IcmpType::DestinationUnreachable, static_cast<std::uint8_t>(code), 0};
    }
    // RFC 1191 4: the MTU of the next hop in the low half.
    static constexpr IcmpMessage fragmentation_needed(std::uint16_t next_hop_mtu_bytes) {
        return {IcmpType::DestinationUnreachable,
                static_cast<std::uint8_t>(UnreachableCode::FragmentationNeeded),
                next_hop_mtu_bytes};
    }
    static constexpr IcmpMessage time_exceeded(TimeExceededCode code) {
        return {IcmpType::TimeExceeded, static_cast<std::uint8_t>(code), 0};
    }
    // `pointer`: the byte of the packet where the problem was found.
    static constexpr IcmpMessage parameter_problem(std::uint8_t pointer) {
        return {IcmpType::ParameterProblem, 0, std::uint32_t{pointer} << 24};
    }
    static constexpr IcmpMessage redirect(RedirectCode code, Ipv4Address gateway) {
        return {IcmpType::Redirect, static_cast<std::uint8_t>(code), gateway.value()};
    }

    // Each means something only for the types that have it.
    [[nodiscard]] constexpr std::uint16_t identifier() const {
        return static_cast<std::uint16_t>(rest >> 16);
    }
    [[nodiscard]] constexpr std::uint16_t sequence() const {
        return static_cast<std::uint16_t>(rest);
    }
    [[nodiscard]] constexpr std::uint16_t next_hop_mtu_bytes() const {
        return static_cast<std::uint16_t>(rest);
    }
    [[nodiscard]] constexpr std::uint8_t pointer() const {
        return static_cast<std::uint8_t>(rest >> 24);
    }
    [[nodiscard]] constexpr Ipv4Address gateway() const { return Ipv4Address(rest); }

    [[nodiscard]] static constexpr std::size_t encoded_size(std::size_t body_bytes = 0) {
        return kIcmpHeaderBytes + body_bytes;
    }
    // The whole message, with its checksum over head and body.
    void encode(ByteWriter& writer, std::span<const std::uint8_t> body = {}) const;
    friend bool operator==(const IcmpMessage&, const IcmpMessage&) = default;
};

namespace wire {

class IcmpView {
public:
    // `bytes`: the payload of the IPv4 packet, neither more nor less.
    static Result<IcmpView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    [[nodiscard]] IcmpType type() const { return IcmpType{layout().type}; }
    [[nodiscard]] std::uint8_t code() const { return layout().code; }
    [[nodiscard]] Big16 checksum() const { return layout().checksum; }
    [[nodiscard]] bool has_valid_checksum() const { return net::has_valid_checksum(bytes_); }
    [[nodiscard]] std::span<const std::uint8_t> body() const {
        return bytes_.subspan(kIcmpHeaderBytes);
    }
    [[nodiscard]] IcmpMessage message() const { return {type(), code(), layout().rest.host()}; }

private:
    explicit IcmpView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    [[nodiscard]] const IcmpLayout& layout() const {
        return *reinterpret_cast<const IcmpLayout*>(bytes_.data());
    }
    std::span<const std::uint8_t> bytes_;
};

}  // namespace wire
}  // namespace godwit::net
