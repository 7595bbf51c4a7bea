// Routes: how many there are by source, what the dataplane has of them, and the policies they pass.
#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;

constexpr Column<RouteReading, std::size_t> kGauges[] = {
    {{"godwit_rib_selected_prefixes", kGauge, "prefixes",
      "Prefixes with a route that is used, or would be if there were room."},
     &RouteReading::selected},
    {{"godwit_rib_waiting_routes", kGauge, "routes",
      "Selected routes that are not installed, because the dataplane has no room."},
     &RouteReading::routes_waiting},
    {{"godwit_rib_waiting_next_hops", kGauge, "next_hops",
      "Next hops, and groups of them, that the dataplane has no room for."},
     &RouteReading::next_hops_waiting},
    {{"godwit_rib_memory_bytes", kGauge, "bytes", "Memory that routes take in the control plane."},
     &RouteReading::memory_bytes},
};

constexpr Column<RouteReading> kCounters[] = {
    {{"godwit_rib_rejected_routes_total", kCounter, "routes",
      "Routes and next hops that the dataplane refused."},
     &RouteReading::rejected},
    {{"godwit_rib_full_ring_total", kCounter, "stops",
      "Times that the download waited for room in the route ring."},
     &RouteReading::ring_times_full},
};

constexpr Column<RibCounters> kRefusals[] = {
    {{"godwit_rib_refused_routes_total", kCounter, "routes",
      "Routes that were refused at the limit of routes."},
     &RibCounters::routes_refused},
    {{"godwit_rib_dropped_group_members_total", kCounter, "next_hops",
      "Next hops of equal cost that were left out, because a route had too many."},
     &RibCounters::group_members_dropped},
    {{"godwit_rib_refused_next_hops_total", kCounter, "next_hops",
      "Next hops that got no number, because all were in use."},
     &RibCounters::next_hops_refused},
    {{"godwit_rib_abandoned_resolutions_total", kCounter, "resolutions",
      "Next hops that a maze of routes was not followed for to its end."},
     &RibCounters::resolutions_abandoned},
    {{"godwit_rib_refused_for_room_total", kCounter, "operations",
      "Operations that the dataplane refused for want of room."},
     &RibCounters::refused_for_room},
};

constexpr Column<RouteAuditCounters> kAudits[] = {
    {{"godwit_route_audits_total", kCounter, "audits",
      "Comparisons of the dataplane's table with the routes that it should have."},
     &RouteAuditCounters::completed},
    {{"godwit_route_overtaken_audits_total", kCounter, "audits",
      "Comparisons that a change of routes overtook, and that prove nothing."},
     &RouteAuditCounters::overtaken},
    {{"godwit_route_healed_audits_total", kCounter, "audits",
      "Comparisons that found a difference, which was healed. There should be none."},
     &RouteAuditCounters::differences},
};

}  // namespace

void add_route_families(Families& families) {
    families.push_back(
        {{"godwit_route_count", kGauge, "routes", "Routes, by their source.", {"source"}},
         "routes",
         [](const Reading& reading, Exposition& page) {
             for (std::size_t source = 0; source < kRouteSourceCount; ++source) {
                 page.add(std::uint64_t{reading.routes.by_source[source]},
                          {kRouteSourceNames[source]});
             }
         }});
    families.push_back({{"godwit_rib_in_step", kGauge, "",
                         "1 if the dataplane has acknowledged everything, else 0."},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            page.add(std::uint64_t{reading.routes.in_step ? 1U : 0U});
                        }});
    for (const auto& column : kGauges) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(std::uint64_t{reading.routes.*number});
                            }});
    }
    for (const auto& column : kCounters) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.routes.*number);
                            }});
    }
    for (const auto& column : kRefusals) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.routes.counters.*number);
                            }});
    }
    for (const auto& column : kAudits) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                page.add(reading.routes.audits.*number);
                            }});
    }
    families.push_back({{"godwit_policy_term_routes_total",
                         kCounter,
                         "routes",
                         "Routes that a term of a policy applied to.",
                         {"policy", "term"}},
                        "policy",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [policy, counters] : reading.routes.policies) {
                                for (const TermCounters& term : counters.terms) {
                                    page.add(term.routes, {policy, term.term});
                                }
                            }
                        }});
    families.push_back({{"godwit_policy_default_routes_total",
                         kCounter,
                         "routes",
                         "Routes that no term of the policy decided.",
                         {"policy"}},
                        "policy",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [policy, counters] : reading.routes.policies) {
                                page.add(counters.by_default, {policy});
                            }
                        }});
    families.push_back({{"godwit_policy_routes_total",
                         kCounter,
                         "routes",
                         "Routes that a policy has judged.",
                         {"policy", "result"}},
                        "policy",
                        [](const Reading& reading, Exposition& page) {
                            for (const auto& [policy, counters] : reading.routes.policies) {
                                page.add(counters.accepted, {policy, "accepted"});
                                page.add(counters.rejected, {policy, "rejected"});
                            }
                        }});
}

}  // namespace godwit::control
