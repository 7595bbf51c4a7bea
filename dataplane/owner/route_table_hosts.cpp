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

std::optional<Fib::Route> RouteTable::find_downloaded(const net::Ipv4Prefix& prefix) const {
    const auto route = fib_.find_route(prefix);
    return route && is_downloaded(*route) ? route : std::nullopt;
}

void RouteTable::remove_downloaded(const Fib::Route& route) {
    const net::Ipv4Prefix& prefix = route.prefix;
    --hops_.find(route.next_hop)->route_references;
    --downloaded_;
    --downloaded_by_length_[prefix.length()];
    --downloaded_by_mark_[route.mark];
    ++freed_;
    const Host* const host = prefix.length() == 32 ? installed_host(prefix.address()) : nullptr;
    if (host != nullptr) {
        fib_.set(prefix, host->hop);
        return;
    }
    fib_.remove(prefix);
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
    host.cover = longest_cover(key.address);
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
            host.cover = longest_cover(position->first.first);
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
        const HopTarget& target = hops_.find(fib_.find(*host.cover).value_or(0))->target;
        wanted = target.kind == api::NextHopKind::Glean && target.interface == key.second;
    }
    if (wanted == host.installed) {
        return;
    }
    const net::Ipv4Prefix prefix = host_prefix(key.first);
    if (wanted) {
        if (!find_downloaded(prefix) && fib_.set(prefix, host.hop) == Fib::Change::TableFull) {
            // Packets of it go on through the on-link route and the owner.
            ++statistics_.host_routes_refused;
            return;
        }
        host.installed = true;
        return;
    }
    host.installed = false;
    // A downloaded route, or a neighbour with this address on another interface, may have the
    // place.
    if (fib_.find(prefix) == host.hop) {
        ++freed_;
        fib_.remove(prefix);
    }
}

const RouteTable::Host* RouteTable::installed_host(net::Ipv4Address address) const {
    for (auto position = hosts_.lower_bound(HostKey{address, net::InterfaceId()});
         position != hosts_.end() && position->first.first == address; ++position) {
        if (position->second.installed) {
            return &position->second;
        }
    }
    return nullptr;
}

std::optional<net::Ipv4Prefix> RouteTable::longest_cover(net::Ipv4Address address) const {
    for (unsigned length = 32; length-- > 0;) {
        if (downloaded_by_length_[length] == 0) {
            continue;
        }
        const auto prefix = net::Ipv4Prefix::covering(address, static_cast<std::uint8_t>(length));
        if (fib_.find(prefix)) {
            return prefix;
        }
    }
    return std::nullopt;
}

}  // namespace godwit::dataplane
