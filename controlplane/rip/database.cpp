#include "controlplane/rip/database.hpp"

#include <algorithm>

namespace godwit::control::rip {

const Path* DatabaseEntry::path_of(const NeighborId& neighbor) const {
    const auto found = std::find_if(paths.begin(), paths.end(),
                                    [&](const Path& path) { return path.neighbor == neighbor; });
    return found == paths.end() ? nullptr : &*found;
}

const DatabaseEntry* Database::find(const net::Ipv4Prefix& prefix) const {
    const auto found = entries_.find(prefix);
    return found == entries_.end() ? nullptr : &found->second;
}

std::size_t Database::paths_of(const NeighborId& neighbor) const {
    const auto found = paths_of_.find(neighbor);
    return found == paths_of_.end() ? 0 : found->second;
}

// ---- learning

Database::Learning Database::learn(const Learned& learned, std::size_t neighbor_limit,
                                   Instant now) {
    const auto found = entries_.find(learned.prefix);
    DatabaseEntry* entry = found == entries_.end() ? nullptr : &found->second;
    if (entry != nullptr && entry->local && entry->local->distance <= limits_.distance) {
        return Learning::Ignored;
    }
    if (entry != nullptr) {
        const auto path = std::find_if(
            entry->paths.begin(), entry->paths.end(),
            [&](const Path& candidate) { return candidate.neighbor == learned.neighbor; });
        if (path != entry->paths.end()) {
            return hear_again(learned, *entry, *path, now);
        }
    }
    // From here on it is another router than those whose paths there are.
    if (learned.metric.is_infinite()) {
        return Learning::Ignored;  // there is no point in adding what is unusable
    }
    const bool in_use = entry != nullptr && !entry->paths.empty();
    if (in_use && learned.metric > entry->learned_metric) {
        return Learning::Ignored;
    }
    std::optional<std::size_t> replaced;
    if (in_use && learned.metric == entry->learned_metric &&
        entry->paths.size() >= limits_.max_paths) {
        // RFC 2453 3.9.2: as good, and the one in use shows signs of timing out.
        const auto oldest = std::min_element(
            entry->paths.begin(), entry->paths.end(),
            [](const Path& left, const Path& right) { return left.heard < right.heard; });
        if (now - oldest->heard < limits_.timeout / 2) {
            return Learning::Ignored;
        }
        replaced = static_cast<std::size_t>(oldest - entry->paths.begin());
    }
    if (paths_of(learned.neighbor) >= neighbor_limit) {
        return Learning::OverNeighborLimit;
    }
    if (!in_use && learned_count_ >= limits_.max_routes) {
        return Learning::OverLimit;
    }
    if (entry == nullptr) {
        entry = &entries_[learned.prefix];
    }
    if (replaced) {
        drop_path(*entry, *replaced);
    } else if (in_use && learned.metric < entry->learned_metric) {
        drop_paths(*entry);
    }
    if (entry->paths.empty()) {
        entry->learned_metric = learned.metric;
        entry->learned_tag = learned.tag;
    }
    add_path(*entry, learned, now);
    entry->deleting_since.reset();
    change(*entry);
    tell_rib(learned.prefix, *entry);
    arm(learned.prefix, *entry);
    return Learning::Taken;
}

// The datagram is from a router whose path is in use: whatever it says now is what holds.
Database::Learning Database::hear_again(const Learned& learned, DatabaseEntry& entry, Path& path,
                                        Instant now) {
    path.heard = now;
    path.said = learned.said;
    const auto index = static_cast<std::size_t>(&path - entry.paths.data());
    if (learned.metric > entry.learned_metric &&
        (learned.metric.is_infinite() || entry.paths.size() > 1)) {
        drop_path(entry, index);
        if (entry.paths.empty()) {
            begin_deletion(learned.prefix, entry, now);
            return Learning::Taken;
        }
        // The other paths are still as good as before.
        change(entry);
        tell_rib(learned.prefix, entry);
        return Learning::Taken;
    }
    const bool new_values = learned.metric != entry.learned_metric ||
                            (entry.paths.size() == 1 && learned.tag != entry.learned_tag);
    if (!new_values && learned.next_hop == path.next_hop) {
        return Learning::Taken;
    }
    path.next_hop = learned.next_hop;
    if (learned.metric != entry.learned_metric) {
        const Path kept = path;
        while (entry.paths.size() > 1) {
            drop_path(entry, entry.paths.back().neighbor == kept.neighbor ? entry.paths.size() - 2
                                                                          : entry.paths.size() - 1);
        }
    }
    if (new_values) {
        entry.learned_metric = learned.metric;
        entry.learned_tag = learned.tag;
    }
    change(entry);
    tell_rib(learned.prefix, entry);
    arm(learned.prefix, entry);
    return Learning::Taken;
}

void Database::begin_deletion(const net::Ipv4Prefix& prefix, DatabaseEntry& entry, Instant now) {
    entry.learned_metric = Metric::infinity();
    if (!entry.local) {
        entry.deleting_since = now;
    }
    change(entry);
    tell_rib(prefix, entry);
    disarm(prefix, entry);
    arm(prefix, entry);
}

// ---- local routes

void Database::set_local(const net::Ipv4Prefix& prefix, const LocalRoute& route, Instant now) {
    DatabaseEntry& entry = entries_[prefix];
    if (entry.local == route) {
        return;
    }
    entry.local = route;
    entry.deleting_since.reset();
    if (!entry.paths.empty() && route.distance <= limits_.distance) {
        drop_paths(entry);
        begin_deletion(prefix, entry, now);
        return;
    }
    change(entry);
    disarm(prefix, entry);
    arm(prefix, entry);
}

void Database::remove_local(const net::Ipv4Prefix& prefix, Instant now) {
    const auto found = entries_.find(prefix);
    if (found == entries_.end() || !found->second.local) {
        return;
    }
    DatabaseEntry& entry = found->second;
    entry.local.reset();
    if (entry.paths.empty()) {
        begin_deletion(prefix, entry, now);
    } else {
        change(entry);
    }
}

// ---- forgetting

template <class Matches>
void Database::drop_matching(const Matches& matches, Instant now) {
    for (auto& [prefix, entry] : entries_) {
        bool any = false;
        for (std::size_t i = entry.paths.size(); i-- > 0;) {
            if (matches(entry.paths[i])) {
                drop_path(entry, i);
                any = true;
            }
        }
        if (!any) {
            continue;
        }
        if (entry.paths.empty()) {
            begin_deletion(prefix, entry, now);
        } else {
            change(entry);
            tell_rib(prefix, entry);
        }
    }
}

void Database::forget(net::InterfaceId interface, Instant now) {
    drop_matching([&](const Path& path) { return path.neighbor.interface == interface; }, now);
}

void Database::forget(const NeighborId& neighbor, Instant now) {
    drop_matching([&](const Path& path) { return path.neighbor == neighbor; }, now);
}

// ---- time

void Database::set_limits(const DatabaseLimits& limits, Instant now) {
    const DatabaseLimits before = std::exchange(limits_, limits);
    if (before == limits) {
        return;
    }
    for (auto& [prefix, entry] : entries_) {
        if (entry.local && entry.local->distance <= limits_.distance && !entry.paths.empty()) {
            drop_paths(entry);
            begin_deletion(prefix, entry, now);
        }
        while (entry.paths.size() > limits_.max_paths) {
            drop_path(entry, entry.paths.size() - 1);
            change(entry);
            tell_rib(prefix, entry);
        }
        if (before.distance != limits_.distance && !entry.paths.empty()) {
            tell_rib(prefix, entry);
        }
        disarm(prefix, entry);
        arm(prefix, entry);
    }
}

std::optional<Instant> Database::next_deadline() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first);
}

