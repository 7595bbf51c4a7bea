#include "controlplane/rip/refused_routes.hpp"

namespace godwit::control::rip {

void RefusedRoutes::note(const Key& key, const RefusedRoute& route, std::size_t limit) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
        found->second = route;
    } else if (entries_.size() < limit) {
        entries_.emplace(key, route);
    } else {
        ++over_limit_;
    }
}

void RefusedRoutes::forget(const NeighborId& neighbor) {
    std::erase_if(entries_, [&](const auto& entry) { return entry.first.neighbor == neighbor; });
}

void RefusedRoutes::forget(net::InterfaceId interface) {
    std::erase_if(entries_,
                  [&](const auto& entry) { return entry.first.neighbor.interface == interface; });
}

void RefusedRoutes::forget_until(Instant oldest) {
    std::erase_if(entries_, [&](const auto& entry) { return entry.second.heard <= oldest; });
}

std::pair<RefusedRoutes::Entries::const_iterator, RefusedRoutes::Entries::const_iterator>
RefusedRoutes::of(const net::Ipv4Prefix& prefix) const {
    const auto first = entries_.lower_bound({prefix, NeighborId()});
    auto last = first;
    while (last != entries_.end() && last->first.prefix == prefix) {
        ++last;
    }
    return {first, last};
}

}  // namespace godwit::control::rip
