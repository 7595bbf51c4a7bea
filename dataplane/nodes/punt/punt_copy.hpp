// A copy for the control plane of a packet that goes on: router alerts (RFC 2113), and broadcasts
// directed to a subnet that we are on (RFC 1812 5.2.3). It takes no buffer and no place in the
// graph, only room in the punt ring, under the rules of its class and counted by class. The packet
// itself ends where it ends: the ledger knows nothing of copies.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/nodes/environment.hpp"

namespace godwit::dataplane {

// `packet` begins at its IPv4 header.
void copy_to_control_plane(Environment& env, rte_mbuf* packet, api::PuntClass came_as);

}  // namespace godwit::dataplane
