#include "controlplane/host/tcp/westwood.hpp"

#include <algorithm>
#include <chrono>

namespace godwit::control::tcp {

namespace {

constexpr Duration kLeastRound = std::chrono::milliseconds(50);
constexpr double kOld = 7.0 / 8;  // of the low-pass filter of the 2004 paper

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double filtered(double old, double sample) {
    return old * kOld + sample * (1 - kOld);
}

}  // namespace

void Westwood::on_delivered(std::uint32_t bytes, Duration round_trip, Duration least, Instant now) {
    least_ = least;
    if (round_began_ == Instant{}) {
        round_began_ = now;
        return;  // what came before has no time it was spread over
    }
    delivered_ += bytes;
    const Duration passed = now - round_began_;
    if (passed <= std::max(round_trip, kLeastRound)) {
        return;
    }
    const double sample = double(delivered_) / seconds(passed);
    if (bandwidth_ == 0) {
        raw_bandwidth_ = bandwidth_ = sample;
    } else {
        raw_bandwidth_ = filtered(raw_bandwidth_, sample);
        bandwidth_ = filtered(bandwidth_, raw_bandwidth_);
    }
    delivered_ = 0;
    round_began_ = now;
}

void Westwood::on_acknowledged(std::uint32_t bytes, Duration /*round_trip*/, Instant /*now*/) {
    if (in_slow_start()) {
        slow_start(bytes);
        return;
    }
    acknowledged_ += bytes;
    if (acknowledged_ >= window()) {
        acknowledged_ -= window();
        set_window(window() + segment_bytes());
    }
}

void Westwood::on_congestion(std::uint32_t in_flight, Instant /*now*/) {
    const double carried = bandwidth_ * seconds(least_);
    // Nothing measured yet: as RFC 5681 (4). Never above what was allowed.
    const double threshold = carried == 0
                                 ? double(in_flight) / 2
                                 : std::min(carried, double(std::max(in_flight, window())));
    set_threshold(static_cast<std::uint32_t>(threshold));
    acknowledged_ = 0;
}

}  // namespace godwit::control::tcp
