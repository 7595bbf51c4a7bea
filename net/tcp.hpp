// The TCP header (RFC 9293 3.1).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-------------------------------+-------------------------------+
//  |          Source port          |       Destination port        |
//  +-------------------------------+-------------------------------+
//  |                        Sequence number                        |
//  +---------------------------------------------------------------+
//  |                     Acknowledgment number                     |
//  +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//  | Data  |       |C|E|U|A|P|R|S|F|                               |
//  |offset | Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
//  |       |       |R|E|G|K|H|T|N|N|                               |
//  +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//  |           Checksum            |        Urgent pointer         |
//  +-------------------------------+-------------------------------+
//  |                          Options ...                          |
//  +---------------------------------------------------------------+
//
// The reserved bits are ignored when read and sent as zero. parse() refuses options that do not
// fit; what each option says is the stack's to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/byte_writer.hpp"
#include "net/checksum.hpp"
#include "net/decode_error.hpp"
#include "net/header_options.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::net {

constexpr std::size_t kTcpMinHeaderBytes = 20;

// Open: every other kind is kept as it came.
enum class TcpOptionKind : std::uint8_t {
    End = 0,
    NoOperation = 1,
    MaximumSegmentSize = 2,
    WindowScale = 3,      // RFC 7323 2
    SackPermitted = 4,    // RFC 2018 2
    Sack = 5,             // RFC 2018 3
    Timestamps = 8,       // RFC 7323 3
    Md5Signature = 19,    // RFC 2385
    Authentication = 29,  // RFC 5925
    FastOpen = 34,        // RFC 7413
};

struct TcpFlags {
    bool fin = false;
    bool syn = false;
    bool rst = false;
    bool psh = false;
    bool ack = false;
    bool urg = false;
    bool ece = false;  // RFC 3168
    bool cwr = false;

    static constexpr TcpFlags from_bits(std::uint8_t bits) {
        return {(bits & 0x01U) != 0, (bits & 0x02U) != 0, (bits & 0x04U) != 0, (bits & 0x08U) != 0,
                (bits & 0x10U) != 0, (bits & 0x20U) != 0, (bits & 0x40U) != 0, (bits & 0x80U) != 0};
    }
    [[nodiscard]] constexpr std::uint8_t bits() const {
        return static_cast<std::uint8_t>(
            unsigned{fin} | unsigned{syn} << 1 | unsigned{rst} << 2 | unsigned{psh} << 3 |
            unsigned{ack} << 4 | unsigned{urg} << 5 | unsigned{ece} << 6 | unsigned{cwr} << 7);
    }
    friend bool operator==(const TcpFlags&, const TcpFlags&) = default;
};

namespace wire {

struct TcpLayout {
    Big16 source_port;
    Big16 destination_port;
    Big32 sequence;
    Big32 acknowledgment;
    std::uint8_t data_offset;  // high four bits, in words of 4 bytes
    std::uint8_t flags;
    Big16 window;
    Big16 checksum;
    Big16 urgent_pointer;
};
static_assert(sizeof(TcpLayout) == kTcpMinHeaderBytes && alignof(TcpLayout) == 1);

}  // namespace wire

struct TcpHeader {
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgment = 0;
    TcpFlags flags{};
    std::uint16_t window = 0;  // as it stands, before window scaling
    std::uint16_t urgent_pointer = 0;
    HeaderOptions options{};

    [[nodiscard]] std::size_t encoded_size() const { return kTcpMinHeaderBytes + options.size(); }
    // The header alone, its checksum zero.
    void encode(ByteWriter& writer) const;
    // Header, checksum and payload.
    void encode_segment(ByteWriter& writer, Ipv4Address source, Ipv4Address destination,
                        std::span<const std::uint8_t> payload) const;
    friend bool operator==(const TcpHeader&, const TcpHeader&) = default;
};

namespace wire {

class TcpView {
public:
    // `bytes`: the payload of the IPv4 packet, neither more nor less.
    static Result<TcpView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    [[nodiscard]] std::uint16_t source_port() const { return layout().source_port.host(); }
    [[nodiscard]] std::uint16_t destination_port() const {
        return layout().destination_port.host();
    }
    [[nodiscard]] std::uint32_t sequence() const { return layout().sequence.host(); }
    [[nodiscard]] std::uint32_t acknowledgment() const { return layout().acknowledgment.host(); }
    [[nodiscard]] TcpFlags flags() const { return TcpFlags::from_bits(layout().flags); }
    [[nodiscard]] std::uint16_t window() const { return layout().window.host(); }
    [[nodiscard]] std::uint16_t urgent_pointer() const { return layout().urgent_pointer.host(); }
    [[nodiscard]] Big16 checksum() const { return layout().checksum; }
    [[nodiscard]] std::size_t header_bytes() const { return (layout().data_offset >> 4) * 4U; }
    [[nodiscard]] std::span<const std::uint8_t> options() const {
        return segment_.first(header_bytes()).subspan(kTcpMinHeaderBytes);
    }
    [[nodiscard]] std::span<const std::uint8_t> payload() const {
        return segment_.subspan(header_bytes());
    }
    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return segment_; }
    [[nodiscard]] bool has_valid_checksum(Ipv4Address source, Ipv4Address destination) const {
        return has_valid_transport_checksum(source, destination, IpProtocol::Tcp, segment_);
    }
    [[nodiscard]] TcpHeader header() const;

private:
    explicit TcpView(std::span<const std::uint8_t> segment) : segment_(segment) {}
    [[nodiscard]] const TcpLayout& layout() const {
        return *reinterpret_cast<const TcpLayout*>(segment_.data());
    }
    std::span<const std::uint8_t> segment_;
};

}  // namespace wire
}  // namespace godwit::net
