#include "dataplane/nodes/straight/translation.hpp"

#include <bit>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nat/nat_packet.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"

namespace godwit::dataplane::straight {

namespace {

using nat::Direction;
using net::Big16;
using net::IpProtocol;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

constexpr unsigned kFactsChecksumShift = 48;  // behind TTL and protocol, as on the wire

void set_ports_and_sums(Direction direction, rte_mbuf* packet, std::uint32_t header_at,
                        const nat::Rewrite& to) {
    auto& header = layout_at<Ipv4Layout>(packet, header_at);
    const std::uint32_t transport = header_at + sizeof(Ipv4Layout);
    header.checksum = to.ip.applied_to(header.checksum);
    if (direction == Direction::Outbound) {
        header.source = to.endpoint.address.to_wire();
        layout_at<Big16>(packet, transport) = Big16::from_host(to.endpoint.port);
    } else {
        header.destination = to.endpoint.address.to_wire();
        layout_at<Big16>(packet, transport + sizeof(Big16)) = Big16::from_host(to.endpoint.port);
    }
    if (header.protocol == static_cast<std::uint8_t>(IpProtocol::Tcp)) {
        auto& checksum = layout_at<Big16>(packet, transport + 16);
        checksum = to.transport.applied_to(checksum);
    } else {
        auto& checksum = layout_at<Big16>(packet, transport + 6);
        if (checksum != Big16()) {
            checksum = net::udp_wire_checksum(to.transport.applied_to(checksum));
        }
    }
}

}  // namespace

// False: more than a plain packet, or another worker's.
bool Translation::read(Direction direction, rte_mbuf* packet, Asked& asked) const {
    const auto& header = layout_at<Ipv4Layout>(packet, link_bytes_);
    const auto protocol = IpProtocol{header.protocol};
    const std::uint32_t transport = link_bytes_ + std::uint32_t{sizeof(Ipv4Layout)};
    const bool is_tcp = protocol == IpProtocol::Tcp;
    const std::uint32_t total_bytes = header.total_length.host();
    const std::uint32_t transport_bytes = is_tcp ? 20U : 8U;
    if ((!is_tcp && protocol != IpProtocol::Udp) ||
        (header.fragment.host() & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0 ||
        packet->data_len < transport + transport_bytes ||
        total_bytes < sizeof(Ipv4Layout) + transport_bytes) {
        return false;
    }
    const auto& ports = layout_at<net::wire::UdpLayout>(packet, transport);
    nat::Packet& read = asked.packet;
    read.flow = {protocol,
                 {Ipv4Address::from_wire(header.source), ports.source_port.host()},
                 {Ipv4Address::from_wire(header.destination), ports.destination_port.host()}};
    if (is_tcp) {
        const auto& tcp = layout_at<net::wire::TcpLayout>(packet, transport);
        read.tcp = {net::TcpFlags::from_bits(tcp.flags), tcp.sequence.host(),
                    tcp.acknowledgment.host()};
    }
    return env_.worker_count == 1 ||
           rules_.owner(direction, read.flow, env_.worker_count) == env_.worker;
}

// True: it comes from where packets to its destination would leave. What comes from elsewhere may
// be from inside, and then its source is translated, too (hairpin), whatever sessions its addresses
// have.
bool Translation::is_from_outside(net::InterfaceId ingress, rte_mbuf* packet) const {
    const auto& header = layout_at<Ipv4Layout>(packet, link_bytes_);
    return rules_.interface_of(Ipv4Address::from_wire(header.destination),
                               Ipv4Address::from_wire(header.source)) == ingress;
}

std::uint64_t Translation::translate_inbound(Candidates& found,
                                             std::span<const net::InterfaceId> ingress) {
    const bool is_only_way = ingress.size() == 1 && rules_.concerns_only(ingress.front());
    std::uint64_t leaving = 0;
    unsigned count = 0;
    for (unsigned at = 0; at < found.count; ++at) {
        const Ipv4Address destination(found.destinations[at]);
        if (!rules_.may_be_outside(destination) || !rules_.is_outside_address(destination)) {
            continue;
        }
        Asked& asked = asked_[count];
        if ((!is_only_way &&
             !is_from_outside(ingress[ingress.size() == 1 ? 0 : at], found.packets[at])) ||
            !read(Direction::Inbound, found.packets[at], asked)) {
            leaving |= std::uint64_t{1} << at;
            continue;
        }
        asked.at = at;
        asked.hash = translator_.prefetch(Direction::Inbound, asked.packet.flow);
        ++count;
    }
    return leaving | carry_out(Direction::Inbound, found, count);
}

std::uint64_t Translation::translate_outbound(Candidates& found, const NextHops::Reader& hops) {
    std::uint64_t leaving = 0;
    unsigned count = 0;
    for (unsigned at = 0; at < found.count; ++at) {
        if (ways_[at] != Way::None) {
            continue;
        }
        const NextHopEntry hop = hops.entry(found.next_hops[at]);
        if (hop.verdict == Verdict::Group) {
            leaving |= std::uint64_t{1} << at;  // its members may be on any interface
            continue;
        }
        if (hop.verdict != Verdict::Adjacency ||
            !rules_.concerns_interface(hops.adjacency(hop.target).interface)) {
            continue;
        }
        rte_mbuf* const packet = found.packets[at];
        Asked& asked = asked_[count];
        if (layout_at<Ipv4Layout>(packet, link_bytes_).ttl <= 1 ||
            !read(Direction::Outbound, packet, asked)) {
            leaving |= std::uint64_t{1} << at;
            continue;
        }
        asked.at = at;
        asked.hash = translator_.prefetch(Direction::Outbound, asked.packet.flow);
        ++count;
    }
    return leaving | carry_out(Direction::Outbound, found, count);
}

std::uint64_t Translation::carry_out(Direction direction, Candidates& found, unsigned count) {
    for (unsigned n = 0; n < count; ++n) {
        asked_[n].probable = translator_.prefetch_session(asked_[n].hash);
    }
    std::uint64_t leaving = 0;
    for (unsigned n = 0; n < count; ++n) {
        const Asked& asked = asked_[n];
        const nat::Session* const session = translator_.established(
            direction, asked.packet, asked.hash, asked.probable, env_.nat.now);
        if (session == nullptr) [[unlikely]] {
            leaving |= std::uint64_t{1} << asked.at;
            continue;
        }
        if (direction == Direction::Outbound) {
            apply(direction, found, asked,
                  {session->outside(), session->ip_difference, session->transport_difference});
        } else {
            apply(direction, found, asked,
                  {session->inside(), session->ip_difference.inverse(),
                   session->transport_difference.inverse()});
        }
    }
    return leaving;
}

void Translation::apply(Direction direction, Candidates& found, const Asked& asked,
                        const nat::Rewrite& to) {
    const unsigned at = asked.at;
    rte_mbuf* const packet = found.packets[at];
    const bool is_outbound = direction == Direction::Outbound;
    const nat::Endpoint& old =
        is_outbound ? asked.packet.flow.source : asked.packet.flow.destination;
    old_addresses_[at] = old.address.value();
    old_ports_[at] = old.port;
    ways_[at] = is_outbound ? Way::Outbound : Way::Inbound;
    set_ports_and_sums(direction, packet, link_bytes_, to);
    if (!is_outbound) {
        found.destinations[at] = to.endpoint.address.value();
    }
    const auto checksum =
        std::bit_cast<std::uint16_t>(layout_at<Ipv4Layout>(packet, link_bytes_).checksum);
    constexpr std::uint64_t kOthers = ~(std::uint64_t{0xffff} << kFactsChecksumShift);
    if (found.facts[at] != 0) {  // 0: it is too long for its place, whatever it says
        found.facts[at] = (found.facts[at] & kOthers) | std::uint64_t{checksum}
                                                            << kFactsChecksumShift;
    }
}

bool Translation::undo(unsigned at, rte_mbuf* packet) {
    if (ways_[at] == Way::None) {
        return false;
    }
    const bool is_outbound = ways_[at] == Way::Outbound;
    const auto& header = layout_at<Ipv4Layout>(packet, link_bytes_);
    const auto& ports =
        layout_at<net::wire::UdpLayout>(packet, link_bytes_ + std::uint32_t{sizeof(Ipv4Layout)});
    const auto present = Ipv4Address::from_wire(is_outbound ? header.source : header.destination);
    const std::uint16_t port = (is_outbound ? ports.source_port : ports.destination_port).host();
    nat::Rewrite back;
    back.endpoint = {Ipv4Address(old_addresses_[at]), old_ports_[at]};
    back.ip.change(present, back.endpoint.address);
    back.transport = back.ip;
    back.transport.change_port(port, back.endpoint.port);
    set_ports_and_sums(is_outbound ? Direction::Outbound : Direction::Inbound, packet, link_bytes_,
                       back);
    ways_[at] = Way::None;
    return true;
}

}  // namespace godwit::dataplane::straight
