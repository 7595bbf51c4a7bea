#include "dataplane/nodes/nat/rewrite.hpp"

#include "dataplane/graph/packet.hpp"
#include "net/icmp.hpp"
#include "net/udp.hpp"

namespace godwit::dataplane {

namespace {

using nat::ChecksumDifference;
using nat::Direction;
using nat::Endpoint;
using net::Big16;
using net::IpProtocol;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

// The port or identifier that translation may change. `at`: where the transport header begins.
Big16& port_at(Direction direction, IpProtocol protocol, rte_mbuf* packet, std::uint32_t at) {
    constexpr std::uint32_t kIcmpIdentifier = 4;
    if (protocol == IpProtocol::Icmp) {
        return layout_at<Big16>(packet, at + kIcmpIdentifier);
    }
    return layout_at<Big16>(packet, direction == Direction::Outbound ? at : at + sizeof(Big16));
}

Big16 adjusted(IpProtocol protocol, Big16 checksum, ChecksumDifference difference) {
    if (protocol != IpProtocol::Udp) {
        return difference.applied_to(checksum);
    }
    return checksum == Big16() ? checksum : net::udp_wire_checksum(difference.applied_to(checksum));
}

void put(Direction direction, rte_mbuf* packet, std::uint32_t transport, const nat::Rewrite& to) {
    auto& header = layout_at<Ipv4Layout>(packet);
    const auto protocol = IpProtocol{header.protocol};
    header.checksum = to.ip.applied_to(header.checksum);
    (direction == Direction::Outbound ? header.source : header.destination) =
        to.endpoint.address.to_wire();
    if (transport == 0) {
        return;
    }
    if (nat::has_ports(protocol)) {
        port_at(direction, protocol, packet, transport) = Big16::from_host(to.endpoint.port);
    }
    auto& checksum = layout_at<Big16>(packet, transport + transport_checksum_at(protocol));
    checksum = adjusted(protocol, checksum, to.transport);
}

void restore_one(Direction direction, rte_mbuf* packet, std::uint32_t transport, Endpoint old) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const auto protocol = IpProtocol{header.protocol};
    const bool is_source = direction == Direction::Outbound;
    const auto present = Ipv4Address::from_wire(is_source ? header.source : header.destination);
    nat::Rewrite to;
    to.endpoint = old;
    to.ip.change(present, old.address);
    if (transport != 0 && protocol != IpProtocol::Icmp) {
        to.transport.change(present, old.address);
    }
    if (transport != 0 && nat::has_ports(protocol)) {
        to.transport.change_port(port_at(direction, protocol, packet, transport).host(), old.port);
    }
    put(direction, packet, transport, to);
}

}  // namespace

void rewrite(Direction direction, rte_mbuf* packet, const NatPacket& read, const nat::Rewrite& to) {
    PacketMeta& about = meta(packet);
    const nat::Flow& flow = read.packet.flow;
    if (direction == Direction::Outbound) {
        about.source_was = 1;
        about.old_source = flow.source.address;
        about.old_source_port = flow.source.port;
        about.nat_source_port = to.endpoint.port;
    } else {
        about.destination_was = 1;
        about.old_destination = flow.destination.address;
        about.old_destination_port = flow.destination.port;
        (flow.protocol == IpProtocol::Icmp ? about.nat_source_port : about.nat_destination_port) =
            to.endpoint.port;
    }
    put(direction, packet, read.transport, to);
}

void restore(rte_mbuf* packet) {
    PacketMeta& about = meta(packet);
    const auto& header = layout_at<Ipv4Layout>(packet);
    const auto protocol = IpProtocol{header.protocol};
    const std::uint32_t at = (header.version_ihl & 0xfU) * 4U;
    // The same bytes that rewrite() saw, so they are there when they are needed.
    const bool has_transport = (header.fragment.host() & net::kIpv4OffsetMask) == 0 &&
                               transport_checksum_at(protocol) != 0;
    const std::uint32_t transport = has_transport ? at : 0;
    if (about.source_was != 0) {
        restore_one(Direction::Outbound, packet, transport,
                    {about.old_source, about.old_source_port});
        about.source_was = 0;
    }
    if (about.destination_was != 0) {
        restore_one(Direction::Inbound, packet, transport,
                    {about.old_destination, about.old_destination_port});
        about.destination_was = 0;
    }
}

void rewrite_error(Direction direction, rte_mbuf* packet, const NatPacket& read,
                   const nat::QuotedDecision& to) {
    // The quoted packet went the other way: of one that went out the source was changed.
    const bool is_inbound = direction == Direction::Inbound;
    const Direction quoted_way = is_inbound ? Direction::Outbound : Direction::Inbound;
    auto& outer = layout_at<Ipv4Layout>(packet);
    const std::uint32_t icmp_at = (outer.version_ihl & 0xfU) * 4U;
    auto& header = layout_at<Ipv4Layout>(packet, read.quoted);
    const auto protocol = IpProtocol{header.protocol};
    const std::uint32_t transport = read.quoted + (header.version_ihl & 0xfU) * 4U;

    // All that changes in the message is part of its own checksum.
    ChecksumDifference message;
    const auto change = [&message](Big16& word, Big16 now) {
        message.change(word, now);
        word = now;
    };
    net::Big32& address = is_inbound ? header.source : header.destination;
    message.change(Ipv4Address::from_wire(address), to.quoted.endpoint.address);
    address = to.quoted.endpoint.address.to_wire();
    change(header.checksum, to.quoted.ip.applied_to(header.checksum));
    if (nat::has_ports(protocol)) {
        change(port_at(quoted_way, protocol, packet, transport),
               Big16::from_host(to.quoted.endpoint.port));
    }
    const std::uint32_t checksum_at = transport_checksum_at(protocol);
    if (checksum_at != 0 && packet->data_len >= transport + checksum_at + sizeof(Big16)) {
        auto& checksum = layout_at<Big16>(packet, transport + checksum_at);
        change(checksum, adjusted(protocol, checksum, to.quoted.transport));
    }
    auto& icmp = layout_at<net::wire::IcmpLayout>(packet, icmp_at);
    icmp.checksum = message.applied_to(icmp.checksum);
    outer.checksum = to.outer_ip.applied_to(outer.checksum);
    (is_inbound ? outer.destination : outer.source) = to.outer.to_wire();
}

}  // namespace godwit::dataplane
