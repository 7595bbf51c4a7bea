// A connection as the table holds it.
#pragma once

#include "controlplane/host/tcp/endpoint.hpp"

namespace godwit::control::tcp {

struct Endpoint::Entry {
    Entry(ConnectionId own_id, const Flow& flow, const Settings& settings, SegmentSink& sink)
        : id(own_id), connection(flow, settings, sink) {}

    ConnectionId id;
    Connection connection;
    net::Ipv4Address bound;  // the address of its listener, or its own
    EventSet events;
    Instant scheduled = Instant::max();
    // As it was when it was last looked at: what differs is counted and told (endpoint_view.cpp).
    State seen = State::Closed;
    LossRecovery::Counts seen_counts;
    bool ready = false;     // stands in ready_
    bool reachable = true;  // stands in flows_
    bool released = false;
};

}  // namespace godwit::control::tcp
