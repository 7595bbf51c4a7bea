// The families that godwit-bench knows, in the order in which they run. A new family is a folder
// beside these and one line in families.cpp.
#pragma once

#include <vector>

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

std::vector<Family> all_families();

}  // namespace godwit::bench
