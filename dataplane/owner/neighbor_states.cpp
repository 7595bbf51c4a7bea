// What an entry of the neighbour table makes of what happens to it: how it begins and ends, its
// states, its timer, its packets, and who gives way where there is no room.
#include <algorithm>

#include "dataplane/owner/neighbors.hpp"

namespace godwit::dataplane {

Neighbors::Position Neighbors::create(const NeighborKey& key, State state, For reason, Instant now,
                                      NeighborActions& actions) {
    OnInterface& on = interfaces_[key.interface];
    if (state != State::Permanent) {
        if (reason == For::Packet && !may_ask_anew(on, now)) {
            return entries_.end();
        }
        if (reason != For::Route && on.entries >= on.limit && !make_room_on(on, now, actions)) {
            ++statistics_.interface_full;
            return entries_.end();
        }
        if (entries_.size() >= settings_.max_entries && !make_room(now, actions)) {
            ++statistics_.table_full;
            return entries_.end();
        }
        ++on.entries;
    }
    if (reason == For::Packet) {
        ++on.asked;
        if (unresolved_ >= settings_.max_unresolved) {
            give_up_oldest(now, actions);
        }
    }
    const auto position = entries_.emplace(key, Entry{}).first;
    Entry& entry = position->second;
    entry.state = state;
    entry.confirmed = now;
    if (state == State::Stale) {
        arm(position, now + settings_.stale_time);
    }
    if (reason != For::Route) {
        list(position, now);
    }
    return position;
}

// A sweep of addresses is paced before anything is spent on it.
bool Neighbors::may_ask_anew(OnInterface& interface, Instant now) {
    if (now - interface.second_began >= std::chrono::seconds(1)) {
        interface.second_began = now;
        interface.asked = 0;
    }
    if (interface.asked < settings_.new_a_second) {
        return true;
    }
    ++statistics_.throttled;
    return false;
}

bool Neighbors::make_room(Instant now, NeighborActions& actions) {
    const std::pair<Instant, NeighborKey>* oldest = nullptr;
    for (const auto& [id, on] : interfaces_) {
        if (!on.unused.empty() && (oldest == nullptr || *on.unused.begin() < *oldest)) {
            oldest = &*on.unused.begin();
        }
    }
    if (oldest == nullptr) {
        return false;
    }
    ++statistics_.evicted;
    forget(entries_.find(oldest->second), now, actions);
    return true;
}

bool Neighbors::make_room_on(OnInterface& interface, Instant now, NeighborActions& actions) {
    if (!interface.unused.empty()) {
        ++statistics_.evicted;
        forget(entries_.find(interface.unused.begin()->second), now, actions);
        return true;
    }
    if (!interface.unresolved.empty()) {
        ++statistics_.given_up_early;
        forget(entries_.find(interface.unresolved.begin()->second), now, actions);
        return true;
    }
    return false;
}

void Neighbors::give_up_oldest(Instant now, NeighborActions& actions) {
    const auto most = std::max_element(
        interfaces_.begin(), interfaces_.end(), [](const auto& left, const auto& right) {
            return left.second.unresolved.size() < right.second.unresolved.size();
        });
    if (most != interfaces_.end() && !most->second.unresolved.empty()) {
        ++statistics_.given_up_early;
        forget(entries_.find(most->second.unresolved.begin()->second), now, actions);
    }
}

void Neighbors::forget(Position position, Instant now, NeighborActions& actions) {
    drop_held_of(position, api::DropReason::ArpUnresolved, false, actions);
    if (position->second.in_use) {
        take_out_of_use(position, actions);
        api::NeighborRecord record = record_of(position->first, position->second, now);
        record.state = State::Failed;
        actions.push_back(NeighborChanged{record});
    }
    arm(position, std::nullopt);
    take_off_list(position);
    if (position->second.state != State::Permanent) {
        --interfaces_[position->first.interface].entries;
    }
    entries_.erase(position);
}

// The one place where an entry changes its state: owns the count of what is learnt, the timer and
// the first message of the new state.
void Neighbors::change_state(Position position, State state, Instant now,
                             NeighborActions& actions) {
    Entry& entry = position->second;
    if (entry.state == State::Permanent && state != State::Permanent) {
        ++interfaces_[position->first.interface].entries;
    } else if (entry.state != State::Permanent && state == State::Permanent) {
        --interfaces_[position->first.interface].entries;
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
            entry.use_confirmed = use_(position->first);
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
    list(position, now);
}

// RFC 1122 2.3.2.1 asks to poll what is in use. Whom nobody sent anything since it was confirmed is
// not: polling every host that ever said something would never end.
bool Neighbors::is_wanted(Position position) const {
    return position->second.references > 0 ||
           use_(position->first) != position->second.use_confirmed;
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
    if (rte_mbuf* gave_way = held_.add(position->first, packet)) {
        actions.push_back(DropPacket{gave_way, api::DropReason::ArpHoldFull, false});
    }
}

void Neighbors::release_held(Position position, NeighborActions& actions) {
    for (rte_mbuf* packet : held_.take(position->first)) {
        actions.push_back(ForwardPacket{position->first, packet});
    }
}

void Neighbors::drop_held_of(Position position, api::DropReason reason, bool host_unreachable,
                             NeighborActions& actions) {
    for (rte_mbuf* packet : held_.take(position->first)) {
        actions.push_back(DropPacket{packet, reason, host_unreachable});
    }
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
            if (is_wanted(position)) {
                change_state(position, State::Probe, now, actions);
                return;
            }
            take_out_of_use(position, actions);
            change_state(position, State::Stale, now, actions);
            actions.push_back(NeighborChanged{record_of(position->first, entry, now)});
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

void Neighbors::list(Position position, Instant now) {
    Entry& entry = position->second;
    OnInterface& on = interfaces_[position->first.interface];
    Ages* wanted = nullptr;
    if (entry.references == 0 && !entry.in_use &&
        (entry.state == State::Stale || entry.state == State::Failed)) {
        wanted = &on.unused;
    } else if (entry.references == 0 && entry.state == State::Incomplete) {
        wanted = &on.unresolved;
        if (entry.listed == wanted) {
            return;  // its age counts from when it was asked for first
        }
    }
    take_off_list(position);
    if (wanted != nullptr) {
        entry.listed = wanted;
        entry.listed_since = now;
        wanted->insert({now, position->first});
        unresolved_ += wanted == &on.unresolved ? 1 : 0;
    }
}

void Neighbors::take_off_list(Position position) {
    Entry& entry = position->second;
    if (entry.listed != nullptr) {
        unresolved_ -= entry.listed == &interfaces_[position->first.interface].unresolved ? 1 : 0;
        entry.listed->erase({entry.listed_since, position->first});
        entry.listed = nullptr;
    }
}

// Up to a quarter more, the same for a key every time: neighbours that were resolved together are
// not polled together.
Duration Neighbors::with_jitter(Duration time, const NeighborKey& key) const {
    const std::uint32_t spread = (key.address.value() * 2654435761U) >> 24;  // 0 to 255
    return time + time / 1024 * spread;
}

api::NeighborRecord Neighbors::record_of(const NeighborKey& key, const Entry& entry,
                                         Instant now) const {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    api::NeighborRecord record;
    record.address = key.address.value();
    record.interface = key.interface.value();
    record.state = entry.state;
    record.mac = entry.mac.bytes();
    record.held_packets = static_cast<std::uint16_t>(held_.of(key));
    record.hits = use_(key);
    const auto age = duration_cast<milliseconds>(now - entry.confirmed).count();
    record.age_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(age, 0, UINT32_MAX));
    return record;
}

}  // namespace godwit::dataplane
