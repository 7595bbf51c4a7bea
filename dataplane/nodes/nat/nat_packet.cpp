#include "dataplane/nodes/nat/nat_packet.hpp"

#include "dataplane/graph/packet.hpp"
#include "net/icmp.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"

namespace godwit::dataplane {

namespace {

using nat::Direction;
using net::IcmpType;
using net::IpProtocol;
using net::Ipv4Address;
using net::wire::IcmpLayout;
using net::wire::Ipv4Layout;
using net::wire::TcpLayout;
using net::wire::UdpLayout;

// RFC 792, RFC 950; the numbers that net/icmp.hpp has no use for.
constexpr std::uint8_t kInformationRequest = 15;
constexpr std::uint8_t kInformationReply = 16;
constexpr std::uint8_t kMaskRequest = 17;
constexpr std::uint8_t kMaskReply = 18;

bool is_request(std::uint8_t type) {
    return type == static_cast<std::uint8_t>(IcmpType::Echo) ||
           type == static_cast<std::uint8_t>(IcmpType::Timestamp) || type == kInformationRequest ||
           type == kMaskRequest;
}

bool is_reply(std::uint8_t type) {
    return type == static_cast<std::uint8_t>(IcmpType::EchoReply) ||
           type == static_cast<std::uint8_t>(IcmpType::TimestampReply) ||
           type == kInformationReply || type == kMaskReply;
}

std::uint16_t identifier_of(const IcmpLayout& icmp) {
    return static_cast<std::uint16_t>(icmp.rest.host() >> 16);
}

// The identifier stands in the place of the port that may change.
void set_identifier(nat::Flow& flow, Direction direction, std::uint16_t identifier) {
    (direction == Direction::Outbound ? flow.source : flow.destination).port = identifier;
}

nat::Flow flow_of(const Ipv4Layout& header) {
    return {IpProtocol{header.protocol},
            {Ipv4Address::from_wire(header.source), 0},
            {Ipv4Address::from_wire(header.destination), 0}};
}

// RFC 5508 REQ-3: the checksums of the error and of the quoted header are right, the quoted options
// are stepped over, and the quoted transport checksum is nobody's business.
bool read_quoted(Direction direction, rte_mbuf* packet, std::uint32_t icmp_at, NatPacket& read) {
    net::ChecksumSum sum;
    add_bytes(sum, packet, icmp_at, packet->pkt_len - icmp_at);
    const std::uint32_t at = icmp_at + sizeof(IcmpLayout);
    if (!sum.is_valid() || packet->data_len < at + sizeof(Ipv4Layout)) {
        return false;
    }
    const auto& header = layout_at<Ipv4Layout>(packet, at);
    const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    if (header.version_ihl >> 4 != 4 || header_bytes < sizeof(Ipv4Layout) ||
        packet->data_len < at + header_bytes + net::kIcmpQuoteMinPayloadBytes ||
        !net::has_valid_checksum(first_bytes(packet).subspan(at, header_bytes)) ||
        (header.fragment.host() & net::kIpv4OffsetMask) != 0) {
        return false;
    }
    nat::Flow& flow = read.packet.flow;
    flow = flow_of(header);
    read.quoted = static_cast<std::uint16_t>(at);
    if (flow.protocol == IpProtocol::Icmp) {
        const auto& icmp = layout_at<IcmpLayout>(packet, at + header_bytes);
        if (!is_request(icmp.type) && !is_reply(icmp.type)) {
            return false;  // there is no error about an error
        }
        // It went the other way: what was translated of it is the source of one that went out.
        set_identifier(flow,
                       direction == Direction::Inbound ? Direction::Outbound : Direction::Inbound,
                       identifier_of(icmp));
    } else if (nat::has_ports(flow.protocol)) {
        const auto& ports = layout_at<UdpLayout>(packet, at + header_bytes);
        flow.source.port = ports.source_port.host();
        flow.destination.port = ports.destination_port.host();
    }
    return true;
}

NatPacket::Kind kind_of_icmp(Direction direction, std::uint8_t type) {
    if (is_reply(type) || (is_request(type) && direction == Direction::Outbound)) {
        return NatPacket::Kind::Flow;
    }
    if (is_request(type)) {
        return NatPacket::Kind::Request;
    }
    return net::is_icmp_error(IcmpType{type}) && IcmpType{type} != IcmpType::Redirect
               ? NatPacket::Kind::Error
               : NatPacket::Kind::Strange;
}

NatPacket read_fragment(Direction direction, rte_mbuf* packet, NatPacket read) {
    const PacketMeta& about = meta(packet);
    const auto& header = layout_at<Ipv4Layout>(packet);
    nat::Flow& flow = read.packet.flow;
    if (flow.protocol == IpProtocol::Icmp) {
        read.kind = kind_of_icmp(direction, static_cast<std::uint8_t>(about.nat_destination_port));
        set_identifier(flow, direction, about.nat_source_port);
        if (read.kind == NatPacket::Kind::Error) {
            read.kind = NatPacket::Kind::BadQuote;  // none is so long that it has to be cut
        }
    } else {
        flow.source.port = about.nat_source_port;
        flow.destination.port = about.nat_destination_port;
    }
    if ((header.fragment.host() & net::kIpv4OffsetMask) != 0) {
        read.transport = 0;
    }
    return read;
}

}  // namespace

std::optional<PortsOfPacket> ports_of_first(rte_mbuf* packet) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const auto protocol = IpProtocol{header.protocol};
    const std::uint32_t at = (header.version_ihl & 0xfU) * 4U;
    if (packet->data_len < at + transport_header_bytes(protocol)) {
        return std::nullopt;
    }
    if (protocol == IpProtocol::Icmp) {
        const auto& icmp = layout_at<IcmpLayout>(packet, at);
        return PortsOfPacket{identifier_of(icmp), icmp.type};
    }
    if (!nat::has_ports(protocol)) {
        return PortsOfPacket{};
    }
    const auto& ports = layout_at<UdpLayout>(packet, at);
    return PortsOfPacket{ports.source_port.host(), ports.destination_port.host()};
}

