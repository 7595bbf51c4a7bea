// SYNs from outside that nobody asked for, held for six seconds (RFC 5382 REQ-4).
//
// If the inside sends its own SYN for the same connection meanwhile, it is a simultaneous open, and
// the held one is forgotten in silence. Otherwise its sender is told Port Unreachable, not earlier:
// a quick error would break the open. The packet stays with the caller; here is its ticket. There
// is room for a fixed number; while it is full, a SYN is dropped in silence (REQ-4a: a flood is not
// to be answered).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/nat/bucket_table.hpp"
#include "dataplane/nat/flow.hpp"

namespace godwit::dataplane::nat {

class HeldSyns {
public:
    // A place among the held ones, below the capacity; free for another when it was taken back.
    using Ticket = std::uint32_t;
    struct Due {
        Ticket ticket = 0;
        Flow flow;
        bool is_answered = false;  // Port Unreachable for the held packet; otherwise just free it
    };

    HeldSyns(std::uint32_t capacity, Seconds hold, net::SipKey key);

    // Nothing when it is full, or when this very flow is held already (a repetition).
    [[nodiscard]] std::optional<Ticket> hold(const Flow& flow, Instant now);
    // The inside opens the connection of this inbound flow.
    void cancel(const Flow& flow);
    // The first whose time has come, if any.
    [[nodiscard]] std::optional<Due> take_due(Instant now);

    [[nodiscard]] bool is_empty() const { return held_ == 0; }
    [[nodiscard]] bool is_full() const { return held_ == entries_.size(); }
    [[nodiscard]] std::uint32_t held() const { return held_; }
    void set_hold(Seconds hold) { hold_ = hold; }
    [[nodiscard]] std::size_t bytes() const {
        return entries_.size() * sizeof(Entry) + table_.bytes();
    }

private:
    struct Entry {
        Flow flow;
        Instant arrived;
        bool is_cancelled = false;
    };
    [[nodiscard]] std::uint64_t hash(const Flow& flow) const {
        return hash_flow(key_, Direction::Inbound, flow);
    }
    [[nodiscard]] std::uint32_t find(const Flow& flow) const;

    std::vector<Entry> entries_;  // a ring
    std::uint32_t first_ = 0;
    std::uint32_t held_ = 0;
    Seconds hold_;
    BucketTable table_;
    net::SipKey key_;
};

}  // namespace godwit::dataplane::nat
