// two-workers/<routes>/<traffic>: what a second worker on a second core adds.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family two_workers_family();

}  // namespace godwit::bench
