// Seeds of randomised tests: 1 to `count`, or the one given in GODWIT_SEED to repeat a failure. A
// test prints the seed with every assertion.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace godwit::testing {

inline std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const char* given = std::getenv("GODWIT_SEED"); given != nullptr) {
        return {std::strtoull(given, nullptr, 0)};
    }
    std::vector<std::uint64_t> all;
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        all.push_back(seed);
    }
    return all;
}

}  // namespace godwit::testing
