#include "tests/bench/rib/table.hpp"

#include <algorithm>
#include <random>

namespace godwit::bench {

std::vector<RouteOfTable> shuffled_table(std::uint64_t seed) {
    std::vector<RouteOfTable> table = make_table(kRibPrefixes, kRibRouters, seed);
    std::mt19937_64 random(seed);
    std::shuffle(table.begin(), table.end(), random);
    return table;
}

net::Ipv4Address rib_router(std::uint32_t number) {
    return net::Ipv4Address(net::Ipv4Address(198, 18, 0, 1).value() + number);
}

control::Route route_of(const RouteOfTable& from, control::RouteSource source,
                        std::uint32_t shift) {
    control::Route route;
    route.prefix = from.prefix;
    route.source = source;
    route.distance = control::distance_of(source);
    route.next_hops = {control::RibNextHop::gateway(
        rib_router((from.next_hop + shift) % kRibRouters + 1), kRibLink)};
    return route;
}

}  // namespace godwit::bench
