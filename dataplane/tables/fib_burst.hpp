// Looking up a burst, code by code; fib_gather.hpp has the other way, for CPUs with fast gathers.
//
// An address takes one plain load; marks (the default route, an exception) are looked for once in
// many addresses. There are two ways, and the front says which is for it:
//
// - A small front is in the caches, so instructions are what it costs: addresses are taken and next
//   hops given two to a word, nothing is prefetched, and marks are looked for once in 64.
// - Of a large front what an address costs is the line that it needs, so all that matters is how
//   many of them are under way at once. Two blocks of 16 addresses are prefetched ahead of the
//   block that is looked up. Exceptions need one to three more lines, one after the other: each
//   step prefetches for the next, which follows a block later, so that the rest of the burst hides
//   most of the wait. A whole unit of 64 is unrolled to its end, and its exceptions are looked up
//   together: no branch is left that could be foreseen badly while lines are waited for.
//
// Measured and refused, on a processor whose gathers are slow (57 cycles of the time-stamp counter
// an address with a million routes, where loads took 24): no prefetch for a large front (as fast
// alone at best, 33 against 24 beside other cores that use memory); the loop of the small front in
// one function with the rest (half as slow again: it runs out of registers); a large front by units
// of 64 in a loop (nothing gained at a million routes: it has to be unrolled); prefetches from
// where a burst is judged, before the lookup begins (nothing gained on the straight path); looking
// for marks with wider vectors (they wait for sixteen narrow stores to be joined); branches avoided
// by looking up exceptions in places kept free for them (no gain once there are prefetches); codes
// that stand for next hops in an array, for all tables (a load more: 19 instead of 16 with a
// million routes, on a processor whose gathers are fast).
#pragma once

#include <cstdint>

#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

// Writes the next hops of `count` addresses, `default_hop` where the default route is followed.
// True: it was followed by at least one, and the answers hold only if it has not moved meanwhile.
bool fib_lookup_burst(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count);

}  // namespace godwit::dataplane
