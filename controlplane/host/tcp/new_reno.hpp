// The congestion control of RFC 5681: one segment a round trip, half on loss. What RFC 6582 adds to
// it is recovery's business.
#pragma once

#include "controlplane/host/tcp/congestion.hpp"

namespace godwit::control::tcp {

class NewReno final : public CongestionControl {
public:
    using CongestionControl::CongestionControl;

    void on_acknowledged(std::uint32_t bytes, Duration round_trip, Instant now) override;
    void on_congestion(std::uint32_t in_flight, Instant now) override;

private:
    std::uint32_t acknowledged_ = 0;  // since the window last grew by a segment
};

}  // namespace godwit::control::tcp
