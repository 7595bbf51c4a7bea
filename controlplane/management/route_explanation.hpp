// `explain route` and `show policy` as JSON (docs/control-protocol.md): every route to a prefix,
// why the best one is the best, how its next hops are reached, who announces it and by which steps
// of which policy, and what RIP has to do with it (rip_explanation.hpp). Nothing is changed or
// counted by asking.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "controlplane/management/record_text.hpp"
#include "controlplane/policy/policy_table.hpp"
#include "controlplane/rib/rib.hpp"

namespace godwit::control {

// A prefix that is not in the RIB has no routes. `rip`: what RIP has to do with it, or null.
boost::json::object explanation_json(const Rib& rib, const PrefixView& prefix,
                                     const InterfaceNames& names, boost::json::value rip);

// Each policy with its terms in order, or the one that is named.
boost::json::array policies_json(const PolicyTable& policies, const std::string& only);

boost::json::object trace_json(const PolicyTrace& trace);

}  // namespace godwit::control
