// What NAT reads of a packet: its flow, or the flow that an ICMP error quotes, and where the bytes
// to change are. Nothing is changed here.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nat/translator.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

// Behind the IPv4 header, what must be in the first fragment and is read or changed here.
constexpr std::uint32_t transport_header_bytes(net::IpProtocol protocol) {
    if (protocol == net::IpProtocol::Tcp) {
        return 20;
    }
    return nat::has_ports(protocol) ? 8U : 0U;
}

// Where the checksum stands in the transport header; 0: there is none that covers addresses or
// ports.
constexpr std::uint32_t transport_checksum_at(net::IpProtocol protocol) {
    constexpr net::IpProtocol kDccp{33};
    constexpr net::IpProtocol kUdpLite{136};
    if (protocol == net::IpProtocol::Tcp) {
        return 16;
    }
    if (protocol == net::IpProtocol::Icmp) {
        return 2;
    }
    return protocol == net::IpProtocol::Udp || protocol == kDccp || protocol == kUdpLite ? 6U : 0U;
}

// The ports, in the order of the packet, or an ICMP query's identifier and its type.
struct PortsOfPacket {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
};
// Nothing: they are not there. Protocols without ports have zeros.
std::optional<PortsOfPacket> ports_of_first(rte_mbuf* packet);

struct NatPacket {
    enum class Kind : std::uint8_t {
        Flow,
        Request,    // inbound: an ICMP query that nobody inside has to have asked for
        Error,      // ICMP, about `packet.flow`, which is as the quoted packet has it
        Strange,    // ICMP that is neither query nor error (RFC 5508 REQ-10)
        Truncated,  // the transport header is not there
        BadQuote    // an error whose checksum or quoted packet is wrong
    };
    Kind kind = Kind::Flow;
    nat::Packet packet;
    std::uint16_t transport = 0;  // where it begins; 0: not in this fragment, or nothing to change
    std::uint16_t quoted = 0;     // where the quoted IPv4 header begins
};

inline bool is_fragment(rte_mbuf* packet) {
    return (layout_at<net::wire::Ipv4Layout>(packet).fragment.host() &
            (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0;
}

// `packet` begins at a valid IPv4 header; of a fragment, the meta says the ports.
NatPacket read_packet(nat::Direction direction, rte_mbuf* packet);

}  // namespace godwit::dataplane
