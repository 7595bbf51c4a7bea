// Connections in TIME-WAIT (RFC 9293 3.6.1), each a small record: what is needed to answer a late
// segment, and to judge a SYN that wants the same flow again (RFC 6191).
//
// A reset ends nothing here (RFC 1337). All records last equally long, so that they expire in the
// order in which they came, but for those that a repeated FIN started anew. Their number is
// bounded; the oldest goes first.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

class TimeWaitTable {
public:
    // 2 * MSL (MUST-13), with an MSL of 30 s: an engineering choice, as RFC 9293 3.4.2 has it.
    static constexpr Duration kLinger = std::chrono::seconds(60);

    enum class Verdict : std::uint8_t {
        Ignored,
        Answer,    // with answer()
        OpenAnew,  // the record is gone; the SYN may open a connection
    };

    TimeWaitTable(std::size_t limit, const FlowSecrets& secrets)
        : limit_(limit), records_(0, FlowPlacer(secrets)) {}

    void add(const Flow& flow, const LastWords& words, Instant now);
    [[nodiscard]] bool holds(const Flow& flow) const { return records_.contains(flow); }
    // `flow` is held. `may_open`: somebody listens there.
    Verdict input(const Flow& flow, const Segment& segment, bool may_open, Instant now);
    [[nodiscard]] Segment answer(const Flow& flow, Instant now) const;

    void expire(Instant now);
    [[nodiscard]] Instant next_deadline() const {
        return queue_.empty() ? Instant::max() : queue_.front().at;
    }
    [[nodiscard]] std::size_t size() const { return records_.size(); }

private:
    struct Record {
        LastWords words;
        Instant until;
    };
    struct Queued {
        Instant at;
        Flow flow;
    };
    // With the node of the table around it, and its place in the queue.
    static_assert(sizeof(Record) + sizeof(Flow) + 3 * sizeof(void*) + sizeof(Queued) <= 128);

    void drop_first();

    std::size_t limit_;
    std::unordered_map<Flow, Record, FlowPlacer> records_;
    std::deque<Queued> queue_;  // a record that was started anew stands here twice
};

}  // namespace godwit::control::tcp
