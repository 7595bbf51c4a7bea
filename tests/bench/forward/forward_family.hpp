// forward/<routes>/<size>/<traffic>: cycles a packet of the real worker on ports that cost next to
// nothing.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family forward_family();

}  // namespace godwit::bench
