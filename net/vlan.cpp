#include "net/vlan.hpp"

namespace godwit::net {

void VlanTag::encode(ByteWriter& writer) const {
    const unsigned control =
        (priority & 0x7U) << 13 | unsigned{drop_eligible} << 12 | (id & unsigned{kVlanIdMask});
    writer.object(wire::VlanTagLayout{Big16::from_host(static_cast<std::uint16_t>(control)),
                                      Big16::from_host(static_cast<std::uint16_t>(type))});
}

namespace wire {

Result<VlanTagView, DecodeError> VlanTagView::parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < sizeof(VlanTagLayout)) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    return VlanTagView(bytes);
}

}  // namespace wire
}  // namespace godwit::net
