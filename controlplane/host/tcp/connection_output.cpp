// What a connection sends, and why it waits. See connection.hpp.
#include <algorithm>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

namespace {

constexpr std::uint32_t kHeaderBytes = 40;  // IPv4 and TCP, without options
constexpr std::uint32_t kTimestampBytes = 12;
// Up to how many segments a window is fitted: of a larger one the rest is small, below 1 in 24.
constexpr std::uint32_t kFittedSegments = 24;
// Segments behind a probe, as many as tell of its loss without a timeout (RFC 4821 7.4).
constexpr std::uint32_t kProbeFollowers = 3;

}  // namespace

std::uint32_t Connection::data_in(std::uint32_t mtu) const {
    // RFC 6691: what the peer told is without options, what goes out has them.
    const std::uint32_t whole = std::max(mtu, kHeaderBytes + 64) - kHeaderBytes;
    const std::uint32_t options =
        (timestamps_ ? kTimestampBytes : 0U) + std::uint32_t{settings_.signature_bytes};
    return whole - std::min(options, whole - 1);
}

std::uint16_t Connection::largest_to_peer() const {
    return static_cast<std::uint16_t>(std::min(peer_maximum_ + kHeaderBytes, 0xffffU));
}

void Connection::fit_segments_to_path(bool lost_some) {
    // RFC 9293 3.7.1 (MUST-16).
    segment_bytes_ = static_cast<std::uint16_t>(data_in(std::min(path_.mtu(), largest_to_peer())));
    if (!recovery_) {
        return;
    }
    if (lost_some) {
        recovery_->on_smaller_path(segment_bytes_);
    } else {
        recovery_->congestion().set_segment_bytes(segment_bytes_);
    }
}

std::uint32_t Connection::full_segment() const {
    const std::uint32_t most = segment_bytes_;
    if (max_window_ == 0 || max_window_ >= kFittedSegments * most) {
        return most;
    }
    const std::uint32_t segments = (max_window_ + most - 1) / most;
    return std::max(max_window_ / segments, 1U);
}

std::uint32_t Connection::usable_window() const {
    // MUST-34: a window that shrank may leave less than nothing.
    const std::int32_t usable = una_ + window_ - next_;
    return usable > 0 ? static_cast<std::uint32_t>(usable) : 0;
}

bool Connection::may_send_now(std::uint32_t length, std::uint32_t unsent) const {
    if (length >= full_segment()) {
        return true;
    }
    if (length == unsent && (!settings_.nagle || fin_wanted_ || next_ == una_)) {
        return true;  // RFC 9293 3.7.4: nothing to wait for
    }
    return length != 0 && length >= (max_window_ + 1) / 2;  // 3.8.6.2.1 (3)
}

void Connection::transmit(Instant now) {
    if (!recovery_ || state_ == State::SynReceived || state_ == State::TimeWait) {
        return;
    }
    const bool unsent = next_ != stream_end();
    if (unsent && recovery_->board().empty() && last_sent_at_ != Instant{} &&
        now - last_sent_at_ > rtt_.timeout()) {
        recovery_->on_idle();  // RFC 5681 4.1
    }
    const net::Sequence before = next_;
    burst_began_ = false;
    while (true) {
        const std::uint32_t allowance = recovery_->allowance();
        if (!transmit_lost(allowance, now) && !transmit_path_probe(allowance, now) &&
            !transmit_new(allowance, now)) {
            break;
        }
    }
    if (before != next_) {
        disarm(Timer::Probe);  // to begin anew (RFC 8985 7.2)
    }
    arm_for_data(false, now);
}

bool Connection::transmit_lost(std::uint32_t allowance, Instant now) {
    SentSegment* lost = recovery_->next_lost();
    if (lost == nullptr || window_ == 0) {
        return false;
    }
    if (lost->length > segment_bytes_ + 1U) {
        const std::size_t index = recovery_->board().index_of(*lost);
        recovery_->board().split(index, segment_bytes_);
        lost = &recovery_->board().segments()[index];
    }
    if (lost->length > allowance + 1 || lost->begin - una_ >= std::int64_t{window_}) {
        return false;
    }
    send_range(lost->begin, lost->length, now);
    recovery_->sent_again(*lost, now);
    return true;
}

