// The registry: every metric that there is, with where its samples come from.
//
// One list makes the exposition, docs/metrics.md and the tests. A part of the router adds its
// families in a file of its own; a new number is one more row there.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "controlplane/management/metrics/reading.hpp"
#include "controlplane/telemetry/exposition.hpp"
#include "controlplane/telemetry/metric.hpp"

namespace godwit::control {

struct Family {
    telemetry::Metric metric;
    std::string_view shown;  // what of `godwitctl show` has the same number; may be empty
    // Adds what there is of it; `metric` has been begun.
    std::function<void(const Reading& reading, telemetry::Exposition& page)> read;
};
using Families = std::vector<Family>;

// All of them by name. Built once by whoever needs them.
Families all_families();

// The parts.
void add_router_families(Families& families);
void add_interface_families(Families& families);
void add_worker_families(Families& families);
void add_node_families(Families& families);
void add_route_families(Families& families);
void add_rip_families(Families& families);
void add_nat_families(Families& families);
void add_pcp_families(Families& families);
void add_host_families(Families& families);

// docs/metrics.md.
std::string metrics_reference();

// A number of a row, as a column of a table of metrics.
template <class Row, class Number = std::uint64_t>
struct Column {
    telemetry::Metric metric;
    Number Row::*number;
};

inline constexpr auto kCounter = telemetry::MetricKind::Counter;
inline constexpr auto kGauge = telemetry::MetricKind::Gauge;

}  // namespace godwit::control
