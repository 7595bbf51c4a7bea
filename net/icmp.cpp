#include "net/icmp.hpp"

namespace godwit::net {

void IcmpMessage::encode(ByteWriter& writer, std::span<const std::uint8_t> body) const {
    wire::IcmpLayout layout{static_cast<std::uint8_t>(type), code, {}, Big32::from_host(rest)};
    ChecksumSum sum;
    sum.add({reinterpret_cast<const std::uint8_t*>(&layout), sizeof layout});
    sum.add(body);
    layout.checksum = sum.checksum();
    writer.object(layout);
    writer.bytes(body);
}

namespace wire {

Result<IcmpView, DecodeError> IcmpView::parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < kIcmpHeaderBytes) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    return IcmpView(bytes);
}

}  // namespace wire
}  // namespace godwit::net