bool Connection::transmit_new(std::uint32_t allowance, Instant now) {
    if (next_ == stream_end()) {
        return false;
    }
    const std::uint32_t unsent = net::bytes_between(next_, data_end());
    const std::uint32_t usable = usable_window();
    const std::uint32_t length = std::min({unsent, full_segment(), usable});
    const bool fin = fin_wanted_ && length == unsent && usable > length;
    if ((length == 0 && !fin) || (length != unsent && !may_send_now(length, unsent)) ||
        (length == unsent && !fin && !may_send_now(length, unsent))) {
        return false;
    }
    if (allowance < length) {  // a FIN alone is no load
        recovery_->note_window_used();
        return false;
    }
    const std::uint32_t covered = length + std::uint32_t{fin};
    if (recovery_->board().empty()) {
        unanswered_since_ = now;
    }
    burst_ends_ = burst_began_ && allowance - length < full_segment();
    send_range(next_, covered, now);
    burst_ends_ = false;
    burst_began_ = true;
    recovery_->sent(next_, covered, now);
    next_ += covered;
    if (allowance - length < full_segment()) {
        recovery_->note_window_used();
    }
    return true;
}

// RFC 4821 7.4: one segment that is larger than the others, with enough behind it to tell what
// became of it.
bool Connection::transmit_path_probe(std::uint32_t allowance, Instant now) {
    if (!settings_.path_search || recovery_->recovering() || window_ == 0) {
        return false;
    }
    const auto wanted = path_.wanted(now);
    if (!wanted) {
        return false;
    }
    const std::uint32_t larger = std::uint32_t{*wanted} - path_.mtu();
    const std::uint32_t length = segment_bytes_ + larger;
    const std::uint32_t followers = kProbeFollowers * segment_bytes_;
    if (next_ == stream_end() || net::bytes_between(next_, data_end()) < length + followers ||
        usable_window() < length + followers || allowance < length + followers) {
        return false;
    }
    if (recovery_->board().empty()) {
        unanswered_since_ = now;
    }
    send_range(next_, length, now);
    recovery_->sent(next_, length, now);
    recovery_->excuse(next_, next_ + length);
    next_ += length;
    path_.sent(*wanted, next_);
    return true;
}

void Connection::judge_path_probe(Instant now) {
    if (!path_.under_way()) {
        return;
    }
    switch (recovery_->excused()) {
        case LossRecovery::Excused::Waits:
            return;
        case LossRecovery::Excused::Arrived:
            path_.arrived(now);
            break;
        case LossRecovery::Excused::LostAlone:
            path_.was_lost(now);
            break;
        case LossRecovery::Excused::Unclear:
            path_.was_unclear(now);
            break;
    }
    fit_segments_to_path(false);
}

// Bytes of the stream; the one behind the last is the FIN.
void Connection::send_range(net::Sequence begin, std::uint32_t length, Instant now) {
    const net::Sequence end = begin + length;
    const bool fin = fin_wanted_ && end == stream_end();
    const std::uint32_t data = length - std::uint32_t{fin};
    const ByteRing::Parts parts = send_.read(net::bytes_between(ring_begin_, begin), data);
    Segment segment;
    segment.sequence = begin;
    segment.payload = parts.first;
    segment.payload_rest = parts.rest;
    segment.flags.ack = true;
    segment.flags.fin = fin;
    // MUST-61: behind it is nothing; and where a window or a run of segments ends, who puts a run
    // together shall not wait for more.
    const bool blocked =
        burst_ends_ || una_ + window_ - (begin + data) < static_cast<std::int32_t>(full_segment());
    segment.flags.psh = data != 0 && (begin + data == data_end() || blocked);
    if (urgent_sending_) {
        const std::int32_t ahead = urgent_end_ - begin;
        if (ahead > 0 && ahead <= 0xffff) {
            segment.flags.urg = true;
            segment.urgent_pointer = static_cast<std::uint16_t>(ahead);
        }
    }
    interactive_ = interactive_ || (pending_segments_ != 0 && data != 0);
    // Islands are reported in a segment of their own, unless there is room here.
    const bool had_islands =
        sack_ && (receive_.has_islands() || duplicate_.begin != duplicate_.end);
    if (had_islands && data + 36 <= segment_bytes_) {
        add_sack(segment.options);
        duplicate_ = {};
    }
    mark_data(segment);
    const bool report_follows = had_islands && acknowledge_now_ && segment.options.sack().empty();
    last_sent_at_ = now;
    emit(segment, now);
    acknowledge_now_ = report_follows;
}

