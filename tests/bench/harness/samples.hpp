// What several rounds of one measurement come to. Rounds of things that are compared are
// interleaved, so that what else the machine does falls on all of them; the median of the rounds is
// what is reported, and the smallest is what the thing can do when nothing disturbs it.
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace godwit::bench {

class Samples {
public:
    void add(double value) { values_.push_back(value); }
    [[nodiscard]] bool empty() const { return values_.empty(); }
    [[nodiscard]] double smallest() const {
        return values_.empty() ? 0 : *std::min_element(values_.begin(), values_.end());
    }
    // `share` of the samples are at or below it: 0.5 is the median.
    [[nodiscard]] double quantile(double share) const {
        if (values_.empty()) {
            return 0;
        }
        std::vector<double> sorted = values_;
        std::sort(sorted.begin(), sorted.end());
        const auto last = static_cast<double>(sorted.size() - 1);
        return sorted[static_cast<std::size_t>(share * last + 0.5)];
    }
    [[nodiscard]] double median() const { return quantile(0.5); }

private:
    std::vector<double> values_;
};

// Cycles of the TSC with the memory operations before it done. An empty pair of them costs what
// clock_cycles() says; short pieces of work take it off.
inline std::uint64_t cycles_now() {
    return rte_rdtsc_precise();
}

inline double clock_cycles() {
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t begin = cycles_now();
        least = std::min(least, cycles_now() - begin);
    }
    return static_cast<double>(least);
}

}  // namespace godwit::bench
