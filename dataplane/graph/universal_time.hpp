// The time of day as IPv4's Timestamp option and ICMP's Timestamp Reply say it: milliseconds since
// midnight, Universal Time (RFC 791 3.1, RFC 792, RFC 1812 4.3.3.8).
//
// Read when a packet asks for it, not once a loop: few packets do. The kernel keeps the clock in
// memory that every process may read, so asking it is no system call.
#pragma once

#include <chrono>
#include <cstdint>

namespace godwit::dataplane {

inline std::uint32_t universal_milliseconds() {
    using std::chrono::milliseconds;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<milliseconds>(now % std::chrono::hours(24)).count());
}

}  // namespace godwit::dataplane
