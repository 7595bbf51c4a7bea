// FTP control connections as packets: what nat/ftp_stream says becomes bytes.
//
// Outbound, before the addresses change, the payload may be replaced, so a packet may become longer
// or shorter; or it is kept back, and turns around as the acknowledgment that its sender waits for.
// Inbound only numbers change: the acknowledgment and the SACK blocks (RFC 2018 3).
//
// A checksum is made anew only where the old one was right, so that nothing that was damaged under
// way is ever repaired here; what was damaged passes as it is and ends with its receiver.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/nodes/nat/nat_packet.hpp"
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

// How a packet asks the worker that owns a port for what to answer (PacketMeta::nat_ftp). The port
// is in nat_destination_port, on the way back the outside one.
enum class FtpQuestion : std::uint8_t { None, Asked, Answered };

// A segment of a followed session, of which the translator has heard. False: it has gone elsewhere,
// or ended.
bool follow_outbound(Graph& graph, Environment& env, rte_mbuf* packet, const NatPacket& read,
                     std::uint32_t session, net::InterfaceId out);

void follow_inbound(Environment& env, rte_mbuf* packet, std::uint32_t session);

// To the worker that asked.
void answer_ftp_question(Environment& env, rte_mbuf* packet, const nat::Flow& control,
                         net::InterfaceId out);

}  // namespace godwit::dataplane
