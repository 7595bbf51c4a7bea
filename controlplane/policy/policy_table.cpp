#include "controlplane/policy/policy_table.hpp"

#include <utility>

namespace godwit::control {

namespace {

PolicyTable::Compiled ingredients_of(const config::RoutePolicy& definition,
                                     const config::PolicySection& section,
                                     const InterfaceNumbers& interfaces) {
    PolicyTable::Compiled made;
    made.definition = definition;
    for (const config::PolicyTerm& term : definition.terms) {
        for (const auto* names : {&term.match.prefix_sets, &term.match.next_hop_sets}) {
            for (const std::string& name : *names) {
                if (const auto set = section.prefix_sets.find(name);
                    set != section.prefix_sets.end()) {
                    made.sets.insert(*set);
                }
            }
        }
        for (const std::string& name : term.match.interfaces) {
            made.interfaces.emplace(name, interfaces(name));
        }
    }
    return made;
}

}  // namespace

std::vector<std::string> PolicyTable::replace(const config::PolicySection& section,
                                              const InterfaceNumbers& interfaces) {
    std::vector<std::string> changed;
    for (auto at = compiled_.begin(); at != compiled_.end();) {
        if (section.policies.contains(at->first)) {
            ++at;
            continue;
        }
        changed.push_back(at->first);
        at = compiled_.erase(at);
    }
    for (const auto& [name, definition] : section.policies) {
        Compiled next = ingredients_of(definition, section, interfaces);
        const auto before = compiled_.find(name);
        if (before != compiled_.end() && before->second.definition == next.definition &&
            before->second.sets == next.sets && before->second.interfaces == next.interfaces) {
            continue;
        }
        next.policy = std::make_shared<Policy>(name, next.definition, next.sets, interfaces);
        if (before != compiled_.end()) {
            next.policy->take_counters(*before->second.policy);
        }
        changed.push_back(name);
        compiled_.insert_or_assign(name, std::move(next));
    }
    return changed;
}

std::shared_ptr<Policy> PolicyTable::find(std::string_view name) const {
    const auto found = compiled_.find(name);
    return found == compiled_.end() ? nullptr : found->second.policy;
}

PolicyGate PolicyTable::gate(const std::optional<std::string>& name, WithoutPolicy without) const {
    if (!name) {
        return PolicyGate(without);
    }
    auto policy = find(*name);
    return policy ? PolicyGate(std::move(policy)) : PolicyGate(WithoutPolicy::RejectAll);
}

}  // namespace godwit::control
