// rib/1M/<what>: the control plane's table of routes at the size of the Internet's: how fast it
// loads, changes and empties, what it takes in memory, what a change of a next hop costs under a
// million prefixes, how long a page of a view holds the thread, and how long it takes until the
// dataplane's table has everything.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family rib_family();

}  // namespace godwit::bench
