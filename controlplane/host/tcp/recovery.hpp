// Loss recovery: what of that which was sent is lost, and how much may be sent now.
//
//   RACK (RFC 8985 6)   a segment is lost when one sent later has arrived and the reordering window
//                       has passed. With three segments reported by SACK and no reordering ever
//                       seen that window is zero, which is the threshold of RFC 6675
//   TLP (RFC 8985 7)    the last segment is sent again after two round trips, so that RACK has an
//                       acknowledgement to work on and the timeout is not needed
//   NewReno (RFC 6582)  for a peer without SACK: three duplicate acknowledgements, then a hole for
//                       every partial one; each duplicate counts as a segment that has arrived
//   PRR (RFC 6937)      during recovery, as much is sent as arrives, in proportion
//   limited transmit    (RFC 3042) falls out of it: what SACK or a duplicate reports is not under
//                       way, so new data may follow it
//
// The window outside recovery is the congestion control's. One object a connection; it sends
// nothing and owns no timer: deadlines are asked for.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "controlplane/host/tcp/congestion.hpp"
#include "controlplane/host/tcp/rtt.hpp"
#include "controlplane/host/tcp/scoreboard.hpp"

namespace godwit::control::tcp {

class LossRecovery {
public:
    struct Acknowledgement {
        net::Sequence acknowledgment;
        net::Sequence una;   // SND.UNA before it
        net::Sequence next;  // SND.NXT
        std::span<const net::SackBlock> sack;
        bool duplicate = false;  // by RFC 5681 2: nothing new, no data, no change of the window
    };
    // What an acknowledgement told about the path, and whether it told of progress.
    struct Progress {
        std::uint32_t delivered = 0;
        std::optional<Duration> round_trip;  // of a segment that was sent only once
        // When what was delivered was last sent, and whether the peer says that it had it before:
        // then this copy was answered (RFC 2883), as also a timestamp may tell.
        std::optional<Instant> sent_again_at;
        bool duplicate = false;
    };
    struct Counts {
        std::uint32_t retransmitted = 0;  // segments
        std::uint32_t timeouts = 0;
        std::uint32_t recoveries = 0;
        std::uint32_t probes = 0;      // TLP
        std::uint32_t duplicates = 0;  // reported by D-SACK
    };

    LossRecovery(std::unique_ptr<CongestionControl> congestion, std::uint32_t segment_bytes,
                 bool sack);

    void sent(net::Sequence begin, std::uint32_t length, Instant now) {
        board_.sent(begin, length, now);
        prr_out_ += length;
    }
    void sent_again(SentSegment& segment, Instant now);
    // Call when sending stopped because allowance() was used up: the window was needed in full.
    void note_window_used() { window_used_ = true; }

    Progress acknowledge(const Acknowledgement& ack, const RttEstimator& rtt, Instant now);

    // Bytes that may be sent now. A fast retransmission may always go.
    [[nodiscard]] std::uint32_t allowance() const;
    [[nodiscard]] std::uint32_t pipe() const;
    [[nodiscard]] SentSegment* next_lost();

    // When the reordering window of a segment passes; and what to do then.
    [[nodiscard]] std::optional<Instant> reorder_deadline() const { return reorder_deadline_; }
    void on_reorder_deadline(const RttEstimator& rtt, net::Sequence next, Instant now);

    // The time after which a tail loss probe is due; nothing when there shall be none.
    [[nodiscard]] std::optional<Duration> probe_timeout(const RttEstimator& rtt) const;
    void on_probe_sent(net::Sequence next, bool retransmission);

    void on_timeout(const RttEstimator& rtt, net::Sequence next, Instant now);
    // RFC 3168 6.1.2: a router saw congestion; heard once a window.
    void on_congestion_echo(net::Sequence una, net::Sequence next, Instant now);
    // Whether the window was reduced since the last call.
    bool take_reduced() { return std::exchange(reduced_, false); }
    // A segment whose loss, when it is the only one, says nothing about congestion (RFC 4821 7.5).
    void excuse(net::Sequence begin, net::Sequence end) {
        excuse_begin_ = begin;
        excuse_end_ = end;
        excused_ = Excused::Waits;
    }
    enum class Excused : std::uint8_t { Waits, Arrived, LostAlone, Unclear };
    // What became of it, as it is known now.
    [[nodiscard]] Excused excused() const { return excused_; }
    void on_idle() { congestion_->on_idle(); }
    // The path takes smaller segments only: everything goes again, and nobody is to blame.
    void on_smaller_path(std::uint32_t segment_bytes);

    [[nodiscard]] bool recovering() const { return mode_ != Mode::Open; }
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] CongestionControl& congestion() { return *congestion_; }
    [[nodiscard]] const CongestionControl& congestion() const { return *congestion_; }
    [[nodiscard]] Scoreboard& board() { return board_; }
    [[nodiscard]] const Scoreboard& board() const { return board_; }

private:
    enum class Mode : std::uint8_t {
        Open,
        Recovery,  // RFC 6675, 6582: until `point_` is acknowledged, by PRR
        Loss,      // after a timeout: slow start over what is lost
    };

    void update_rack(const Delivered& delivered, const Acknowledgement& ack,
                     const RttEstimator& rtt, Instant now);
    void detect_losses(const RttEstimator& rtt, Instant now);
    void detect_without_sack(const Acknowledgement& ack, const Delivered& delivered);
    void enter_recovery(net::Sequence next, Instant now);
    [[nodiscard]] bool only_excused_lost() const;
    void judge_losses(net::Sequence next, Instant now);
    void run_prr(std::uint32_t delivered);
    void judge_probe(const Acknowledgement& ack, const Delivered& delivered, Instant now);
    [[nodiscard]] Duration reorder_window(const RttEstimator& rtt) const;

    Scoreboard board_;
    std::unique_ptr<CongestionControl> congestion_;
    std::uint32_t segment_bytes_;
    Counts counts_;

    // RACK (RFC 8985 5.2, 5.3)
    Instant rack_sent_at_{};
    Duration rack_rtt_{};
    net::Sequence rack_end_;
    net::Sequence dsack_round_;
    std::optional<Instant> reorder_deadline_;
    std::uint8_t reorder_multiplier_ = 1;
    std::uint8_t reorder_persist_ = 0;  // recoveries that the multiplier still holds for

    // PRR (RFC 6937 3)
    std::uint32_t prr_delivered_ = 0;
    std::uint32_t prr_out_ = 0;
    std::uint32_t prr_flight_ = 0;

    net::Sequence point_;      // recovery ends here
    net::Sequence probe_end_;  // TLP.end_seq
    net::Sequence excuse_begin_;
    net::Sequence excuse_end_;
    net::Sequence echo_point_;      // an echo of congestion below it is of the same window
    std::uint32_t duplicates_ = 0;  // duplicate acknowledgements of a peer without SACK

    Mode mode_ = Mode::Open;
    Excused excused_ = Excused::Unclear;
    bool reduced_ = false;
    bool echo_seen_ = false;  // echo_point_ is set
    bool sack_;
    bool rack_started_ = false;
    bool reordering_seen_ = false;
    bool dsack_round_set_ = false;
    bool probe_outstanding_ = false;
    bool probe_is_retransmission_ = false;
    bool window_used_ = false;
    bool send_one_ = false;  // the fast retransmission
};

}  // namespace godwit::control::tcp
