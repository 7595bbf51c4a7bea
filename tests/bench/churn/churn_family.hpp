// churn/<kind or pace>: route changes while a worker forwards, and what became of every packet.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family churn_family();

}  // namespace godwit::bench
