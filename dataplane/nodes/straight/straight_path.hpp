// The straight path: from the wire to the wire, for packets that need nothing special.
//
// A unicast IPv4 packet without options, to a neighbour that is known, with time to live left and
// small enough for its way out, is most of what a router ever sees. It is checked, looked up and
// rewritten here in three passes over the burst, without a station of the graph between them.
// Every packet either is forwarded here, whole, or is given to ethernet-input untouched and without
// a trace in any counter; there is no third way. So the nodes remain the only place that knows
// what happens to the rest, and the two ways cannot differ in what they refuse.
#pragma once

#include <cstdint>

#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

// At most kBurst packets as `port` delivered them; its PortView says that it is `straight`.
void straight_path(Graph& graph, Environment& env, std::uint16_t port, Packets packets);

}  // namespace godwit::dataplane
