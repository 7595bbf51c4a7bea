#include "controlplane/host/tcp/connection.hpp"

#include <algorithm>
#include <chrono>

namespace godwit::control::tcp {

namespace {

// RFC 7323 5.5: after so long a time TS.Recent says nothing.
constexpr Duration kTimestampsOutdated = std::chrono::hours(24 * 24);
// RFC 5961 7: so many challenges in so long a time.
constexpr std::uint8_t kMaxChallenges = 10;
constexpr Duration kChallengeTime = std::chrono::seconds(5);

}  // namespace

std::string_view name_of(State state) {
    switch (state) {
        case State::Closed:
            return "closed";
        case State::SynSent:
            return "syn-sent";
        case State::SynReceived:
            return "syn-received";
        case State::Established:
            return "established";
        case State::FinWait1:
            return "fin-wait-1";
        case State::FinWait2:
            return "fin-wait-2";
        case State::CloseWait:
            return "close-wait";
        case State::Closing:
            return "closing";
        case State::LastAck:
            return "last-ack";
        case State::TimeWait:
            return "time-wait";
    }
    return "?";
}

Connection::Connection(const Flow& flow, const Settings& settings, SegmentSink& sink)
    : flow_(flow),
      settings_(settings),
      sink_(&sink),
      path_(settings.link_mtu),
      quick_acks_(settings.quick_acks) {
    timers_.fill(Instant::max());
    if (settings_.advertised_user_timeout == Duration::zero()) {
        settings_.advertised_user_timeout = settings_.user_timeout;
    }
}

void Connection::change_state(State next, Instant now) {
    state_ = next;
    if (next == State::FinWait2 && reading_ended_) {
        arm(Timer::Linger, now + settings_.fin_wait_2);
    }
}

void Connection::end(State state, Trouble trouble, Instant now) {
    trouble_ = trouble;
    timers_.fill(Instant::max());
    recovery_.reset();
    send_.drop_front(queued_);
    queued_ = 0;
    receive_.forget_islands();
    acknowledge_now_ = false;
    reader_first_ = false;
    events_.add(Event::Ended);
    events_.add(Event::Readable);
    change_state(state, now);
}

void Connection::input(const Segment& segment, Instant now) {
    if (state_ == State::Closed || state_ == State::TimeWait) {
        return;
    }
    if (state_ == State::SynSent) {
        input_syn_sent(segment, now);
        flush_acknowledgment(now);
        return;
    }
    if (acknowledge_now_ && !segment.payload.empty()) {
        send_acknowledgment(now);  // of what came before: every second segment has its own
    }
    // RFC 7323 3.2, 5.3: without the option it is not of this connection; with an old one it is
    // old.
    if (timestamps_ && !segment.flags.rst) {
        if (!segment.options.timestamps) {
            return;
        }
        if (!passes_paws(segment, now)) {
            challenge(now);
            return;
        }
    }
    Segment rest = segment;
    if (!is_acceptable(segment)) {
        const bool window_closed = edge_ == expected_ && segment.sequence == expected_;
        if (!window_closed && !segment.flags.rst) {
            // First step of 3.10.7.4: an acknowledgement tells the peer where we are.
            if (sack_ && segment.payload_bytes() != 0 && segment.end() <= expected_) {
                duplicate_ = {segment.sequence, segment.end()};
            }
            if (segment.length() != 0 && !segment.flags.syn) {
                need_acknowledgment(true, now);
                flush_acknowledgment(now);
            } else {
                challenge(now);
            }
        }
        if (!window_closed) {
            return;
        }
        // MUST-66: with a closed window acknowledgements, resets and urgent data still count.
        rest.payload = {};
        rest.flags.fin = false;
        need_acknowledgment(true, now);
    }
    if (segment.flags.rst) {
        input_reset(segment, now);
        return;
    }
    if (segment.flags.syn) {
        challenge(now);  // RFC 5961 4.2
        return;
    }
    if (!segment.flags.ack) {
        return;
    }
    last_heard_at_ = now;
    input_user_timeout(segment);
    input_congestion_marks(segment);
    keep_alives_unanswered_ = 0;
    arm_keep_alive(now);
    if (state_ == State::SynReceived) {
        if (segment.acknowledgment <= una_ || segment.acknowledgment > next_) {
            sink_->transmit(flow_, reset_for(segment));
            return;
        }
        una_ = iss_ + 1;
        window_ = max_window_ = std::uint32_t{segment.window} << window_scale_;
        window_update_sequence_ = segment.sequence;
        window_update_acknowledgment_ = segment.acknowledgment;
        establish(now);
    }
    if (!input_acknowledgment(segment, now)) {
        return;
    }
    if (recovery_) {
        input_data(rest, now);
    }
    transmit(now);
    flush_acknowledgment(now);
}

bool Connection::passes_paws(const Segment& segment, Instant now) {
    const auto ahead =
        static_cast<std::int32_t>(segment.options.timestamps->value - recent_timestamp_);
    return ahead >= 0 || now - recent_timestamp_at_ > kTimestampsOutdated;
}

bool Connection::is_acceptable(const Segment& segment) const {
    const std::uint32_t window = net::bytes_between(expected_, edge_);
    const net::Sequence begin = segment.sequence;
    if (segment.length() == 0) {
        return window == 0 ? begin == expected_ : expected_ <= begin && begin < edge_;
    }
    if (window == 0) {
        return false;
    }
    const net::Sequence last = segment.end() - 1;
    return (expected_ <= begin && begin < edge_) || (expected_ <= last && last < edge_) ||
           (begin < expected_ && last >= edge_);
}

void Connection::input_reset(const Segment& segment, Instant now) {
    if (segment.sequence != expected_) {
        challenge(now);  // RFC 5961 3.2
        return;
    }
    end(State::Closed, state_ == State::SynReceived ? Trouble::Refused : Trouble::Reset, now);
}

void Connection::challenge(Instant now) {
    if (now - challenges_since_ >= kChallengeTime || challenges_since_ == Instant{}) {
        challenges_since_ = now;
        challenges_ = 0;
    }
    if (challenges_ < kMaxChallenges) {
        ++challenges_;
        send_acknowledgment(now);
    }
}

bool Connection::input_acknowledgment(const Segment& segment, Instant now) {
    const net::Sequence ack = segment.acknowledgment;
    // RFC 5961 5.2: neither of what was never sent, nor of the far past.
    if (ack > next_ || ack < una_ - max_window_) {
        challenge(now);
        return false;
    }
    // RFC 7323 4.3; not before, or a forged acknowledgement would make all that is true look old.
    if (timestamps_ && segment.sequence <= acknowledged_ &&
        static_cast<std::int32_t>(segment.options.timestamps->value - recent_timestamp_) >= 0) {
        recent_timestamp_ = segment.options.timestamps->value;
        recent_timestamp_at_ = now;
    }
    bool window_moved = false;
    bool window_opened = false;
    // DEVIATION(rfc9293, 3.10.7.4): an acknowledgement that advances brings its window along even
    // when its segment is one that was sent again, and stands before SND.WL1. Else SND.UNA +
    // SND.WND would move beyond what was ever offered.
    if (ack > una_ || (ack == una_ && (window_update_sequence_ < segment.sequence ||
                                       (window_update_sequence_ == segment.sequence &&
                                        window_update_acknowledgment_ <= ack)))) {
        const std::uint32_t offered = std::uint32_t{segment.window} << window_scale_;
        window_moved = offered != window_;
        window_opened = window_ == 0 && offered != 0;
        window_ = offered;
        max_window_ = std::max(max_window_, offered);
        window_update_sequence_ = segment.sequence;
        window_update_acknowledgment_ = ack;
    }
    const bool advanced = ack > una_;
    LossRecovery::Acknowledgement told;
    told.acknowledgment = later_of(ack, una_);
    told.una = una_;
    told.next = next_;
    if (sack_) {
        told.sack = segment.options.sack();
    }
    told.duplicate = ack == una_ && !window_moved && segment.length() == 0;
    const LossRecovery::Progress progress = recovery_->acknowledge(told, rtt_, now);
    input_congestion_echo(segment, now);
    if (advanced) {
        sample_round_trip(segment, progress, now);
        const std::uint32_t freed = std::min(net::bytes_between(ring_begin_, ack), queued_);
        send_.drop_front(freed);
        queued_ -= freed;
        ring_begin_ += freed;
        una_ = ack;
        timeouts_in_row_ = 0;
        if (small_segment_sent_) {
            small_segment_sent_ = false;
            ++small_segments_helped_;
        } else if (ack > small_segment_end_) {
            small_segments_helped_ = 0;  // larger ones arrive too
        }
        if (was_full_ && freed != 0) {
            was_full_ = false;
            events_.add(Event::Writable);
        }
    }
    if (advanced || window_ == 0) {
        unanswered_since_ = now;  // MUST-37: a closed window is an answer
    }
    if (window_opened) {
        rtt_.forget_back_off();
        disarm(Timer::Persist);
        if (!recovery_->board().empty()) {
            // What went into the closed window was thrown away there.
            SentSegment& first = recovery_->board().segments().front();
            send_range(first.begin, first.length, now);
            recovery_->sent_again(first, now);
        }
    }
    judge_path_probe(now);
    arm_for_data(advanced, now);
    if (fin_wanted_ && una_ == stream_end()) {
        acknowledged_everything(now);
    }
    return true;
}

void Connection::sample_round_trip(const Segment& segment, const LossRecovery::Progress& progress,
                                   Instant now) {
    const std::uint32_t rounds =
        std::max(recovery_->board().outstanding() / (2U * segment_bytes_), 1U);
    if (progress.round_trip) {
        rtt_.sample(*progress.round_trip, rounds, now);
    } else if (progress.sent_again_at) {
        // Karn's rule, but for the copy that is known to be answered. That the echo is of an older
        // one says nothing: the acknowledgement of that one may have been lost.
        const bool echoed =
            timestamps_ && static_cast<std::int32_t>(
                               segment.options.timestamps->echo -
                               timestamp_at(*progress.sent_again_at, timestamp_offset_)) >= 0;
        if (echoed || progress.duplicate) {
            rtt_.sample(now - *progress.sent_again_at, rounds, now);
        }
    }
}

// Our FIN is acknowledged, and so is all before it.
void Connection::acknowledged_everything(Instant now) {
    switch (state_) {
        case State::FinWait1:
            change_state(State::FinWait2, now);
            break;
        case State::Closing:
            end(State::TimeWait, Trouble::None, now);
            break;
        case State::LastAck:
            end(State::Closed, Trouble::None, now);
            break;
        case State::Closed:
        case State::SynSent:
        case State::SynReceived:
        case State::Established:
        case State::FinWait2:
        case State::CloseWait:
        case State::TimeWait:
            break;
    }
}

void Connection::input_data(const Segment& segment, Instant now) {
    if (fin_received_) {
        return;  // nothing may stand behind a FIN
    }
    if (segment.flags.urg && segment.urgent_pointer != 0) {
        // RFC 6093 4: the pointer stands behind the last urgent byte.
        const net::Sequence urgent = segment.sequence + segment.urgent_pointer;
        if (urgent > urgent_seen_ && urgent > expected_ - static_cast<std::uint32_t>(readable())) {
            urgent_seen_ = urgent;
            urgent_receiving_ = true;
            events_.add(Event::Urgent);
        }
    }
    net::Sequence begin = segment.sequence;
    auto payload = segment.payload;
    bool fin = segment.flags.fin;
    if (payload.empty() && !fin) {
        return;
    }
    if (!payload.empty() && reading_ended_) {
        send_reset(now);  // SHLD-3: what comes now is lost, and the peer shall know
        end(State::Closed, Trouble::Aborted, now);
        return;
    }
    peer_segment_ = std::max(peer_segment_, static_cast<std::uint32_t>(payload.size()));
    bool at_once = receive_.has_islands() || fin;
    if (begin < expected_) {
        const auto old =
            std::min<std::size_t>(net::bytes_between(begin, expected_), payload.size());
        if (sack_ && old != 0) {
            duplicate_ = {begin, begin + static_cast<std::uint32_t>(old)};
        }
        payload = payload.subspan(old);
        begin = expected_;
        at_once = true;
    }
    const std::uint32_t room = edge_ - begin > 0 ? net::bytes_between(begin, edge_) : 0;
    if (payload.size() > room) {
        payload = payload.first(room);
        fin = false;
    }
    const std::uint64_t offset = receive_.next() + net::bytes_between(expected_, begin);
    if (begin != expected_) {
        at_once = true;
        if (sack_ && !payload.empty() &&
            receive_.island_over(offset, offset + payload.size()) != nullptr) {
            duplicate_ = {begin, begin + static_cast<std::uint32_t>(payload.size())};
        }
    }
    const std::size_t moved = receive_.insert(offset, payload);
    expected_ += static_cast<std::uint32_t>(moved);
    if (moved != 0) {
        events_.add(Event::Readable);
        ++pending_segments_;
    }
    if (fin && !fin_seen_) {
        fin_seen_ = true;
        fin_sequence_ = begin + static_cast<std::uint32_t>(payload.size());
    }
    if (quick_acks_ > 0) {
        --quick_acks_;
        at_once = true;
    }
    if (pending_segments_ >= 2 || (segment.flags.psh && !interactive_ && moved != 0)) {
        at_once = true;
    }
    reader_first_ = moved != 0 && !receive_.has_islands();
    need_acknowledgment(at_once, now);
    if (fin_seen_ && expected_ == fin_sequence_) {
        take_fin(now);
    }
}

void Connection::take_fin(Instant now) {
    expected_ += 1;
    edge_ = later_of(edge_, expected_);
    fin_received_ = true;
    events_.add(Event::Readable);
    switch (state_) {
        case State::Established:
            change_state(State::CloseWait, now);
            break;
        case State::FinWait1:
            change_state(State::Closing, now);
            break;
        case State::FinWait2:
            send_acknowledgment(now);
            end(State::TimeWait, Trouble::None, now);
            break;
        case State::Closed:
        case State::SynSent:
        case State::SynReceived:
        case State::CloseWait:
        case State::Closing:
        case State::LastAck:
        case State::TimeWait:
            break;
    }
}

}  // namespace godwit::control::tcp
