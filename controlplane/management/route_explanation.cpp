#include "controlplane/management/route_explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <vector>

#include "controlplane/management/route_view.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

// Next hops whose way is followed; a group of equal cost may have many that say the same.
constexpr std::size_t kMostSteps = 64;

std::string_view word(config::PolicyAction action) {
    return config::kPolicyActionWords[static_cast<std::size_t>(action)];
}

bool is_active(const RouteView& route) {
    return std::any_of(route.next_hops.begin(), route.next_hops.end(),
                       [](const NextHopView& next_hop) { return next_hop.active; });
}

// In the words of the comparison that decided.
std::string verdict(const RouteView& route, const RouteView* best) {
    if (route.selected) {
        return "the best of the routes that lead anywhere";
    }
    if (!is_active(route)) {
        return "it leads nowhere now";
    }
    if (best == nullptr) {
        return "another route is better";
    }
    if (route.distance != best->distance) {
        return fmt::format("its distance {} is above the {} of the best one", route.distance,
                           best->distance);
    }
    if (route.metric != best->metric) {
        return fmt::format("its metric {} is above the {} of the best one", route.metric,
                           best->metric);
    }
    return fmt::format("at equal distance and metric {} goes before {}", name_of(best->source),
                       name_of(route.source));
}

// The routes that the next hops are resolved through, one after the other, each once.
json::array resolution(const Rib& rib, const RouteView& best) {
    json::array steps;
    std::set<net::Ipv4Prefix> seen;
    std::vector<NextHopView> ahead(best.next_hops.begin(), best.next_hops.end());
    for (std::size_t at = 0; at < ahead.size() && steps.size() < kMostSteps; ++at) {
        const NextHopView next_hop = ahead[at];
        if (!next_hop.resolved_through || !next_hop.next_hop.via ||
            !seen.insert(*next_hop.resolved_through).second) {
            continue;
        }
        json::object step{{"next-hop", next_hop.next_hop.via->to_string()},
                          {"through", next_hop.resolved_through->to_string()}};
        if (const auto through = rib.find(*next_hop.resolved_through)) {
            for (const RouteView& route : through->routes) {
                if (route.selected) {
                    step["source"] = name_of(route.source);
                    ahead.insert(ahead.end(), route.next_hops.begin(), route.next_hops.end());
                }
            }
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

json::object step_json(const PolicyStep& step) {
    json::array conditions;
    for (const std::string& condition : step.conditions) {
        conditions.push_back(json::value(condition));
    }
    json::array changes;
    for (const std::string& change : step.changes) {
        changes.push_back(json::value(change));
    }
    return json::object{
        {"term", step.term.empty() ? json::value(nullptr) : json::value(step.term)},
        {"applies", step.applies},
        {"conditions", std::move(conditions)},
        {"changes", std::move(changes)},
        {"then", step.then ? json::value(word(*step.then)) : json::value(nullptr)},
    };
}

json::object announcement_json(const RedistributionTrace& trace) {
    json::object object{
        {"to", name_of(trace.consumer)},
        {"handed-over", trace.route.has_value()},
        {"reason", trace.refused.empty() ? json::value(nullptr) : json::value(trace.refused)},
        {"policy",
         trace.refused.empty() ? json::value(trace_json(trace.policy)) : json::value(nullptr)}};
    if (trace.route) {
        object["metric"] = trace.route->metric;
        object["metric-set"] = trace.route->metric_set;
        object["tag"] = trace.route->tag;
    }
    return object;
}

}  // namespace

json::object trace_json(const PolicyTrace& trace) {
    json::array steps;
    for (const PolicyStep& step : trace.steps) {
        steps.push_back(step_json(step));
    }
    return json::object{
        {"name", trace.policy.empty() ? json::value(nullptr) : json::value(trace.policy)},
        {"rule", trace.rule.empty() ? json::value(nullptr) : json::value(trace.rule)},
        {"accepted", trace.accepted},
        {"steps", std::move(steps)},
    };
}

json::object explanation_json(const Rib& rib, const PrefixView& prefix, const InterfaceNames& names,
                              json::value rip) {
    const auto best = std::find_if(prefix.routes.begin(), prefix.routes.end(),
                                   [](const RouteView& route) { return route.selected; });
    const bool has_best = best != prefix.routes.end();
    json::array candidates;
    add_routes(candidates, prefix, names);
    for (std::size_t i = 0; i < prefix.routes.size(); ++i) {
        candidates[i].as_object()["verdict"] =
            verdict(prefix.routes[i], has_best ? &*best : nullptr);
    }
    json::array announcements;
    for (const RedistributionTrace& trace : rib.redistribution().explain(prefix.prefix)) {
        announcements.push_back(announcement_json(trace));
    }
    return json::object{
        {"prefix", prefix.prefix.to_string()},
        {"candidates", std::move(candidates)},
        {"resolution", has_best ? resolution(rib, *best) : json::array()},
        {"announcements", std::move(announcements)},
        {"rip", std::move(rip)},
    };
}

json::array policies_json(const PolicyTable& policies, const std::string& only) {
    json::array list;
    for (const auto& [name, compiled] : policies.all()) {
        if (!only.empty() && name != only) {
            continue;
        }
        const PolicyCounters counters = compiled.policy->counters();
        json::array terms;
        for (const TermCounters& term : counters.terms) {
            terms.push_back(json::object{
                {"term", term.term}, {"then", word(term.then)}, {"routes", term.routes}});
        }
        list.push_back(json::object{
            {"policy", name},
            {"default", word(counters.otherwise)},
            {"accepted", counters.accepted},
            {"rejected", counters.rejected},
            {"by-default", counters.by_default},
            {"terms", std::move(terms)},
        });
    }
    return list;
}

}  // namespace godwit::control
