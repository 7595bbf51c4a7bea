// nat/<direction>/<sessions>: cycles a packet of the real worker where it translates, and what
// sessions cost in time and memory.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family nat_family();

}  // namespace godwit::bench
