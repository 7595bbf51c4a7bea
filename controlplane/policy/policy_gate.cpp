#include "controlplane/policy/policy_gate.hpp"

namespace godwit::control {

PolicyResult PolicyGate::explain(const PolicyRoute& route, PolicyTrace& trace) const {
    if (policy_) {
        return policy_->explain(route, trace);
    }
    const bool accepted = rule_ == WithoutPolicy::AcceptAll;
    trace = {{},
             accepted ? "no policy is configured here, so every route passes"
                      : "no policy is configured here, and without one no route passes (RFC 8212)",
             {},
             accepted};
    return {accepted, route};
}

}  // namespace godwit::control
