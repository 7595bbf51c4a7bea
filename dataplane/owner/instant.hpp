// Time as the table owner's cores see it: a monotonic point that the caller hands in. No core reads
// a clock, so tests run in virtual time.
#pragma once

#include <chrono>

namespace godwit::dataplane {

using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

}  // namespace godwit::dataplane
