// The million routes of this family: a table in the order of a neighbour that sends it, shuffled
// from the seed; its next hops are a hundred routers of one subnet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "controlplane/rib/route.hpp"
#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench {

constexpr std::size_t kRibPrefixes = 1'000'000;
constexpr std::uint32_t kRibRouters = 100;
constexpr net::InterfaceId kRibLink{1};

std::vector<RouteOfTable> shuffled_table(std::uint64_t seed);
net::Ipv4Address rib_router(std::uint32_t number);
// `shift` routers further.
control::Route route_of(const RouteOfTable& from, control::RouteSource source,
                        std::uint32_t shift = 0);

class Stopwatch {
public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace godwit::bench
