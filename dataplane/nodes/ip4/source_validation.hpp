// Does a packet's source lie where it came from (RFC 3704, RFC 1812 5.3.8)? Asked where the ingress
// interface has `source-validation`.
//
//   loose   a route leads to the source: no blackhole, and not the default route, which would prove
//           nothing (RFC 3704 2.4)
//   strict  the route to the source, or one of its equal-cost members, leads out of the interface
//           that the packet came in on (RFC 3704 2.2); the default route counts
//
// A source without an address yet, 0.0.0.0, has no route; ip4-input lets it speak on its link only.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/nodes/environment.hpp"

namespace godwit::dataplane {

// Bit n: packets[n], among those whose bit is set in `asked`, has no valid source. At most 64
// packets that begin at their IPv4 header; their sources are looked up as one burst.
std::uint64_t packets_without_valid_source(const Environment& env,
                                           std::span<rte_mbuf* const> packets, std::uint64_t asked);

}  // namespace godwit::dataplane
