#include "controlplane/host/token_bucket.hpp"

#include <algorithm>

namespace godwit::control {

namespace {

constexpr std::uint64_t kToken = 1'000'000'000;

}  // namespace

TokenBucket::TokenBucket(std::uint32_t per_second, std::uint32_t burst)
    : per_second_(std::max<std::uint32_t>(per_second, 1)),
      capacity_(std::max<std::uint64_t>(burst, 1) * kToken),
      level_(capacity_) {}

bool TokenBucket::take(Instant now) {
    if (!started_) {
        started_ = true;
        filled_at_ = now;
    }
    if (now > filled_at_) {
        const auto passed = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(now - filled_at_).count());
        // After the time that fills an empty bucket it is full: this also keeps the product small.
        if (passed >= capacity_ / per_second_) {
            level_ = capacity_;
        } else {
            level_ = std::min(capacity_, level_ + passed * per_second_);
        }
        filled_at_ = now;
    }
    if (level_ < kToken) {
        return false;
    }
    level_ -= kToken;
    return true;
}

}  // namespace godwit::control
