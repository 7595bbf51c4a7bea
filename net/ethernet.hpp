// Ethernet II frames: the header in front of everything we receive (RFC 894; IEEE 802.3 3.2).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +---------------------------------------------------------------+
//  |                          Destination                          |
//  +                               +-------------------------------+
//  |                               |            Source             |
//  +-------------------------------+                               +
//  |                                                               |
//  +-------------------------------+-------------------------------+
//  |         Type or length        |            payload ...        |
//  +-------------------------------+-------------------------------+
//
// The frame check sequence never reaches us; padding to 60 bytes does, so a payload may be longer
// than what its own header says. VLAN tags: net/vlan.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/byte_writer.hpp"
#include "net/decode_error.hpp"
#include "net/mac_address.hpp"
#include "net/result.hpp"

namespace godwit::net {

// Open: every other value is kept as it came. Values up to 1500 are IEEE 802.3 lengths.
enum class EtherType : std::uint16_t {
    Ipv4 = 0x0800,
    Arp = 0x0806,
    Rarp = 0x8035,
    Vlan = 0x8100,  // IEEE 802.1Q customer tag
    Ipv6 = 0x86dd,
    ServiceVlan = 0x88a8,  // IEEE 802.1ad
    Lldp = 0x88cc,
};

constexpr std::size_t kEthernetMinFrameBytes = 60;  // without the frame check sequence

namespace wire {

struct EthernetLayout {
    MacAddress destination;
    MacAddress source;
    Big16 type;
};
static_assert(sizeof(EthernetLayout) == 14 && alignof(EthernetLayout) == 1);

}  // namespace wire

struct EthernetHeader {
    MacAddress destination{};
    MacAddress source{};
    EtherType type{};

    [[nodiscard]] static constexpr std::size_t encoded_size() {
        return sizeof(wire::EthernetLayout);
    }
    void encode(ByteWriter& writer) const;
    friend bool operator==(const EthernetHeader&, const EthernetHeader&) = default;
};

namespace wire {

class EthernetView {
public:
    static Result<EthernetView, DecodeError> parse(std::span<const std::uint8_t> frame);

    [[nodiscard]] const MacAddress& destination() const { return layout().destination; }
    [[nodiscard]] const MacAddress& source() const { return layout().source; }
    [[nodiscard]] EtherType type() const { return EtherType{layout().type.host()}; }
    [[nodiscard]] std::span<const std::uint8_t> payload() const {
        return frame_.subspan(sizeof(EthernetLayout));
    }
    [[nodiscard]] EthernetHeader header() const { return {destination(), source(), type()}; }

private:
    explicit EthernetView(std::span<const std::uint8_t> frame) : frame_(frame) {}
    [[nodiscard]] const EthernetLayout& layout() const {
        return *reinterpret_cast<const EthernetLayout*>(frame_.data());
    }
    std::span<const std::uint8_t> frame_;
};

}  // namespace wire
}  // namespace godwit::net
