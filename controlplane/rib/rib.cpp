#include "controlplane/rib/rib.hpp"

#include <algorithm>
#include <utility>

#include "controlplane/rib/rib_state.hpp"

namespace godwit::control {

Rib::Rib(RibLimits limits) : state_(std::make_unique<State>(limits)) {}
Rib::~Rib() = default;

std::size_t Rib::replace_source(RouteSource source, std::vector<Route> routes) {
    const auto before = [](const Route& left, const Route& right) {
        return left.prefix < right.prefix;
    };
    std::stable_sort(routes.begin(), routes.end(), before);
    std::vector<Route> wanted;
    for (Route& route : routes) {
        route.source = source;
        if (wanted.empty() || wanted.back().prefix != route.prefix) {
            wanted.push_back(std::move(route));
        } else {
            std::vector<RibNextHop>& next_hops = wanted.back().next_hops;
            next_hops.insert(next_hops.end(), route.next_hops.begin(), route.next_hops.end());
        }
    }
    // First what goes, so that a full table has room for what comes.
    state_->table.for_each_of(source, [&](CandidateNumber each) {
        Route same;
        same.prefix = state_->table[state_->table[each].route].prefix;
        if (!std::binary_search(wanted.begin(), wanted.end(), same, before)) {
            state_->withdraw(each);
        }
    });
    std::size_t refused = 0;
    for (Route& route : wanted) {
        refused += state_->put(std::move(route)) ? 0 : 1;
    }
    state_->settle();
    return refused;
}

bool Rib::set(Route route) {
    const bool taken = state_->put(std::move(route));
    state_->settle();
    return taken;
}

bool Rib::remove(const net::Ipv4Prefix& prefix, RouteSource source) {
    const bool removed = state_->withdraw(prefix, source);
    state_->settle();
    return removed;
}

void Rib::set_interface_up(net::InterfaceId interface, bool up) {
    state_->interface_changed(interface, up);
    state_->settle();
}

bool Rib::settle_more() {
    if (state_->is_settling()) {
        state_->settle(state_->limits.visits_a_turn);
    }
    return state_->is_settling();
}

bool Rib::is_settling() const {
    return state_->is_settling();
}

std::vector<DownloadOp> Rib::take_download(std::size_t limit) {
    std::vector<DownloadOp> operations = state_->download.take(limit);
    state_->retry_starved();
    state_->erase_idle();
    return operations;
}

bool Rib::has_download() const {
    return state_->download.has_operations();
}

void Rib::begin_resync() {
    state_->download.begin_resync();
    state_->erase_idle();
    state_->retry_starved();
}

void Rib::acknowledged(std::uint64_t operations) {
    state_->download.acknowledged(operations);
}

void Rib::rejected(std::uint64_t operation, const net::Ipv4Prefix& prefix, std::uint32_t number,
                   Refusal refusal) {
    state_->download.rejected(operation, prefix, number, std::move(refusal));
}

void Rib::room_returned(Shortage shortage) {
    state_->download.room_returned(shortage);
}

Redistribution& Rib::redistribution() {
    return state_->redistribution;
}

const Redistribution& Rib::redistribution() const {
    return state_->redistribution;
}

// ---- views

PrefixView Rib::State::view(RouteNumber number) const {
    PrefixView view{table[number].prefix, {}};
    const CandidateNumber best = table.active_candidate(number);
    for (CandidateNumber each = table[number].best; each != kNoCandidate;
         each = table[each].worse) {
        const Candidate& candidate = table[each];
        RouteView route{candidate.source,
                        candidate.distance,
                        candidate.metric,
                        candidate.tag,
                        each == best,
                        {},
                        {}};
        if (route.selected && candidate.set == table[number].chosen) {
            route.install = download.status(number);
        } else if (route.selected) {
            route.install.state = InstallState::Pending;
        }
        const NextHopSet& set = *candidate.set;
        for (std::size_t i = 0; i < set.next_hops.size(); ++i) {
            const HopResolution& hop = set.hops[i];
            route.next_hops.push_back(
                {set.next_hops[i], hop.active, hop.problem, hop.through, hop.resolved});
        }
        view.routes.push_back(std::move(route));
    }
    return view;
}

std::vector<PrefixView> Rib::page(const std::optional<net::Ipv4Prefix>& after,
                                  std::size_t limit) const {
    std::vector<PrefixView> views;
    for (RouteNumber at = state_->table.following(after); at != kNoRoute && views.size() < limit;
         at = state_->table.following(state_->table[at].prefix)) {
        views.push_back(state_->view(at));
    }
    return views;
}

RoutePage Rib::page(const RouteFilter& filter, const std::optional<net::Ipv4Prefix>& after,
                    std::size_t looked_at) const {
    const RouteTable& table = state_->table;
    RouteNumber at = table.following(after);
    if (!after && filter.within) {
        // Shorter prefixes with the same address come before it, and are not inside.
        const RouteNumber itself = table.find(*filter.within);
        at = itself != kNoRoute ? itself : table.following(filter.within);
    }
    RoutePage page;
    for (; at != kNoRoute; at = table.following(table[at].prefix)) {
        const net::Ipv4Prefix& prefix = table[at].prefix;
        if (filter.within &&
            (filter.longer ? !filter.within->contains(prefix) : prefix != *filter.within)) {
            break;  // what is inside stands together
        }
        if (looked_at-- == 0) {
            return page;
        }
        page.behind = prefix;
        PrefixView view = state_->view(at);
        if (filter.source) {
            std::erase_if(view.routes,
                          [&](const RouteView& route) { return route.source != *filter.source; });
        }
        if (!view.routes.empty()) {
            page.prefixes.push_back(std::move(view));
        }
    }
    page.behind.reset();
    return page;
}

std::optional<PrefixView> Rib::find(const net::Ipv4Prefix& prefix) const {
    const RouteNumber route = state_->table.find(prefix);
    return route == kNoRoute ? std::nullopt : std::optional(state_->view(route));
}

std::optional<PrefixView> Rib::lookup(net::Ipv4Address address) const {
    std::optional<PrefixView> found;
    state_->table.for_each_covering(address, [&](RouteNumber route) {
        if (state_->table.active_candidate(route) == kNoCandidate) {
            return true;
        }
        found = state_->view(route);
        return false;
    });
    return found;
}

std::optional<RouteToward> Rib::toward(net::Ipv4Address address) const {
    std::optional<RouteToward> found;
    state_->table.for_each_covering(address, [&](RouteNumber number) {
        const CandidateNumber best = state_->table.active_candidate(number);
        if (best == kNoCandidate) {
            return true;
        }
        const auto& hops = state_->table[best].set->hops;
        const auto active = std::find_if(hops.begin(), hops.end(),
                                         [](const HopResolution& hop) { return hop.active; });
        found = RouteToward{
            state_->table[number].prefix,
            active == hops.end() ? std::nullopt : std::optional(active->resolved.front())};
        return false;
    });
    return found;
}

std::size_t Rib::size() const {
    return state_->table.size();
}

std::size_t Rib::size(RouteSource source) const {
    return state_->table.size(source);
}

std::size_t Rib::selected_size() const {
    return state_->selected_count;
}

std::size_t Rib::routes_waiting() const {
    return state_->download.routes_waiting();
}

std::size_t Rib::next_hops_waiting() const {
    return state_->download.next_hops_waiting();
}

RibCounters Rib::counters() const {
    RibCounters counters = state_->counters;
    counters.next_hops_refused = state_->download.numbers_refused();
    counters.refused_for_room = state_->download.refused_for_room();
    counters.group_members_dropped = state_->download.members_dropped();
    return counters;
}

std::size_t Rib::bytes() const {
    return state_->table.bytes();
}

}  // namespace godwit::control
