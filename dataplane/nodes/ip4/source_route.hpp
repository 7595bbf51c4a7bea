// Packets that say their own way (RFC 791 3.1, RFC 1812 5.2.3, 5.2.4.1): the part of it that is
// done before the lookup. The places of the route that are this router are taken, and the next one
// becomes the destination; the address that is recorded in them is known only when the way out is,
// so ip4-options writes it there (`PacketMeta::source_route_hops` of them).
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "net/ipv4.hpp"
#include "net/ipv4_options.hpp"

namespace godwit::dataplane {

enum class SourceRouteStep : std::uint8_t {
    Followed,  // what is in the header now is to be looked up
    NotOurs,   // a strict route at a router that is not in it
    NoHost     // its next stop can be no host
};

// The header with its options, which lies in the first buffer.
inline std::span<std::uint8_t> header_of(rte_mbuf* packet) {
    const auto& header = layout_at<net::wire::Ipv4Layout>(packet);
    return first_bytes(packet).first((header.version_ihl & 0xfU) * 4U);
}

// After a change of the header.
void renew_checksum(rte_mbuf* packet);

// `options` are faultless, and have a source route.
SourceRouteStep follow_source_route(const InterfaceSnapshot& interfaces, rte_mbuf* packet,
                                    const net::Ipv4Options& options);

}  // namespace godwit::dataplane
