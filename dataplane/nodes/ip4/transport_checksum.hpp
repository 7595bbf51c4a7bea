// Unfinished TCP and UDP checksums from the kernel of this machine.
//
// A program that sends through a veth pair or a TAP device leaves the transport checksum to "the
// device": the field then holds only the folded sum of the pseudo header, not inverted. The kernel
// carries that knowledge beside the packet, and AF_PACKET and AF_XDP do not show it. Forwarded as
// it is, the packet would be dropped by its receiver.
//
// Such a packet is known exactly: its field equals that sum, and its checksum is wrong. (A finished
// packet may equal the sum by chance; then its checksum is right, and it is left alone.)
#pragma once

#include <rte_mbuf.h>

namespace godwit::dataplane {

// `packet` begins at a checked IPv4 header and ends where it says. True: it was completed.
bool complete_transport_checksum(rte_mbuf* packet);

}  // namespace godwit::dataplane
