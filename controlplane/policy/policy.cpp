#include "controlplane/policy/policy.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace godwit::control {

namespace {

std::vector<std::string> change_texts(const config::PolicySet& set) {
    std::vector<std::string> texts;
    const auto add = [&](const char* what, const auto& value) {
        if (value) {
            texts.push_back(what + std::to_string(*value));
        }
    };
    add("metric ", set.metric);
    add("metric + ", set.add_metric);
    add("metric - ", set.subtract_metric);
    add("tag ", set.tag);
    add("distance ", set.distance);
    if (set.next_hop) {
        texts.push_back("next-hop " + set.next_hop->to_string());
    }
    return texts;
}

}  // namespace

Policy::Policy(std::string name, const config::RoutePolicy& definition,
               const std::map<std::string, std::vector<net::Ipv4PrefixRange>>& prefix_sets,
               const InterfaceNumbers& interfaces)
    : name_(std::move(name)), otherwise_(definition.otherwise) {
    terms_.reserve(definition.terms.size());
    for (const config::PolicyTerm& term : definition.terms) {
        terms_.push_back({term.name, conditions_of(term.match, prefix_sets, interfaces), term.set,
                          term.then, 0});
    }
}

// A metric neither wraps around nor goes below nothing.
void Policy::change(const config::PolicySet& set, PolicyRoute& route) {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (set.metric) {
        route.metric = *set.metric;
    } else if (set.add_metric) {
        route.metric += std::min(*set.add_metric, kMost - route.metric);
    } else if (set.subtract_metric) {
        route.metric -= std::min(*set.subtract_metric, route.metric);
    }
    route.metric_set = route.metric_set || set.metric || set.add_metric || set.subtract_metric;
    if (set.tag) {
        route.tag = *set.tag;
    }
    if (set.distance) {
        route.distance = *set.distance;
    }
    if (set.next_hop) {
        route.next_hop_set = set.next_hop;
    }
}

PolicyResult Policy::evaluate(PolicyRoute route) {
    PolicyRoute changed = route;
    config::PolicyAction action = config::PolicyAction::Next;
    for (Term& term : terms_) {
        const bool applies =
            std::all_of(term.conditions.begin(), term.conditions.end(),
                        [&](const Condition& condition) { return holds(condition, changed); });
        if (!applies) {
            continue;
        }
        ++term.routes;
        change(term.set, changed);
        action = term.then;
        if (action != config::PolicyAction::Next) {
            break;
        }
    }
    if (action == config::PolicyAction::Next) {
        ++by_default_;
        action = otherwise_;
    }
    const bool accepted = action == config::PolicyAction::Accept;
    ++(accepted ? accepted_ : rejected_);
    return {accepted, accepted ? changed : route};
}

PolicyResult Policy::explain(PolicyRoute route, PolicyTrace& trace) const {
    trace = {name_, {}, {}, false};
    PolicyRoute changed = route;
    config::PolicyAction action = config::PolicyAction::Next;
    for (const Term& term : terms_) {
        PolicyStep step{term.name, true, {}, {}, std::nullopt};
        for (const Condition& condition : term.conditions) {
            step.conditions.push_back(to_string(condition));
            if (!holds(condition, changed)) {
                step.applies = false;
                break;
            }
        }
        if (step.applies) {
            change(term.set, changed);
            step.changes = change_texts(term.set);
            step.then = term.then;
            action = term.then;
        }
        trace.steps.push_back(std::move(step));
        if (action != config::PolicyAction::Next) {
            break;
        }
    }
    if (action == config::PolicyAction::Next) {
        trace.steps.push_back({"", true, {}, {}, otherwise_});
        action = otherwise_;
    }
    trace.accepted = action == config::PolicyAction::Accept;
    return {trace.accepted, trace.accepted ? changed : route};
}

PolicyCounters Policy::counters() const {
    PolicyCounters counters{{}, otherwise_, by_default_, accepted_, rejected_};
    for (const Term& term : terms_) {
        counters.terms.push_back({term.name, term.then, term.routes});
    }
    return counters;
}

void Policy::take_counters(const Policy& older) {
    by_default_ += older.by_default_;
    accepted_ += older.accepted_;
    rejected_ += older.rejected_;
    for (Term& term : terms_) {
        const auto same = std::find_if(older.terms_.begin(), older.terms_.end(),
                                       [&](const Term& one) { return one.name == term.name; });
        if (same != older.terms_.end()) {
            term.routes += same->routes;
        }
    }
}

}  // namespace godwit::control
