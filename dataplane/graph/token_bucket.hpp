// A rate with a burst, for one thread: `rate` tokens a second, never more than `burst` saved. Time
// is the caller's cycle counter.
#pragma once

#include <algorithm>
#include <cstdint>

namespace godwit::dataplane {

class TokenBucket {
public:
    TokenBucket() = default;
    TokenBucket(std::uint64_t rate_per_second, std::uint64_t burst, std::uint64_t cycles_per_second)
        : cycles_per_token_(std::max<std::uint64_t>(cycles_per_second / rate_per_second, 1)),
          depth_cycles_(burst * cycles_per_token_),
          saved_cycles_(depth_cycles_) {}

    bool take(std::uint64_t now_cycles) {
        // The counters of two CPUs may differ by a little: time never runs backwards here.
        if (now_cycles > last_) {
            saved_cycles_ = std::min(depth_cycles_, saved_cycles_ + (now_cycles - last_));
            last_ = now_cycles;
        }
        if (saved_cycles_ < cycles_per_token_) {
            return false;
        }
        saved_cycles_ -= cycles_per_token_;
        return true;
    }

private:
    std::uint64_t cycles_per_token_ = 1;
    std::uint64_t depth_cycles_ = 0;
    std::uint64_t saved_cycles_ = 0;
    std::uint64_t last_ = 0;
};

}  // namespace godwit::dataplane
