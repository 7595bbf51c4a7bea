// Looking up a burst.
//
// What an address costs is the line of the front that it needs, so all that matters is how many of
// them are under way at once. Two blocks of 16 addresses are prefetched ahead of the block that is
// looked up. An address then takes two plain loads, code and next hop; marks are looked for once a
// block. Exceptions need three more lines, one after the other: each step prefetches for the next,
// which follows a block later, so that the rest of the burst hides most of the wait.
//
// Measured and refused, on a processor with AVX-512 and a table of a million routes: gathers (two
// of them, one after the other, cost more than the plain loads, whether the front is in the
// first-level cache or in memory); no prefetch (as fast alone, and far slower beside another core
// that uses memory); looking for marks with wider vectors (they wait for sixteen narrow stores to
// be joined); branches avoided by looking up exceptions in places kept free for them (no gain once
// there are prefetches).
#pragma once

#include <cstdint>

#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

// Writes the next hops of `count` addresses, `default_hop` where the default route is followed.
// True: it was followed by at least one, and the answers hold only if it has not moved meanwhile.
bool fib_lookup_burst(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count);

}  // namespace godwit::dataplane
