// Redirects (RFC 1812 5.2.7.2, RFC 792): a packet that leaves by the interface that it came in on
// took a detour over this router. Its source, if it is on the subnet of the next hop, is told to
// send there itself; the packet is forwarded all the same.
//
// Always for one host (code 1): which of a network's hosts go the same way is not for this router
// to say, and codes 0 and 2 are forbidden. The type of service plays no part in any route here, so
// code 3 is never called for.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/graph/graph.hpp"
#include "dataplane/nodes/environment.hpp"

namespace godwit::dataplane {

// For a packet that is about to be forwarded by `adjacency`, with its data at the IPv4 header, as
// it came in but for its options. Sends a redirect where one is due; the packet stays the caller's.
void offer_redirect(Graph& graph, Environment& env, rte_mbuf* packet, const Adjacency& adjacency);

}  // namespace godwit::dataplane
