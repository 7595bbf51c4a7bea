#include "controlplane/host/tcp/congestion.hpp"

#include <algorithm>

#include "controlplane/host/tcp/cubic.hpp"
#include "controlplane/host/tcp/new_reno.hpp"
#include "controlplane/host/tcp/westwood.hpp"

namespace godwit::control::tcp {

namespace {

constexpr std::uint32_t kMaxWindow = 1U << 30;  // what a scaled window can offer (RFC 7323 2.3)

}  // namespace

std::uint32_t initial_window(std::uint32_t segment_bytes) {
    return std::min(10 * segment_bytes, std::max(2 * segment_bytes, 14600U));
}

void CongestionControl::slow_start(std::uint32_t bytes) {
    window_ = std::min(window_ + std::min(bytes, 2 * segment_bytes_), kMaxWindow);
}

void CongestionControl::set_threshold(std::uint32_t bytes) {
    threshold_ = std::max(bytes, 2 * segment_bytes_);
}

void CongestionControl::on_timeout(std::uint32_t in_flight, bool first, Instant now) {
    if (first) {
        // RFC 5681 3.1: the threshold is not lowered again when the same segment times out again.
        on_congestion(in_flight, now);
    }
    window_ = segment_bytes_;
}

std::unique_ptr<CongestionControl> make_congestion_control(CongestionAlgorithm algorithm,
                                                           std::uint32_t segment_bytes) {
    if (algorithm == CongestionAlgorithm::NewReno) {
        return std::make_unique<NewReno>(segment_bytes);
    }
    if (algorithm == CongestionAlgorithm::Westwood) {
        return std::make_unique<Westwood>(segment_bytes);
    }
    return std::make_unique<Cubic>(segment_bytes);
}

}  // namespace godwit::control::tcp
