// An ARP or RARP message turned into its answer, where it lies or in a buffer of its own.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/nodes/nodes.hpp"
#include "net/arp.hpp"
#include "net/mac_address.hpp"

namespace godwit::dataplane {

// The message, without what follows it, becomes `answer` to `to` out of `entry`. Neither may lie in
// the packet.
void answer_in_place(Graph& graph, rte_mbuf* packet, const InterfaceEntry& entry,
                     const net::MacAddress& to, const net::wire::ArpLayout& answer);
// The message stays as it came. Without a buffer there is no answer, as if it had been lost on the
// way: the asker asks again.
void answer_apart(Graph& graph, Environment& env, const InterfaceEntry& entry,
                  const net::MacAddress& to, const net::wire::ArpLayout& answer);

}  // namespace godwit::dataplane
