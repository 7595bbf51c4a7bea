#include "tests/support/packet_builder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "net/checksum.hpp"

namespace godwit::testing {

namespace {

void append(Packet& packet, std::span<const std::uint8_t> bytes) {
    packet.insert(packet.end(), bytes.begin(), bytes.end());
}

void pad(Packet& frame) {
    frame.resize(std::max(frame.size(), net::kEthernetMinFrameBytes));
}

}  // namespace

Packet counting_payload(std::size_t count) {
    Packet payload(count);
    for (std::size_t at = 0; at < count; ++at) {
        payload[at] = static_cast<std::uint8_t>(at);
    }
    return payload;
}

Packet ipv4_packet(net::Ipv4Header header, std::span<const std::uint8_t> payload) {
    header.payload_bytes = static_cast<std::uint16_t>(payload.size());
    Packet packet = encoded(header);
    append(packet, payload);
    return packet;
}

Packet icmp_packet(net::Ipv4Header header, const net::IcmpMessage& message,
                   std::span<const std::uint8_t> body) {
    Packet bytes(net::IcmpMessage::encoded_size(body.size()));
    net::ByteWriter writer(bytes);
    message.encode(writer, body);
    header.protocol = net::IpProtocol::Icmp;
    return ipv4_packet(header, bytes);
}

Packet udp_packet(net::Ipv4Header header, std::uint16_t source_port, std::uint16_t destination_port,
                  std::span<const std::uint8_t> payload) {
    Packet bytes(net::UdpHeader::encoded_size() + payload.size());
    net::ByteWriter writer(bytes);
    net::UdpHeader{source_port, destination_port, static_cast<std::uint16_t>(payload.size())}
        .encode_datagram(writer, header.source, header.destination, payload);
    header.protocol = net::IpProtocol::Udp;
    return ipv4_packet(header, bytes);
}

Packet tcp_packet(net::Ipv4Header header, const net::TcpHeader& tcp,
                  std::span<const std::uint8_t> payload) {
    Packet bytes(tcp.encoded_size() + payload.size());
    net::ByteWriter writer(bytes);
    tcp.encode_segment(writer, header.source, header.destination, payload);
    header.protocol = net::IpProtocol::Tcp;
    return ipv4_packet(header, bytes);
}

Packet ethernet_frame(const net::MacAddress& destination, const net::MacAddress& source,
                      net::EtherType type, std::span<const std::uint8_t> payload) {
    Packet frame = encoded(net::EthernetHeader{destination, source, type});
    append(frame, payload);
    pad(frame);
    return frame;
}

Packet vlan_frame(const net::MacAddress& destination, const net::MacAddress& source,
                  std::uint16_t vlan, net::EtherType type, std::span<const std::uint8_t> payload) {
    Packet tagged = encoded(net::VlanTag{.id = vlan, .type = type});
    append(tagged, payload);
    return ethernet_frame(destination, source, net::EtherType::Vlan, tagged);
}

Packet arp_frame(const net::MacAddress& destination, const net::ArpMessage& message) {
    return ethernet_frame(destination, message.sender_mac, net::EtherType::Arp, encoded(message));
}

void mend_ipv4_checksum(std::span<std::uint8_t> packet) {
    const std::size_t header_bytes = std::min<std::size_t>((packet[0] & 0xfU) * 4U, packet.size());
    const std::size_t at = offsetof(net::wire::Ipv4Layout, checksum);
    const net::Big16 zero;
    std::memcpy(packet.data() + at, &zero, sizeof zero);
    const net::Big16 checksum = net::internet_checksum(packet.first(header_bytes));
    std::memcpy(packet.data() + at, &checksum, sizeof checksum);
}

}  // namespace godwit::testing
