// What sources say: candidates, the sets of next hops that they share, and what of it has to be
// worked off. The choice and the download are in rib_choice.cpp.
#include "controlplane/rib/rib_state.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace godwit::control {

namespace {

// One order, no doubles; an address of ours is never a broadcast address as well.
void normalize(std::vector<RibNextHop>& next_hops) {
    if (next_hops.size() < 2) {
        return;
    }
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
      download(given.max_next_hops, given.visits_a_turn, table),
      redistribution([this](const net::Ipv4Prefix& prefix) { return offer(prefix); },
                     [this](const std::optional<net::Ipv4Prefix>& after) {
                         const RouteNumber next = table.following(after);
                         return next == kNoRoute ? std::nullopt : std::optional(table[next].prefix);
                     }),
      interface_up_(std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1, false),
      resolver_(table, interface_up_) {}

// ---- candidates

bool Rib::State::put(Route route) {
    normalize(route.next_hops);
    RouteNumber number = table.number_of(route.prefix);
    CandidateNumber known =
        number == kNoRoute ? kNoCandidate : table.candidate_of(number, route.source);
    if (known != kNoCandidate) {
        const Candidate& candidate = table[known];
        if (candidate.distance == route.distance && candidate.metric == route.metric &&
            candidate.tag == route.tag && candidate.set->next_hops == route.next_hops) {
            return true;
        }
    } else if (table.size() >= limits.max_routes) {
        ++counters.routes_refused;
        return false;
    }
    if (number == kNoRoute) {
        number = table.add_entry(route.prefix);
        const auto first = sets_by_via_.lower_bound(route.prefix.address());
        const auto last = sets_by_via_.upper_bound(route.prefix.last_address());
        table[number].tracked = static_cast<std::uint32_t>(std::distance(first, last));
    }
    if (known == kNoCandidate) {
        known = table.add_candidate(number, route.source);
    }
    NextHopSet& set = acquire(number, route.next_hops);
    Candidate& candidate = table[known];
    candidate.distance = route.distance;
    candidate.metric = route.metric;
    candidate.tag = route.tag;
    if (candidate.set != &set) {
        if (candidate.set != nullptr) {
            leave_set(known);
        }
        table.use(known, set);
    }
    table.place(known);
    touch(number);
    return true;
}

bool Rib::State::withdraw(const net::Ipv4Prefix& prefix, RouteSource source) {
    const RouteNumber route = table.find(prefix);
    const CandidateNumber known =
        route == kNoRoute ? kNoCandidate : table.candidate_of(route, source);
    if (known == kNoCandidate) {
        return false;
    }
    withdraw(known);
    return true;
}

void Rib::State::withdraw(CandidateNumber number) {
    const RouteNumber route = table[number].route;
    leave_set(number);
    table.remove_candidate(number);
    touch(route);
}

void Rib::State::touch(RouteNumber route) {
    if (!std::exchange(table[route].touched, true)) {
        touched_.push_back(route);
    }
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

NextHopSet& Rib::State::acquire(RouteNumber route, const std::vector<RibNextHop>& next_hops) {
    const RouteEntry& entry = table[route];
    const bool recursive = std::any_of(next_hops.begin(), next_hops.end(),
                                       [](const RibNextHop& hop) { return hop.is_recursive(); });
    const NextHopSetKey key{
        recursive && entry.tracked > 0 ? std::optional(entry.prefix) : std::nullopt, next_hops};
    const auto found = sets_.find(key);
    if (found != sets_.end()) {
        return **found;
    }
    auto made = std::make_unique<NextHopSet>();
    NextHopSet& set = *made;
    set.serial = next_serial_++;
    set.owner = key.owner;
    set.next_hops = next_hops;
    set.recursive = recursive;
    sets_.insert(std::move(made));
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
                table.for_each_containing(*next_hop.via, [&](RouteNumber route) {
                    if (table[route].tracked++ == 0) {
                        newly_tracked_.insert(route);
                    }
                });
            }
            sharing.insert(&set);
        }
    }
}

void Rib::State::destroy_if_unused(NextHopSet& set) {
    if (set.users > 0 || set.selected_users > 0) {
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
                table.for_each_containing(*next_hop.via,
                                          [&](RouteNumber route) { --table[route].tracked; });
            }
        }
    }
    dirty_.erase(&set);
    starved_.erase(&set);
    behind_.erase(&set);
    sets_.erase(sets_.find(NextHopSetKey::of(set)));
}

