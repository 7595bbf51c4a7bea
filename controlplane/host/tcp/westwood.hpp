// Westwood+ (Mascolo, Casetti, Gerla, Sanadidi, Wang: "TCP Westwood: Bandwidth Estimation for
// Enhanced Transport over Wireless Links", MobiCom 2001; Grieco, Mascolo: "Performance evaluation
// and comparison of Westwood+, New Reno, and Vegas TCP congestion control", CCR 34(2), 2004).
//
// Slow start and congestion avoidance are those of RFC 5681. After a loss the window becomes what
// the path carried lately without a queue:
//
//     threshold = bandwidth * least round trip
//
// A queue that overflowed has made round trips long, so the product is well below the window and
// the reduction as deep as elsewhere. Loss that came of noise has not, and hardly costs anything.
// The bandwidth is what was acknowledged in one round trip (at least 50 ms), smoothed.
//
// Not the default: RFC 5681's response to loss is the Internet's common one (RFC 9293 MUST-19). It
// is for links whose loss is known not to come of load.
#pragma once

#include "controlplane/host/tcp/congestion.hpp"

namespace godwit::control::tcp {

class Westwood final : public CongestionControl {
public:
    using CongestionControl::CongestionControl;

    void on_delivered(std::uint32_t bytes, Duration round_trip, Duration least,
                      Instant now) override;
    void on_acknowledged(std::uint32_t bytes, Duration round_trip, Instant now) override;
    void on_congestion(std::uint32_t in_flight, Instant now) override;

private:
    Instant round_began_{};
    Duration least_{};                // round trip
    double bandwidth_ = 0;            // bytes a second, smoothed twice
    double raw_bandwidth_ = 0;        // smoothed once
    std::uint64_t delivered_ = 0;     // in this round
    std::uint32_t acknowledged_ = 0;  // since the window last grew by a segment
};

}  // namespace godwit::control::tcp
