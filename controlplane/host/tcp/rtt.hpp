// The retransmission timeout (RFC 6298), with its back-off, and the smallest round trip seen lately
// (RFC 8985 5.3, used by RACK).
//
// Who samples keeps Karn's rule: no sample of a segment that was sent twice, unless a timestamp
// says which copy was answered.
//
// DEVIATION(rfc6298, 2.4): the least timeout is not one second but SRTT + 200 ms, as deployed
// stacks have it: above every delayed acknowledgement that follows RFC 9293's advice, and five
// times quicker where a routing session waits for its last segment.
#pragma once

#include <chrono>
#include <cstdint>

#include "controlplane/host/tcp/secrets.hpp"

namespace godwit::control::tcp {

class RttEstimator {
public:
    static constexpr Duration kInitialTimeout = std::chrono::seconds(1);  // (2.1)
    static constexpr Duration kLeastVariance = std::chrono::milliseconds(200);
    static constexpr Duration kMaxTimeout = std::chrono::seconds(60);          // (2.5)
    static constexpr Duration kTimeoutAfterLostSyn = std::chrono::seconds(3);  // (5.7)

    // `samples_per_round`: how many samples a round trip is expected to give; the weights are
    // divided by it (RFC 7323 G).
    void sample(Duration round_trip, std::uint32_t samples_per_round, Instant now);
    // The timer expired (5.5).
    void back_off();
    // New data was acknowledged: the back-off has done its work.
    void forget_back_off() { shift_ = 0; }
    // The SYN had to be repeated and nothing was measured (5.7).
    void expect_slow_peer();

    [[nodiscard]] Duration timeout() const;
    [[nodiscard]] bool measured() const { return smoothed_ != Duration::zero(); }
    [[nodiscard]] Duration smoothed() const { return smoothed_; }
    [[nodiscard]] Duration variance() const { return variance_; }
    [[nodiscard]] Duration least() const { return least_; }
    [[nodiscard]] unsigned backed_off() const { return shift_; }

private:
    Duration smoothed_{};  // zero: nothing measured yet
    Duration variance_{};
    Duration base_ = kInitialTimeout;
    Duration least_{};  // over the last kLeastWindow
    Instant least_at_{};
    unsigned shift_ = 0;
};

}  // namespace godwit::control::tcp
