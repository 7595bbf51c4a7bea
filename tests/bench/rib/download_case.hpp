// rib/1M/download: a million routes from the RIB into the table that packets are looked up in,
// acknowledged; see download_case.cpp.
#pragma once

#include <optional>

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

std::optional<Problem> rib_download(Context& context);

}  // namespace godwit::bench
