// The host's transports: how UDP and TCP are joined to IP. What comes in goes to sockets and
// connections, ICMP errors to those whose packet they quote, and segments become packets.
#include <algorithm>
#include <utility>

#include "controlplane/host/host.hpp"
#include "controlplane/host/icmp_meaning.hpp"
#include "controlplane/host/packet_of.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"

namespace godwit::control {

HostCounter Host::deliver_udp(const Ipv4View& packet, net::InterfaceId interface, bool group,
                              Instant now) {
    const auto datagram = net::wire::UdpView::parse(packet.payload());
    if (!datagram) {
        udp_.count_bad();
        return HostCounter::BadUdp;
    }
    if (!datagram->has_valid_checksum(packet.source(), packet.destination())) {
        udp_.count_bad();
        return HostCounter::BadUdpChecksum;  // RFC 1122 4.1.3.4: MUST be silently discarded
    }
    if (!group && traces_.take_datagram(packet, *datagram, now)) {
        return HostCounter::TraceAnswer;
    }
    switch (udp_.input(packet, *datagram, interface, group, now)) {
        case udp::Sockets::Verdict::Delivered:
            return HostCounter::UdpDelivered;
        case udp::Sockets::Verdict::QueueFull:
            return HostCounter::UdpQueueFull;
        case udp::Sockets::Verdict::NoChecksum:
            return HostCounter::UdpNoChecksum;
        case udp::Sockets::Verdict::NobodyListens:
            break;
    }
    if (group) {
        return HostCounter::GroupIgnored;  // RFC 1122 3.2.2: no error about it
    }
    // RFC 1122 4.1.3.1: nobody listens on this port; traceroute knows its last hop by this.
    return refuse(packet, interface, net::UnreachableCode::Port, HostCounter::PortUnreachableSent,
                  now);
}

HostCounter Host::take_udp_error(const Ipv4View& quoted, const net::IcmpMessage& error,
                                 net::Ipv4Address teller, Instant now) {
    const auto kind = udp_kind_of(error);
    if (!kind || !udp_.path_error(quoted, {*kind, {}, {}, teller, next_hop_mtu_of(error)})) {
        return HostCounter::IcmpNotForUs;
    }
    if (*kind == udp::PathReport::Kind::PacketTooBig) {
        path_mtus_.learn(quoted.destination(), next_hop_mtu_of(error), quoted.total_bytes(), now);
    }
    return HostCounter::UdpError;
}

HostCounter Host::deliver_tcp(const Ipv4View& packet, Instant now) {
    const auto segment = net::wire::TcpView::parse(packet.payload());
    if (!segment) {
        return HostCounter::BadTcp;
    }
    if (!segment->has_valid_checksum(packet.source(), packet.destination())) {
        return HostCounter::BadTcpChecksum;  // RFC 9293 3.1: MUST-3
    }
    const tcp::Flow flow{packet.destination(), packet.source(), segment->destination_port(),
                         segment->source_port()};
    const tcp::EndpointCounts before = tcp_.counts();
    const std::uint8_t service = packet.type_of_service();
    const tcp::IpMarks marks{packet.ttl_hops(), static_cast<std::uint8_t>(service >> 2),
                             static_cast<tcp::Ecn>(service & 3U)};
    tcp_.input(flow, tcp::Segment::from(*segment, marks), now);
    const tcp::EndpointCounts& after = tcp_.counts();
    if (after.resets_sent != before.resets_sent) {
        return HostCounter::ResetSent;
    }
    if (after.resets_withheld != before.resets_withheld) {
        return HostCounter::ResetOverRate;
    }
    return after.resets_ignored != before.resets_ignored ? HostCounter::ResetIgnored
                                                         : HostCounter::TcpDelivered;
}

HostCounter Host::take_tcp_error(const Ipv4View& quoted, const net::IcmpMessage& error,
                                 Instant now) {
    const auto kind = tcp_kind_of(error);
    const auto bytes = quoted.payload();
    if (!kind || bytes.size() < net::kIcmpQuoteMinPayloadBytes) {
        return HostCounter::IcmpNotForUs;
    }
    // The ports and the sequence number are what every error quotes (RFC 792).
    const auto& ports = *reinterpret_cast<const net::wire::UdpLayout*>(bytes.data());
    const auto& sequence = *reinterpret_cast<const net::Big32*>(bytes.data() + 4);
    const tcp::Flow flow{quoted.source(), quoted.destination(), ports.source_port.host(),
                         ports.destination_port.host()};
    // RFC 5927 4.1: the connection believes only who has seen a segment that is under way.
    if (!tcp_.path_error(flow, *kind, net::Sequence(sequence.host()), next_hop_mtu_of(error),
                         now)) {
        return HostCounter::IcmpNotForUs;
    }
    if (*kind == tcp::PathError::PacketTooBig) {
        path_mtus_.learn(quoted.destination(), next_hop_mtu_of(error), quoted.total_bytes(), now);
    }
    return HostCounter::TcpError;
}

net::Result<tcp::ConnectionId, Obstacle> Host::connect_tcp(tcp::Flow flow,
                                                           const tcp::Settings& settings,
                                                           Instant now) {
    const auto way = ways_.to(flow.remote);
    if (!way) {
        return net::unexpected(way.error());
    }
    if (flow.local.is_unspecified()) {
        flow.local = way->source;
    } else if (!owns(flow.local)) {
        return net::unexpected(Obstacle{Obstacle::Kind::BadSource,
                                        flow.local.to_string() +
                                            " is no address of this router; "
                                            "give one that `show interfaces` has, or none"});
    }
    if (!ways_.is_one_host(flow.remote) || way->broadcast) {
        return net::unexpected(
            Obstacle{Obstacle::Kind::BadDestination,
                     flow.remote.to_string() + " is not the address of a single host"});
    }
    auto id = tcp_.connect(flow, settings, now);
    if (!id) {
        return net::unexpected(Obstacle{Obstacle::Kind::NoRoom, std::move(id.error())});
    }
    return *id;
}

std::vector<LocalPort> Host::ports_in_use() const {
    std::vector<LocalPort> all = tcp_.ports().list();
    const std::vector<LocalPort> of_udp = udp_.ports().list();
    all.insert(all.end(), of_udp.begin(), of_udp.end());
    return all;
}

void Host::set_ports_changed(const std::function<void()>& changed) {
    tcp_.ports().set_changed(changed);
    udp_.ports().set_changed(changed);
}

tcp::PathSizes Host::path_of(const tcp::Flow& flow) const {
    const auto way = ways_.to(flow.remote);
    return way ? tcp::PathSizes{way->mtu, way->path_mtu} : tcp::PathSizes{};
}

void Host::SegmentOutlet::transmit(const tcp::Flow& flow, const tcp::Segment& segment) {
    ++segments_;
    resets_ += std::uint64_t{segment.flags.rst};
    const std::vector<std::uint8_t> bytes = segment.encode(flow);
    net::Ipv4Header header;
    header.dont_fragment = true;
    header.protocol = net::IpProtocol::Tcp;
    if (segment.marks.ttl != 0) {
        header.ttl_hops = segment.marks.ttl;
    }
    header.type_of_service = static_cast<std::uint8_t>(unsigned{segment.marks.dscp} << 2 |
                                                       static_cast<unsigned>(segment.marks.ecn));
    header.source = flow.local;
    header.destination = flow.remote;
    out_->push_back(
        packet_of(header, bytes.size(), [&](net::ByteWriter& writer) { writer.bytes(bytes); }));
}

}  // namespace godwit::control
