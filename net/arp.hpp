// ARP for IPv4 over Ethernet (RFC 826), and RARP (RFC 903), which has the same format.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-------------------------------+-------------------------------+
//  |     Hardware type (1)         |     Protocol type (0x0800)    |
//  +---------------+---------------+-------------------------------+
//  |  Hw length 6  | Proto len 4   |           Operation           |
//  +---------------+---------------+-------------------------------+
//  |                    Sender hardware address                    |
//  +                               +-------------------------------+
//  |                               |   Sender protocol address     |
//  +-------------------------------+-------------------------------+
//  |            (cont.)            |                               |
//  +-------------------------------+                               +
//  |                    Target hardware address                    |
//  +---------------------------------------------------------------+
//  |                    Target protocol address                    |
//  +---------------------------------------------------------------+
//
// parse() refuses what is not IPv4 over Ethernet; what the addresses say is the caller's to judge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/byte_writer.hpp"
#include "net/decode_error.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"
#include "net/result.hpp"

namespace godwit::net {

// Open: RFC 826 ar$op and RFC 903; every other value is kept as it came.
enum class ArpOperation : std::uint16_t { Request = 1, Reply = 2, RarpRequest = 3, RarpReply = 4 };

constexpr std::uint16_t kArpHardwareEthernet = 1;

namespace wire {

struct ArpLayout {
    Big16 hardware_type;
    Big16 protocol_type;
    std::uint8_t hardware_length;
    std::uint8_t protocol_length;
    Big16 operation;
    MacAddress sender_mac;
    Big32 sender_address;
    MacAddress target_mac;
    Big32 target_address;
};
static_assert(sizeof(ArpLayout) == 28 && alignof(ArpLayout) == 1);

}  // namespace wire

struct ArpMessage {
    ArpOperation operation{};
    MacAddress sender_mac{};
    Ipv4Address sender_address{};
    MacAddress target_mac{};
    Ipv4Address target_address{};

    [[nodiscard]] static constexpr std::size_t encoded_size() { return sizeof(wire::ArpLayout); }
    void encode(ByteWriter& writer) const;
    friend bool operator==(const ArpMessage&, const ArpMessage&) = default;
};

namespace wire {

class ArpView {
public:
    // `bytes` begin behind the Ethernet header and may be longer than the message (padding).
    static Result<ArpView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    [[nodiscard]] ArpOperation operation() const { return ArpOperation{layout().operation.host()}; }
    [[nodiscard]] const MacAddress& sender_mac() const { return layout().sender_mac; }
    [[nodiscard]] Ipv4Address sender_address() const {
        return Ipv4Address::from_wire(layout().sender_address);
    }
    [[nodiscard]] const MacAddress& target_mac() const { return layout().target_mac; }
    [[nodiscard]] Ipv4Address target_address() const {
        return Ipv4Address::from_wire(layout().target_address);
    }
    [[nodiscard]] ArpMessage message() const {
        return {operation(), sender_mac(), sender_address(), target_mac(), target_address()};
    }

private:
    explicit ArpView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    [[nodiscard]] const ArpLayout& layout() const {
        return *reinterpret_cast<const ArpLayout*>(bytes_.data());
    }
    std::span<const std::uint8_t> bytes_;
};

}  // namespace wire
}  // namespace godwit::net
