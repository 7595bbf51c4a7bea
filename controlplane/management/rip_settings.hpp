// From the configuration to what RIP is told: names become values, secrets are read, policies are
// looked up.
#pragma once

#include <string>
#include <vector>

#include "config/model/rip.hpp"
#include "controlplane/policy/policy_table.hpp"
#include "controlplane/rip/settings.hpp"

namespace godwit::control {

struct RipSettings {
    rip::Settings settings;
    // Secrets that could not be read, as sentences; where one is missing nothing is sent or taken.
    std::vector<std::string> problems;
};

// What cannot be read of the secrets that it names, as sentences.
std::vector<std::string> rip_secret_problems(const config::Rip& rip);

// What the policy of this name says to what RIP asks it, step by step; without a name, the rule of
// where there is none. Nothing is counted.
PolicyTrace explain_rip_policy(const std::string& name, const PolicyTable& policies,
                               const rip::PolicyInput& input);

RipSettings rip_settings_of(const config::Rip& rip, const PolicyTable& policies);

}  // namespace godwit::control
