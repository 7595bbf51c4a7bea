// The two programs, the configuration, and the doors by which people and scrapers come in.
#include <chrono>

#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;
using telemetry::HttpCounters;
using telemetry::MetricKind;

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

constexpr Column<RouterCounters> kChannel[] = {
    {{"godwit_dataplane_restarts_total", kCounter, "restarts",
      "Other runs of the dataplane than the one before, seen at a session."},
     &RouterCounters::dataplane_restarts},
    {{"godwit_dataplane_unsent_packets_total", kCounter, "packets",
      "Packets of the router itself that the dataplane did not take: its ring was full, or it was "
      "not there."},
     &RouterCounters::packets_not_sent},
    {{"godwit_dataplane_bad_interface_records_total", kCounter, "records",
      "Interfaces that the dataplane reported with a number or name that cannot be."},
     &RouterCounters::bad_interface_records},
    {{"godwit_configuration_pushes_total", kCounter, "pushes",
      "Times that a dataplane which ran another configuration was given the running one."},
     &RouterCounters::configurations_pushed},
    {{"godwit_configuration_refused_pushes_total", kCounter, "pushes",
      "Of these, those that the dataplane did not take."},
     &RouterCounters::configurations_refused},
};

constexpr Column<ControlServerCounters> kControlSocket[] = {
    {{"godwit_control_socket_connections_total", kCounter, "connections",
      "Connections to the control socket."},
     &ControlServerCounters::connections},
    {{"godwit_control_socket_refused_connections_total", kCounter, "connections",
      "Connections to the control socket over their limit."},
     &ControlServerCounters::connections_refused},
    {{"godwit_control_socket_requests_total", kCounter, "requests",
      "Requests on the control socket."},
     &ControlServerCounters::requests},
    {{"godwit_control_socket_bad_lines_total", kCounter, "lines",
      "Lines on the control socket that are too long, or no JSON object."},
     &ControlServerCounters::bad_lines},
    {{"godwit_control_socket_slow_readers_total", kCounter, "connections",
      "Connections to the control socket that did not read their answer, and were closed."},
     &ControlServerCounters::slow_readers},
};

constexpr Column<HttpCounters> kEndpoint[] = {
    {{"godwit_metrics_connections_total", kCounter, "connections",
      "Connections to the metrics endpoint."},
     &HttpCounters::connections},
    {{"godwit_metrics_refused_connections_total", kCounter, "connections",
      "Connections to the metrics endpoint over their limit, which were reset."},
     &HttpCounters::connections_refused},
    {{"godwit_metrics_requests_total", kCounter, "requests", "HTTP requests that could be read."},
     &HttpCounters::requests},
    {{"godwit_metrics_bad_requests_total", kCounter, "requests",
      "HTTP requests that were malformed, too long, or had a body."},
     &HttpCounters::bad_requests},
    {{"godwit_metrics_not_found_requests_total", kCounter, "requests",
      "HTTP requests for another path than /metrics."},
     &HttpCounters::not_found},
    {{"godwit_metrics_not_allowed_requests_total", kCounter, "requests",
      "HTTP requests with another method than GET and HEAD."},
     &HttpCounters::not_allowed},
    {{"godwit_metrics_late_requests_total", kCounter, "requests",
      "HTTP requests that did not end in time, and were cut off."},
     &HttpCounters::timeouts},
    {{"godwit_metrics_slow_readers_total", kCounter, "connections",
      "Connections to the metrics endpoint that did not read their answer in time, and were "
      "reset."},
     &HttpCounters::slow_readers},
};

}  // namespace

void add_router_families(Families& families) {
    families.push_back(
        {{"godwit_build_info", MetricKind::Info, "", "What runs.", {"version"}},
         "status",
         [](const Reading&, Exposition& page) { page.add(std::uint64_t{1}, {GODWIT_VERSION}); }});
    families.push_back(
        {{"godwit_configuration_revision", kGauge, "revision",
          "The number of the revision that runs."},
         "status, revisions",
         [](const Reading& reading, Exposition& page) { page.add(reading.revision); }});
    families.push_back(
        {{"godwit_controlplane_uptime_seconds", kGauge, "seconds",
          "Since the control plane started."},
         "status",
         [](const Reading& reading, Exposition& page) { page.add(seconds(reading.uptime)); }});
    families.push_back(
        {{"godwit_dataplane_up", kGauge, "", "1 if the dataplane is connected, else 0."},
         "status",
         [](const Reading& reading, Exposition& page) {
             page.add(std::uint64_t{reading.dataplane ? 1U : 0U});
         }});
    families.push_back(
        {{"godwit_dataplane_uptime_seconds", kGauge, "seconds", "Since the dataplane started."},
         "status",
         [](const Reading& reading, Exposition& page) {
             if (reading.dataplane) {
                 page.add(seconds(reading.dataplane->uptime));
             }
         }});
    for (const auto& column : kChannel) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.router.*number);
                            }});
    }
    for (const auto& column : kControlSocket) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.control_socket) {
                                    page.add((*reading.control_socket).*number);
                                }
                            }});
    }
    families.push_back({{"godwit_metrics_open_connections", kGauge, "connections",
                         "Connections to the metrics endpoint now, this scrape's included."},
                        "",
                        [](const Reading& reading, Exposition& page) {
                            page.add(std::uint64_t{reading.endpoint.connections});
                        }});
    for (const auto& column : kEndpoint) {
        families.push_back(
            {column.metric, "", [number = column.number](const Reading& reading, Exposition& page) {
                 page.add(reading.endpoint.counters.*number);
             }});
    }
}

}  // namespace godwit::control
