#include "dataplane/nodes/icmp/error_rules.hpp"

#include <algorithm>

#include "dataplane/graph/packet_bytes.hpp"
#include "net/icmp.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::IcmpSilence;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

// A source that names no single host, or this router (RFC 1812 4.3.2.7, 5.3.7).
bool names_a_host(const Environment& env, Ipv4Address source) {
    return !source.is_this_network() && !source.is_loopback() && !source.is_multicast() &&
           !source.is_reserved() && !source.is_limited_broadcast() &&
           !env.interfaces->impossible_sources.contains(source);
}

// Of a subnet of ours; the broadcasts of far networks are known to nobody here. All-zeros counts as
// a broadcast too (RFC 1812 4.2.3.1).
bool is_subnet_broadcast(const InterfaceSnapshot& interfaces, Ipv4Address destination) {
    if (!interfaces.impossible_sources.may_contain(destination)) {
        return false;
    }
    return std::any_of(interfaces.entries.begin(), interfaces.entries.end(),
                       [destination](const InterfaceEntry& entry) {
                           return std::any_of(entry.addresses.begin(), entry.addresses.end(),
                                              [destination](const net::Ipv4InterfaceAddress& own) {
                                                  const auto broadcast = own.broadcast();
                                                  return broadcast &&
                                                         (destination == *broadcast ||
                                                          destination == own.subnet().address());
                                              });
                       });
}

bool goes_to_group(const Environment& env, Ipv4Address destination) {
    return destination.is_multicast() || destination.is_limited_broadcast() ||
           is_subnet_broadcast(*env.interfaces, destination);
}

bool carries_icmp_error(rte_mbuf* packet, const Ipv4Layout& header) {
    if (net::IpProtocol{header.protocol} != net::IpProtocol::Icmp) {
        return false;
    }
    const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    return packet->data_len <= header_bytes ||
           net::is_icmp_error(net::IcmpType{layout_at<std::uint8_t>(packet, header_bytes)});
}

}  // namespace

std::optional<IcmpSilence> silence_about(const Environment& env, rte_mbuf* packet) {
    const PacketMeta& about = meta(packet);
    if (about.local_source != 0 || about.ingress.is_none()) {
        return IcmpSilence::AboutOwnPacket;
    }
    if (about.link_group != 0) {
        return IcmpSilence::AboutLinkGroup;
    }
    const auto& header = layout_at<Ipv4Layout>(packet);
    if (goes_to_group(env, Ipv4Address::from_wire(header.destination))) {
        return IcmpSilence::AboutGroup;
    }
    if ((header.fragment.host() & net::kIpv4OffsetMask) != 0) {
        return IcmpSilence::AboutLaterFragment;
    }
    if (!names_a_host(env, Ipv4Address::from_wire(header.source))) {
        return IcmpSilence::SourceIsNoHost;
    }
    if (carries_icmp_error(packet, header)) {
        return IcmpSilence::AboutIcmpError;
    }
    return std::nullopt;
}

}  // namespace godwit::dataplane
