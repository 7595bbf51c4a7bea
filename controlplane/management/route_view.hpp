// Routes, changes and revisions as JSON (docs/control-protocol.md).
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "config/diff/diff.hpp"
#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "controlplane/management/record_text.hpp"
#include "controlplane/rib/rib.hpp"

namespace godwit::control {

// Adds one element of `show routes` for each route of the prefix.
void add_routes(boost::json::array& list, const PrefixView& prefix, const InterfaceNames& names);

boost::json::array changes_json(const std::vector<config::Change>& changes);
std::string word(config::ChangeCost cost);  // "live", "session-reset", "restart"
// One rendered text for each.
std::vector<std::string> rendered(const std::vector<config::Diagnostic>& diagnostics);
boost::json::array texts_json(const std::vector<std::string>& texts);
boost::json::object revision_json(const config::Revision& revision, bool running);

}  // namespace godwit::control
