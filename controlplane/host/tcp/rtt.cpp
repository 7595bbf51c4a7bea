#include "controlplane/host/tcp/rtt.hpp"

#include <algorithm>

namespace godwit::control::tcp {

namespace {

constexpr Duration kLeastWindow = std::chrono::minutes(5);  // a path may become longer
constexpr Duration kGranularity = std::chrono::milliseconds(1);
constexpr unsigned kMaxShift = 16;

}  // namespace

void RttEstimator::sample(Duration round_trip, std::uint32_t samples_per_round, Instant now) {
    const Duration rtt = std::max(round_trip, Duration(1));
    if (least_ == Duration::zero() || rtt <= least_ || now - least_at_ > kLeastWindow) {
        least_ = rtt;
        least_at_ = now;
    }
    if (!measured()) {
        smoothed_ = rtt;  // (2.2)
        variance_ = rtt / 2;
    } else {
        const auto parts = static_cast<Duration::rep>(std::max(samples_per_round, 1U));
        const Duration error = rtt > smoothed_ ? rtt - smoothed_ : smoothed_ - rtt;
        variance_ += (error - variance_) / (4 * parts);  // (2.3)
        smoothed_ += (rtt - smoothed_) / (8 * parts);
    }
    base_ = smoothed_ + std::max({kGranularity, kLeastVariance, 4 * variance_});
    shift_ = 0;
}

void RttEstimator::back_off() {
    if (timeout() < kMaxTimeout && shift_ < kMaxShift) {
        ++shift_;
    }
}

void RttEstimator::expect_slow_peer() {
    if (!measured()) {
        base_ = kTimeoutAfterLostSyn;
    }
    shift_ = 0;
}

Duration RttEstimator::timeout() const {
    return std::min(base_ * (Duration::rep{1} << shift_), kMaxTimeout);
}

}  // namespace godwit::control::tcp
