#include "net/ethernet.hpp"

namespace godwit::net {

void EthernetHeader::encode(ByteWriter& writer) const {
    writer.object(wire::EthernetLayout{destination, source,
                                       Big16::from_host(static_cast<std::uint16_t>(type))});
}

namespace wire {

Result<EthernetView, DecodeError> EthernetView::parse(std::span<const std::uint8_t> frame) {
    if (frame.size() < sizeof(EthernetLayout)) {
        return decode_error(DecodeFault::Truncated, 0, frame.size());
    }
    return EthernetView(frame);
}

}  // namespace wire
}  // namespace godwit::net
