// How a node gives a packet to icmp-error: its source is told `type` and `code` where the rules
// allow it, and the packet ends for `reason`.
#pragma once

#include <cstdint>

#include "dataplane/api/drop_reason.hpp"
#include "dataplane/graph/graph.hpp"
#include "net/icmp.hpp"

namespace godwit::dataplane {

inline void report(Graph& graph, rte_mbuf* packet, net::IcmpType type, std::uint8_t code,
                   api::DropReason reason) {
    PacketMeta& about = meta(packet);
    about.icmp_type = static_cast<std::uint8_t>(type);
    about.icmp_code = code;
    about.drop_reason = reason;
    graph.next(api::NodeId::IcmpError, packet);
}

}  // namespace godwit::dataplane
