// What was sent and is not acknowledged, segment by segment: when it was last sent, whether the
// peer holds it (RFC 2018), whether it is taken for lost, whether it was sent again. The data
// themselves stay in the send buffer.
//
// Segments stand in the order of the stream without gaps, from SND.UNA to SND.NXT. The counts of
// bytes are kept up to date with every change, so that RFC 6675's pipe is a subtraction:
//
//     pipe = outstanding - sacked - lost
//
// where a segment that was sent again is not lost any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "controlplane/host/tcp/secrets.hpp"
#include "net/sequence.hpp"
#include "net/tcp_options.hpp"

namespace godwit::control::tcp {

struct SentSegment {
    net::Sequence begin;
    std::uint32_t length = 0;  // with FIN
    Instant sent_at;           // for the last time
    bool sacked = false;
    bool lost = false;
    bool retransmitted = false;

    [[nodiscard]] net::Sequence end() const { return begin + length; }
};

// What an acknowledgement newly reported as delivered.
struct Delivered {
    std::uint32_t bytes = 0;          // acknowledged or sacked for the first time
    std::uint32_t acknowledged = 0;   // by the cumulative acknowledgement
    std::uint32_t sacked = 0;         // by SACK
    bool duplicate_reported = false;  // by D-SACK (RFC 2883)
    bool reordered = false;  // a segment below the highest delivered, never sent again (RFC 8985)
    // Of the segments newly delivered the one sent last, for RACK and for the round trip.
    bool any = false;
    bool latest_retransmitted = false;
    Instant latest_sent_at;
    net::Sequence latest_end;
    // The oldest one that was never sent again (Karn): its round trip is a sample.
    bool clean = false;
    bool ambiguous = false;  // one that was sent again was delivered with it
    Instant clean_sent_at;
};

class Scoreboard {
public:
    [[nodiscard]] bool empty() const { return first_ == segments_.size(); }
    [[nodiscard]] std::span<SentSegment> segments() { return std::span(segments_).subspan(first_); }
    [[nodiscard]] std::span<const SentSegment> segments() const {
        return std::span(segments_).subspan(first_);
    }
    [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
    [[nodiscard]] std::uint32_t sacked() const { return sacked_; }
    [[nodiscard]] std::uint32_t lost() const { return lost_; }
    [[nodiscard]] std::uint32_t pipe() const { return outstanding_ - sacked_ - lost_; }
    [[nodiscard]] std::size_t sacked_segments() const { return sacked_segments_; }

    void sent(net::Sequence begin, std::uint32_t length, Instant now);
    // The segment was sent again.
    void sent_again(SentSegment& segment, Instant now);
    // The first `bytes` of `segment` become a segment of their own, the rest the next one.
    // Invalidates references; the index stays that of the first part.
    void split(std::size_t index, std::uint32_t bytes);

    // `una` lies between the old SND.UNA and SND.NXT. Blocks that cannot be true are passed over.
    Delivered acknowledge(net::Sequence una, std::span<const net::SackBlock> blocks,
                          net::Sequence old_una, net::Sequence next);

    void mark_lost(SentSegment& segment);
    // The peer may have thrown away what it reported by SACK (RFC 2018 8).
    void mark_all_lost();
    [[nodiscard]] const SentSegment* first_lost() const;
    [[nodiscard]] std::size_t index_of(const SentSegment& segment) const {
        return static_cast<std::size_t>(&segment - segments().data());
    }

private:
    void deliver(const SentSegment& segment, Delivered& delivered);
    void forget_first();

    std::vector<SentSegment> segments_;
    std::size_t first_ = 0;  // those before it are gone
    std::uint32_t outstanding_ = 0;
    std::uint32_t sacked_ = 0;
    std::uint32_t lost_ = 0;
    std::uint32_t sacked_segments_ = 0;
    net::Sequence highest_delivered_;
};

}  // namespace godwit::control::tcp
