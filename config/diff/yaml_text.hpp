// A model as YAML again, in its one canonical form: defaults left out, the order of the schema.
#pragma once

#include <string>

#include "config/model/model.hpp"
#include "config/model/value.hpp"
#include "config/schema/schema.hpp"

namespace godwit::config {

// A whole file, loadable to an equal model.
std::string to_yaml(const Model& model);

// One value on one line: "[10.0.0.1/24]", "{via: 10.0.0.2}".
std::string flow_text(const Value& value, const Descriptor& descriptor);

// Whether a value is what the key has when it is not written.
bool is_default(const Value& value, const Descriptor& descriptor);

}  // namespace godwit::config
