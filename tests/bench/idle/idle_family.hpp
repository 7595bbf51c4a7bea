// idle/…: what a worker costs when nothing comes, and what happens to the first packet that does.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family idle_family();

}  // namespace godwit::bench
