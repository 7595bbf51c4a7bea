// Packets as strangers send them to this router, and what its answers say: for the tests of Host.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controlplane/host/ways.hpp"
#include "net/byte_writer.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"

namespace godwit::control::test {

using Packet = std::vector<std::uint8_t>;

// One Ethernet link with these addresses.
inline std::vector<Link> one_link(std::span<const net::Ipv4InterfaceAddress> addresses) {
    Link link;
    link.interface = net::InterfaceId(1);
    link.name = "lan0";
    link.up = true;
    link.addresses.assign(addresses.begin(), addresses.end());
    return {link};
}

struct Way {
    net::Ipv4Address from{10, 0, 0, 9};
    net::Ipv4Address to{10, 0, 0, 1};
    std::uint8_t ttl = 64;
    bool more_fragments = false;
    std::uint16_t fragment_units = 0;
};

inline Packet packet(const Way& way, net::IpProtocol protocol, const Packet& payload) {
    net::Ipv4Header header;
    header.payload_bytes = static_cast<std::uint16_t>(payload.size());
    header.protocol = protocol;
    header.source = way.from;
    header.destination = way.to;
    header.ttl_hops = way.ttl;
    header.more_fragments = way.more_fragments;
    header.fragment_units = way.fragment_units;
    Packet bytes(header.encoded_size() + payload.size());
    net::ByteWriter writer(bytes);
    header.encode(writer);
    writer.bytes(payload);
    return bytes;
}

inline Packet icmp(const Way& way, const net::IcmpMessage& message, const Packet& body) {
    Packet payload(net::IcmpMessage::encoded_size(body.size()));
    net::ByteWriter writer(payload);
    message.encode(writer, body);
    return packet(way, net::IpProtocol::Icmp, payload);
}

inline Packet udp(const Way& way, std::uint16_t port, const Packet& data = {1, 2, 3}) {
    net::UdpHeader header;
    header.source_port = 40000;
    header.destination_port = port;
    header.payload_bytes = static_cast<std::uint16_t>(data.size());
    Packet payload(net::kUdpHeaderBytes + data.size());
    net::ByteWriter writer(payload);
    header.encode_datagram(writer, way.from, way.to, data);
    return packet(way, net::IpProtocol::Udp, payload);
}

inline Packet tcp(const Way& way, const net::TcpHeader& header, const Packet& data = {}) {
    Packet payload(header.encoded_size() + data.size());
    net::ByteWriter writer(payload);
    header.encode_segment(writer, way.from, way.to, data);
    return packet(way, net::IpProtocol::Tcp, payload);
}

}  // namespace godwit::control::test