NatPacket read_packet(Direction direction, rte_mbuf* packet) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::uint32_t at = (header.version_ihl & 0xfU) * 4U;
    NatPacket read;
    read.packet.flow = flow_of(header);
    read.packet.is_noted = meta(packet).nat_is_noted != 0;
    nat::Flow& flow = read.packet.flow;
    const bool is_later = (header.fragment.host() & net::kIpv4OffsetMask) != 0;
    const std::uint32_t checksum_at = transport_checksum_at(flow.protocol);
    const std::uint32_t least = nat::has_ports(flow.protocol)
                                    ? transport_header_bytes(flow.protocol)
                                    : (checksum_at != 0 ? checksum_at + 2U : 0U);
    if (!is_later && packet->data_len < at + least) {
        read.kind = NatPacket::Kind::Truncated;
        return read;
    }
    read.transport = least != 0 ? static_cast<std::uint16_t>(at) : std::uint16_t{0};
    if (flow.protocol == IpProtocol::Tcp && !is_later) {
        const auto& tcp = layout_at<TcpLayout>(packet, at);
        read.packet.tcp = {net::TcpFlags::from_bits(tcp.flags), tcp.sequence.host(),
                           tcp.acknowledgment.host()};
    }
    if (is_fragment(packet)) {
        return read_fragment(direction, packet, read);
    }
    if (flow.protocol != IpProtocol::Icmp) {
        if (nat::has_ports(flow.protocol)) {
            const auto& ports = layout_at<UdpLayout>(packet, at);
            flow.source.port = ports.source_port.host();
            flow.destination.port = ports.destination_port.host();
        }
        return read;
    }
    const auto& icmp = layout_at<IcmpLayout>(packet, at);
    read.kind = kind_of_icmp(direction, icmp.type);
    switch (read.kind) {
        case NatPacket::Kind::Error:
            if (!read_quoted(direction, packet, at, read)) {
                read.kind = NatPacket::Kind::BadQuote;
            }
            break;
        case NatPacket::Kind::Strange:
            read.transport = 0;
            break;
        case NatPacket::Kind::Flow:
        case NatPacket::Kind::Request:
        case NatPacket::Kind::Truncated:
        case NatPacket::Kind::BadQuote:
            set_identifier(flow, direction, identifier_of(icmp));
            break;
    }
    return read;
}

}  // namespace godwit::dataplane
