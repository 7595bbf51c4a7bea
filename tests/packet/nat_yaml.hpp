// The `nat` section of a packet case's topology, or of a case, which changes what it mentions:
//
//   nat:
//     source: [{out: wan0, from: [10.0.0.0/8], pool: [203.0.113.1/32], ports: 1024-65535}]
//     one-to-one: [{out: wan0, inside: 10.0.9.0/30, outside: 203.0.113.8/30}]
//     forward: [{out: wan0, protocol: tcp, outside: 203.0.113.1, port: 443, inside: 10.0.0.2,
//     inside-port: 8443}] exclude: [{from: 10.0.0.0/8, to: 198.51.100.0/24}] own: [{protocol: tcp,
//     port: 8443}] max-sessions: 1024 · filtering: address-dependent · refuse-at-limit: true · udp:
//     300 (seconds) · …
//
// Rules are numbered in this order, from 1.
#pragma once

#include <yaml-cpp/yaml.h>

#include "tests/packet/testbed.hpp"

namespace godwit::packet_test {

void read_nat(const YAML::Node& node, const std::vector<TestInterface>& interfaces, TestNat& nat);

}  // namespace godwit::packet_test
