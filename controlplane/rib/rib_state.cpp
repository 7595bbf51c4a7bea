#include "controlplane/rib/rib_state.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace godwit::control {

namespace {

// One order, no doubles; an address of ours is never a broadcast address as well.
void normalize(std::vector<RibNextHop>& next_hops) {
    std::sort(next_hops.begin(), next_hops.end());
    next_hops.erase(std::unique(next_hops.begin(), next_hops.end()), next_hops.end());
    const auto is = [](RibNextHop::Kind kind) {
        return [kind](const RibNextHop& next_hop) { return next_hop.kind == kind; };
    };
    if (std::any_of(next_hops.begin(), next_hops.end(), is(RibNextHop::Kind::Receive))) {
        std::erase_if(next_hops, is(RibNextHop::Kind::Broadcast));
    }
}

}  // namespace

Rib::State::State(RibLimits given)
    : limits(given),
      download(given.max_next_hops),
      interface_up_(std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1, false),
      resolver_(table, interface_up_) {}

// ---- candidates

bool Rib::State::put(Route route) {
    normalize(route.next_hops);
    RouteEntry* entry = table.find(route.prefix);
    Candidate* candidate = entry == nullptr ? nullptr : entry->candidate_of(route.source);
    if (candidate != nullptr && candidate->distance == route.distance &&
        candidate->metric == route.metric && candidate->tag == route.tag &&
        candidate->set->next_hops == route.next_hops) {
        return true;
    }
    if (candidate == nullptr && route_count >= limits.max_routes) {
        ++counters.routes_refused;
        return false;
    }
    if (entry == nullptr) {
        entry = &table.add(route.prefix);
        const auto first = sets_by_via_.lower_bound(route.prefix.address());
        const auto last = sets_by_via_.upper_bound(route.prefix.last_address());
        entry->tracked = static_cast<std::size_t>(std::distance(first, last));
    }
    if (candidate == nullptr) {
        ++route_count;
        by_source[static_cast<std::size_t>(route.source)].insert(route.prefix);
        candidate = &entry->candidates.emplace_back();
        candidate->source = route.source;
    }
    candidate->distance = route.distance;
    candidate->metric = route.metric;
    candidate->tag = route.tag;
    NextHopSet& set = acquire(route.prefix, *entry, route.next_hops);
    if (candidate->set != nullptr) {
        remove_user(*candidate);
    }
    add_user(*candidate, route.prefix, set);
    std::sort(
        entry->candidates.begin(), entry->candidates.end(),
        [](const Candidate& left, const Candidate& right) { return left.better_than(right); });
    touched_.insert(route.prefix);
    return true;
}

bool Rib::State::withdraw(const net::Ipv4Prefix& prefix, RouteSource source) {
    RouteEntry* const entry = table.find(prefix);
    Candidate* const candidate = entry == nullptr ? nullptr : entry->candidate_of(source);
    if (candidate == nullptr) {
        return false;
    }
    remove_user(*candidate);
    entry->candidates.erase(entry->candidates.begin() + (candidate - entry->candidates.data()));
    by_source[static_cast<std::size_t>(source)].erase(prefix);
    --route_count;
    touched_.insert(prefix);
    return true;
}

void Rib::State::interface_changed(net::InterfaceId interface, bool up) {
    if (interface_up_[interface.value()] == up) {
        return;
    }
    interface_up_[interface.value()] = up;
    if (const auto found = sets_by_interface_.find(interface); found != sets_by_interface_.end()) {
        for (NextHopSet* const set : found->second) {
            mark_dirty(*set);
        }
    }
}

// ---- sets

NextHopSet& Rib::State::acquire(const net::Ipv4Prefix& prefix, const RouteEntry& entry,
                                const std::vector<RibNextHop>& next_hops) {
    const bool recursive = std::any_of(next_hops.begin(), next_hops.end(),
                                       [](const RibNextHop& hop) { return hop.is_recursive(); });
    SetKey key{recursive && entry.tracked > 0 ? std::optional(prefix) : std::nullopt, next_hops};
    const auto found = sets_.find(key);
    if (found != sets_.end()) {
        return *found->second;
    }
    auto made = std::make_unique<NextHopSet>();
    NextHopSet& set = *made;
    set.serial = next_serial_++;
    set.owner = key.first;
    set.next_hops = next_hops;
    set.recursive = recursive;
    sets_.emplace(std::move(key), std::move(made));
    register_set(set);
    mark_dirty(set);
    return set;
}

