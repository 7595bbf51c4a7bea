// The nodes: one function each, in its own file under <feature>/. Every one disposes of every
// packet of its burst: to another node, to an outbox, to a drop reason, or (punt) out of memory.
#pragma once

#include <span>

#include "dataplane/graph/graph.hpp"
#include "dataplane/nodes/environment.hpp"

namespace godwit::dataplane {

using Packets = std::span<rte_mbuf* const>;

void ethernet_input(Graph& graph, Environment& env, Packets packets);
void arp_input(Graph& graph, Environment& env, Packets packets);
void rarp_input(Graph& graph, Environment& env, Packets packets);
void ip4_input(Graph& graph, Environment& env, Packets packets);
void nat_inbound(Graph& graph, Environment& env, Packets packets);
void ip4_lookup(Graph& graph, Environment& env, Packets packets);
void nat_outbound(Graph& graph, Environment& env, Packets packets);
void ip4_local(Graph& graph, Environment& env, Packets packets);
void icmp_input(Graph& graph, Environment& env, Packets packets);
void icmp_error(Graph& graph, Environment& env, Packets packets);
void ip4_reassembly(Graph& graph, Environment& env, Packets packets);
void ip4_options(Graph& graph, Environment& env, Packets packets);
void ip4_rewrite(Graph& graph, Environment& env, Packets packets);
void ip4_fragment(Graph& graph, Environment& env, Packets packets);
void arp_resolve(Graph& graph, Environment& env, Packets packets);
void punt(Graph& graph, Environment& env, Packets packets);
void interface_output(Graph& graph, Environment& env, Packets packets);

// Between walks, by the worker. Makes at most kBurst fragments of the packets that ip4-fragment has
// put aside, for the next walk; false: there was nothing to cut.
bool cut_fragments(Graph& graph, Environment& env);

// Once a loop, by the worker: datagrams whose other fragments did not come in time. How many
// fragments that ended, at most a few hundred; what is to be told about them waits for a walk.
unsigned expire_datagrams(Graph& graph, Environment& env);

// Between walks, by the worker: fragments whose ports became known, at most kBurst for the next
// walk; false: there were none.
bool release_fragments(Graph& graph, Environment& env);

// NAT, once a loop, by the worker: what the owner asks, and what time ends. How much was done, at
// most a few hundred; what is to be told about it waits for a walk.
unsigned nat_upkeep(Graph& graph, Environment& env);

// Runs the graph until it is empty.
void walk(Graph& graph, Environment& env);

}  // namespace godwit::dataplane
