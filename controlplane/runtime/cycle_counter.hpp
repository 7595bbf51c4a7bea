// When something happened that the dataplane stamped with its cycle counter: all cores of a machine
// read the same counter, at a rate that the dataplane tells.
//
// A packet waits in its ring while the control plane does something else. Round-trip times, and
// what a traceroute shows, are of its arrival, not of the moment when somebody looked.
#pragma once

#include <chrono>
#include <cstdint>

#include "controlplane/runtime/clock.hpp"

namespace godwit::control {

inline std::uint64_t read_cycle_counter() {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    std::uint64_t ticks = 0;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
#error "no cycle counter is known for this processor"
#endif
}

// `then` and `counter` are of the counter, `now` is when `counter` was read. What cannot be (the
// future, or longer ago than packets wait) is now: the dataplane is believed no further.
[[nodiscard]] constexpr Instant instant_of_cycles(std::uint64_t then, std::uint64_t counter,
                                                  std::uint64_t cycles_per_second, Instant now) {
    constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
    if (then > counter || cycles_per_second == 0 || counter - then > cycles_per_second) {
        return now;
    }
    // At most a second of cycles: the product fits for every counter up to 18 GHz.
    return now -
           std::chrono::nanoseconds((counter - then) * kNanosecondsPerSecond / cycles_per_second);
}

}  // namespace godwit::control
