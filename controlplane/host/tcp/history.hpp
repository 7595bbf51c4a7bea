// What has happened to connections lately, for a person who asks why: changes of state,
// retransmissions, timeouts, recoveries. One list for all of them, the oldest give way; an entry is
// written when something happens and costs an idle connection nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

struct HistoryEntry {
    enum class What : std::uint8_t {
        StateChanged,   // from `before` to `after`
        Retransmitted,  // `count` segments
        TimedOut,       // the retransmission timer went off, `count` times
        Recovering,     // fast recovery was begun
        ProbedTail,     // RFC 8985's TLP
        SentTwice,      // the peer said by D-SACK that it had what was sent again
    };
    Instant at;
    Flow flow;
    What what{};
    State before{};
    State after{};
    Trouble trouble{};  // of a connection that has ended
    std::uint32_t count = 0;
};

class History {
public:
    explicit History(std::size_t limit) : limit_(limit) {}
    void add(const HistoryEntry& entry) {
        if (entries_.size() >= limit_) {
            entries_.pop_front();
            ++forgotten_;
        }
        if (limit_ != 0) {
            entries_.push_back(entry);
        }
    }
    [[nodiscard]] const std::deque<HistoryEntry>& entries() const { return entries_; }
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

private:
    std::size_t limit_;
    std::deque<HistoryEntry> entries_;  // the oldest first
    std::uint64_t forgotten_ = 0;
};

}  // namespace godwit::control::tcp
