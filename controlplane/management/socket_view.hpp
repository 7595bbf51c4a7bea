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
// The counters of RFC 4022 and RFC 4113, and what is beside them.
struct TransportTotals {
    std::uint64_t tcp_segments_in = 0;      // tcpInSegs
    std::uint64_t tcp_segments_out = 0;     // tcpOutSegs: without those that were sent again
    std::uint64_t tcp_bad_segments_in = 0;  // tcpInErrs
    std::uint64_t tcp_resets_out = 0;       // tcpOutRsts
    tcp::EndpointCounts tcp;
    udp::Counts udp;
};
TransportTotals transport_totals(const Host& host);
boost::json::object transport_counters_json(const Host& host);

}  // namespace godwit::control
