// What a person sees of the router's own sockets: services and connections of TCP, sockets of UDP,
// the counters of both by the names of RFC 4022 and RFC 4113, and what happened to connections
// lately.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>

#include "controlplane/host/host.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

// Services first, then connections in the order in which they were made, then UDP.
boost::json::array sockets_json(const Host& host, Instant now);
// Newest last; of one peer, or of all.
boost::json::array socket_history_json(const Host& host,
                                       const std::optional<net::Ipv4Prefix>& peers, Instant now);
boost::json::object transport_counters_json(const Host& host);

}  // namespace godwit::control
