// Answers to the control plane's questions about the dataplane's own tables, a page at a time.
//
// A cursor names the first thing of the next page by its key (a prefix, an index, a neighbour), not
// by a count: pages stay right while the tables change between them. Cursor 0 is the beginning, so
// every other one is the key and one more.
#pragma once

#include "config/model/model.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/channel/handler.hpp"
#include "dataplane/owner/conflicts.hpp"
#include "dataplane/owner/hops.hpp"
#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/interfaces.hpp"
#include "dataplane/owner/nat_control.hpp"
#include "dataplane/owner/neighbors.hpp"
#include "dataplane/owner/packet_buffers.hpp"
#include "dataplane/owner/route_table.hpp"
#include "dataplane/tables/fib.hpp"
#include "dataplane/worker/worker.hpp"

namespace godwit::dataplane {

struct QuerySources {
    const Interfaces& interfaces;
    const Fib& fib;
    const NextHops& next_hops;
    const RouteTable& routes;
    const Hops& hops;
    const Neighbors& neighbors;
    const Conflicts& conflicts;
    const NeighborSettings& neighbor_settings;
    const std::vector<std::unique_ptr<Worker>>& workers;
    const api::CounterBlock& own_counters;
    const PacketBuffers& packet_buffers;
    const config::Model& model;
    NatControl& nat;
};

void answer(const QuerySources& sources, const api::QueryBody& query, Instant now, QueryPage& page);

}  // namespace godwit::dataplane
