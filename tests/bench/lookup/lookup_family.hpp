// lookup/<prefixes>/<keys>: cycles of a longest-prefix match in our table, rte_fib and rte_lpm.
// lookup/<prefixes>/table: what the same tables take in bytes, and how fast they load and change.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family lookup_family();

}  // namespace godwit::bench
