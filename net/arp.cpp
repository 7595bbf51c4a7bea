#include "net/arp.hpp"

#include "net/ethernet.hpp"

namespace godwit::net {

namespace {

constexpr std::uint16_t kProtocolIpv4 = static_cast<std::uint16_t>(EtherType::Ipv4);
constexpr std::uint8_t kMacBytes = sizeof(MacAddress);
constexpr std::uint8_t kIpv4Bytes = sizeof(Big32);

}  // namespace

void ArpMessage::encode(ByteWriter& writer) const {
    writer.object(wire::ArpLayout{
        .hardware_type = Big16::from_host(kArpHardwareEthernet),
        .protocol_type = Big16::from_host(kProtocolIpv4),
        .hardware_length = kMacBytes,
        .protocol_length = kIpv4Bytes,
        .operation = Big16::from_host(static_cast<std::uint16_t>(operation)),
        .sender_mac = sender_mac,
        .sender_address = sender_address.to_wire(),
        .target_mac = target_mac,
        .target_address = target_address.to_wire(),
    });
}

namespace wire {

// RFC 826 "Packet Reception": hardware type, its length, protocol, its length, in this order.
Result<ArpView, DecodeError> ArpView::parse(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < sizeof(ArpLayout)) {
        return decode_error(DecodeFault::Truncated, 0, bytes.size());
    }
    const ArpView view(bytes);
    const ArpLayout& arp = view.layout();
    if (arp.hardware_type.host() != kArpHardwareEthernet) {
        return decode_error(DecodeFault::BadHardwareType, offsetof(ArpLayout, hardware_type),
                            arp.hardware_type.host());
    }
    if (arp.hardware_length != kMacBytes) {
        return decode_error(DecodeFault::BadAddressLength, offsetof(ArpLayout, hardware_length),
                            arp.hardware_length);
    }
    if (arp.protocol_type.host() != kProtocolIpv4) {
        return decode_error(DecodeFault::BadProtocolType, offsetof(ArpLayout, protocol_type),
                            arp.protocol_type.host());
    }
    if (arp.protocol_length != kIpv4Bytes) {
        return decode_error(DecodeFault::BadAddressLength, offsetof(ArpLayout, protocol_length),
                            arp.protocol_length);
    }
    return view;
}

}  // namespace wire
}  // namespace godwit::net
