#include "tests/bench/traffic/prefixes.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <unordered_set>

namespace godwit::bench {

namespace {

// Weights by length, in 1/1000 of all prefixes: /24 60 %, /23 10 %, /22 10.5 %, /21 5 %, /20 5 %,
// /19 3 %, /18 1.7 %, /17 1 %, /16 1.6 %, together 97.8 %; /8 to /15 0.7 % with ever fewer short
// ones; /25 to /32 1.1 %. What is missing to 100 % (0.4) falls to all in proportion.
constexpr std::array<double, 33> prefix_lengths() {
    std::array<double, 33> weight{};
    weight[8] = 0.015;
    weight[9] = 0.02;
    weight[10] = 0.06;
    weight[11] = 0.16;
    weight[12] = 0.5;
    weight[13] = 1.0;
    weight[14] = 2.0;
    weight[15] = 3.245;
    weight[16] = 16;
    weight[17] = 10;
    weight[18] = 17;
    weight[19] = 30;
    weight[20] = 50;
    weight[21] = 50;
    weight[22] = 105;
    weight[23] = 100;
    weight[24] = 600;
    weight[25] = 1.6;
    weight[26] = 1.6;
    weight[27] = 1.4;
    weight[28] = 1.4;
    weight[29] = 1.4;
    weight[30] = 1.2;
    weight[31] = 0.4;
    weight[32] = 2.0;
    return weight;
}

constexpr double kStay = 0.2;  // the next prefix begins where this one does: it lies inside, or
                               // around
constexpr double kGap = 0.15;  // one to eight prefixes of this size are left out
constexpr unsigned kMeanAllocation = 24;  // prefixes

}  // namespace

bool is_reserved_for_bench(const net::Ipv4Prefix& prefix) {
    constexpr std::array kReserved{
        net::Ipv4Prefix::covering(net::Ipv4Address(0, 0, 0, 0), 8),
        net::Ipv4Prefix::covering(net::Ipv4Address(127, 0, 0, 0), 8),
        net::Ipv4Prefix::covering(net::Ipv4Address(169, 254, 0, 0), 16),  // never forwarded
        net::Ipv4Prefix::covering(net::Ipv4Address(192, 0, 0, 0), 24),
        net::Ipv4Prefix::covering(net::Ipv4Address(224, 0, 0, 0), 3),
        net::Ipv4Prefix::covering(net::Ipv4Address(198, 18, 0, 0), 15),
        net::Ipv4Prefix::covering(net::Ipv4Address(100, 64, 0, 0), 10),
    };
    return std::any_of(kReserved.begin(), kReserved.end(),
                       [&prefix](const net::Ipv4Prefix& one) { return one.overlaps(prefix); });
}

std::vector<RouteOfTable> make_table(std::size_t count, std::uint32_t next_hops,
                                     std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::uint32_t> next_hop(1, next_hops);
    if (count == 1) {
        return {{net::Ipv4Prefix::covering(net::Ipv4Address(16, 0, 0, 0), 8), next_hop(random)}};
    }
    constexpr auto kWeights = prefix_lengths();
    std::discrete_distribution<int> length_of(kWeights.begin(), kWeights.end());
    std::uniform_int_distribution<std::uint32_t> anywhere(1U << 24, (224U << 24) - 1);
    std::geometric_distribution<unsigned> allocation(1.0 / kMeanAllocation);
    std::uniform_real_distribution<double> chance(0, 1);
    std::uniform_int_distribution<std::uint32_t> gap(1, 8);

    std::vector<RouteOfTable> table;
    table.reserve(count);
    std::unordered_set<net::Ipv4Prefix> known;
    known.reserve(count * 2);
    while (table.size() < count) {
        std::uint64_t cursor = anywhere(random) & ~std::uint32_t{0xfff};
        for (unsigned left = 1 + allocation(random); left > 0 && table.size() < count; --left) {
            const auto length = static_cast<std::uint8_t>(length_of(random));
            const std::uint64_t size = std::uint64_t{1} << (32 - length);
            // A short prefix lies around the cursor and does not move it; a long one is next.
            const bool around = length < 16;
            if (!around) {
                cursor = (cursor + size - 1) / size * size;
            }
            if (cursor >> 32 != 0) {
                break;
            }
            const auto prefix = net::Ipv4Prefix::covering(
                net::Ipv4Address(static_cast<std::uint32_t>(cursor)), length);
            if (is_reserved_for_bench(prefix)) {
                break;
            }
            if (known.insert(prefix).second) {
                table.push_back({prefix, next_hop(random)});
            }
            if (!around && chance(random) >= kStay) {
                cursor += size;
                cursor += chance(random) < kGap ? size * gap(random) : 0;
            }
        }
    }
    std::sort(table.begin(), table.end(),
              [](const RouteOfTable& a, const RouteOfTable& b) { return a.prefix < b.prefix; });
    return table;
}

}  // namespace godwit::bench
