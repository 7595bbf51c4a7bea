// icmp-error: tells the source of a packet why it goes no further, where the rules allow it, and
// drops the packet for the reason that its meta gives. Type, code and MTU come in the meta, too.
//
// The error is a new packet: it quotes as much of the old one as fits into 576 bytes (RFC 1812
// 4.3.2.3), speaks from the address of the interface that the old one came in on (4.3.2.4), and is
// looked up like any other. It is `local_source`, so no error is ever sent about it.
#include <algorithm>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/checksum.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using net::Ipv4Address;
using net::wire::IcmpLayout;
using net::wire::Ipv4Layout;

// The source must name one host (RFC 1812 4.3.2.7).
bool names_a_host(const Environment& env, Ipv4Address source) {
    return !source.is_this_network() && !source.is_loopback() && !source.is_multicast() &&
           !source.is_reserved() && !source.is_limited_broadcast() &&
           !env.interfaces->impossible_sources.contains(source);
}

bool carries_icmp_error(rte_mbuf* packet, const Ipv4Layout& header) {
    if (net::IpProtocol{header.protocol} != net::IpProtocol::Icmp) {
        return false;
    }
    const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    // Too short to say what it is: not answered either.
    return packet->data_len <= header_bytes ||
           net::is_icmp_error(net::IcmpType{layout_at<std::uint8_t>(packet, header_bytes)});
}

// RFC 1812 4.3.2.7, RFC 1122 3.2.2.
bool may_be_answered(const Environment& env, rte_mbuf* packet) {
    const PacketMeta& about = meta(packet);
    if (about.local_source != 0 || about.link_group != 0 || about.ingress.is_none()) {
        return false;
    }
    const auto& header = layout_at<Ipv4Layout>(packet);
    const Ipv4Address destination = Ipv4Address::from_wire(header.destination);
    if (destination.is_multicast() || destination.is_limited_broadcast()) {
        return false;
    }
    if ((header.fragment.host() & net::kIpv4OffsetMask) != 0) {
        return false;  // a fragment other than the first
    }
    return names_a_host(env, Ipv4Address::from_wire(header.source)) &&
           !carries_icmp_error(packet, header);
}

// RFC 1812 4.3.2.4: an address of the interface, so that a traceroute names this router by the side
// that it came from; an unnumbered interface speaks by any other address of the router.
Ipv4Address speaking_address(const Environment& env, const PacketMeta& about, Ipv4Address peer) {
    const InterfaceEntry* ingress = env.interface(about.ingress);
    if (ingress != nullptr && !ingress->addresses.empty()) {
        return ingress->source_for(peer);
    }
    for (const InterfaceEntry& entry : env.interfaces->entries) {
        if (!entry.addresses.empty()) {
            return entry.addresses.front().address;
        }
    }
    return {};
}

std::uint32_t rest_of_header(const PacketMeta& about) {
    const auto type = net::IcmpType{about.icmp_type};
    if (type == net::IcmpType::ParameterProblem) {
        return std::uint32_t{about.icmp_parameter} << 24;  // RFC 792: the pointer is the first byte
    }
    const bool has_mtu =
        type == net::IcmpType::DestinationUnreachable &&
        net::UnreachableCode{about.icmp_code} == net::UnreachableCode::FragmentationNeeded;
    return has_mtu ? about.icmp_parameter : 0;  // RFC 1191 4
}

// Null: no buffer.
rte_mbuf* make_error(Environment& env, rte_mbuf* packet, Ipv4Address from) {
    const auto quote_bytes = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(packet->pkt_len, net::kIcmpQuoteMaxBytes));
    constexpr std::uint16_t kHeadBytes = sizeof(Ipv4Layout) + sizeof(IcmpLayout);
    const auto total_bytes = static_cast<std::uint16_t>(kHeadBytes + quote_bytes);

    rte_mbuf* error = rte_pktmbuf_alloc(env.pool);
    if (error == nullptr) {
        return nullptr;
    }
    if (rte_pktmbuf_append(error, total_bytes) == nullptr) {
        rte_pktmbuf_free(error);
        return nullptr;
    }
    reset_meta(error);
    meta(error).local_source = 1;
    meta(error).arrival_tsc = env.now_cycles;

    const auto& about_old = layout_at<Ipv4Layout>(packet);
    auto& header = layout_at<Ipv4Layout>(error);
    header = Ipv4Layout{};
    header.version_ihl = 0x45;
    // RFC 1812 4.3.2.5: the type of service of the packet, with precedence "internetwork control";
    // without its congestion bits, which are of the packet's own way (RFC 3168 5).
    header.type_of_service = static_cast<std::uint8_t>(0xc0U | (about_old.type_of_service & 0x1cU));
    header.total_length = net::Big16::from_host(total_bytes);
    header.identification = net::Big16::from_host(env.next_identification++);
    header.ttl = net::kIpv4DefaultTtlHops;
    header.protocol = static_cast<std::uint8_t>(net::IpProtocol::Icmp);
    header.source = from.to_wire();
    header.destination = about_old.source;
    header.checksum = net::internet_checksum(first_bytes(error).first(sizeof header));

    auto& icmp = layout_at<IcmpLayout>(error, sizeof header);
    icmp.type = meta(packet).icmp_type;
    icmp.code = meta(packet).icmp_code;
    icmp.checksum = {};
    icmp.rest = net::Big32::from_host(rest_of_header(meta(packet)));
    copy_bytes(packet, first_bytes(error).subspan(kHeadBytes));
    icmp.checksum = net::internet_checksum(first_bytes(error).subspan(sizeof header));
    return error;
}

void tell_source(Graph& graph, Environment& env, rte_mbuf* packet) {
    if (!may_be_answered(env, packet)) {
        return;
    }
    const PacketMeta& about = meta(packet);
    const Ipv4Address source = Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).source);
    const Ipv4Address from = speaking_address(env, about, source);
    if (from.is_unspecified()) {
        return;  // a router without an address has nothing to say
    }
    if (!env.icmp_limiter.admits(net::IcmpType{about.icmp_type}, env.now_cycles)) {
        env.counters.icmp_rate_limited.add(1);
        return;
    }
    rte_mbuf* error = make_error(env, packet, from);
    if (error == nullptr) {
        env.counters.icmp_rate_limited.add(1);  // due and not sent
        return;
    }
    env.counters.originated.add(1);
    graph.next(api::NodeId::Ip4Lookup, error);
}

}  // namespace

void icmp_error(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        tell_source(graph, env, packet);
        graph.drop(packet, meta(packet).drop_reason);
    }
}

}  // namespace godwit::dataplane
