// How a packet ends that NAT does not let pass, and how one goes on that is not NAT's.
#pragma once

#include "dataplane/nat/translator.hpp"
#include "dataplane/nodes/nat/nat_packet.hpp"
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

// Of a translator's Drop. The inside host that found no room for a new flow is told (RFC 5508
// REQ-8); nobody outside is told anything.
void refuse(Graph& graph, rte_mbuf* packet, nat::Direction direction, nat::Reason reason);

// Why a packet that could not be read ends.
api::DropReason fault_of(const NatPacket& read);

// Of a fragment, sees that its ports are known and that it is on the worker that knows; of any
// other packet, nothing. False: it has gone elsewhere, waits, or ended. `node`: where it goes on.
bool knows_ports(Graph& graph, Environment& env, rte_mbuf* packet, api::NodeId node);

// To the worker that owns its flow, which goes on with `node`.
void hand_over(Environment& env, rte_mbuf* packet, unsigned owner, api::NodeId node);

}  // namespace godwit::dataplane
