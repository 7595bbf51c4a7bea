// Options of a packet that is for this router, before anybody here looks at it: it has reached its
// end, and that is part of its record (RFC 1812 4.2.2.1 (e), RFC 1122 3.2.1.8 (e)).
#pragma once

#include <rte_mbuf.h>

#include "dataplane/nodes/environment.hpp"

namespace godwit::dataplane {

// Enters the time into a Timestamp option, or counts the overflow. Not for echo requests: their
// options go back with the reply, which is stamped when it leaves.
void stamp_received(const Environment& env, rte_mbuf* packet);

}  // namespace godwit::dataplane
