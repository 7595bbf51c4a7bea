// The `rip` section between the tree and the Model; part of config/model/binding.
#pragma once

#include "config/model/reader.hpp"
#include "config/model/rip.hpp"

namespace godwit::config {

Rip read_rip(const Reader& from);
Value write_rip(const Rip& rip);

}  // namespace godwit::config
