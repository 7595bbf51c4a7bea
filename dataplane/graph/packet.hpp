// What the graph knows about a packet beside its bytes: 64 bytes in the private area of its mbuf.
//
// The mbuf's data begins at the Ethernet header in ethernet-input, at the ARP message in arp-input
// (and when the owner gets it with resume = ArpInput), at the IPv4 header from ip4-input on (and
// when the owner gets it with resume = ArpResolve), and at the Ethernet header again after
// ip4-rewrite. Meta is valid from the moment a packet enters a worker until it is freed; who makes
// a packet (the owner, icmp-error) zeroes all of it with reset_meta() before it fills in its part.
//
// What the owner finds in a packet given with resume = ArpResolve: `next_hop` (the entry that is
// Glean or Incomplete), `egress` (the interface to ask on), `gateway` (Glean: the destination; 0
// for Incomplete, where next_hop says it). To give it back: resume = Ip4Rewrite with next_hop of an
// adjacency, or, when ARP failed, resume = IcmpError with icmp_type, icmp_code and drop_reason,
// which sends the error where the rules allow one and then drops the packet for that reason.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/api/drop_reason.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/api/node_id.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

struct PacketMeta {
    net::InterfaceId ingress;  // none: made here or by the control plane
    net::InterfaceId egress;
    std::uint32_t next_hop;   // index in tables::NextHops, from ip4-lookup on
    std::uint32_t flow_hash;  // same for all packets of a flow (graph/flow_hash.hpp); 0: not known
    std::uint32_t gateway;    // host order: the neighbour to resolve (arp-resolve)
    api::DropReason drop_reason;  // set before the Drop and the IcmpError node
    api::NodeId resume;           // where a packet continues that came over a ring
    api::PuntClass punt_class;
    std::uint8_t icmp_type;  // of the error that icmp-error is to send
    std::uint8_t icmp_code;
    std::uint8_t link_group : 1;  // came as link-layer broadcast or multicast
    std::uint8_t
        local_source : 1;  // injected or originated: no TTL decrement, no ICMP error about it
    std::uint8_t link_local : 1;         // its source or destination stays on its link (RFC 3927 7)
    std::uint8_t source_route_hops : 4;  // places of its source route that were reached here
    // MTU of "fragmentation needed", or the byte that a parameter problem points at
    std::uint16_t icmp_parameter;
    std::array<std::uint8_t, 6> source_mac;
    std::uint64_t arrival_tsc;
    api::NodeId after_reassembly;  // set before the Ip4Reassembly node: where the datagram goes on

    // NAT44 (nodes/nat).
    api::NodeId after_nat;               // set before the NatOutbound node: where it leaves to
    std::uint8_t source_was : 1;         // translated, and before it was what stands below
    std::uint8_t destination_was : 1;    // the same
    std::uint8_t nat_is_done : 1;        // nothing is left to be asked about it
    std::uint8_t nat_hairpin : 1;        // from inside to an outside address
    std::uint8_t nat_ports_known : 1;    // of a fragment: the two below are set
    std::uint8_t nat_ftp : 2;            // a FtpQuestion (nodes/nat/ftp_segment.hpp)
    std::uint8_t nat_is_noted : 1;       // its session has seen it
    std::uint16_t nat_source_port;       // in host order, as it stands; ICMP: the identifier
    std::uint16_t nat_destination_port;  // ICMP: the type
    std::uint16_t old_source_port;
    std::uint16_t old_destination_port;
    net::Ipv4Address old_source;
    net::Ipv4Address old_destination;
};
static_assert(sizeof(PacketMeta) <= 64);
constexpr std::uint16_t kPacketPrivateBytes = 64;

inline PacketMeta& meta(rte_mbuf* packet) {
    return *static_cast<PacketMeta*>(rte_mbuf_to_priv(packet));
}

// Where a frame that is about to leave counts. It lies in the mbuf's first cache line, so that
// transmission reads it without touching the meta; interface-output and the straight path write it.
struct Passage {
    net::InterfaceId ingress;  // none: made here or by the control plane
    net::InterfaceId egress;
    friend bool operator==(const Passage&, const Passage&) = default;
};
static_assert(sizeof(Passage) == sizeof(std::uint32_t));

inline void set_passage(rte_mbuf* packet, const Passage& passage) {
    packet->hash.usr = std::bit_cast<std::uint32_t>(passage);
}
inline Passage passage_of(const rte_mbuf* packet) {
    return std::bit_cast<Passage>(packet->hash.usr);
}

// Before a packet's first node; mbufs come from the pool with the meta of their last life.
inline void reset_meta(rte_mbuf* packet) {
    meta(packet) = PacketMeta{};
}

}  // namespace godwit::dataplane
