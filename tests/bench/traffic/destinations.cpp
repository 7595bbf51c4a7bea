#include "tests/bench/traffic/destinations.hpp"

#include <algorithm>
#include <random>

namespace godwit::bench {

std::vector<std::uint32_t> uniform_destinations(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::uint32_t> anywhere(1U << 24, (224U << 24) - 1);
    std::vector<std::uint32_t> destinations;
    destinations.reserve(count);
    while (destinations.size() < count) {
        const std::uint32_t address = anywhere(random);
        if (!is_reserved_for_bench(net::Ipv4Prefix::covering(net::Ipv4Address(address), 32))) {
            destinations.push_back(address);
        }
    }
    return destinations;
}

std::vector<std::uint32_t> routed_destinations(std::span<const RouteOfTable> table,
                                               std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::size_t> any_route(0, table.size() - 1);
    std::uniform_int_distribution<std::uint32_t> any_host;
    std::vector<std::uint32_t> destinations(count);
    for (std::uint32_t& destination : destinations) {
        const net::Ipv4Prefix& prefix = table[any_route(random)].prefix;
        destination = prefix.address().value() | (any_host(random) & ~prefix.mask());
    }
    return destinations;
}

std::vector<std::uint32_t> zipf_destinations(std::span<const RouteOfTable> table, std::size_t count,
                                             std::uint64_t seed) {
    const auto ranked = routed_destinations(table, kZipfDestinations, seed);
    std::vector<double> cumulative(ranked.size());
    double sum = 0;
    for (std::size_t rank = 0; rank < ranked.size(); ++rank) {
        sum += 1.0 / static_cast<double>(rank + 1);
        cumulative[rank] = sum;
    }
    std::mt19937_64 random(seed + 1);
    std::uniform_real_distribution<double> point(0, sum);
    std::vector<std::uint32_t> destinations(count);
    for (std::uint32_t& destination : destinations) {
        const auto found = std::lower_bound(cumulative.begin(), cumulative.end(), point(random));
        const auto rank = static_cast<std::size_t>(found - cumulative.begin());
        destination = ranked[std::min(rank, ranked.size() - 1)];
    }
    return destinations;
}

std::vector<std::uint32_t> flow_destinations(std::span<const RouteOfTable> table, std::size_t flows,
                                             std::size_t count, std::uint64_t seed) {
    const auto of_flow = routed_destinations(table, flows, seed);
    std::mt19937_64 random(seed + 1);
    std::uniform_int_distribution<std::size_t> any(0, flows - 1);
    std::vector<std::uint32_t> destinations(count);
    for (std::uint32_t& destination : destinations) {
        destination = of_flow[any(random)];
    }
    return destinations;
}

}  // namespace godwit::bench
