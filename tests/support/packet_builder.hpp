// Packets for tests, built layer by layer with correct lengths and checksums:
//
//     const auto packet = udp_packet({.source = a, .destination = b}, 4000, 53, payload);
//     const auto frame = ethernet_frame(to, from, EtherType::Ipv4, packet);
//
// A test that needs a broken packet builds a good one and breaks the byte that it is about.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "net/arp.hpp"
#include "net/ethernet.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"
#include "net/vlan.hpp"

namespace godwit::testing {

using Packet = std::vector<std::uint8_t>;

// The bytes of any value with encoded_size() and encode().
template <class Value>
Packet encoded(const Value& value) {
    Packet bytes(value.encoded_size());
    net::ByteWriter writer(bytes);
    value.encode(writer);
    bytes.resize(writer.ok() ? writer.offset() : 0);
    return bytes;
}

// `count` bytes 0, 1, 2 ...: what ping sends.
Packet counting_payload(std::size_t count);

// `header`'s payload size is set from `payload`.
Packet ipv4_packet(net::Ipv4Header header, std::span<const std::uint8_t> payload);
// These set the protocol too.
Packet icmp_packet(net::Ipv4Header header, const net::IcmpMessage& message,
                   std::span<const std::uint8_t> body);
Packet udp_packet(net::Ipv4Header header, std::uint16_t source_port, std::uint16_t destination_port,
                  std::span<const std::uint8_t> payload);
Packet tcp_packet(net::Ipv4Header header, const net::TcpHeader& tcp,
                  std::span<const std::uint8_t> payload);

// Padded with zeros to the least frame length of 60 bytes.
Packet ethernet_frame(const net::MacAddress& destination, const net::MacAddress& source,
                      net::EtherType type, std::span<const std::uint8_t> payload);
Packet vlan_frame(const net::MacAddress& destination, const net::MacAddress& source,
                  std::uint16_t vlan, net::EtherType type, std::span<const std::uint8_t> payload);
Packet arp_frame(const net::MacAddress& destination, const net::ArpMessage& message);

// After a change of header bytes: makes the IPv4 header checksum right again. `packet` begins at
// the IPv4 header.
void mend_ipv4_checksum(std::span<std::uint8_t> packet);

}  // namespace godwit::testing
