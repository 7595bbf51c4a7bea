// PCP as JSON (docs/control-protocol.md): the server, and the mappings that hosts asked for.
#pragma once

#include <boost/json/fwd.hpp>

#include "controlplane/management/nat_view.hpp"
#include "controlplane/management/pcp_instance.hpp"

namespace godwit::control {

std::string word(api::NatMapOutcome outcome);  // "over-limit"

// Null where it is off.
boost::json::value pcp_json(const PcpInstance& pcp);
// What the workers have, and what became of the requests.
boost::json::object requested_json(const api::NatTotalsRecord& totals);
boost::json::object nat_mapping_json(const api::NatMappingRecord& mapping,
                                     const NatRuleNames& names);

}  // namespace godwit::control
