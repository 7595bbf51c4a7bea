// The last step of a packet that is for this router: to the node that takes it, and for a fragment
// by way of ip4-reassembly.
#pragma once

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

inline void deliver(Graph& graph, rte_mbuf* packet, api::NodeId to) {
    const std::uint16_t place = layout_at<net::wire::Ipv4Layout>(packet).fragment.host();
    if ((place & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0) [[unlikely]] {
        meta(packet).after_reassembly = to;
        to = api::NodeId::Ip4Reassembly;
    }
    graph.next(to, packet);
}

}  // namespace godwit::dataplane
