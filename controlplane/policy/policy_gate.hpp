// The place where routes pass a policy: the policy, or the rule that holds where none is
// configured. Who asks says which: redistribution and the interior protocols let everything pass,
// an exterior BGP neighbour nothing (RFC 8212 1).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "controlplane/policy/policy.hpp"

namespace godwit::control {

enum class WithoutPolicy : std::uint8_t {
    AcceptAll,
    RejectAll,  // RFC 8212 2: no route leaves or enters without an explicit policy
};

class PolicyGate {
public:
    explicit PolicyGate(WithoutPolicy rule) : rule_(rule) {}
    // Shared: a table gives out the next policy while this one may still be in use.
    explicit PolicyGate(std::shared_ptr<Policy> policy) : policy_(std::move(policy)) {}

    PolicyResult evaluate(const PolicyRoute& route) const {
        return policy_ ? policy_->evaluate(route)
                       : PolicyResult{rule_ == WithoutPolicy::AcceptAll, route};
    }
    PolicyResult explain(const PolicyRoute& route, PolicyTrace& trace) const;

    // Null: none is configured.
    [[nodiscard]] const Policy* policy() const { return policy_.get(); }
    // The same decision for every route, for sure.
    friend bool operator==(const PolicyGate&, const PolicyGate&) = default;

private:
    std::shared_ptr<Policy> policy_;
    WithoutPolicy rule_ = WithoutPolicy::RejectAll;
};

}  // namespace godwit::control
