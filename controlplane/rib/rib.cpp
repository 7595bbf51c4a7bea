#include "controlplane/rib/rib.hpp"

#include <map>
#include <utility>

#include "controlplane/rib/rib_state.hpp"

namespace godwit::control {

Rib::Rib(RibLimits limits) : state_(std::make_unique<State>(limits)) {}
Rib::~Rib() = default;

std::size_t Rib::replace_source(RouteSource source, std::vector<Route> routes) {
    std::map<net::Ipv4Prefix, Route> wanted;
    for (Route& route : routes) {
        route.source = source;
        const auto [place, added] = wanted.try_emplace(route.prefix, route);
        if (!added) {
            place->second.next_hops.insert(place->second.next_hops.end(), route.next_hops.begin(),
                                           route.next_hops.end());
        }
    }
    // First what goes, so that a full table has room for what comes.
    std::vector<net::Ipv4Prefix> gone;
    for (const net::Ipv4Prefix& prefix : state_->by_source[static_cast<std::size_t>(source)]) {
        if (!wanted.contains(prefix)) {
            gone.push_back(prefix);
        }
    }
    for (const net::Ipv4Prefix& prefix : gone) {
        state_->withdraw(prefix, source);
    }
    std::size_t refused = 0;
    for (auto& [prefix, route] : wanted) {
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

std::vector<DownloadOp> Rib::take_download(std::size_t limit) {
    std::vector<DownloadOp> operations = state_->download.take(limit);
    state_->retry_starved();
    return operations;
}

bool Rib::has_download() const {
    return state_->download.has_operations();
}

void Rib::begin_resync() {
    state_->download.begin_resync();
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

// ---- views

PrefixView Rib::State::view(const net::Ipv4Prefix& prefix, const RouteEntry& entry) const {
    PrefixView view{prefix, {}};
    const Candidate* const best = entry.best();
    for (const Candidate& candidate : entry.candidates) {
        RouteView route{candidate.source,
                        candidate.distance,
                        candidate.metric,
                        candidate.tag,
                        &candidate == best,
                        {},
                        {}};
        if (route.selected) {
            route.install = download.status(prefix);
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
    const RouteTable::Entries& entries = state_->table.entries();
    std::vector<PrefixView> views;
    for (auto at = after ? entries.upper_bound(*after) : entries.begin();
         at != entries.end() && views.size() < limit; ++at) {
        views.push_back(state_->view(at->first, at->second));
    }
    return views;
}

std::optional<PrefixView> Rib::find(const net::Ipv4Prefix& prefix) const {
    const RouteEntry* const entry = std::as_const(state_->table).find(prefix);
    return entry == nullptr ? std::nullopt : std::optional(state_->view(prefix, *entry));
}

std::optional<PrefixView> Rib::lookup(net::Ipv4Address address) const {
    std::optional<PrefixView> found;
    state_->table.for_each_covering(address, [&](const net::Ipv4Prefix& prefix) {
        const RouteEntry& entry = *std::as_const(state_->table).find(prefix);
        if (entry.chosen == nullptr) {
            return true;
        }
        found = state_->view(prefix, entry);
        return false;
    });
    return found;
}

std::size_t Rib::size() const {
    return state_->route_count;
}

std::size_t Rib::size(RouteSource source) const {
    return state_->by_source[static_cast<std::size_t>(source)].size();
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

}  // namespace godwit::control
