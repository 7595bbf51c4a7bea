// Which class a packet for the control plane belongs to (api::PuntClass).
//
// The nodes before say how it came; what is in it decides whether it keeps routes alive. A group
// address does not: OSPF, RIP, IGMP and PIM come that way. Fragments of UDP and TCP are whole by
// now where they are for us; one that is not has no ports to go by and stays what it was.
#pragma once

#include "dataplane/graph/packet.hpp"

namespace godwit::dataplane {

// The packet begins at its IPv4 header, which lies in the first buffer (as behind ip4-input).
// `came_as` is what the node before said.
api::PuntClass punt_class_of(rte_mbuf* packet, api::PuntClass came_as);

}  // namespace godwit::dataplane