void Rib::State::leave_set(CandidateNumber number) {
    NextHopSet& set = *table[number].set;
    table.leave_set(number);
    if (set.users == 0) {
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

void Rib::State::settle(std::size_t visits) {
    for (bool more = true; more;) {
        own_sets_of_tracked();
        find_dependents();
        resolve_dirty();
        const std::size_t visited = visit_behind(visits);
        visits -= visited;
        more = visited > 0;  // others may depend on these
    }
    for (const RouteNumber route : touched_) {
        table[route].touched = false;
        choose(route);
        if (redistribution.wanted()) {
            redistribution.note(table[route].prefix);
        }
        if (table[route].best == kNoCandidate && table[route].slot.is_idle()) {
            table.erase_entry(route);
        }
    }
    touched_.clear();
    followed_ = 0;
    for (NextHopSet* const set : std::exchange(perhaps_unused_, {})) {
        destroy_if_unused(*set);
    }
    retry_starved();
}

void Rib::State::leave_behind(NextHopSet& set) {
    behind_.erase(&set);
    table.leave_behind(set);
    set.visit_rank = set.users;
    if (set.users > 0) {
        behind_.insert(&set);
    }
}

std::size_t Rib::State::visit_behind(std::size_t most) {
    std::size_t visited = 0;
    while (visited < most && !behind_.empty()) {
        NextHopSet& set = **behind_.begin();
        const CandidateNumber user = table.take_behind(set);
        if (user != kNoCandidate) {
            touch(table[user].route);
            ++visited;
        }
        if (set.first_behind == kNoCandidate) {
            behind_.erase(behind_.begin());
        }
    }
    return visited;
}

void Rib::State::erase_idle() {
    for (const RouteNumber route : download.take_idle()) {
        if (table[route].best == kNoCandidate && table[route].slot.is_idle()) {
            table.erase_entry(route);
        }
    }
}

void Rib::State::own_sets_of_tracked() {
    // A new set says what an old one says, so it makes no further prefix tracked.
    for (const RouteNumber route : newly_tracked_) {
        for (CandidateNumber each = table[route].best; each != kNoCandidate;
             each = table[each].worse) {
            NextHopSet& shared = *table[each].set;
            if (shared.recursive && !shared.owner) {
                NextHopSet& own = acquire(route, shared.next_hops);
                leave_set(each);
                table.use(each, own);
                touch(route);
            }
        }
    }
    newly_tracked_.clear();
}

void Rib::State::find_dependents() {
    std::set<RouteNumber> followed;
    std::vector<NextHopSet*> ahead(dirty_.begin(), dirty_.end());
    const auto follow = [&](RouteNumber route) {
        const RouteEntry& entry = table[route];
        // Nothing is resolved through the default route.
        if (entry.tracked == 0 || entry.prefix.length() == 0 || !followed.insert(route).second) {
            return;
        }
        for (auto at = sets_by_via_.lower_bound(entry.prefix.address());
             at != sets_by_via_.end() && at->first <= entry.prefix.last_address(); ++at) {
            for (NextHopSet* const set : at->second) {
                if (!set->dirty) {
                    mark_dirty(*set);
                    ahead.push_back(set);
                }
            }
        }
    };
    for (; followed_ < touched_.size(); ++followed_) {
        follow(touched_[followed_]);
    }
    while (!ahead.empty()) {
        const NextHopSet* const set = ahead.back();
        ahead.pop_back();
        // No user of one that is shared is tracked. What one of interfaces alone comes to, it comes
        // to for everybody, and resolve_dirty() sees whether it is something else.
        if (set->owner) {
            table.for_each_user(*set, [&](CandidateNumber user) { follow(table[user].route); });
        }
    }
}

void Rib::State::resolve_dirty() {
    for (NextHopSet* const set : dirty_) {
        set->dirty = false;
        if (set->users == 0 && set->selected_users == 0) {
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
        const bool others_may_depend = !set->recursive && !sets_by_via_.empty();
        if (was_active != set->active() || others_may_depend) {
            leave_behind(*set);
        } else if (redistribution.wanted()) {
            note_moved(*set);
        }
        if (set->active() && set->target != kNoTarget && !set->direct() &&
            !download.change_group(set->target, set->resolved)) {
            lose_target(*set);
        }
    }
    dirty_.clear();
}

// The routes of the set stay as they are, but lead elsewhere now.
void Rib::State::note_moved(const NextHopSet& set) {
    constexpr std::size_t kNamedOneByOne = 1024;
    if (set.users > kNamedOneByOne) {
        redistribution.note_all();
        return;
    }
    table.for_each_user(
        set, [&](CandidateNumber user) { redistribution.note(table[table[user].route].prefix); });
}

}  // namespace godwit::control
