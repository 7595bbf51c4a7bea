// What time does to a connection. See connection.hpp.
#include <algorithm>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

namespace {

constexpr unsigned kFirstThreshold = 3;  // R1 of RFC 9293 3.8.3
// Black holes (RFC 4821 7.7): after so many timeouts a small segment goes in place of the full one;
// if that alone helps so many times in a row, the path takes no larger ones.
constexpr unsigned kTimeoutsBeforeSmall = 2;
constexpr std::uint8_t kSmallMustHelp = 2;
constexpr std::uint16_t kSmallPathMtu = 576;

}  // namespace

Instant Connection::next_deadline() const {
    const Instant first =
        acknowledge_now_ ? last_heard_at_ : *std::min_element(timers_.begin(), timers_.end());
    if (recovery_ && recovery_->reorder_deadline()) {
        return std::min(first, *recovery_->reorder_deadline());
    }
    return first;
}

void Connection::poll(Instant now) {
    const auto expired = [&](Timer timer) {
        if (due(timer) > now) {
            return false;
        }
        disarm(timer);
        return true;
    };
    if (acknowledge_now_) {
        send_acknowledgment(now);
    }
    if (recovery_ && recovery_->reorder_deadline() && *recovery_->reorder_deadline() <= now) {
        recovery_->on_reorder_deadline(rtt_, next_, now);
        judge_path_probe(now);
        transmit(now);
    }
    if (expired(Timer::Probe)) {
        on_probe(now);
    }
    if (expired(Timer::Retransmit)) {
        on_retransmit(now);
    }
    if (expired(Timer::Persist)) {
        on_persist(now);
    }
    if (expired(Timer::KeepAlive)) {
        on_keep_alive(now);
    }
    if (expired(Timer::DelayedAck)) {
        interactive_ = false;  // nothing of ours went out that could have carried it
        send_acknowledgment(now);
    }
    if (expired(Timer::Linger)) {
        end(State::Closed, Trouble::TimedOut, now);
    }
}

void Connection::arm_for_data(bool progress, Instant now) {
    if (!recovery_) {
        return;
    }
    const bool empty = recovery_->board().empty();
    if (empty || window_ == 0) {
        disarm(Timer::Retransmit);
        disarm(Timer::Probe);
        const bool waits = !empty || next_ != stream_end();
        if (!waits) {
            disarm(Timer::Persist);
        } else if (due(Timer::Persist) == Instant::max()) {
            arm(Timer::Persist, now + rtt_.timeout());  // SHLD-29
        }
        return;
    }
    disarm(Timer::Persist);
    if (progress || due(Timer::Retransmit) == Instant::max()) {
        arm(Timer::Retransmit, now + rtt_.timeout());  // RFC 6298 5.1, 5.3
    }
    const auto timeout = recovery_->probe_timeout(rtt_);
    if (!timeout) {
        disarm(Timer::Probe);  // what SACK reports, or a recovery, needs none (RFC 8985 7.2)
    } else if (progress || due(Timer::Probe) == Instant::max()) {
        // At the time of the retransmission at the latest, and in its place.
        arm(Timer::Probe, std::min(now + *timeout, due(Timer::Retransmit)));
    }
}

bool Connection::gave_up(Duration patience, Instant now) {
    if (now - unanswered_since_ < patience) {
        return false;
    }
    if (synchronized()) {
        send_reset(now);
    }
    end(State::Closed, Trouble::TimedOut, now);
    return true;
}

void Connection::on_syn_timeout(Instant now) {
    if (gave_up(settings_.connect_timeout, now)) {
        return;
    }
    rtt_.back_off();
    syn_retransmitted_ = true;
    if (rtt_.backed_off() == kFirstThreshold) {
        events_.add(Event::Retrying);
    }
    send_syn(now);
    arm(Timer::Retransmit,
        std::min(now + rtt_.timeout(), unanswered_since_ + settings_.connect_timeout));
}

