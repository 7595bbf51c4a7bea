// The wire/ family: whole programs side by side. A generator in a process of its own sends 64-byte
// frames (60 and their FCS) through a forwarder in another, over a pair of links; the forwarders
// take turns, and the figure of each is the TSC cycles that pass for a packet that came back while
// the forwarder's one worker could not go faster.
//
// Two cores are all this asks for: one is the generator's, one the worker's. So the figure is a
// forwarder's own only where the generator is the faster of the two, which memif's zero-copy client
// is; where it was not, the note says so.
#pragma once

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

Family wire_family();

}  // namespace godwit::bench
