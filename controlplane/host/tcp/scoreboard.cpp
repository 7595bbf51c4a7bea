#include "controlplane/host/tcp/scoreboard.hpp"

#include <algorithm>

namespace godwit::control::tcp {

void Scoreboard::sent(net::Sequence begin, std::uint32_t length, Instant now) {
    if (empty()) {
        highest_delivered_ = begin;
    }
    segments_.push_back({begin, length, now, false, false, false});
    outstanding_ += length;
}

void Scoreboard::sent_again(SentSegment& segment, Instant now) {
    if (segment.lost) {
        segment.lost = false;
        lost_ -= segment.length;
    }
    segment.retransmitted = true;
    segment.sent_at = now;
}

void Scoreboard::split(std::size_t index, std::uint32_t bytes) {
    const auto place = segments_.begin() + static_cast<std::ptrdiff_t>(first_ + index);
    if (bytes == 0 || bytes >= place->length) {
        return;
    }
    SentSegment rest = *place;
    rest.begin += bytes;
    rest.length -= bytes;
    place->length = bytes;
    sacked_segments_ += rest.sacked ? 1U : 0U;
    segments_.insert(place + 1, rest);
}

void Scoreboard::deliver(const SentSegment& segment, Delivered& delivered) {
    delivered.bytes += segment.length;
    delivered.ambiguous = delivered.ambiguous || segment.retransmitted;
    if (!segment.retransmitted) {
        if (segment.end() < highest_delivered_) {
            delivered.reordered = true;
        }
        if (!delivered.clean || segment.sent_at < delivered.clean_sent_at) {
            delivered.clean = true;
            delivered.clean_sent_at = segment.sent_at;
        }
    }
    if (!delivered.any || segment.sent_at > delivered.latest_sent_at ||
        (segment.sent_at == delivered.latest_sent_at && segment.end() > delivered.latest_end)) {
        delivered.any = true;
        delivered.latest_sent_at = segment.sent_at;
        delivered.latest_end = segment.end();
        delivered.latest_retransmitted = segment.retransmitted;
    }
}

void Scoreboard::forget_first() {
    const SentSegment& segment = segments_[first_];
    outstanding_ -= segment.length;
    sacked_ -= segment.sacked ? segment.length : 0;
    sacked_segments_ -= segment.sacked ? 1U : 0U;
    lost_ -= segment.lost ? segment.length : 0;
    ++first_;
}

Delivered Scoreboard::acknowledge(net::Sequence una, std::span<const net::SackBlock> blocks,
                                  net::Sequence old_una, net::Sequence next) {
    Delivered delivered;
    const net::Sequence delivered_before = highest_delivered_;
    net::Sequence highest = later_of(highest_delivered_, una);
    while (!empty() && segments_[first_].begin < una) {
        if (segments_[first_].end() > una) {
            split(0, net::bytes_between(segments_[first_].begin, una));
        }
        const SentSegment& segment = segments_[first_];
        delivered.acknowledged += segment.length;
        if (!segment.sacked) {
            deliver(segment, delivered);
        }
        forget_first();
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const net::SackBlock& block = blocks[i];
        // D-SACK: the first block lies below the acknowledgement, or inside the second (RFC 2883
        // 4).
        if (i == 0 && block.begin < block.end &&
            (block.end <= una ||
             (blocks.size() > 1 && blocks[1].begin <= block.begin && block.end <= blocks[1].end))) {
            delivered.duplicate_reported = true;
            continue;
        }
        if (!(old_una <= block.begin && block.begin < block.end && block.end <= next)) {
            continue;
        }
        for (std::size_t at = 0; at < segments().size(); ++at) {
            if (segments()[at].begin >= block.end) {
                break;
            }
            if (segments()[at].begin < block.begin) {
                if (segments()[at].end() <= block.begin || segments()[at].sacked) {
                    continue;
                }
                split(at, net::bytes_between(segments()[at].begin, block.begin));
                continue;
            }
            if (segments()[at].sacked) {
                continue;
            }
            if (segments()[at].end() > block.end) {
                split(at, net::bytes_between(segments()[at].begin, block.end));
            }
            SentSegment& segment = segments()[at];
            deliver(segment, delivered);
            segment.sacked = true;
            if (segment.lost) {
                segment.lost = false;
                lost_ -= segment.length;
            }
            sacked_ += segment.length;
            ++sacked_segments_;
            delivered.sacked += segment.length;
            highest = later_of(highest, segment.end());
        }
    }
    highest_delivered_ = later_of(delivered_before, highest);
    if (empty()) {
        std::vector<SentSegment>().swap(segments_);
        first_ = 0;
    } else if (first_ >= 64 && first_ * 2 >= segments_.size()) {
        segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
    return delivered;
}

void Scoreboard::mark_lost(SentSegment& segment) {
    if (!segment.lost && !segment.sacked) {
        segment.lost = true;
        lost_ += segment.length;
    }
}

void Scoreboard::mark_all_lost() {
    sacked_ = 0;
    sacked_segments_ = 0;
    lost_ = outstanding_;
    for (SentSegment& segment : segments()) {
        segment.sacked = false;
        segment.lost = true;
    }
}

const SentSegment* Scoreboard::first_lost() const {
    if (lost_ == 0) {
        return nullptr;
    }
    const auto all = segments();
    const auto found =
        std::find_if(all.begin(), all.end(), [](const SentSegment& s) { return s.lost; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace godwit::control::tcp
