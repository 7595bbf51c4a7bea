#include "controlplane/host/tcp/time_wait.hpp"

namespace godwit::control::tcp {

void TimeWaitTable::add(const Flow& flow, const LastWords& words, Instant now) {
    while (!queue_.empty() && (records_.size() >= limit_ || queue_.size() >= 2 * limit_)) {
        drop_first();
    }
    records_.insert_or_assign(flow, Record{words, now + kLinger});
    queue_.push_back({now + kLinger, flow});
}

void TimeWaitTable::drop_first() {
    const Queued first = queue_.front();
    queue_.pop_front();
    const auto found = records_.find(first.flow);
    if (found != records_.end() && found->second.until <= first.at) {
        records_.erase(found);
    }
}

void TimeWaitTable::expire(Instant now) {
    while (!queue_.empty() && queue_.front().at <= now) {
        drop_first();
    }
}

Segment TimeWaitTable::answer(const Flow& flow, Instant now) const {
    Segment segment;
    const auto found = records_.find(flow);
    if (found == records_.end()) {
        return segment;
    }
    const LastWords& words = found->second.words;
    segment.sequence = words.next;
    segment.acknowledgment = words.expected;
    segment.flags.ack = true;
    segment.window = words.window;
    if (words.timestamps) {
        segment.options.timestamps =
            net::TcpTimestamps{timestamp_at(now, words.timestamp_offset), words.recent_timestamp};
    }
    return segment;
}

TimeWaitTable::Verdict TimeWaitTable::input(const Flow& flow, const Segment& segment, bool may_open,
                                            Instant now) {
    const auto found = records_.find(flow);
    if (found == records_.end() || segment.flags.rst) {
        return Verdict::Ignored;  // RFC 1337 3 (F1)
    }
    Record& record = found->second;
    const auto& timestamps = segment.options.timestamps;
    const bool newer = timestamps && static_cast<std::int32_t>(timestamps->value -
                                                               record.words.recent_timestamp) > 0;
    if (segment.flags.syn && !segment.flags.ack) {
        // RFC 6191 2: by timestamps when both had them, else by the sequence number (MAY-2).
        const bool later = segment.sequence > record.words.expected;
        const bool same_time =
            timestamps && timestamps->value == record.words.recent_timestamp && later;
        const bool opens = record.words.timestamps && timestamps ? newer || same_time : later;
        if (opens && may_open) {
            records_.erase(found);
            return Verdict::OpenAnew;
        }
        return Verdict::Answer;
    }
    if (record.words.timestamps && timestamps &&
        static_cast<std::int32_t>(timestamps->value - record.words.recent_timestamp) < 0) {
        return Verdict::Answer;  // old (RFC 7323 5.3): it restarts nothing
    }
    if (segment.flags.fin) {
        // The last acknowledgement was lost: the time begins anew.
        if (segment.end() == record.words.expected && queue_.size() < 2 * limit_) {
            record.until = now + kLinger;
            queue_.push_back({record.until, flow});
        }
        return Verdict::Answer;
    }
    return segment.length() != 0 || segment.sequence != record.words.expected ? Verdict::Answer
                                                                              : Verdict::Ignored;
}

}  // namespace godwit::control::tcp
