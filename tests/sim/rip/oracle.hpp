// What the routes of a world must be: Bellman and Ford over the wires that carry, limited to 15
// (RFC 2453 3.4). Written plainly, from the whole picture that no router has.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/sim/rip/world.hpp"

namespace godwit::sim::rip {

constexpr unsigned kInfinity = 16;

// The metric of every router for `network`; 16 for those that cannot reach it.
std::vector<unsigned> true_metrics(const World& world, const net::Ipv4Prefix& network);

// The first difference between what the RIBs say and what is true, in words; empty when there is
// none. Every next hop must lie on a shortest way.
std::string difference(const World& world);

// The networks that packets go round in circles for, from somewhere.
std::vector<net::Ipv4Prefix> looping_networks(const World& world);

}  // namespace godwit::sim::rip
