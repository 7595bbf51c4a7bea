// The UDP header (RFC 768).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-------------------------------+-------------------------------+
//  |          Source port          |       Destination port        |
//  +-------------------------------+-------------------------------+
//  |            Length             |           Checksum            |
//  +-------------------------------+-------------------------------+
//
// A checksum of zero says that the sender made none; what is computed as zero is sent as all ones.
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

constexpr std::size_t kUdpHeaderBytes = 8;
constexpr std::size_t kUdpMaxPayloadBytes = 65535 - kUdpHeaderBytes;

namespace wire {

struct UdpLayout {
    Big16 source_port;
    Big16 destination_port;
    Big16 length;  // of header and payload
    Big16 checksum;
};
static_assert(sizeof(UdpLayout) == kUdpHeaderBytes && alignof(UdpLayout) == 1);

}  // namespace wire

struct UdpHeader {
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint16_t payload_bytes = 0;  // at most kUdpMaxPayloadBytes

    [[nodiscard]] static constexpr std::size_t encoded_size() { return kUdpHeaderBytes; }
    // The header alone, without a checksum.
    void encode(ByteWriter& writer) const;
    // Header, checksum and payload; `payload` is `payload_bytes` long, else the writer fails.
    void encode_datagram(ByteWriter& writer, Ipv4Address source, Ipv4Address destination,
                         std::span<const std::uint8_t> payload) const;
    friend bool operator==(const UdpHeader&, const UdpHeader&) = default;
};

namespace wire {

class UdpView {
public:
    // `bytes`: the payload of the IPv4 packet. What follows the length is not part of the
    // datagram.
    static Result<UdpView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    [[nodiscard]] std::uint16_t source_port() const { return layout().source_port.host(); }
    [[nodiscard]] std::uint16_t destination_port() const {
        return layout().destination_port.host();
    }
    [[nodiscard]] Big16 checksum() const { return layout().checksum; }
    [[nodiscard]] bool has_checksum() const { return layout().checksum != Big16(); }
    [[nodiscard]] std::span<const std::uint8_t> payload() const {
        return datagram_.subspan(kUdpHeaderBytes);
    }
    // True for a datagram without a checksum too (RFC 1122 4.1.3.4).
    [[nodiscard]] bool has_valid_checksum(Ipv4Address source, Ipv4Address destination) const;
    [[nodiscard]] UdpHeader header() const {
        return {source_port(), destination_port(), static_cast<std::uint16_t>(payload().size())};
    }

private:
    explicit UdpView(std::span<const std::uint8_t> datagram) : datagram_(datagram) {}
    [[nodiscard]] const UdpLayout& layout() const {
        return *reinterpret_cast<const UdpLayout*>(datagram_.data());
    }
    std::span<const std::uint8_t> datagram_;
};

}  // namespace wire
}  // namespace godwit::net
