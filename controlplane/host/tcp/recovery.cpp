#include "controlplane/host/tcp/recovery.hpp"

#include <algorithm>

namespace godwit::control::tcp {

namespace {

constexpr std::uint32_t kDuplicateThreshold = 3;
constexpr std::uint8_t kReorderPersist = 16;  // RFC 8985 6.2 step 4
// How long an acknowledgement may be delayed by the peer (RFC 8985 7.2: WCDelAckT).
constexpr Duration kWorstDelayedAck = std::chrono::milliseconds(200);

}  // namespace

LossRecovery::LossRecovery(std::unique_ptr<CongestionControl> congestion,
                           std::uint32_t segment_bytes, bool sack)
    : congestion_(std::move(congestion)), segment_bytes_(segment_bytes), sack_(sack) {}

void LossRecovery::sent_again(SentSegment& segment, Instant now) {
    board_.sent_again(segment, now);
    prr_out_ += segment.length;
    send_one_ = false;
    ++counts_.retransmitted;
}

std::uint32_t LossRecovery::pipe() const {
    const std::uint32_t arrived = std::min(duplicates_ * segment_bytes_, board_.pipe());
    return board_.pipe() - arrived;
}

std::uint32_t LossRecovery::allowance() const {
    const std::uint32_t window = congestion_->window();
    const std::uint32_t under_way = pipe();
    const std::uint32_t free = window > under_way ? window - under_way : 0;
    return send_one_ ? std::max(free, segment_bytes_) : free;
}

SentSegment* LossRecovery::next_lost() {
    const SentSegment* lost = board_.first_lost();
    return lost == nullptr ? nullptr : &board_.segments()[board_.index_of(*lost)];
}

LossRecovery::Progress LossRecovery::acknowledge(const Acknowledgement& ack,
                                                 const RttEstimator& rtt, Instant now) {
    if (excused_ != Excused::Waits && board_.lost() == 0) {
        excused_ = Excused::Unclear;  // what became of it has been seen
    }
    const Delivered delivered = board_.acknowledge(ack.acknowledgment, ack.sack, ack.una, ack.next);
    const bool advanced = ack.acknowledgment > ack.una;
    Progress progress;
    progress.delivered = delivered.bytes;
    if (delivered.clean && !delivered.ambiguous) {
        progress.round_trip = now - delivered.clean_sent_at;
    } else if (delivered.any) {
        progress.sent_again_at = delivered.latest_sent_at;
        progress.duplicate = delivered.duplicate_reported;
    }
    if (delivered.duplicate_reported) {
        ++counts_.duplicates;
    }
    std::uint32_t arrived = delivered.bytes;
    if (sack_) {
        update_rack(delivered, ack, rtt, now);
        judge_probe(ack, delivered, now);
        if (!board_.empty()) {
            detect_losses(rtt, now);
        } else {
            reorder_deadline_.reset();
        }
    } else {
        detect_without_sack(ack, delivered);
        if (ack.duplicate) {
            arrived = segment_bytes_;
        }
    }

    if (mode_ != Mode::Open && ack.acknowledgment >= point_) {
        if (mode_ == Mode::Recovery) {
            congestion_->finish_recovery();
        }
        mode_ = Mode::Open;
        duplicates_ = 0;
        send_one_ = false;
        if (reorder_persist_ > 0 && --reorder_persist_ == 0) {
            reorder_multiplier_ = 1;
        }
    }
    if (excused_ == Excused::Waits && excuse_end_ <= ack.acknowledgment && board_.lost() == 0) {
        excused_ = Excused::Arrived;
    }
    judge_losses(ack.next, now);
    congestion_->on_delivered(arrived, rtt.smoothed(), rtt.least(), now);
    if (mode_ == Mode::Recovery) {
        run_prr(arrived);
    } else if (advanced &&
               (window_used_ || mode_ == Mode::Loss ||
                delivered.acknowledged + board_.outstanding() >= congestion_->window() / 2)) {
        // RFC 7661 4.3: a window of which less than half is used is not validated: it does not
        // grow.
        congestion_->on_acknowledged(delivered.acknowledged, rtt.smoothed(), now);
        window_used_ = false;
    }
    return progress;
}

bool LossRecovery::only_excused_lost() const {
    const SentSegment* const lost = board_.first_lost();
    return excused_ != Excused::Unclear && lost != nullptr && lost->begin >= excuse_begin_ &&
           lost->end() <= excuse_end_ &&
           board_.lost() <= net::bytes_between(excuse_begin_, excuse_end_);
}

void LossRecovery::judge_losses(net::Sequence next, Instant now) {
    if (board_.lost() == 0) {
        return;
    }
    if (mode_ == Mode::Open && only_excused_lost()) {
        excused_ = Excused::LostAlone;
        send_one_ = true;
        return;
    }
    if (excused_ == Excused::Waits) {
        excused_ = Excused::Unclear;
    }
    if (mode_ == Mode::Open) {
        enter_recovery(next, now);
    }
}

void LossRecovery::on_congestion_echo(net::Sequence una, net::Sequence next, Instant now) {
    if (mode_ != Mode::Open || (echo_seen_ && una < echo_point_)) {
        return;
    }
    echo_seen_ = true;
    echo_point_ = next;
    reduced_ = true;
    congestion_->on_congestion(std::max(board_.outstanding(), segment_bytes_), now);
    congestion_->finish_recovery();
}

void LossRecovery::enter_recovery(net::Sequence next, Instant now) {
    const std::uint32_t flight = board_.outstanding();
    mode_ = Mode::Recovery;
    point_ = next;
    prr_delivered_ = 0;
    prr_out_ = 0;
    prr_flight_ = std::max(flight, 1U);
    send_one_ = true;
    ++counts_.recoveries;
    if (echo_seen_ && board_.segments().front().begin < echo_point_) {
        return;  // a router's mark has reduced this window already (RFC 3168 6.1.2)
    }
    reduced_ = true;
    congestion_->on_congestion(flight, now);
}

void LossRecovery::run_prr(std::uint32_t delivered) {
    const std::uint32_t under_way = pipe();
    const std::uint32_t threshold = congestion_->threshold();
    prr_delivered_ += delivered;
    std::uint32_t send = 0;
    if (under_way > threshold) {
        const std::uint64_t due =
            (std::uint64_t{prr_delivered_} * threshold + prr_flight_ - 1) / prr_flight_;
        send = due > prr_out_ ? static_cast<std::uint32_t>(due - prr_out_) : 0;
    } else {
        const std::uint32_t behind = prr_delivered_ > prr_out_ ? prr_delivered_ - prr_out_ : 0;
        send = std::min(threshold - under_way, std::max(behind, delivered) + segment_bytes_);
    }
    congestion_->set_window(under_way + send);
}

void LossRecovery::update_rack(const Delivered& delivered, const Acknowledgement& ack,
                               const RttEstimator& rtt, Instant now) {
    if (delivered.any) {
        const Duration round_trip = now - delivered.latest_sent_at;
        // RFC 8985 6.2 step 2: an answer to the first copy, taken for one to the second.
        const bool spurious = delivered.latest_retransmitted && round_trip < rtt.least();
        if (!spurious &&
            (!rack_started_ || delivered.latest_sent_at > rack_sent_at_ ||
             (delivered.latest_sent_at == rack_sent_at_ && delivered.latest_end > rack_end_))) {
            rack_started_ = true;
            rack_sent_at_ = delivered.latest_sent_at;
            rack_end_ = delivered.latest_end;
            rack_rtt_ = round_trip;
        }
    }
    reordering_seen_ = reordering_seen_ || delivered.reordered;
    // Step 4: at most once a round trip a D-SACK widens the reordering window.
    if (dsack_round_set_ && ack.acknowledgment >= dsack_round_) {
        dsack_round_set_ = false;
    }
    if (delivered.duplicate_reported && !dsack_round_set_) {
        dsack_round_set_ = true;
        dsack_round_ = ack.next;
        reorder_multiplier_ = static_cast<std::uint8_t>(std::min(reorder_multiplier_ + 1, 255));
        reorder_persist_ = kReorderPersist;
    }
}

Duration LossRecovery::reorder_window(const RttEstimator& rtt) const {
    if (!reordering_seen_ &&
        (mode_ != Mode::Open || board_.sacked_segments() >= kDuplicateThreshold)) {
        return Duration::zero();
    }
    // The first acknowledgement of all is judged before its own sample counts.
    const Duration least = rtt.measured() ? rtt.least() : rack_rtt_;
    const Duration smoothed = rtt.measured() ? rtt.smoothed() : rack_rtt_;
    return std::min(reorder_multiplier_ * least / 4, smoothed);
}

void LossRecovery::detect_losses(const RttEstimator& rtt, Instant now) {
    reorder_deadline_.reset();
    if (!rack_started_) {
        return;
    }
    const Duration window = reorder_window(rtt);
    for (SentSegment& segment : board_.segments()) {
        if (segment.sacked || segment.lost) {
            continue;
        }
        const bool sent_before = segment.sent_at < rack_sent_at_ ||
                                 (segment.sent_at == rack_sent_at_ && segment.end() < rack_end_);
        if (!sent_before) {
            continue;
        }
        const Instant lost_at = segment.sent_at + rack_rtt_ + window;
        if (lost_at <= now) {
            board_.mark_lost(segment);
        } else if (!reorder_deadline_ || *reorder_deadline_ < lost_at) {
            reorder_deadline_ = lost_at;
        }
    }
}

void LossRecovery::on_reorder_deadline(const RttEstimator& rtt, net::Sequence next, Instant now) {
    detect_losses(rtt, now);
    const bool open = mode_ == Mode::Open;
    judge_losses(next, now);
    if (open && mode_ == Mode::Recovery) {
        run_prr(0);
    }
}

void LossRecovery::detect_without_sack(const Acknowledgement& ack, const Delivered& delivered) {
    if (ack.duplicate && !board_.empty()) {
        ++duplicates_;
        if (mode_ == Mode::Open && duplicates_ >= kDuplicateThreshold) {
            board_.mark_lost(board_.segments().front());
        }
        return;
    }
    if (delivered.acknowledged == 0) {
        return;
    }
    if (mode_ == Mode::Recovery && !board_.empty() && ack.acknowledgment < point_) {
        // RFC 6582 3.2 step 3: a partial acknowledgement; the next hole begins here.
        const std::uint32_t segments =
            (delivered.acknowledged + segment_bytes_ - 1) / segment_bytes_;
        duplicates_ -= std::min(duplicates_, segments - 1);
        board_.mark_lost(board_.segments().front());
        return;
    }
    duplicates_ = 0;
}

std::optional<Duration> LossRecovery::probe_timeout(const RttEstimator& rtt) const {
    if (!sack_ || mode_ != Mode::Open || probe_outstanding_ || board_.empty() ||
        board_.sacked() != 0) {
        return std::nullopt;
    }
    if (!rtt.measured()) {
        return std::chrono::seconds(1);
    }
    Duration timeout = 2 * rtt.smoothed();
    if (board_.segments().size() == 1) {
        timeout += kWorstDelayedAck;
    }
    return timeout;
}

void LossRecovery::on_probe_sent(net::Sequence next, bool retransmission) {
    probe_outstanding_ = true;
    probe_is_retransmission_ = retransmission;
    probe_end_ = next;
    ++counts_.probes;
}

void LossRecovery::judge_probe(const Acknowledgement& ack, const Delivered& delivered,
                               Instant now) {
    if (!probe_outstanding_ || ack.acknowledgment < probe_end_) {
        return;
    }
    probe_outstanding_ = false;
    // RFC 8985 7.4.2: unless the peer says that it had the segment already, the probe repaired a
    // loss that nobody else will hear of.
    if (probe_is_retransmission_ && !delivered.duplicate_reported && mode_ == Mode::Open) {
        reduced_ = true;
        congestion_->on_congestion(std::max(delivered.acknowledged, congestion_->window()), now);
        congestion_->finish_recovery();
    }
}

void LossRecovery::on_timeout(const RttEstimator& rtt, net::Sequence next, Instant now) {
    const bool first = rtt.backed_off() == 0 && mode_ != Mode::Loss;
    const std::uint32_t flight = board_.outstanding();
    // RFC 8985 6.3 marks only what is old enough; everything here is older than a timeout, except
    // what was sent since: that stays under way, unless it is the first.
    const Duration old = rtt.smoothed() + reorder_window(rtt);
    if (sack_ && rack_started_) {
        for (SentSegment& segment : board_.segments()) {
            if (&segment == board_.segments().data() || segment.sent_at + old <= now) {
                if (&segment == board_.segments().data() && segment.sacked) {
                    board_.mark_all_lost();  // reneged (RFC 2018 8)
                    break;
                }
                board_.mark_lost(segment);
            }
        }
    } else {
        board_.mark_all_lost();
    }
    mode_ = Mode::Loss;
    reduced_ = true;
    excused_ = excused_ == Excused::Waits ? Excused::Unclear : excused_;
    point_ = next;
    duplicates_ = 0;
    probe_outstanding_ = false;
    send_one_ = true;
    reorder_deadline_.reset();
    ++counts_.timeouts;
    congestion_->on_timeout(flight, first, now);
}

void LossRecovery::on_smaller_path(std::uint32_t segment_bytes) {
    segment_bytes_ = segment_bytes;
    congestion_->set_segment_bytes(segment_bytes);
    for (SentSegment& segment : board_.segments()) {
        if (segment.length > segment_bytes) {
            board_.mark_lost(segment);
        }
    }
    send_one_ = board_.lost() != 0;
}

}  // namespace godwit::control::tcp