void Connection::send_syn(Instant now) {
    const bool answer = state_ == State::SynReceived;
    Handshake theirs;
    theirs.window_scaling = window_scaling_;
    theirs.sack = sack_;
    theirs.timestamps = timestamps_;
    theirs.recent_timestamp = recent_timestamp_;
    Segment syn;
    syn.sequence = iss_;
    syn.flags.syn = true;
    syn.flags.ack = answer;
    syn.acknowledgment = answer ? expected_ : net::Sequence();
    syn.window = static_cast<std::uint16_t>(std::min(settings_.receive_buffer, 0xffffU));
    // A router or host that cannot bear the flags gets a plain SYN next time (RFC 3168 6.1.1.1).
    syn.flags.ece = answer ? ecn_ : settings_.ecn && !syn_retransmitted_;
    syn.flags.cwr = syn.flags.ece && !answer;
    syn.options = syn_options(settings_, answer ? &theirs : nullptr, timestamp_offset_, now);
    syn.marks.ttl = settings_.ttl;
    syn.marks.dscp = settings_.dscp;
    last_sent_at_ = now;
    arm(Timer::Retransmit, now + rtt_.timeout());
    sink_->transmit(flow_, syn);
}

void Connection::send_acknowledgment(Instant now) {
    Segment segment;
    segment.sequence = next_;
    segment.flags.ack = true;
    if (sack_) {
        add_sack(segment.options);
        duplicate_ = {};
    }
    emit(segment, now);
}

void Connection::send_reset(Instant now) {
    Segment segment;
    segment.sequence = next_;
    segment.flags.rst = true;
    segment.flags.ack = true;
    emit(segment, now);
}

void Connection::emit(Segment& segment, Instant now) {
    segment.acknowledgment = expected_;
    segment.window = segment.flags.rst ? std::uint16_t{0} : offer_window();
    if (timestamps_) {
        segment.options.timestamps =
            net::TcpTimestamps{timestamp_at(now, timestamp_offset_), recent_timestamp_};
    }
    segment.flags.ece = ecn_ && echo_congestion_ && !segment.flags.rst;
    add_user_timeout(segment);
    acknowledged_ = expected_;
    pending_segments_ = 0;
    acknowledge_now_ = false;
    reader_first_ = false;
    disarm(Timer::DelayedAck);
    segment.marks.ttl = settings_.ttl;
    segment.marks.dscp = settings_.dscp;
    sink_->transmit(flow_, segment);
}

void Connection::add_sack(net::TcpOptions& options) const {
    // RFC 2883 4: the duplicate first; RFC 2018 4: then the island that changed last.
    if (duplicate_.begin != duplicate_.end) {
        options.add_sack(duplicate_);
    }
    std::array<ReceiveBuffer::Island, net::kMaxSackBlocks> islands;
    const std::size_t count = receive_.latest_islands(islands);
    const std::uint64_t base = receive_.next();
    for (std::size_t i = 0; i < count; ++i) {
        options.add_sack({expected_ + static_cast<std::uint32_t>(islands[i].begin - base),
                          expected_ + static_cast<std::uint32_t>(islands[i].end - base)});
    }
}

void Connection::need_acknowledgment(bool at_once, Instant now) {
    if (at_once) {
        acknowledge_now_ = true;
    } else if (due(Timer::DelayedAck) == Instant::max()) {
        arm(Timer::DelayedAck, now + settings_.delayed_ack);
    }
}

void Connection::flush_acknowledgment(Instant now) {
    if (acknowledge_now_ && !reader_first_ && synchronized() && state_ != State::TimeWait) {
        send_acknowledgment(now);
    }
}

// Where the window would end if the buffer were offered as it is.
net::Sequence Connection::wished_edge() const {
    const std::size_t held = receive_.readable();
    const std::uint32_t room = held < settings_.receive_buffer
                                   ? settings_.receive_buffer - static_cast<std::uint32_t>(held)
                                   : 0;
    return expected_ + std::min(room, 0xffffU << offered_scale_);  // what the field can say
}

std::uint16_t Connection::offer_window() {
    // MUST-39: the edge moves by a segment or half of the buffer, or not at all. It never moves
    // back.
    const std::int32_t step = wished_edge() - edge_;
    const auto least =
        static_cast<std::int32_t>(std::min(peer_segment_, settings_.receive_buffer / 2));
    const net::Sequence target = step >= std::max(least, 1) ? wished_edge() : edge_;
    const std::uint32_t bytes = target - expected_ > 0 ? net::bytes_between(expected_, target) : 0;
    const std::uint32_t field = std::min(bytes >> offered_scale_, 0xffffU);
    edge_ = later_of(edge_, expected_ + (field << offered_scale_));
    return static_cast<std::uint16_t>(field);
}

}  // namespace godwit::control::tcp
