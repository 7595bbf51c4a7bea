// The sections of the schema that have files of their own, and the limits that several share.
#pragma once

#include <cstdint>

#include "config/schema/schema.hpp"

namespace godwit::config {

// Limits of the dataplane that a file can run into: the blocks of counters, the place for a name
// in a message.
constexpr std::uint64_t kMostInterfaces = 255;
constexpr std::uint64_t kLongestName = 31;

Descriptor interfaces_section();
Descriptor nat_section();
Descriptor rip_section();
Descriptor policy_section();
Descriptor telemetry_section();

}  // namespace godwit::config
