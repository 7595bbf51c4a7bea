#include "dataplane/owner/neighbors.hpp"

#include <algorithm>

namespace godwit::dataplane {

namespace {

// An address that a host of this subnet can have: not the network's own, not its broadcast (a /31
// and a /32 have neither: RFC 3021).
bool is_host_of(const net::Ipv4InterfaceAddress& own, net::Ipv4Address address) {
    if (!own.subnet().contains(address)) {
        return false;
    }
    return own.prefix_length >= 31 ||
           (address != own.subnet().address() && address != own.subnet().last_address());
}

bool is_on_link(const InterfaceEntry& interface, net::Ipv4Address address) {
    const auto has_it = [&](const auto& own) { return is_host_of(own, address); };
    return std::any_of(interface.addresses.begin(), interface.addresses.end(), has_it) ||
           std::any_of(interface.tentative.begin(), interface.tentative.end(), has_it);
}

bool can_name_a_host(net::Ipv4Address address) {
    return !address.is_this_network() && !address.is_loopback() && !address.is_multicast() &&
           !address.is_reserved() && !address.is_limited_broadcast();
}

}  // namespace

void Neighbors::handle_packet(const NeighborKey& key, rte_mbuf* packet, Instant now,
                              NeighborActions& actions) {
    auto position = entries_.find(key);
    if (position == entries_.end()) {
        position = create(key, State::Incomplete, For::Packet, now, actions);
        if (position == entries_.end()) {
            actions.push_back(DropPacket{packet, api::DropReason::ArpTableFull, false});
            return;
        }
        request(position, false, now, actions);
    }
    switch (position->second.state) {
        case State::Incomplete:
            hold(position, packet, actions);
            return;
        case State::Stale:
            // From now on in use: the MAC serves at once, and is confirmed meanwhile.
            put_in_use(position, actions);
            change_state(position, State::Probe, now, actions);
            actions.push_back(ForwardPacket{key, packet});
            return;
        case State::Reachable:
        case State::Probe:
        case State::Permanent:
            put_in_use(position, actions);
            actions.push_back(ForwardPacket{key, packet});
            return;
        case State::Failed:
            actions.push_back(DropPacket{packet, api::DropReason::ArpUnresolved, true});
            return;
    }
}

void Neighbors::handle_arp(const InterfaceEntry& interface, const ArpSeen& message, Instant now,
                           NeighborActions& actions) {
    if (message.sender_mac == interface.mac) {
        return;  // our own message, given back by the network
    }
    if (message.sender_mac.is_group() || message.sender_mac.is_zero() ||
        !can_name_a_host(message.sender)) {
        ++statistics_.not_learnt;
        return;
    }
    if (interface.owns(message.sender)) {
        return;  // a conflict, which is another's business (RFC 5227 2.4)
    }
    const NeighborKey key{interface.id, message.sender};
    auto position = entries_.find(key);
    if (position == entries_.end()) {
        // RFC 826: a new entry only when we are the target, and (ours) only for a request: nobody
        // answers what we did not ask.
        if (!message.is_request || !interface.owns(message.target) ||
            !is_on_link(interface, message.sender)) {
            ++statistics_.not_learnt;
            return;
        }
        position = create(key, State::Stale, For::Message, now, actions);
        if (position == entries_.end()) {
            return;
        }
        position->second.mac = message.sender_mac;
        position->second.mac_changed = now;
        position->second.confirmed = now;
        return;
    }

    Entry& entry = position->second;
    if (entry.state == State::Permanent) {
        if (entry.mac != message.sender_mac) {
            ++statistics_.mac_changes_ignored;
        }
        return;
    }
    const bool changes = !entry.mac.is_zero() && entry.mac != message.sender_mac;
    if (changes && now - entry.mac_changed < settings_.mac_change_interval) {
        ++statistics_.mac_changes_ignored;
        return;
    }
    if (entry.state == State::Stale) {  // known, and still not needed by us
        entry.mac = message.sender_mac;
        if (changes) {
            entry.mac_changed = now;
        }
        entry.confirmed = now;
        arm(position, now + settings_.stale_time);
        list(position, now);
        return;
    }
    // RFC 826 "merge", and RFC 1122 2.3.2.1: the timeout restarts whenever the source fields of a
    // message confirm the entry, whatever its target.
    resolved(position, message.sender_mac, now, actions);
}

bool Neighbors::refer(const NeighborKey& key, Instant now, NeighborActions& actions) {
    auto position = entries_.find(key);
    if (position == entries_.end()) {
        position = create(key, State::Incomplete, For::Route, now, actions);
        if (position == entries_.end()) {
            return false;
        }
        request(position, false, now, actions);
    }
    Entry& entry = position->second;
    ++entry.references;
    list(position, now);
    switch (entry.state) {
        case State::Stale:
            put_in_use(position, actions);
            change_state(position, State::Probe, now, actions);
            break;
        case State::Reachable:
        case State::Probe:
        case State::Permanent:
            put_in_use(position, actions);
            break;
        case State::Incomplete:
        case State::Failed:
            break;
    }
    return true;
}

void Neighbors::unrefer(const NeighborKey& key, Instant now) {
    const auto position = entries_.find(key);
    if (position == entries_.end() || position->second.references == 0) {
        return;
    }
    --position->second.references;
    list(position, now);
}

void Neighbors::set_permanent(const NeighborKey& key, const net::MacAddress& mac, Instant now,
                              NeighborActions& actions) {
    auto position = entries_.find(key);
    if (position == entries_.end()) {
        position = create(key, State::Permanent, For::Route, now, actions);
    }
    Entry& entry = position->second;
    const bool changes = entry.state != State::Permanent || entry.mac != mac || !entry.in_use;
    if (!changes) {
        return;
    }
    if (entry.mac != mac) {
        entry.mac = mac;
        entry.in_use = false;  // so that put_in_use gives out the new one
    }
    entry.mac_changed = now;
    entry.confirmed = now;
    change_state(position, State::Permanent, now, actions);
    put_in_use(position, actions);
    actions.push_back(NeighborChanged{record_of(key, entry, now)});
    release_held(position, actions);
}

void Neighbors::remove_permanent(const NeighborKey& key, Instant now, NeighborActions& actions) {
    const auto position = entries_.find(key);
    if (position == entries_.end() || position->second.state != State::Permanent) {
        return;
    }
    if (position->second.references == 0) {
        forget(position, now, actions);
        return;
    }
    // Routes still lead here: the MAC serves until ARP has confirmed or refuted it.
    change_state(position, State::Probe, now, actions);
}

void Neighbors::set_limit(net::InterfaceId interface, std::size_t entries, Instant now,
                          NeighborActions& actions) {
    OnInterface& on = interfaces_[interface];
    on.limit = entries;
    while (on.entries > on.limit && make_room_on(on, now, actions)) {
    }
}

void Neighbors::link_up(net::InterfaceId interface, Instant now, NeighborActions& actions) {
    for (auto position = entries_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
         position != entries_.end() && position->first.interface == interface; ++position) {
        Entry& entry = position->second;
        if (entry.state == State::Reachable) {
            change_state(position, State::Probe, now, actions);
        } else if (entry.state == State::Failed && entry.references > 0) {
            change_state(position, State::Incomplete, now, actions);
        }
    }
}

void Neighbors::addresses_changed(const InterfaceEntry& interface, Instant now,
                                  NeighborActions& actions) {
    auto position = entries_.lower_bound(NeighborKey{interface.id, net::Ipv4Address()});
    while (position != entries_.end() && position->first.interface == interface.id) {
        const auto current = position++;
        const net::Ipv4Address address = current->first.address;
        const bool pinned =
            current->second.state == State::Permanent || current->second.references > 0;
        if (!pinned && (!is_on_link(interface, address) || interface.owns(address))) {
            forget(current, now, actions);
        }
    }
}

void Neighbors::interface_moved(net::InterfaceId interface, Instant now, NeighborActions& actions) {
    auto position = entries_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
    while (position != entries_.end() && position->first.interface == interface) {
        const auto current = position++;
        Entry& entry = current->second;
        if (entry.state == State::Permanent) {
            continue;
        }
        if (entry.references == 0) {
            forget(current, now, actions);
        } else if (entry.state != State::Incomplete) {
            take_out_of_use(current, actions);
            entry.mac = net::MacAddress();
            change_state(current, State::Incomplete, now, actions);
            actions.push_back(NeighborChanged{record_of(current->first, entry, now)});
        }
    }
}

void Neighbors::interface_removed(net::InterfaceId interface, Instant now,
                                  NeighborActions& actions) {
    auto position = entries_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
    while (position != entries_.end() && position->first.interface == interface) {
        forget(position++, now, actions);
    }
    interfaces_.erase(interface);
}

void Neighbors::drop_held(api::DropReason reason, NeighborActions& actions) {
    for (auto position = entries_.begin(); position != entries_.end(); ++position) {
        drop_held_of(position, reason, false, actions);
    }
}

void Neighbors::advance(Instant now, NeighborActions& actions, std::size_t limit) {
    for (std::size_t done = 0; done < limit && !timers_.empty() && timers_.begin()->first <= now;
         ++done) {
        const auto position = entries_.find(timers_.begin()->second);
        arm(position, std::nullopt);
        due(position, now, actions);
    }
}

std::optional<Instant> Neighbors::next_deadline() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first);
}

std::optional<api::NeighborRecord> Neighbors::find(const NeighborKey& key, Instant now) const {
    const auto position = entries_.find(key);
    if (position == entries_.end()) {
        return std::nullopt;
    }
    return record_of(key, position->second, now);
}

void Neighbors::walk(
    const NeighborKey& from, Instant now,
    const std::function<bool(const NeighborKey&, const api::NeighborRecord&)>& visit) const {
    for (auto position = entries_.lower_bound(from); position != entries_.end(); ++position) {
        if (!visit(position->first, record_of(position->first, position->second, now))) {
            return;
        }
    }
}

}  // namespace godwit::dataplane
