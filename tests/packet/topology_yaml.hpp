// The `topology` section of a file of packet cases.
//
//     topology:
//       workers: 2
//       interfaces:
//         lan0:    {mac: 02:00:00:00:01:01, addresses: [10.0.0.1/24], mtu: 1500, tx-queues: 2, up:
//         true,
//                   promiscuous: false, software-rss: true, partial-checksums: true,
//                   source-validation: strict, source-route: true, directed-broadcast: true}
//         lan0.20: {parent: lan0, vlan: 20, addresses: [10.0.20.1/24]}
//       neighbors: {10.0.0.2: {interface: lan0, mac: 02:00:00:00:01:02, name: lan-host, mtu: 1400}}
//       routes: {10.9.0.0/16: [10.0.1.2, 10.0.1.3], 10.99.0.0/16: blackhole}
//       macs: {stranger: 02:00:00:00:0f:0f}
//       icmp: {interface-information: true, errors-per-second: 1000}
//
// An interface may also say `redirects: false`; `nat` has a reader of its own (nat_yaml.hpp).
#pragma once

#include <yaml-cpp/yaml.h>

#include "tests/packet/testbed.hpp"

namespace godwit::packet_test {

// Adds the names of interfaces, neighbours and `macs` to `names`. Throws std::invalid_argument.
Topology topology_from_yaml(const YAML::Node& node, FrameNames& names);

}  // namespace godwit::packet_test