void Database::advance(Instant now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        const net::Ipv4Prefix prefix = timers_.begin()->second;
        const auto found = entries_.find(prefix);
        DatabaseEntry& entry = found->second;
        disarm(prefix, entry);
        if (entry.deleting_since) {
            if (*entry.deleting_since + limits_.garbage_collect <= now) {
                entries_.erase(found);
                continue;
            }
        } else {
            const std::size_t before = entry.paths.size();
            for (std::size_t i = before; i-- > 0;) {
                if (entry.paths[i].heard + limits_.timeout <= now) {
                    drop_path(entry, i);
                }
            }
            if (before > 0 && entry.paths.empty()) {
                begin_deletion(prefix, entry, now);
            } else if (before != entry.paths.size()) {
                change(entry);
                tell_rib(prefix, entry);
            }
        }
        disarm(prefix, entry);
        arm(prefix, entry);
    }
}

std::optional<Instant> Database::deadline_of(const DatabaseEntry& entry) const {
    if (entry.deleting_since) {
        return *entry.deleting_since + limits_.garbage_collect;
    }
    std::optional<Instant> earliest;
    for (const Path& path : entry.paths) {
        const Instant end = path.heard + limits_.timeout;
        earliest = earliest ? std::min(*earliest, end) : end;
    }
    return earliest;
}

