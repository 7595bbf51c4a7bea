// TCP in process: what a byte, a connection and an idle peer cost, and how fast a lossy path is.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family tcp_family();

}  // namespace godwit::bench
