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

RipSettings rip_settings_of(const config::Rip& rip, const PolicyTable& policies);

}  // namespace godwit::control
