// The choice among the candidates of a prefix, and what the download and other protocols are told
// of it.
#include <string>
#include <utility>

#include "controlplane/rib/rib_state.hpp"

namespace godwit::control {

std::optional<PolicyRoute> Rib::State::offer(const net::Ipv4Prefix& prefix) const {
    const RouteNumber number = table.find(prefix);
    if (number == kNoRoute) {
        return std::nullopt;
    }
    for (CandidateNumber each = table[number].best; each != kNoCandidate;
         each = table[each].worse) {
        const Candidate& candidate = table[each];
        if (candidate.source != RouteSource::Local && candidate.set->active()) {
            PolicyRoute route;
            route.prefix = prefix;
            route.source = candidate.source;
            route.distance = candidate.distance;
            route.metric = candidate.metric;
            route.tag = candidate.tag;
            route.next_hops = candidate.set->resolved;
            return route;
        }
    }
    return std::nullopt;
}

void Rib::State::choose(RouteNumber route) {
    RouteEntry& entry = table[route];
    const CandidateNumber best = table.active_candidate(route);
    NextHopSet* const after = best == kNoCandidate ? nullptr : table[best].set;
    NextHopSet* const before = entry.chosen;
    if (before == after) {
        return;
    }
    entry.chosen = after;
    if (after != nullptr) {
        if (before != nullptr) {
            hand_over_group(*before, *after);
        }
        attach(route, *after);
        ++selected_count;
    } else {
        download.set_route(route, kNoTarget);
    }
    if (before != nullptr) {
        detach(*before);
        --selected_count;
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

void Rib::State::attach(RouteNumber route, NextHopSet& set) {
    if (set.selected_users++ == 0 && set.target == kNoTarget) {
        make_target(set);
    }
    tell_download(route, set);
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
    if (set.users == 0) {
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
    for_each_chooser(set, [&](RouteNumber route) { tell_download(route, set); });
    download.drop_target(lost);
}

void Rib::State::tell_download(RouteNumber route, const NextHopSet& set) {
    if (set.target != kNoTarget) {
        download.set_route(route, set.target, table[table.active_candidate(route)].distance);
    } else {
        download.refuse_route(
            route, "no next-hop number is free: " + std::to_string(limits.max_next_hops) +
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
            for_each_chooser(*set, [&](RouteNumber route) { tell_download(route, *set); });
        }
    }
}

template <class Visit>
void Rib::State::for_each_chooser(const NextHopSet& set, const Visit& visit) {
    table.for_each_user(set, [&](CandidateNumber user) {
        const RouteNumber route = table[user].route;
        if (table[route].chosen == &set) {
            visit(route);
        }
    });
}

}  // namespace godwit::control