void Rib::State::register_set(NextHopSet& set) {
    for (const RibNextHop& next_hop : set.next_hops) {
        if (!next_hop.interface.is_none()) {
            sets_by_interface_[next_hop.interface].insert(&set);
        } else if (next_hop.is_recursive() && next_hop.via) {
            Sets& sharing = sets_by_via_[*next_hop.via];
            if (sharing.empty()) {
                table.for_each_covering(*next_hop.via, [&](const net::Ipv4Prefix& prefix) {
                    if (table.find(prefix)->tracked++ == 0) {
                        newly_tracked_.insert(prefix);
                    }
                    return true;
                });
            }
            sharing.insert(&set);
        }
    }
}

void Rib::State::destroy_if_unused(NextHopSet& set) {
    if (!set.users.empty() || set.selected_users > 0) {
        return;
    }
    for (const RibNextHop& next_hop : set.next_hops) {
        if (!next_hop.interface.is_none()) {
            // Several next hops of a set may share an interface.
            const auto found = sets_by_interface_.find(next_hop.interface);
            if (found != sets_by_interface_.end()) {
                found->second.erase(&set);
                if (found->second.empty()) {
                    sets_by_interface_.erase(found);
                }
            }
        } else if (next_hop.is_recursive() && next_hop.via) {
            const auto found = sets_by_via_.find(*next_hop.via);
            found->second.erase(&set);
            if (found->second.empty()) {
                sets_by_via_.erase(found);
                table.for_each_covering(*next_hop.via, [&](const net::Ipv4Prefix& prefix) {
                    --table.find(prefix)->tracked;
                    return true;
                });
            }
        }
    }
    dirty_.erase(&set);
    starved_.erase(&set);
    sets_.erase(SetKey{set.owner, set.next_hops});
}

void Rib::State::add_user(Candidate& candidate, const net::Ipv4Prefix& prefix, NextHopSet& set) {
    candidate.set = &set;
    candidate.user_index = set.users.size();
    set.users.push_back({prefix, candidate.source});
}

void Rib::State::remove_user(const Candidate& candidate) {
    NextHopSet& set = *candidate.set;
    const NextHopSet::User moved = set.users.back();
    set.users[candidate.user_index] = moved;
    set.users.pop_back();
    if (candidate.user_index < set.users.size()) {
        table.find(moved.prefix)->candidate_of(moved.source)->user_index = candidate.user_index;
    }
    if (set.users.empty()) {
        perhaps_unused_.insert(&set);
    }
}

void Rib::State::mark_dirty(NextHopSet& set) {
    if (!set.dirty) {
        set.dirty = true;
        dirty_.insert(&set);
    }
}

// ---- settling

void Rib::State::settle() {
    own_sets_of_tracked();
    find_dependents();
    resolve_dirty();
    for (const net::Ipv4Prefix& prefix : touched_) {
        choose(prefix);
    }
    touched_.clear();
    for (NextHopSet* const set : std::exchange(perhaps_unused_, {})) {
        destroy_if_unused(*set);
    }
    retry_starved();
}

void Rib::State::own_sets_of_tracked() {
    // A new set says what an old one says, so it makes no further prefix tracked.
    for (const net::Ipv4Prefix& prefix : newly_tracked_) {
        RouteEntry* const entry = table.find(prefix);
        if (entry == nullptr) {
            continue;
        }
        for (Candidate& candidate : entry->candidates) {
            if (candidate.set->recursive && !candidate.set->owner) {
                NextHopSet& own = acquire(prefix, *entry, candidate.set->next_hops);
                remove_user(candidate);
                add_user(candidate, prefix, own);
                touched_.insert(prefix);
            }
        }
    }
    newly_tracked_.clear();
}

void Rib::State::find_dependents() {
    std::set<net::Ipv4Prefix> followed;
    std::vector<NextHopSet*> ahead(dirty_.begin(), dirty_.end());
    const auto follow = [&](const net::Ipv4Prefix& prefix) {
        // Nothing is resolved through the default route.
        if (prefix.length() == 0 || table.find(prefix)->tracked == 0 ||
            !followed.insert(prefix).second) {
            return;
        }
        for (auto at = sets_by_via_.lower_bound(prefix.address());
             at != sets_by_via_.end() && at->first <= prefix.last_address(); ++at) {
            for (NextHopSet* const set : at->second) {
                if (!set->dirty) {
                    mark_dirty(*set);
                    ahead.push_back(set);
                }
            }
        }
    };
    for (const net::Ipv4Prefix& prefix : touched_) {
        follow(prefix);
    }
    while (!ahead.empty()) {
        const NextHopSet* const set = ahead.back();
        ahead.pop_back();
        if (set->recursive && !set->owner) {
            continue;  // shared: no user of it is tracked
        }
        for (const NextHopSet::User& user : set->users) {
            follow(user.prefix);
        }
    }
}

