// One policy, compiled: terms in order, each with conditions, changes, and what comes then.
//
// A term applies when all its conditions hold. It then changes the route, and accepts it, rejects
// it, or lets the next term see it as changed. A route that no term decides meets the default.
// A rejected route is given back unchanged.
//
//   Policy policy("lan-only", definition, section.prefix_sets, numbers);
//   const PolicyResult result = policy.evaluate(route);     // counts, term by term
//   if (result.accepted) { use(result.route); }
//
// explain() decides the same, says why, and counts nothing. A policy belongs to one thread; it is
// never changed: a new configuration makes a new one, which takes over the counters of the terms
// that keep their names, and whoever holds the old one goes on with it until it is given the new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/policy.hpp"
#include "controlplane/policy/condition.hpp"
#include "controlplane/policy/policy_route.hpp"

namespace godwit::control {

struct PolicyResult {
    bool accepted = false;
    PolicyRoute route;  // as changed
};

// What one term made of a route.
struct PolicyStep {
    std::string term;  // empty: the default
    bool applies = false;
    std::vector<std::string> conditions;       // those that were asked, the last one may not hold
    std::vector<std::string> changes = {};     // "metric 5", when it applies
    std::optional<config::PolicyAction> then;  // when it applies
};

struct PolicyTrace {
    std::string policy;  // its name; empty: there is none, and `rule` says what holds then
    std::string rule;
    std::vector<PolicyStep> steps;
    bool accepted = false;
};

struct TermCounters {
    std::string term;
    config::PolicyAction then = config::PolicyAction::Reject;
    std::uint64_t routes = 0;  // that it applied to
};

struct PolicyCounters {
    std::vector<TermCounters> terms;
    config::PolicyAction otherwise = config::PolicyAction::Reject;
    std::uint64_t by_default = 0;  // routes that no term decided
    std::uint64_t accepted = 0;
    std::uint64_t rejected = 0;
};

class Policy {
public:
    Policy(std::string name, const config::RoutePolicy& definition,
           const std::map<std::string, std::vector<net::Ipv4PrefixRange>>& prefix_sets,
           const InterfaceNumbers& interfaces);

    PolicyResult evaluate(PolicyRoute route);
    PolicyResult explain(PolicyRoute route, PolicyTrace& trace) const;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] PolicyCounters counters() const;
    // Goes on counting where `older`, the policy of this name before, stops.
    void take_counters(const Policy& older);

private:
    struct Term {
        std::string name;
        std::vector<Condition> conditions;
        config::PolicySet set;
        config::PolicyAction then = config::PolicyAction::Reject;
        std::uint64_t routes = 0;
    };
    static void change(const config::PolicySet& set, PolicyRoute& route);

    std::string name_;
    std::vector<Term> terms_;
    config::PolicyAction otherwise_;
    std::uint64_t by_default_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t rejected_ = 0;
};

}  // namespace godwit::control
