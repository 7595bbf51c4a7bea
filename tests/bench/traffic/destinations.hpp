// The addresses that are looked up or sent to, from a seed.
//
// Uniform: any unicast address; most of them have no route in a small table, and part of them in a
// large one. Routed: a random address of a random prefix; every one has a route, and the longest
// match may be a longer prefix than the one drawn. Zipf: routed addresses, a fixed number of them,
// the one of rank r drawn with weight 1/r: few are most of the traffic. Flows: routed addresses, a
// fixed number of them, drawn evenly.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench {

constexpr std::size_t kZipfDestinations = 100'000;

// Host order.
std::vector<std::uint32_t> uniform_destinations(std::size_t count, std::uint64_t seed);
std::vector<std::uint32_t> routed_destinations(std::span<const RouteOfTable> table,
                                               std::size_t count, std::uint64_t seed);
std::vector<std::uint32_t> zipf_destinations(std::span<const RouteOfTable> table, std::size_t count,
                                             std::uint64_t seed);
std::vector<std::uint32_t> flow_destinations(std::span<const RouteOfTable> table, std::size_t flows,
                                             std::size_t count, std::uint64_t seed);

}  // namespace godwit::bench
