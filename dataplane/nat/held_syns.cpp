// A ring in order of arrival, and a table to find the one that is cancelled.
#include "dataplane/nat/held_syns.hpp"

namespace godwit::dataplane::nat {

HeldSyns::HeldSyns(std::uint32_t capacity, Seconds hold, net::SipKey key)
    : entries_(capacity), hold_(hold), table_(capacity), key_(key) {}

std::optional<HeldSyns::Ticket> HeldSyns::hold(const Flow& flow, Instant now) {
    if (is_full() || find(flow) != kNone) {
        return std::nullopt;
    }
    const auto size = static_cast<std::uint32_t>(entries_.size());
    const Ticket ticket = (first_ + held_) % size;
    entries_[ticket] = {flow, now, false};
    table_.insert(hash(flow), ticket);
    ++held_;
    return ticket;
}

void HeldSyns::cancel(const Flow& flow) {
    const std::uint32_t ticket = find(flow);
    if (ticket != kNone) {
        entries_[ticket].is_cancelled = true;
        table_.erase(hash(flow), ticket);
    }
}

std::optional<HeldSyns::Due> HeldSyns::take_due(Instant now) {
    if (held_ == 0) {
        return std::nullopt;
    }
    const Entry& entry = entries_[first_];
    // The second more is the clock's coarseness: never before the time is really over.
    if (!entry.is_cancelled && now - entry.arrived <= hold_) {
        return std::nullopt;
    }
    const Due due{first_, entry.flow, !entry.is_cancelled};
    if (!entry.is_cancelled) {
        table_.erase(hash(entry.flow), first_);
    }
    first_ = (first_ + 1) % static_cast<std::uint32_t>(entries_.size());
    --held_;
    return due;
}

std::uint32_t HeldSyns::find(const Flow& flow) const {
    return table_.find(hash(flow),
                       [&](std::uint32_t index) { return entries_[index].flow == flow; });
}

}  // namespace godwit::dataplane::nat
