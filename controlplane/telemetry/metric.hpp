// What a metric is called and what it means: the one description that the exposition, the reference
// in docs/metrics.md and the tests go by.
//
// Names are godwit_<subject>_<unit>, with "_total" behind what only grows. Units are base units,
// and labels are bounded: there is no metric for each session, prefix or subscriber.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::control::telemetry {

enum class MetricKind : std::uint8_t {
    Counter,  // only grows, until its owner starts anew
    Gauge,
    Info,  // always 1; what it says is in its labels
};

constexpr std::size_t kMaxLabels = 4;

struct Metric {
    std::string_view name;
    MetricKind kind{};
    std::string_view unit;                              // for people; "packets"
    std::string_view help;                              // one line
    std::array<std::string_view, kMaxLabels> labels{};  // their names; the rest is empty

    [[nodiscard]] constexpr std::size_t label_count() const {
        std::size_t count = 0;
        while (count < kMaxLabels && !labels[count].empty()) {
            ++count;
        }
        return count;
    }
    // What OpenMetrics calls the family: the name without what its kind puts behind it.
    [[nodiscard]] constexpr std::string_view family() const {
        std::string_view text = name;
        for (const std::string_view suffix : {"_total", "_info"}) {
            if (text.ends_with(suffix)) {
                text.remove_suffix(suffix.size());
                break;
            }
        }
        return text;
    }
};

constexpr std::string_view word(MetricKind kind) {
    constexpr std::array<std::string_view, 3> kWords{"counter", "gauge", "info"};
    return kWords[static_cast<std::size_t>(kind)];
}

}  // namespace godwit::control::telemetry
