// The ICMP error itself: a new packet that quotes the one it is about.
//
//   IPv4 header [, source route back] · ICMP head · as much of the packet as makes 576 bytes (RFC
//   1812 4.3.2.3) [, padding, the interface that it came in on (RFC 4884, RFC 5837)]
//
// It speaks from an address of the interface that it leaves by (RFC 1812 4.3.2.4): the way back is
// looked up for that before it is looked up as a packet. Where that interface has no address, the
// router speaks from the smallest that it has, which only a change of the configuration changes
// (4.2.2.2). A traceroute that wants to know where a packet came in finds that in the extension.
//
// Whoever makes it has asked the rules (error_rules.hpp) and the limit before, and sends it to
// ip4-lookup. It is `local_source`, so nothing is ever said about it.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/graph/graph.hpp"
#include "dataplane/nodes/environment.hpp"
#include "net/header_options.hpp"
#include "net/icmp.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

struct IcmpErrorDraft {
    net::IcmpMessage message;
    net::Ipv4Address source;
    net::Ipv4Address destination;  // the packet's source, or the first hop of the way back to it
    net::HeaderOptions options{};
    std::uint32_t flow_hash = 0;   // of equal paths back, the one that `source` was chosen for
    bool names_interface = false;  // the packet's ingress, where the type has room for it
};

// Admits one error about `packet` to `to` through this worker's limit, or counts why not.
bool limit_admits(Environment& env, rte_mbuf* packet, net::IcmpType type, net::Ipv4Address to);

// Makes it and gives it to ip4-lookup, or counts that there is no buffer.
void send_error(Graph& graph, Environment& env, rte_mbuf* about, const IcmpErrorDraft& draft);

inline void count_silence(Environment& env, api::IcmpSilence silence) {
    env.counters.icmp_silences[static_cast<std::size_t>(silence)].add(1);
}

}  // namespace godwit::dataplane
