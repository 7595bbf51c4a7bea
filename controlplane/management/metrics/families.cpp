#include <fmt/format.h>

#include <algorithm>

#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

constexpr std::string_view kPreface =
    R"(# Metrics

<!-- Written from controlplane/management/metrics by the program metrics-reference; do not edit by
hand. -->

With `telemetry: {prometheus: {listen: "lan0:9111"}}` the router answers

    curl http://10.0.0.1:9111/metrics

in Prometheus's text form (version 0.0.4), or in OpenMetrics' (1.0.0) where `Accept` asks for it.
It listens on its own stack, at every address of the interface that is named, or at one address,
and nowhere until it is told where. There is no TLS and no password: name the interface behind which
the readers are.

A Prometheus that reads it:

```yaml
scrape_configs:
  - job_name: godwit
    static_configs: [{targets: ["10.0.0.1:9111"]}]
```

The numbers are those of `godwitctl show`, made by the same code: *show* says by which subject. What
is not there now has no samples: nothing of the dataplane while it is away (`godwit_dataplane_up` is
0 then), nothing of NAT without a rule, nothing of RIP while it is not configured. Counters begin at
zero when the program that counts starts, or when they are cleared.

At most 16 connections at once; one more is reset. A request has at most 8 KiB and 10 seconds, an
answer 30 seconds; a connection that asks nothing for 3 minutes is closed. All of it is counted
(`godwit_metrics_…`). A scrape takes no lock of a worker, and the control plane's thread in portions.

| metric | type | unit | labels | show | what |
| --- | --- | --- | --- | --- | --- |
)";

std::string code_list(const telemetry::Metric& metric) {
    std::string text;
    for (std::size_t i = 0; i < metric.label_count(); ++i) {
        text += fmt::format("{}`{}`", i == 0 ? "" : ", ", metric.labels[i]);
    }
    return text;
}

}  // namespace

Families all_families() {
    Families families;
    add_router_families(families);
    add_interface_families(families);
    add_worker_families(families);
    add_node_families(families);
    add_route_families(families);
    add_rip_families(families);
    add_nat_families(families);
    add_pcp_families(families);
    add_host_families(families);
    std::ranges::sort(families, {}, [](const Family& family) { return family.metric.name; });
    return families;
}

std::string metrics_reference() {
    std::string text(kPreface);
    for (const Family& family : all_families()) {
        const telemetry::Metric& metric = family.metric;
        text += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", metric.name, word(metric.kind),
                            metric.unit, code_list(metric), family.shown, metric.help);
    }
    return text;
}

}  // namespace godwit::control