void Rib::State::resolve_dirty() {
    for (NextHopSet* const set : dirty_) {
        set->dirty = false;
        if (set->users.empty() && set->selected_users == 0) {
            continue;
        }
        std::vector<HopResolution> hops = resolver_.resolve(set->next_hops, set->owner);
        if (resolver_.abandoned()) {
            ++counters.resolutions_abandoned;
        }
        if (hops == set->hops) {
            continue;
        }
        set->hops = std::move(hops);
        std::vector<RibNextHop> resolved = merged(set->hops);
        if (resolved == set->resolved) {
            continue;
        }
        const bool was_active = set->active();
        set->resolved = std::move(resolved);
        if (was_active != set->active()) {
            for (const NextHopSet::User& user : set->users) {
                touched_.insert(user.prefix);
            }
        }
        if (set->active() && set->target != kNoTarget && !set->direct() &&
            !download.change_group(set->target, set->resolved)) {
            lose_target(*set);
        }
    }
    dirty_.clear();
}

// ---- choice and download

void Rib::State::choose(const net::Ipv4Prefix& prefix) {
    RouteEntry& entry = *table.find(prefix);
    const Candidate* const best = entry.best();
    NextHopSet* const after = best == nullptr ? nullptr : best->set;
    NextHopSet* const before = entry.chosen;
    if (before != after) {
        entry.chosen = after;
        if (after != nullptr) {
            if (before != nullptr) {
                hand_over_group(*before, *after);
            }
            attach(prefix, *after);
            ++selected_count;
        } else {
            download.set_route(prefix, kNoTarget);
        }
        if (before != nullptr) {
            detach(*before);
            --selected_count;
        }
    }
    if (entry.candidates.empty()) {
        table.erase(prefix);
    }
}

// The group of a prefix whose next hops were changed, and that nobody else chose, takes the new
// members: its number stays, and in the dataplane the flows of the members that stay.
void Rib::State::hand_over_group(NextHopSet& from, NextHopSet& to) {
    const bool both_groups = from.target != kNoTarget && !from.direct() && !to.direct();
    if (both_groups && from.selected_users == 1 && to.selected_users == 0 &&
        download.change_group(from.target, to.resolved)) {
        to.target = std::exchange(from.target, kNoTarget);
    }
}

void Rib::State::attach(const net::Ipv4Prefix& prefix, NextHopSet& set) {
    if (set.selected_users++ == 0 && set.target == kNoTarget) {
        make_target(set);
    }
    tell_download(prefix, set);
}

void Rib::State::detach(NextHopSet& set) {
    if (--set.selected_users > 0) {
        return;
    }
    if (set.target != kNoTarget) {
        download.drop_target(set.target);
        set.target = kNoTarget;
    }
    starved_.erase(&set);
    if (set.users.empty()) {
        perhaps_unused_.insert(&set);
    }
}

void Rib::State::make_target(NextHopSet& set) {
    set.target =
        set.direct() ? download.add_direct(set.resolved.front()) : download.add_group(set.resolved);
    if (set.target == kNoTarget) {
        starved_.insert(&set);
    }
}

void Rib::State::lose_target(NextHopSet& set) {
    const TargetNumber lost = std::exchange(set.target, kNoTarget);
    starved_.insert(&set);
    for_each_chooser(set, [&](const net::Ipv4Prefix& prefix) { tell_download(prefix, set); });
    download.drop_target(lost);
}

void Rib::State::tell_download(const net::Ipv4Prefix& prefix, const NextHopSet& set) {
    if (set.target != kNoTarget) {
        download.set_route(prefix, set.target, table.find(prefix)->best()->distance);
    } else {
        download.refuse_route(
            prefix, "no next-hop number is free: " + std::to_string(limits.max_next_hops) +
                        " are in use; it is tried again when one comes free");
    }
}

void Rib::State::retry_starved() {
    if (starved_.empty() || freed_at_last_retry_ == download.numbers_freed()) {
        return;
    }
    freed_at_last_retry_ = download.numbers_freed();
    for (NextHopSet* const set : std::exchange(starved_, {})) {
        make_target(*set);
        if (set->target != kNoTarget) {
            for_each_chooser(*set,
                             [&](const net::Ipv4Prefix& prefix) { tell_download(prefix, *set); });
        }
    }
}

template <class Visit>
void Rib::State::for_each_chooser(const NextHopSet& set, const Visit& visit) {
    for (const NextHopSet::User& user : set.users) {
        if (table.find(user.prefix)->chosen == &set) {
            visit(user.prefix);
        }
    }
}

}  // namespace godwit::control
