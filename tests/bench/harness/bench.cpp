#include "tests/bench/harness/bench.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <utility>

namespace godwit::bench {

namespace {

// Figures run from 0.03 (a share) to 10^9 (bytes); a person reads four digits of each.
std::string readable(double value) {
    const double size = std::fabs(value);
    if (size >= 100 || value == std::floor(value)) {
        return fmt::format("{:.0f}", value);
    }
    return size >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.3f}", value);
}

}  // namespace

void Report::add(Figure figure) {
    if (!quiet_) {
        fmt::print("{:<52} {:>14} {:<12} {}\n", figure.name, readable(figure.value), figure.unit,
                   figure.note);
        std::fflush(stdout);
    }
    figures_.push_back(std::move(figure));
}

void Report::say(const std::string& line) const {
    if (!quiet_) {
        fmt::print("# {}\n", line);
        std::fflush(stdout);
    }
}

void Context::figure(const std::string& what, double value, const std::string& unit,
                     const std::string& note) {
    report_.add({case_name_ + "/" + what, value, unit, note});
}

}  // namespace godwit::bench
