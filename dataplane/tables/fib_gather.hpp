// Looking up a burst with gather instructions: sixteen codes by one of them (AVX-512).
//
// Where gathers are what they look like, this beats loads one by one (fib_burst.hpp) in every
// table: fewer instructions for a small front, and for a large one more lines under way at once
// than prefetches get there. But many a CPU is mended against data sampling by making each gather
// slower than the loads that it stands for, and none says so to a guest. So it is measured, once,
// by passing over a few addresses in both ways.
//
// 64 addresses are asked for before the first code is looked at, and all marks among them (the
// default route, an exception) are found by one comparison: a branch for each sixteen would be
// foreseen badly more often, and a processor that goes back loses what it had under way.
//
// Measured and refused, in cycles an address of the time-stamp counter, routed addresses: codes
// that stand for next hops in an array, for all tables (a second gather: 1.3 instead of 0.9 for a
// table of one route); the same by tables of bytes in registers (1.3); marks looked for in each
// sixteen (with 1000 routes 1.86 instead of 1.47); exceptions by a gather in which few lanes are
// set (1.56); prefetches before the gathers (a tenth more with a million routes, and with one);
// 16-bit codes where 8 bits do (13.2 instead of 12.3 with a million routes).
#pragma once

#include <cstdint>

#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

// How a table looks up bursts; the answers are the same.
enum class FibWay : std::uint8_t { Loads, Gathers };

// Whether this CPU has what FibWay::Gathers is made of.
bool can_gather();
// The faster one here: measured by the first call.
FibWay fastest_fib_way();

// Needs can_gather(), and a front that is not mapped. As fib_lookup_burst().
bool fib_gather_burst(const FibView& view, std::uintptr_t front, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count);

}  // namespace godwit::dataplane
