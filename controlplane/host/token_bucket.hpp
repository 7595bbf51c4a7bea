// A token bucket: how often something may happen, with a burst. Used for everything that a stranger
// can make this router send (RFC 1812 4.3.2.8). Time comes in; there is no clock here.
#pragma once

#include <chrono>
#include <cstdint>

namespace godwit::control {

using Instant = std::chrono::steady_clock::time_point;

class TokenBucket {
public:
    // Full at the start. `per_second` at least 1, `burst` at least 1.
    TokenBucket(std::uint32_t per_second, std::uint32_t burst);

    // One token, if there is one. Time that runs backwards fills nothing.
    bool take(Instant now);

private:
    // Tokens are kept in billionths, so that a refill of any length loses no fraction.
    std::uint64_t per_second_;
    std::uint64_t capacity_;
    std::uint64_t level_;
    Instant filled_at_{};
    bool started_ = false;
};

}  // namespace godwit::control
