// ip4-input: is this an IPv4 packet that a router may look at (RFC 1812 5.2.2), and is it one that
// may go further (RFC 1812 5.3.7)? The checks stand in the order of RFC 1812 5.2.2, which names the
// cause of an error best. All failures are silent discards, except that they are counted.
//
// From here on the data begins at the IPv4 header, ends where its total length says (the padding of
// short Ethernet frames is gone), and the header with its options lies in the first buffer.
//
// DEVIATION(1812, 5.2.4.1): packets with a source route are dropped, without an ICMP error: source
// routing is a way around filters, and routers refuse it by default today (RFC 6274 3.13.2.3).
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/ip4/transport_checksum.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

enum class Outcome : std::uint8_t { Drop, Lookup, LimitedBroadcast, LinkLocalMulticast };

// RFC 1812 5.2.2; true when the header may be believed.
bool has_valid_header(rte_mbuf* packet, DropReason& reason) {
    // (1) the link layer delivered a whole header, options included
    if (packet->data_len < sizeof(Ipv4Layout)) {
        reason = DropReason::Ip4Truncated;
        return false;
    }
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::size_t stated_bytes = (header.version_ihl & 0xfU) * 4U;
    // The checksum covers what the header says, and at least what every header has.
    const std::size_t header_bytes = std::max(stated_bytes, sizeof(Ipv4Layout));
    if (packet->data_len < header_bytes) {
        reason = DropReason::Ip4Truncated;
        return false;
    }
    // (2) the checksum
    if (!net::has_valid_checksum(first_bytes(packet).first(header_bytes))) {
        reason = DropReason::Ip4BadChecksum;
        return false;
    }
    // (3) the version
    if (header.version_ihl >> 4 != 4) {
        reason = DropReason::Ip4BadVersion;
        return false;
    }
    // (4) the header length
    if (stated_bytes < sizeof(Ipv4Layout)) {
        reason = DropReason::Ip4BadHeaderLength;
        return false;
    }
    // (5) the total length holds the header, and the frame holds the total length
    const std::uint32_t total_bytes = header.total_length.host();
    if (total_bytes < stated_bytes || total_bytes > packet->pkt_len) {
        reason = DropReason::Ip4BadTotalLength;
        return false;
    }
    return true;
}

// RFC 791 3.1, RFC 1812 5.2.4: options are bounded and, but for source routes, go on untouched.
bool has_acceptable_options(rte_mbuf* packet, DropReason& reason) {
    const std::size_t header_bytes = (layout_at<Ipv4Layout>(packet).version_ihl & 0xfU) * 4U;
    net::OptionWalker options(first_bytes(packet).first(header_bytes).subspan(sizeof(Ipv4Layout)));
    while (const auto option = options.next()) {
        const auto kind = net::Ipv4OptionKind{option->kind};
        if (kind == net::Ipv4OptionKind::LooseSourceRoute ||
            kind == net::Ipv4OptionKind::StrictSourceRoute) {
            reason = DropReason::Ip4SourceRoute;
            return false;
        }
    }
    if (options.malformed()) {
        reason = DropReason::Ip4BadOptions;
        return false;
    }
    return true;
}

// RFC 1812 5.3.7, 4.2.2.11. An address on "this network" (0/8) names a host only while it learns
// its own (RFC 1122 3.2.1.3): 0.0.0.0 may speak to everyone on the link (DHCP, IGMP), nobody else.
bool is_martian_source(const Environment& env, Ipv4Address source, bool stays_on_link) {
    if (source.is_this_network()) {
        return !(source.is_unspecified() && stays_on_link);
    }
    return source.is_loopback() || source.is_multicast() || source.is_reserved() ||
           source.is_limited_broadcast() || env.interfaces->impossible_sources.contains(source);
}

// RFC 1812 5.3.7, 4.2.3.1: network 0, network 127, class E.
bool is_martian_destination(Ipv4Address destination) {
    return destination.is_this_network() || destination.is_loopback() || destination.is_reserved();
}

bool is_link_local_multicast(Ipv4Address destination) {
    return destination.value() >> 8 == 0xe00000U;  // 224.0.0.0/24, never forwarded (RFC 5771 4)
}

Outcome judge(Environment& env, rte_mbuf* packet, DropReason& reason) {
    if (!has_valid_header(packet, reason)) {
        return Outcome::Drop;
    }
    const auto& header = layout_at<Ipv4Layout>(packet);
    if (header.version_ihl != 0x45 && !has_acceptable_options(packet, reason)) {
        return Outcome::Drop;
    }
    if (header.total_length.host() < packet->pkt_len) {
        trim_to(packet, header.total_length.host());
    }

    const Ipv4Address destination = Ipv4Address::from_wire(header.destination);
    const bool stays_on_link =
        destination.is_limited_broadcast() || is_link_local_multicast(destination);
    if (is_martian_source(env, Ipv4Address::from_wire(header.source), stays_on_link)) {
        reason = DropReason::Ip4MartianSource;
        return Outcome::Drop;
    }
    if (is_martian_destination(destination)) {
        reason = DropReason::Ip4MartianDestination;
        return Outcome::Drop;
    }
    if (destination.is_limited_broadcast()) {
        return Outcome::LimitedBroadcast;  // RFC 1812 5.3.5.1: received, never forwarded
    }
    if (destination.is_multicast()) {
        reason = DropReason::Ip4Multicast;
        return is_link_local_multicast(destination) ? Outcome::LinkLocalMulticast : Outcome::Drop;
    }
    return Outcome::Lookup;
}

}  // namespace

void ip4_input(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        PacketMeta& about = meta(packet);
        DropReason reason{};
        const Outcome outcome = judge(env, packet, reason);
        if (outcome == Outcome::Drop) {
            graph.drop(packet, reason);
            continue;
        }
        const InterfaceEntry* ingress = env.interface(about.ingress);
        if (ingress != nullptr && ingress->partial_checksums &&
            complete_transport_checksum(packet)) {
            env.counters.checksums_mended.add(1);
        }
        if (outcome == Outcome::LimitedBroadcast) {
            about.punt_class = api::PuntClass::Broadcast;
            graph.next(api::NodeId::Punt, packet);
        } else if (outcome == Outcome::LinkLocalMulticast) {
            about.punt_class = api::PuntClass::Multicast;
            graph.next(api::NodeId::Punt, packet);
        } else {
            graph.next(api::NodeId::Ip4Lookup, packet);
        }
    }
}

}  // namespace godwit::dataplane
