// Gives a dataplane a whole routing table over its channel, as a control plane does.
//
// A YAML file may have 16 MiB, and a million static routes take about twice that, so the large
// tables come this way: the dataplane runs without a control plane, this opens a session, mentions
// every next hop and route (with the back-pressure of the route ring), waits until the last one is
// carried out, and leaves. A dataplane keeps forwarding with what it has when its control plane is
// away.
#pragma once

#include <span>
#include <string>

#include "net/ipv4_address.hpp"
#include "net/result.hpp"
#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench::wire {

// The next hop of number n in the table is gateways[n - 1], on the interface of that name. The
// value is the seconds from the first record to the last acknowledgement.
net::Result<double, std::string> load_routes(const std::string& channel_socket,
                                             const std::string& interface,
                                             std::span<const net::Ipv4Address> gateways,
                                             std::span<const RouteOfTable> table);

}  // namespace godwit::bench::wire
