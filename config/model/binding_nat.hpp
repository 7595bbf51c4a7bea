// The `nat` section between the tree and the Model; part of config/model/binding.
#pragma once

#include "config/model/nat.hpp"
#include "config/model/reader.hpp"

namespace godwit::config {

Nat read_nat(const Reader& from);
Value write_nat(const Nat& nat);

}  // namespace godwit::config
