// What RIP has to do with a prefix, for `explain route` (docs/control-protocol.md): what neighbours
// tell of it, what the interfaces tell of it, and the steps of the policies between. Nothing is
// changed or counted by asking.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>

#include "controlplane/management/rip_instance.hpp"
#include "controlplane/policy/policy_table.hpp"

namespace godwit::control {

// None: RIP does not run.
std::optional<rip::PrefixExplanation> rip_explanation(const RipInstance& rip,
                                                      const net::Ipv4Prefix& prefix);

// The longest prefix around an address that RIP knows anything of; none: there is none.
std::optional<net::Ipv4Prefix> longest_in_rip(const RipInstance& rip, net::Ipv4Address address);

// Null: RIP does not run.
boost::json::value rip_explanation_json(const std::optional<rip::PrefixExplanation>& explanation,
                                        const PolicyTable& policies);

}  // namespace godwit::control