void Database::arm(const net::Ipv4Prefix& prefix, DatabaseEntry& entry) {
    const auto deadline = deadline_of(entry);
    if (!deadline || (entry.check_at_ && *entry.check_at_ <= *deadline)) {
        return;
    }
    disarm(prefix, entry);
    entry.check_at_ = deadline;
    timers_.insert({*deadline, prefix});
}

void Database::disarm(const net::Ipv4Prefix& prefix, DatabaseEntry& entry) {
    if (entry.check_at_) {
        timers_.erase({*entry.check_at_, prefix});
        entry.check_at_.reset();
    }
}

// ---- the parts

void Database::add_path(DatabaseEntry& entry, const Learned& learned, Instant now) {
    if (entry.paths.empty()) {
        ++learned_count_;
    }
    entry.paths.push_back({learned.neighbor, learned.next_hop, learned.said, now});
    ++paths_of_[learned.neighbor];
}

void Database::drop_path(DatabaseEntry& entry, std::size_t index) {
    const auto count = paths_of_.find(entry.paths[index].neighbor);
    if (--count->second == 0) {
        paths_of_.erase(count);
    }
    entry.paths.erase(entry.paths.begin() + static_cast<std::ptrdiff_t>(index));
    if (entry.paths.empty()) {
        --learned_count_;
    }
}

void Database::drop_paths(DatabaseEntry& entry) {
    while (!entry.paths.empty()) {
        drop_path(entry, entry.paths.size() - 1);
    }
}

void Database::tell_rib(const net::Ipv4Prefix& prefix, DatabaseEntry& entry) {
    if (!std::exchange(entry.untold_, true)) {
        untold_.push_back(prefix);
    }
}

std::vector<RouteUpdate> Database::take_updates() {
    std::vector<RouteUpdate> updates;
    updates.reserve(untold_.size());
    for (const net::Ipv4Prefix& prefix : std::exchange(untold_, {})) {
        const auto found = entries_.find(prefix);
        if (found == entries_.end()) {
            updates.push_back({prefix, std::nullopt});
            continue;
        }
        DatabaseEntry& entry = found->second;
        entry.untold_ = false;
        if (entry.paths.empty()) {
            if (std::exchange(entry.in_rib_, false)) {
                updates.push_back({prefix, std::nullopt});
            }
            continue;
        }
        entry.in_rib_ = true;
        Route route{prefix,
                    RouteSource::Rip,
                    limits_.distance,
                    entry.learned_metric.value(),
                    entry.learned_tag,
                    {}};
        for (const Path& path : entry.paths) {
            route.next_hops.push_back(RibNextHop::gateway(path.next_hop, path.neighbor.interface));
        }
        updates.push_back({prefix, std::move(route)});
    }
    return updates;
}

}  // namespace godwit::control::rip
