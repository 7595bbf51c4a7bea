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

// A sum over many short pieces of work, each timed by itself. A piece that took longer than
// kInterruptedMicroseconds was interrupted (the scheduler gave the core to somebody, or the host
// did): it says nothing about the work, and is left out and counted. Pieces are some 10 µs, so what
// is left out is not a slow piece.
class UninterruptedSum {
public:
    static constexpr std::uint64_t kInterruptedMicroseconds = 100;

    explicit UninterruptedSum(double clock)
        : clock_(clock), limit_(rte_get_tsc_hz() / 1'000'000 * kInterruptedMicroseconds) {}
    // `items` in one piece of `cycles`, the reading of the clock included.
    void add(std::uint64_t cycles, std::size_t items) {
        if (cycles > limit_) {
            ++interrupted_;
            return;
        }
        cycles_ += static_cast<double>(cycles) - clock_;
        items_ += items;
    }
    [[nodiscard]] double per_item() const {
        return items_ == 0 ? 0 : cycles_ / static_cast<double>(items_);
    }
    [[nodiscard]] std::uint64_t interrupted() const { return interrupted_; }

private:
    double clock_;
    std::uint64_t limit_;
    double cycles_ = 0;
    std::size_t items_ = 0;
    std::uint64_t interrupted_ = 0;
};

}  // namespace godwit::bench
