// How much may be under way: the one interface behind which a congestion control stands.
//
// Loss recovery decides what is lost and when to send (recovery.hpp); what stands here decides how
// large the window is. It hears of acknowledged bytes outside recovery, of one congestion event a
// round trip, of timeouts and of idle times. Bytes throughout.
//
//   NewReno  RFC 5681, with byte counting (RFC 3465, L = 2)
//   Cubic    RFC 8312; where RFC 9438 replaced a rule of it, cubic.cpp says so
//   Westwood Westwood+ (Grieco, Mascolo 2004): tells loss of noise from loss of load
//
// Both start with RFC 6928's ten segments and restart from it after an idle time (RFC 5681 4.1).
#pragma once

#include <cstdint>
#include <memory>

#include "controlplane/host/tcp/secrets.hpp"

namespace godwit::control::tcp {

enum class CongestionAlgorithm : std::uint8_t { Cubic, NewReno, Westwood };

// min(10 * MSS, max(2 * MSS, 14600)): RFC 6928 2.
[[nodiscard]] std::uint32_t initial_window(std::uint32_t segment_bytes);

class CongestionControl {
public:
    explicit CongestionControl(std::uint32_t segment_bytes)
        : segment_bytes_(segment_bytes), window_(initial_window(segment_bytes)) {}
    virtual ~CongestionControl() = default;

    [[nodiscard]] std::uint32_t window() const { return window_; }
    [[nodiscard]] std::uint32_t threshold() const { return threshold_; }
    [[nodiscard]] bool in_slow_start() const { return window_ < threshold_; }

    // Whatever the peer reports as arrived, in recovery too.
    virtual void on_delivered(std::uint32_t /*bytes*/, Duration /*round_trip*/, Duration /*least*/,
                              Instant /*now*/) {}
    // Outside recovery. `round_trip` is the smoothed one.
    virtual void on_acknowledged(std::uint32_t bytes, Duration round_trip, Instant now) = 0;
    // A loss: at most once a round trip. Sets the threshold; the window follows
    // when recovery is over (finish_recovery).
    virtual void on_congestion(std::uint32_t in_flight, Instant now) = 0;
    virtual void on_timeout(std::uint32_t in_flight, bool first, Instant now);

    void finish_recovery() { window_ = threshold_; }
    // The window while recovery goes on is what PRR computes.
    void set_window(std::uint32_t bytes) { window_ = bytes; }
    // Nothing was sent for longer than the retransmission timeout: the path is unknown again.
    virtual void on_idle() {
        window_ =
            window_ < initial_window(segment_bytes_) ? window_ : initial_window(segment_bytes_);
    }
    // The SYN was lost: one segment (RFC 6928 2, RFC 5681 3.1).
    void start_with_one_segment() { window_ = segment_bytes_; }
    void set_segment_bytes(std::uint32_t bytes) { segment_bytes_ = bytes; }

protected:
    // RFC 5681 3.1 (2), RFC 3465 2.
    void slow_start(std::uint32_t bytes);
    [[nodiscard]] std::uint32_t segment_bytes() const { return segment_bytes_; }
    void set_threshold(std::uint32_t bytes);

private:
    std::uint32_t segment_bytes_;
    std::uint32_t window_;
    std::uint32_t threshold_ = ~std::uint32_t{0};
};

std::unique_ptr<CongestionControl> make_congestion_control(CongestionAlgorithm algorithm,
                                                           std::uint32_t segment_bytes);

}  // namespace godwit::control::tcp
