// The difference of two models as a list of changes, defaults filled in, so that a key that is
// written out with its default value is no change. Pure. The cost of each change comes from the
// schema.
#pragma once

#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "config/schema/change_cost.hpp"

namespace godwit::config {

enum class ChangeKind : std::uint8_t { Added, Removed, Changed };

struct Change {
    ChangeKind kind = ChangeKind::Changed;
    std::string path;    // "interfaces.lan0.addresses", "static.routes.10.0.0.0/8"
    std::string before;  // as YAML flow text; empty when added
    std::string after;   // empty when removed
    ChangeCost cost = ChangeCost::Live;
    std::string effect;  // one sentence: what the change does
};

// In the order of the schema, then of the keys. Empty when the models are equal.
std::vector<Change> diff(const Model& before, const Model& after);

ChangeCost dearest(const std::vector<Change>& changes);

}  // namespace godwit::config
