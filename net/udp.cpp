#include "net/udp.hpp"

namespace godwit::net {

namespace {

wire::UdpLayout layout_of(const UdpHeader& header) {
    return {Big16::from_host(header.source_port),
            Big16::from_host(header.destination_port),
            Big16::from_host(static_cast<std::uint16_t>(kUdpHeaderBytes + header.payload_bytes)),
            {}};
}

}  // namespace

void UdpHeader::encode(ByteWriter& writer) const {
    if (payload_bytes > kUdpMaxPayloadBytes) {
        writer.fail();
        return;
    }
    writer.object(layout_of(*this));
}

void UdpHeader::encode_datagram(ByteWriter& writer, Ipv4Address source, Ipv4Address destination,
                                std::span<const std::uint8_t> payload) const {
    if (payload_bytes > kUdpMaxPayloadBytes || payload.size() != payload_bytes) {
        writer.fail();
        return;
    }
    wire::UdpLayout layout = layout_of(*this);
    ChecksumSum sum;
    sum.add_pseudo_header(source, destination, IpProtocol::Udp, layout.length.host());
    sum.add({reinterpret_cast<const std::uint8_t*>(&layout), sizeof layout});
    sum.add(payload);
    layout.checksum = udp_wire_checksum(sum.checksum());
    writer.object(layout);
    writer.bytes(payload);
}

namespace wire {

Result<UdpView, DecodeError> UdpView::parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < kUdpHeaderBytes) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    const std::uint16_t length = UdpView(bytes).layout().length.host();
    if (length < kUdpHeaderBytes || length > bytes.size()) {
        return decode_error(DecodeFault::BadTotalLength, offsetof(UdpLayout, length), length);
    }
    return UdpView(bytes.first(length));
}

bool UdpView::has_valid_checksum(Ipv4Address source, Ipv4Address destination) const {
    return !has_checksum() ||
           has_valid_transport_checksum(source, destination, IpProtocol::Udp, datagram_);
}

}  // namespace wire
}  // namespace godwit::net
