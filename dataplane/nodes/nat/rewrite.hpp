// What translation changes in a packet, and how it is undone: addresses, ports, and the checksums
// by what changed (RFC 1624). A UDP checksum of zero stays zero.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/nat/translator.hpp"
#include "dataplane/nodes/nat/nat_packet.hpp"

namespace godwit::dataplane {

// The source on the way out, the destination on the way in. The meta keeps what was there.
void rewrite(nat::Direction direction, rte_mbuf* packet, const NatPacket& read,
             const nat::Rewrite& to);

// An ICMP error: the quoted packet, and the address of the error itself that is ours to change.
void rewrite_error(nat::Direction direction, rte_mbuf* packet, const NatPacket& read,
                   const nat::QuotedDecision& to);

// Puts back what was there before, so that an error quotes the packet as its sender knows it.
void restore(rte_mbuf* packet);

}  // namespace godwit::dataplane
