// The route table's other half: which of a downloaded route and a neighbour's own host route stands
// in the lookup table for an address, and what changes when either comes or goes. The rules are in
// route_table.hpp; the records that bring routes are in route_table.cpp.
#include "dataplane/owner/route_table.hpp"

namespace godwit::dataplane {

namespace {

net::Ipv4Prefix host_prefix(net::Ipv4Address address) {
    return net::Ipv4Prefix::covering(address, 32);
}

}  // namespace

void RouteTable::remove_downloaded(Routes::iterator position) {
    const net::Ipv4Prefix prefix = position->first;
    Route& route = position->second;
    --hops_.find(route.hop)->route_references;
    --downloaded_;
    --downloaded_by_length_[prefix.length()];
    ++freed_;
    route.hop = 0;
    if (route.neighbor_hop != 0) {
        fib_.set(prefix, route.neighbor_hop);
        return;
    }
    fib_.remove(prefix);
    routes_.erase(position);
    cover_removed(prefix);
}

void RouteTable::neighbor_up(const NeighborKey& key) {
    const auto hop = hops_.hop_of(key);
    if (!hop) {
        return;
    }
    const HostKey host_key{key.address, key.interface};
    Host& host = hosts_[host_key];
    if (host.hop == *hop) {
        return;  // only its MAC is another one
    }
    host.hop = *hop;
    const auto cover = longest_cover(key.address);
    host.cover = cover == routes_.end() ? std::nullopt : std::optional(cover->first);
    settle(host_key, host);
}

void RouteTable::neighbor_down(const NeighborKey& key) {
    const auto position = hosts_.find(HostKey{key.address, key.interface});
    if (position == hosts_.end()) {
        return;
    }
    position->second.cover.reset();
    settle(position->first, position->second);
    hosts_.erase(position);
}

bool RouteTable::is_from_neighbor(const net::Ipv4Prefix& prefix) const {
    const auto position = routes_.find(prefix);
    return position != routes_.end() && position->second.hop == 0;
}

void RouteTable::cover_set(const net::Ipv4Prefix& prefix) {
    if (prefix.length() == 32) {
        return;  // it stands in the host route's own place, and wins there
    }
    for (auto position = hosts_.lower_bound(HostKey{prefix.address(), net::InterfaceId()});
         position != hosts_.end() && prefix.contains(position->first.first); ++position) {
        Host& host = position->second;
        if (!host.cover || host.cover->length() <= prefix.length()) {
            host.cover = prefix;
            settle(position->first, host);
        }
    }
}

void RouteTable::cover_removed(const net::Ipv4Prefix& prefix) {
    for (auto position = hosts_.lower_bound(HostKey{prefix.address(), net::InterfaceId()});
         position != hosts_.end() && prefix.contains(position->first.first); ++position) {
        Host& host = position->second;
        if (host.cover == prefix) {
            const auto cover = longest_cover(position->first.first);
            host.cover = cover == routes_.end() ? std::nullopt : std::optional(cover->first);
            settle(position->first, host);
        }
    }
}

void RouteTable::settle_all() {
    for (auto& [key, host] : hosts_) {
        settle(key, host);
    }
}

// Puts the host route in, or takes it out, as its cover says.
void RouteTable::settle(const HostKey& key, Host& host) {
    bool wanted = false;
    if (host.cover) {
        const HopTarget& target = hops_.find(routes_.at(*host.cover).hop)->target;
        wanted = target.kind == api::NextHopKind::Glean && target.interface == key.second;
    }
    if (wanted == host.installed) {
        return;
    }
    const net::Ipv4Prefix prefix = host_prefix(key.first);
    if (wanted) {
        const auto [position, made] = routes_.try_emplace(prefix);
        Route& route = position->second;
        if (route.hop == 0 && fib_.set(prefix, host.hop) == Fib::Change::TableFull) {
            // Packets of it go on through the on-link route and the owner.
            ++statistics_.host_routes_refused;
            if (made) {
                routes_.erase(position);
            }
            return;
        }
        route.neighbor_hop = host.hop;
        host.installed = true;
        return;
    }
    host.installed = false;
    const auto position = routes_.find(prefix);
    if (position == routes_.end() || position->second.neighbor_hop != host.hop) {
        return;  // a neighbour with this address on another interface has the place by now
    }
    position->second.neighbor_hop = 0;
    if (position->second.hop == 0) {
        ++freed_;
        fib_.remove(prefix);
        routes_.erase(position);
    }
}

RouteTable::Routes::const_iterator RouteTable::longest_cover(net::Ipv4Address address) const {
    for (unsigned length = 32; length-- > 0;) {
        if (downloaded_by_length_[length] == 0) {
            continue;
        }
        const auto position =
            routes_.find(net::Ipv4Prefix::covering(address, static_cast<std::uint8_t>(length)));
        if (position != routes_.end()) {
            return position;
        }
    }
    return routes_.end();
}

}  // namespace godwit::dataplane
