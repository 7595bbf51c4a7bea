// The IEEE 802.1Q tag, between the source address and the type of an Ethernet frame. What follows
// the type 0x8100 of the frame is:
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-----+-+-----------------------+-------------------------------+
//  | PCP |D|        VLAN id        |   Type of the frame within    |
//  +-----+-+-----------------------+-------------------------------+
//
// The ids 0 (a priority without a VLAN) and 4095 (reserved) are read as they come; whoever assigns
// them to an interface refuses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_order.hpp"
#include "net/byte_writer.hpp"
#include "net/decode_error.hpp"
#include "net/ethernet.hpp"
#include "net/result.hpp"

namespace godwit::net {

constexpr std::uint16_t kMaxVlanId = 4094;
constexpr std::uint16_t kVlanIdMask = 0x0fff;

namespace wire {

struct VlanTagLayout {
    Big16 control;  // priority, drop eligible, id
    Big16 type;
};
static_assert(sizeof(VlanTagLayout) == 4 && alignof(VlanTagLayout) == 1);

}  // namespace wire

struct VlanTag {
    std::uint8_t priority = 0;  // 0 to 7
    bool drop_eligible = false;
    std::uint16_t id = 0;  // 0 to 4095
    EtherType type{};      // of what follows

    [[nodiscard]] static constexpr std::size_t encoded_size() {
        return sizeof(wire::VlanTagLayout);
    }
    void encode(ByteWriter& writer) const;
    friend bool operator==(const VlanTag&, const VlanTag&) = default;
};

namespace wire {

class VlanTagView {
public:
    // `bytes` begin behind the type 0x8100 of the frame.
    static Result<VlanTagView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    [[nodiscard]] std::uint16_t id() const {
        return static_cast<std::uint16_t>(layout().control.host() & kVlanIdMask);
    }
    [[nodiscard]] std::uint8_t priority() const {
        return static_cast<std::uint8_t>(layout().control.host() >> 13);
    }
    [[nodiscard]] bool drop_eligible() const { return (layout().control.host() & 0x1000U) != 0; }
    [[nodiscard]] EtherType type() const { return EtherType{layout().type.host()}; }
    [[nodiscard]] std::span<const std::uint8_t> payload() const {
        return bytes_.subspan(sizeof(VlanTagLayout));
    }
    [[nodiscard]] VlanTag tag() const { return {priority(), drop_eligible(), id(), type()}; }

private:
    explicit VlanTagView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    [[nodiscard]] const VlanTagLayout& layout() const {
        return *reinterpret_cast<const VlanTagLayout*>(bytes_.data());
    }
    std::span<const std::uint8_t> bytes_;
};

}  // namespace wire
}  // namespace godwit::net
