// Runs a recorded case: what a router that speaks RIP is given, line by line, and everything that
// it does then.
//
//     title RFC 2453 3.9.2: a lower metric from another router is adopted
//     settings timeout=180 max-paths=1
//     interface eth0 cost=1 split-horizon=simple
//     link eth0 id=1 10.0.0.1/24
//     at 1 receive eth0 10.0.0.2 response 2: 10.9.0.0/16 metric 2
//     at 2 link eth0 down
//     until 40
//
// The same words before the first `at` describe the router as it starts, and after it changes.
// Random numbers are the middle of their range, so that timers have no jitter. The expected output
// lies beside the case; GODWIT_RECORD=1 writes it anew.
#pragma once

#include <string>

namespace godwit::control::rip {

// The output, a line for each thing done. Throws std::invalid_argument on a line that it does not
// understand.
std::string run_case(const std::string& text);

}  // namespace godwit::control::rip
