// lookup/<prefixes>/table: bytes, load and change rates of the tables that the other cases look up
// in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tests/bench/harness/bench.hpp"

namespace godwit::bench {

// rte_lpm goes through all rules of a length for each change: a larger table takes it minutes.
constexpr std::size_t kLpmPrefixes = 100'000;

std::optional<Problem> measure_table(Context& context, std::size_t prefixes,
                                     std::uint32_t next_hops);

}  // namespace godwit::bench
