// The `policy` section between the tree and the Model; part of config/model/binding.
#pragma once

#include "config/model/policy.hpp"
#include "config/model/reader.hpp"

namespace godwit::config {

PolicySection read_policy(const Reader& from);
Value write_policy(const PolicySection& policy);

}  // namespace godwit::config
