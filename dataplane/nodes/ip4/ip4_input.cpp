// ip4-input: is this an IPv4 packet that a router may look at (RFC 1812 5.2.2), and is it one that
// may go further (RFC 1812 5.3.7)? The checks stand in the order of RFC 1812 5.2.2, which names the
// cause of an error best. Failures are silent discards, except that they are counted; options that
// are not what they should be are told to the source (RFC 1812 4.3.3.5). A source that is not where
// it says is told nothing (source_validation.hpp).
//
// From here on the data begins at the IPv4 header, ends where its total length says (the padding of
// short Ethernet frames is gone), and the header with its options lies in the first buffer. Known
// options are well formed; ip4-options fills them in when the way out is known.
//
// Source routes are followed here (source_route.hpp), where the ingress interface allows them.
// DEVIATION(1812, 5.3.13.4): by default it does not, and such packets are dropped. A source route
// is a way around filters, and routers refuse it by default today (RFC 6274 3.13.2.3).
// DEVIATION(1812, 5.2.4.1): that is no failure of the route, so no code 5 is sent: an answer would
// tell a stranger which routers take part, and would go to whomever the source names.
#include <array>
#include <bit>
#include <cstddef>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/fragment/deliver.hpp"
#include "dataplane/nodes/ip4/martians.hpp"
#include "dataplane/nodes/ip4/source_route.hpp"
#include "dataplane/nodes/ip4/source_validation.hpp"
#include "dataplane/nodes/ip4/transport_checksum.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "net/ipv4_options.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::Ipv4Address;
using net::wire::Ipv4Layout;

enum class Outcome : std::uint8_t { Drop, Report, Lookup, LimitedBroadcast, LinkLocalMulticast };

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

Outcome report(rte_mbuf* packet, net::IcmpType type, std::uint8_t code, DropReason why,
               DropReason& reason) {
    PacketMeta& about = meta(packet);
    about.icmp_type = static_cast<std::uint8_t>(type);
    about.icmp_code = code;
    reason = why;
    return Outcome::Report;
}

// RFC 1812 4.3.3.5: `at` is the byte of the header that is wrong.
Outcome report_byte(rte_mbuf* packet, std::uint8_t at, DropReason why, DropReason& reason) {
    meta(packet).icmp_parameter = at;
    return report(packet, net::IcmpType::ParameterProblem, 0, why, reason);
}

// RFC 791 3.1, RFC 1812 5.2.4; Lookup: go on.
Outcome judge_options(const Environment& env, rte_mbuf* packet, DropReason& reason) {
    const auto header = header_of(packet);
    const net::Ipv4Options options = net::read_ipv4_options(header);
    if (options.source_route != 0) {
        const InterfaceEntry* ingress = env.interface(meta(packet).ingress);
        if (ingress == nullptr || !ingress->source_route) {
            reason = DropReason::Ip4SourceRoute;
            return Outcome::Drop;
        }
    }
    if (options.fault != net::Ipv4Options::Fault::None) {
        return report_byte(packet, options.fault_at,
                           options.fault == net::Ipv4Options::Fault::NoRoom
                               ? DropReason::Ip4OptionsFull
                               : DropReason::Ip4BadOptions,
                           reason);
    }
    if (options.source_route == 0) {
        return Outcome::Lookup;
    }
    switch (follow_source_route(*env.interfaces, packet, options)) {
        case SourceRouteStep::Followed:
            break;
        case SourceRouteStep::NotOurs:
            // RFC 1812 5.2.2: a strict one whose next stop is not this router.
            return report_byte(packet, offsetof(Ipv4Layout, destination),
                               DropReason::Ip4SourceRouteFailed, reason);
        case SourceRouteStep::NoHost:
            reason = DropReason::Ip4SourceRouteFailed;
            return Outcome::Drop;
    }
    return Outcome::Lookup;
}

// RFC 1812 5.3.7, 4.2.2.11. 0.0.0.0 may speak to everyone on its link (DHCP, IGMP), nobody else.
bool has_martian_source(const Environment& env, Ipv4Address source, bool stays_on_link) {
    if (source.is_unspecified()) {
        return !stays_on_link;
    }
    return is_martian_source(source) || env.interfaces->impossible_sources.contains(source);
}

