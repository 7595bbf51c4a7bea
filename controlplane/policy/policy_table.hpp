// The policies that run, by name, and their exchange.
//
// replace() compiles what the configuration says. A policy that decides as before stays the same
// object; one that does not becomes a new object and is named in the answer, so that whoever uses
// it can give it to the routes that it concerns, and to no others. A policy changes when its own
// text does, when a prefix set that it names does, or when an interface that it names gets another
// number.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/model/policy.hpp"
#include "controlplane/policy/policy.hpp"
#include "controlplane/policy/policy_gate.hpp"

namespace godwit::control {

class PolicyTable {
public:
    // The names of the policies that came, went, or decide otherwise now.
    std::vector<std::string> replace(const config::PolicySection& section,
                                     const InterfaceNumbers& interfaces);

    // Null: there is none of this name.
    [[nodiscard]] std::shared_ptr<Policy> find(std::string_view name) const;
    // The gate of a user of policies who has `name` configured. A policy that is not there (which
    // config/check refuses) lets nothing pass.
    [[nodiscard]] PolicyGate gate(const std::optional<std::string>& name,
                                  WithoutPolicy without) const;

    [[nodiscard]] const auto& all() const { return compiled_; }

    // What a policy was made of.
    struct Compiled {
        // Shared with the gates that use it (policy_gate.hpp).
        std::shared_ptr<Policy> policy;
        config::RoutePolicy definition;
        std::map<std::string, std::vector<net::Ipv4PrefixRange>> sets;  // those that it names
        std::map<std::string, net::InterfaceId> interfaces;             // those that it names
    };

private:
    std::map<std::string, Compiled, std::less<>> compiled_;
};

}  // namespace godwit::control
