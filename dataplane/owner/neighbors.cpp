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
    return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                       [&](const auto& own) { return is_host_of(own, address); });
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
        if (unresolved_ >= settings_.max_unresolved) {
            ++statistics_.table_full;
            actions.push_back(DropPacket{packet, api::DropReason::ArpTableFull, false});
            return;
        }
        position = create(key, State::Incomplete, now, actions);
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
        seen_conflict(interface, message, now, actions);
        return;
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
        position = create(key, State::Stale, now, actions);
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
        update_evictable(position, now);
        return;
    }
    // RFC 826 "merge", and RFC 1122 2.3.2.1: the timeout restarts whenever the source fields of a
    // message confirm the entry, whatever its target.
    resolved(position, message.sender_mac, now, actions);
}

bool Neighbors::refer(const NeighborKey& key, Instant now, NeighborActions& actions) {
    auto position = entries_.find(key);
    if (position == entries_.end()) {
        position = create(key, State::Incomplete, now, actions);
        if (position == entries_.end()) {
            return false;
        }
        request(position, false, now, actions);
    }
    Entry& entry = position->second;
    ++entry.references;
    update_evictable(position, now);
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
    update_evictable(position, now);
}

void Neighbors::set_permanent(const NeighborKey& key, const net::MacAddress& mac, Instant now,
                              NeighborActions& actions) {
    auto position = entries_.find(key);
    if (position == entries_.end()) {
        position = create(key, State::Permanent, now, actions);
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
    std::erase_if(conflicts_, [&](const auto& pair) {
        return pair.first.interface == interface.id && !interface.owns(pair.first.address);
    });
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
    std::erase_if(conflicts_, [&](const auto& pair) { return pair.first.interface == interface; });
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

// ---- inside

Neighbors::Position Neighbors::create(const NeighborKey& key, State state, Instant now,
                                      NeighborActions& actions) {
    if (state != State::Permanent && entries_.size() >= settings_.max_entries &&
        !make_room(now, actions)) {
        ++statistics_.table_full;
        return entries_.end();
    }
    const auto position = entries_.emplace(key, Entry{}).first;
    Entry& entry = position->second;
    entry.state = state;
    entry.confirmed = now;
    if (state == State::Incomplete) {
        ++unresolved_;
    } else if (state == State::Stale) {
        arm(position, now + settings_.stale_time);
    }
    update_evictable(position, now);
    return position;
}

bool Neighbors::make_room(Instant now, NeighborActions& actions) {
    if (evictable_.empty()) {
        return false;
    }
    ++statistics_.evicted;
    forget(entries_.find(evictable_.begin()->second), now, actions);
    return true;
}

void Neighbors::forget(Position position, Instant now, NeighborActions& actions) {
    drop_held_of(position, api::DropReason::ArpUnresolved, false, actions);
    if (position->second.in_use) {
        take_out_of_use(position, actions);
        api::NeighborRecord record = record_of(position->first, position->second, now);
        record.state = State::Failed;
        actions.push_back(NeighborChanged{record});
    }
    if (position->second.state == State::Incomplete) {
        --unresolved_;
    }
    arm(position, std::nullopt);
    if (position->second.evictable_since) {
        evictable_.erase({*position->second.evictable_since, position->first});
    }
    entries_.erase(position);
}

// The one place where an entry changes its state: owns the count of unresolved entries, the timer
// and the first message of the new state.
void Neighbors::change_state(Position position, State state, Instant now,
                             NeighborActions& actions) {
    Entry& entry = position->second;
    if (entry.state == State::Incomplete && state != State::Incomplete) {
        --unresolved_;
    } else if (entry.state != State::Incomplete && state == State::Incomplete) {
        ++unresolved_;
    }
    entry.state = state;
    entry.requests = 0;
    switch (state) {
        case State::Incomplete:
            request(position, false, now, actions);
            break;
        case State::Probe:
            request(position, true, now, actions);
            break;
        case State::Reachable:
            arm(position, now + with_jitter(settings_.reachable_time, position->first));
            break;
        case State::Stale:
            arm(position, now + settings_.stale_time);
            break;
        case State::Failed:
            arm(position, now + settings_.negative_time);
            break;
        case State::Permanent:
            arm(position, std::nullopt);
            break;
    }
    update_evictable(position, now);
}

void Neighbors::resolved(Position position, const net::MacAddress& mac, Instant now,
                         NeighborActions& actions) {
    Entry& entry = position->second;
    const bool news = !entry.in_use || entry.mac != mac;
    if (entry.mac != mac) {
        entry.mac = mac;
        entry.mac_changed = now;
        entry.in_use = false;  // so that put_in_use gives out the new one
    }
    entry.confirmed = now;
    change_state(position, State::Reachable, now, actions);
    put_in_use(position, actions);
    if (news) {
        actions.push_back(NeighborChanged{record_of(position->first, entry, now)});
    }
    release_held(position, actions);
}

void Neighbors::put_in_use(Position position, NeighborActions& actions) {
    if (!position->second.in_use) {
        position->second.in_use = true;
        actions.push_back(AdjacencyUp{position->first, position->second.mac});
    }
}

void Neighbors::take_out_of_use(Position position, NeighborActions& actions) {
    if (position->second.in_use) {
        position->second.in_use = false;
        actions.push_back(AdjacencyDown{position->first});
    }
}

// RFC 1122 2.3.2.1: at most one request a second to one destination, whatever the states in
// between.
void Neighbors::request(Position position, bool unicast, Instant now, NeighborActions& actions) {
    Entry& entry = position->second;
    if (entry.ever_requested && now - entry.last_request < settings_.retry_interval) {
        arm(position, entry.last_request + settings_.retry_interval);
        return;
    }
    entry.ever_requested = true;
    entry.last_request = now;
    ++entry.requests;
    actions.push_back(
        SendArpRequest{position->first, unicast ? std::optional(entry.mac) : std::nullopt});
    arm(position, now + settings_.retry_interval);
}

void Neighbors::hold(Position position, rte_mbuf* packet, NeighborActions& actions) {
    Entry& entry = position->second;
    if (entry.held.size() >= settings_.max_held_per_entry ||
        (held_ >= settings_.max_held && !entry.held.empty())) {
        actions.push_back(DropPacket{entry.held.front(), api::DropReason::ArpHoldFull, false});
        entry.held.pop_front();
        --held_;
    }
    if (held_ >= settings_.max_held) {
        actions.push_back(DropPacket{packet, api::DropReason::ArpHoldFull, false});
        return;
    }
    entry.held.push_back(packet);
    ++held_;
}

void Neighbors::release_held(Position position, NeighborActions& actions) {
    for (rte_mbuf* packet : position->second.held) {
        actions.push_back(ForwardPacket{position->first, packet});
    }
    held_ -= position->second.held.size();
    position->second.held.clear();
}

void Neighbors::drop_held_of(Position position, api::DropReason reason, bool host_unreachable,
                             NeighborActions& actions) {
    for (rte_mbuf* packet : position->second.held) {
        actions.push_back(DropPacket{packet, reason, host_unreachable});
    }
    held_ -= position->second.held.size();
    position->second.held.clear();
}

void Neighbors::due(Position position, Instant now, NeighborActions& actions) {
    Entry& entry = position->second;
    switch (entry.state) {
        case State::Incomplete:
            if (entry.requests < settings_.tries) {
                request(position, false, now, actions);
                return;
            }
            drop_held_of(position, api::DropReason::ArpUnresolved, true, actions);
            change_state(position, State::Failed, now, actions);
            if (entry.references > 0) {
                actions.push_back(NeighborChanged{record_of(position->first, entry, now)});
            }
            return;
        case State::Reachable:
            change_state(position, State::Probe, now, actions);
            return;
        case State::Probe:
            if (entry.requests < settings_.tries) {
                // The last try asks everybody: the address may have moved to another MAC.
                request(position, entry.requests + 1 < settings_.tries, now, actions);
                return;
            }
            take_out_of_use(position, actions);
            entry.mac = net::MacAddress();
            change_state(position, State::Failed, now, actions);
            actions.push_back(NeighborChanged{record_of(position->first, entry, now)});
            return;
        case State::Stale:
            forget(position, now, actions);
            return;
        case State::Failed:
            if (entry.references == 0) {
                forget(position, now, actions);
                return;
            }
            request(position, false, now, actions);
            arm(position, now + settings_.negative_time);
            return;
        case State::Permanent:
            return;
    }
}

void Neighbors::arm(Position position, std::optional<Instant> deadline) {
    if (position->second.deadline) {
        timers_.erase({*position->second.deadline, position->first});
    }
    position->second.deadline = deadline;
    if (deadline) {
        timers_.insert({*deadline, position->first});
    }
}

void Neighbors::update_evictable(Position position, Instant now) {
    Entry& entry = position->second;
    if (entry.evictable_since) {
        evictable_.erase({*entry.evictable_since, position->first});
        entry.evictable_since.reset();
    }
    const bool unused = !entry.in_use && entry.references == 0 &&
                        (entry.state == State::Stale || entry.state == State::Failed);
    if (unused) {
        entry.evictable_since = now;
        evictable_.insert({now, position->first});
    }
}

// RFC 5227 2.4: a message whose sender address is ours. We keep the address (a router's addresses
// are configured; 2.4 (c)) and tell the control plane, at most once an interval for an address.
void Neighbors::seen_conflict(const InterfaceEntry& interface, const ArpSeen& message, Instant now,
                              NeighborActions& actions) {
    ++statistics_.conflicts;
    const NeighborKey key{interface.id, message.sender};
    const auto [position, first] = conflicts_.emplace(key, now);
    if (!first) {
        if (now - position->second < settings_.conflict_interval) {
            return;
        }
        position->second = now;
    }
    api::NeighborRecord record;
    record.address = message.sender.value();
    record.interface = interface.id.value();
    record.state = State::Failed;
    record.mac = message.sender_mac.bytes();
    actions.push_back(ConflictSeen{record});
}

// Up to a quarter more, the same for a key every time: neighbours that were resolved together are
// not polled together.
Duration Neighbors::with_jitter(Duration time, const NeighborKey& key) const {
    const std::uint32_t spread = (key.address.value() * 2654435761U) >> 24;  // 0 to 255
    return time + time / 1024 * spread;
}

api::NeighborRecord Neighbors::record_of(const NeighborKey& key, const Entry& entry, Instant now) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    api::NeighborRecord record;
    record.address = key.address.value();
    record.interface = key.interface.value();
    record.state = entry.state;
    record.mac = entry.mac.bytes();
    record.held_packets = static_cast<std::uint16_t>(entry.held.size());
    const auto age = duration_cast<milliseconds>(now - entry.confirmed).count();
    record.age_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(age, 0, UINT32_MAX));
    return record;
}

}  // namespace godwit::dataplane