void Connection::on_retransmit(Instant now) {
    if (state_ == State::SynSent || state_ == State::SynReceived) {
        on_syn_timeout(now);
        return;
    }
    if (!recovery_ || recovery_->board().empty() || gave_up(settings_.user_timeout, now)) {
        return;
    }
    recovery_->on_timeout(rtt_, next_, now);
    judge_path_probe(now);
    rtt_.back_off();
    timeouts_in_row_ = static_cast<std::uint8_t>(std::min(timeouts_in_row_ + 1, 255));
    if (timeouts_in_row_ == kFirstThreshold) {
        events_.add(Event::Retrying);
    }
    // With its options: a signature must not make it larger than what passes everywhere.
    const std::uint32_t small = data_in(kSmallPathMtu);
    if (timeouts_in_row_ > kTimeoutsBeforeSmall && segment_bytes_ > small) {
        if (small_segments_helped_ >= kSmallMustHelp) {
            small_segments_helped_ = 0;
            path_.fell_into_black_hole(kSmallPathMtu);
            fit_segments_to_path(true);
        } else if (recovery_->board().segments().front().length > small) {
            small_segment_end_ = recovery_->board().segments().front().end();
            recovery_->board().split(0, small);
            small_segment_sent_ = true;
        }
    }
    disarm(Timer::Probe);
    transmit(now);
    arm(Timer::Retransmit,
        std::min(now + rtt_.timeout(), unanswered_since_ + settings_.user_timeout));
}

void Connection::on_probe(Instant now) {
    if (!recovery_ || recovery_->board().empty()) {
        return;
    }
    const std::uint32_t unsent = next_ == stream_end() ? 0 : net::bytes_between(next_, data_end());
    const std::uint32_t length = std::min({unsent, full_segment(), usable_window()});
    if (length != 0) {
        const bool fin = fin_wanted_ && length == unsent && usable_window() > length;
        const std::uint32_t covered = length + std::uint32_t{fin};
        send_range(next_, covered, now);
        recovery_->sent(next_, covered, now);
        next_ += covered;
        recovery_->on_probe_sent(next_, false);
    } else {
        SentSegment& last = recovery_->board().segments().back();
        send_range(last.begin, last.length, now);
        recovery_->sent_again(last, now);
        recovery_->on_probe_sent(next_, true);
    }
    arm(Timer::Retransmit, now + rtt_.timeout());
    flush_acknowledgment(now);
}

void Connection::on_persist(Instant now) {
    if (!recovery_ || gave_up(settings_.user_timeout, now)) {
        return;
    }
    if (!recovery_->board().empty()) {
        SentSegment& first = recovery_->board().segments().front();
        send_range(first.begin, first.length, now);
        recovery_->sent_again(first, now);
    } else {
        // 3.8.6.1: at least one byte of new data. With a window too small to be worth a segment
        // this is the override timeout of 3.8.6.2.1 (4).
        const std::uint32_t unsent = net::bytes_between(next_, stream_end());
        const std::uint32_t length =
            std::min(std::max(usable_window(), 1U), std::min(unsent, full_segment()));
        if (length == 0) {
            return;
        }
        unanswered_since_ = now;
        send_range(next_, length, now);
        recovery_->sent(next_, length, now);
        next_ += length;
    }
    rtt_.back_off();  // SHLD-30
    arm(Timer::Persist, now + rtt_.timeout());
    if (window_ != 0) {
        arm_for_data(true, now);
    }
}

void Connection::arm_keep_alive(Instant now) {
    if (settings_.keep_alive && recovery_) {
        arm(Timer::KeepAlive, now + settings_.keep_alive_idle);
    } else {
        disarm(Timer::KeepAlive);
    }
}

void Connection::on_keep_alive(Instant now) {
    if (!recovery_) {
        return;
    }
    if (!recovery_->board().empty()) {
        arm_keep_alive(now);  // MUST-26: only an idle connection; the retransmission will tell
        return;
    }
    if (keep_alives_unanswered_ >= settings_.keep_alive_probes) {
        send_reset(now);
        end(State::Closed, Trouble::TimedOut, now);
        return;
    }
    ++keep_alives_unanswered_;
    Segment probe;
    probe.sequence = next_ - 1;  // SHLD-12: without data
    probe.flags.ack = true;
    emit(probe, now);
    arm(Timer::KeepAlive, now + settings_.keep_alive_interval);
}

}  // namespace godwit::control::tcp
