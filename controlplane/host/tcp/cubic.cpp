#include "controlplane/host/tcp/cubic.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace godwit::control::tcp {

namespace {

constexpr double kC = 0.4;                                         // RFC 8312 5
constexpr double kBeta = 0.7;                                      // RFC 8312 4.5
constexpr double kStandardGrowth = 3 * (1 - kBeta) / (1 + kBeta);  // RFC 8312 (4)

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Cubic::begin_epoch(Instant now) {
    const double current = double(window()) / segment_bytes();
    in_epoch_ = true;
    epoch_ = now;
    growth_ = 0;
    standard_ = current;
    if (current < peak_) {
        to_peak_ = std::cbrt((peak_ - current) / kC);
    } else {
        to_peak_ = 0;
        peak_ = current;
    }
}

void Cubic::on_acknowledged(std::uint32_t bytes, Duration round_trip, Instant now) {
    if (in_slow_start()) {
        slow_start(bytes);
        return;
    }
    if (!in_epoch_) {
        begin_epoch(now);
    }
    const double current = double(window()) / segment_bytes();
    const double acknowledged = double(bytes) / segment_bytes();
    // RFC 9438 4.3: counted by acknowledged segments (RFC 8312 (4) by time), and with the growth of
    // a standard TCP once the size before the loss is reached again.
    standard_ += (standard_ >= before_ ? 1.0 : kStandardGrowth) * acknowledged / current;
    const double ahead = seconds(now - epoch_) + seconds(round_trip) - to_peak_;
    const double cube = kC * ahead * ahead * ahead + peak_;
    const double target = std::clamp(cube, current, 1.5 * current);  // RFC 9438 4.2
    if (standard_ > target) {
        growth_ += std::max(standard_ - current, 0.0);
    } else {
        growth_ += (target - current) / current * acknowledged;
    }
    const double whole = growth_ * segment_bytes();
    if (whole >= 1) {
        set_window(window() + static_cast<std::uint32_t>(whole));
        growth_ = 0;
    }
}

void Cubic::on_congestion(std::uint32_t in_flight, Instant /*now*/) {
    // RFC 8312 4.5 reduces the window; of one that was not validated (RFC 7661 4.3), what of it
    // was.
    const double current =
        double(std::min<std::uint64_t>(window(), std::uint64_t{2} * in_flight)) / segment_bytes();
    before_ = current;
    peak_ =
        current < peak_ ? current * (1 + kBeta) / 2 : current;  // fast convergence, RFC 8312 4.6
    set_threshold(static_cast<std::uint32_t>(current * kBeta * segment_bytes()));
    in_epoch_ = false;
}

void Cubic::on_timeout(std::uint32_t in_flight, bool first, Instant now) {
    CongestionControl::on_timeout(in_flight, first, now);
    in_epoch_ = false;
}

void Cubic::on_idle() {
    CongestionControl::on_idle();
    in_epoch_ = false;  // RFC 8312 4.8, 9438 4.2: time that was idle is no time of growth
}

}  // namespace godwit::control::tcp
