#include "controlplane/rip/neighbor_table.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control::rip {

Neighbor* NeighborTable::get(const NeighborId& id, Instant now) {
    auto found = entries_.find(id);
    if (found == entries_.end()) {
        if (!make_room(id.interface)) {
            return nullptr;
        }
        found = entries_.emplace(id, Neighbor()).first;
    }
    found->second.seen = now;
    return &found->second;
}

bool NeighborTable::make_room(net::InterfaceId interface) {
    std::size_t count = 0;
    auto silent = entries_.end();
    for (auto at = first_of(interface); at != entries_.end() && at->first.interface == interface;
         ++at) {
        ++count;
        if (!at->second.up && (silent == entries_.end() || at->second.seen < silent->second.seen)) {
            silent = at;
        }
    }
    if (count < kMaxNeighbors) {
        return true;
    }
    if (silent == entries_.end()) {
        return false;
    }
    entries_.erase(silent);
    return true;
}

bool NeighborTable::heard(Neighbor& neighbor, std::uint8_t version, Instant now) {
    neighbor.heard = now;
    neighbor.version = version;
    return !std::exchange(neighbor.up, true);
}

std::vector<NeighborId> NeighborTable::expire(Duration timeout, Instant now) {
    std::vector<NeighborId> lost;
    for (auto at = entries_.begin(); at != entries_.end();) {
        Neighbor& neighbor = at->second;
        if (neighbor.up && *neighbor.heard + timeout <= now) {
            neighbor.up = false;
            neighbor.at_limit = false;
            lost.push_back(at->first);
        }
        const bool empty = !neighbor.up && neighbor.sequences.empty();
        if (empty && neighbor.seen + timeout <= now) {
            at = entries_.erase(at);
        } else {
            ++at;
        }
    }
    return lost;
}

std::optional<Instant> NeighborTable::next_deadline(Duration timeout) const {
    std::optional<Instant> earliest;
    for (const auto& [id, neighbor] : entries_) {
        if (!neighbor.up && !neighbor.sequences.empty()) {
            continue;
        }
        const Instant end = (neighbor.up ? *neighbor.heard : neighbor.seen) + timeout;
        earliest = earliest ? std::min(*earliest, end) : end;
    }
    return earliest;
}

void NeighborTable::forget(net::InterfaceId interface) {
    for (auto at = first_of(interface); at != entries_.end() && at->first.interface == interface;) {
        at = entries_.erase(at);
    }
}

std::set<std::uint8_t> NeighborTable::keys_in_use(net::InterfaceId interface) const {
    std::set<std::uint8_t> keys;
    for (auto at = entries_.lower_bound({interface, net::Ipv4Address()});
         at != entries_.end() && at->first.interface == interface; ++at) {
        if (at->second.up && at->second.key_id) {
            keys.insert(*at->second.key_id);
        }
    }
    return keys;
}

}  // namespace godwit::control::rip
