// What is seen of the table from outside: connections, services, the counters of RFC 4022 and the
// history. What a connection counts by itself is summed here, also when it is gone.
#include <algorithm>

#include "controlplane/host/tcp/endpoint_entry.hpp"

namespace godwit::control::tcp {

void Endpoint::note_changes(Entry& changed, Instant now) {
    const Connection& connection = changed.connection;
    const State state = connection.state();
    HistoryEntry entry;
    entry.at = now;
    entry.flow = connection.flow();
    if (state != changed.seen) {
        entry.what = HistoryEntry::What::StateChanged;
        entry.before = changed.seen;
        entry.after = state;
        entry.trouble = connection.trouble();
        history_.add(entry);
        // RFC 4022: tcpAttemptFails, tcpEstabResets. A passive attempt that fails is the SYN
        // cache's, and counted there.
        if (state == State::Closed) {
            if (changed.seen == State::SynSent || changed.seen == State::SynReceived) {
                ++counts_.attempt_fails;
            } else if (changed.seen == State::Established || changed.seen == State::CloseWait) {
                ++counts_.established_resets;
            }
        }
        changed.seen = state;
    }
    const LossRecovery::Counts counts = connection.counts();
    const auto note = [&](HistoryEntry::What what, std::uint32_t before, std::uint32_t after) {
        if (after != before) {
            entry.what = what;
            entry.count = after - before;
            history_.add(entry);
        }
    };
    LossRecovery::Counts& seen = changed.seen_counts;
    note(HistoryEntry::What::TimedOut, seen.timeouts, counts.timeouts);
    note(HistoryEntry::What::Recovering, seen.recoveries, counts.recoveries);
    note(HistoryEntry::What::ProbedTail, seen.probes, counts.probes);
    note(HistoryEntry::What::Retransmitted, seen.retransmitted, counts.retransmitted);
    note(HistoryEntry::What::SentTwice, seen.duplicates, counts.duplicates);
    counts_.segments_retransmitted += counts.retransmitted - seen.retransmitted;
    seen = counts;
}

std::vector<ConnectionId> Endpoint::ids() const {
    std::vector<ConnectionId> all;
    all.reserve(connections_.size());
    for (const auto& [id, entry] : connections_) {
        all.push_back(id);
    }
    std::sort(all.begin(), all.end());
    return all;
}

std::vector<ListenerInfo> Endpoint::listeners() const {
    std::vector<ListenerInfo> all;
    for (const auto& [id, listener] : listeners_) {
        all.push_back({listener.address, listener.port, listener.waiting.size(), listener.backlog});
    }
    return all;
}

// RFC 4022 tcpCurrEstab: ESTABLISHED or CLOSE-WAIT.
std::size_t Endpoint::established() const {
    return static_cast<std::size_t>(
        std::count_if(connections_.begin(), connections_.end(), [](const auto& each) {
            const State state = each.second->connection.state();
            return state == State::Established || state == State::CloseWait;
        }));
}

}  // namespace godwit::control::tcp