Outcome judge(Environment& env, rte_mbuf* packet, DropReason& reason) {
    if (!has_valid_header(packet, reason)) {
        return Outcome::Drop;
    }
    const auto& header = layout_at<Ipv4Layout>(packet);
    if (header.total_length.host() < packet->pkt_len) {
        trim_to(packet, header.total_length.host());
    }
    if (header.version_ihl != 0x45) {
        const Outcome outcome = judge_options(env, packet, reason);
        if (outcome != Outcome::Lookup) {
            return outcome;
        }
    }

    const Ipv4Address destination = Ipv4Address::from_wire(header.destination);
    const bool stays_on_link =
        destination.is_limited_broadcast() || is_link_local_multicast(destination);
    const Ipv4Address source = Ipv4Address::from_wire(header.source);
    if (has_martian_source(env, source, stays_on_link)) {
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
    meta(packet).link_local = is_link_local(source) || is_link_local(destination) ? 1 : 0;
    return Outcome::Lookup;
}

bool is_validated(const Environment& env, rte_mbuf* packet) {
    const InterfaceEntry* ingress = env.interface(meta(packet).ingress);
    return ingress != nullptr && ingress->source_validation != SourceValidation::Off;
}

// To an address that NAT has given out. What came to everyone on the link is not, and ip4-lookup
// ends it.
bool is_for_nat(const Environment& env, rte_mbuf* packet) {
    if (env.nat.translator == nullptr || meta(packet).link_group != 0) {
        return false;
    }
    const nat::NatRules& rules = env.nat.translator->rules();
    const Ipv4Address destination =
        Ipv4Address::from_wire(layout_at<Ipv4Layout>(packet).destination);
    return rules.may_be_outside(destination) && rules.is_outside_address(destination) &&
           !env.interfaces->is_tentative(destination);
}

void send_on(Graph& graph, Environment& env, rte_mbuf* packet, Outcome outcome, DropReason reason) {
    PacketMeta& about = meta(packet);
    switch (outcome) {
        case Outcome::Drop:
            graph.drop(packet, reason);
            return;
        case Outcome::Report:
            about.drop_reason = reason;
            graph.next(api::NodeId::IcmpError, packet);
            return;
        case Outcome::Lookup:
        case Outcome::LimitedBroadcast:
        case Outcome::LinkLocalMulticast:
            break;
    }
    const InterfaceEntry* ingress = env.interface(about.ingress);
    if (ingress != nullptr && ingress->partial_checksums && complete_transport_checksum(packet)) {
        env.counters.checksums_mended.add(1);
    }
    if (outcome == Outcome::Lookup) {
        graph.next(is_for_nat(env, packet) ? api::NodeId::NatInbound : api::NodeId::Ip4Lookup,
                   packet);
        return;
    }
    about.punt_class = outcome == Outcome::LimitedBroadcast ? api::PuntClass::Broadcast
                                                            : api::PuntClass::Multicast;
    deliver(graph, packet, api::NodeId::Punt);
}

}  // namespace

void ip4_input(Graph& graph, Environment& env, Packets packets) {
    std::array<Outcome, kBurst> outcomes;
    std::array<DropReason, kBurst> reasons{};
    std::uint64_t validated = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        outcomes[i] = judge(env, packets[i], reasons[i]);
        if (outcomes[i] != Outcome::Drop && is_validated(env, packets[i])) {
            validated |= std::uint64_t{1} << i;
        }
    }
    if (validated != 0) {
        std::uint64_t invalid = packets_without_valid_source(env, packets, validated);
        for (; invalid != 0; invalid &= invalid - 1) {
            const auto place = static_cast<std::size_t>(std::countr_zero(invalid));
            outcomes[place] = Outcome::Drop;
            reasons[place] = DropReason::Ip4SourceUnreachable;
        }
    }
    for (std::size_t i = 0; i < packets.size(); ++i) {
        send_on(graph, env, packets[i], outcomes[i], reasons[i]);
    }
}

}  // namespace godwit::dataplane
