// CUBIC (RFC 8312): after a loss the window grows as a cube of the time since, flat around the size
// at which the loss came, and never slower than a standard TCP would.
//
// Windows are in segments and floating point, as the formulas of the RFC are.
#pragma once

#include "controlplane/host/tcp/congestion.hpp"

namespace godwit::control::tcp {

class Cubic final : public CongestionControl {
public:
    using CongestionControl::CongestionControl;

    void on_acknowledged(std::uint32_t bytes, Duration round_trip, Instant now) override;
    void on_congestion(std::uint32_t in_flight, Instant now) override;
    void on_timeout(std::uint32_t in_flight, bool first, Instant now) override;
    void on_idle() override;

private:
    void begin_epoch(Instant now);

    Instant epoch_{};
    bool in_epoch_ = false;
    double peak_ = 0;      // W_max, segments
    double to_peak_ = 0;   // K, seconds
    double standard_ = 0;  // W_est, segments
    double growth_ = 0;    // of a segment, not yet in the window
    double before_ = 0;    // the window at the last loss
};

}  // namespace godwit::control::tcp
