#include "dataplane/owner/conflicts.hpp"

#include <algorithm>

namespace godwit::dataplane {

void Conflicts::configure(net::InterfaceId interface,
                          std::span<const net::Ipv4InterfaceAddress> addresses, bool probe,
                          bool link_up, Instant now) {
    interfaces_[interface].probe = probe;
    auto position = claims_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
    while (position != claims_.end() && position->first.interface == interface) {
        const auto current = position++;
        const bool stays = std::any_of(
            addresses.begin(), addresses.end(),
            [&](const auto& address) { return address.address == current->first.address; });
        if (!stays) {
            erase(current);
        }
    }
    for (const net::Ipv4InterfaceAddress& address : addresses) {
        const auto [claim, is_new] =
            claims_.try_emplace(NeighborKey{interface, address.address}, Claim{});
        if (!probe) {
            change_state(claim, State::InUse, std::nullopt);
        } else if (is_new && link_up) {
            begin(claim, now);
        }
    }
}

void Conflicts::interface_removed(net::InterfaceId interface) {
    auto position = claims_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
    while (position != claims_.end() && position->first.interface == interface) {
        erase(position++);
    }
    interfaces_.erase(interface);
}

// RFC 5227 2.1: before an address is used, and when a link becomes active. Not at any other time:
// "a host MUST NOT perform this check periodically".
void Conflicts::link_up(net::InterfaceId interface, Instant now, ConflictActions& actions) {
    const auto on = interfaces_.find(interface);
    if (on == interfaces_.end() || !on->second.probe) {
        return;
    }
    for (auto position = claims_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
         position != claims_.end() && position->first.interface == interface; ++position) {
        if (position->second.state == State::InUse) {
            actions.emplace_back(AddressUseChanged{position->first, false});
        }
        if (position->second.state == State::InUse || position->second.state == State::Waiting) {
            begin(position, now);
        }
    }
}

void Conflicts::link_down(net::InterfaceId interface) {
    for (auto position = claims_.lower_bound(NeighborKey{interface, net::Ipv4Address()});
         position != claims_.end() && position->first.interface == interface; ++position) {
        if (position->second.state != State::InUse) {
            change_state(position, State::Waiting, std::nullopt);
        }
    }
}

void Conflicts::handle_arp(net::InterfaceId interface, const ArpSeen& message, Instant now,
                           ConflictActions& actions) {
    // RFC 5227 2.1.1: another host's probe for the same address counts as its use of it.
    const bool is_probe = message.sender.is_unspecified();
    if (is_probe && !message.is_request) {
        return;
    }
    const auto position =
        claims_.find(NeighborKey{interface, is_probe ? message.target : message.sender});
    if (position == claims_.end()) {
        return;
    }
    switch (position->second.state) {
        case State::Probing:
        case State::Listening:
            refuse(position, message.sender_mac, now, actions);
            return;
        case State::InUse:
            if (!is_probe) {  // which is answered, and that is enough
                defend(position, message.sender_mac, now, actions);
            }
            return;
        case State::Waiting:
        case State::Refused:
            return;
    }
}

void Conflicts::advance(Instant now, ConflictActions& actions) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        due(claims_.find(timers_.begin()->second), now, actions);
    }
}

std::optional<Instant> Conflicts::next_deadline() const {
    return timers_.empty() ? std::nullopt : std::optional(timers_.begin()->first);
}

bool Conflicts::is_in_use(const NeighborKey& own) const {
    return state(own) == State::InUse;
}

std::optional<Conflicts::State> Conflicts::state(const NeighborKey& own) const {
    const auto position = claims_.find(own);
    return position == claims_.end() ? std::nullopt : std::optional(position->second.state);
}

// ---- inside

void Conflicts::change_state(Position position, State state, std::optional<Instant> deadline) {
    Claim& claim = position->second;
    in_use_ -= claim.state == State::InUse ? 1 : 0;
    in_use_ += state == State::InUse ? 1 : 0;
    claim.state = state;
    if (claim.deadline) {
        timers_.erase({*claim.deadline, position->first});
    }
    claim.deadline = deadline;
    if (deadline) {
        timers_.insert({*deadline, position->first});
    }
}

// RFC 5227 2.1.1: a random wait first, so that what starts together does not ask together.
void Conflicts::begin(Position position, Instant now) {
    OnInterface& on = interfaces_[position->first.interface];
    Instant from = now;
    if (on.conflicts >= kMaxConflicts) {
        from = std::max(now, on.next_attempt);
        on.next_attempt = from + kRateLimitInterval;
    }
    position->second.probes = 0;
    change_state(position, State::Probing, from + between(Duration::zero(), kProbeWait));
}

void Conflicts::refuse(Position position, const net::MacAddress& other, Instant now,
                       ConflictActions& actions) {
    ++statistics_.refused;
    ++interfaces_[position->first.interface].conflicts;
    change_state(position, State::Refused, now + kRateLimitInterval);
    actions.emplace_back(ConflictSeen{position->first, other, false});
}

void Conflicts::defend(Position position, const net::MacAddress& other, Instant now,
                       ConflictActions& actions) {
    ++statistics_.conflicts;
    ++interfaces_[position->first.interface].conflicts;
    Claim& claim = position->second;
    if (claim.defended && now - *claim.defended < kDefendInterval) {
        return;  // RFC 5227 2.4 (c): two that defend must not do it for ever
    }
    claim.defended = now;
    ++statistics_.defended;
    actions.emplace_back(DefendAddress{position->first});
    actions.emplace_back(ConflictSeen{position->first, other, true});
}

void Conflicts::due(Position position, Instant now, ConflictActions& actions) {
    Claim& claim = position->second;
    switch (claim.state) {
        case State::Probing:
            actions.emplace_back(SendArpProbe{position->first});
            if (++claim.probes < kProbeCount) {
                change_state(position, State::Probing, now + between(kProbeMin, kProbeMax));
            } else {
                change_state(position, State::Listening, now + kAnnounceWait);
            }
            return;
        case State::Listening:
            change_state(position, State::InUse, std::nullopt);
            claim.defended.reset();
            actions.emplace_back(AddressUseChanged{position->first, true});
            return;
        case State::Refused:
            begin(position, now);
            return;
        case State::Waiting:
        case State::InUse:
            change_state(position, claim.state, std::nullopt);
            return;
    }
}

void Conflicts::erase(Position position) {
    change_state(position, State::Waiting, std::nullopt);
    claims_.erase(position);
}

Duration Conflicts::between(Duration least, Duration most) {
    std::uniform_int_distribution<Duration::rep> choose(least.count(), most.count());
    return Duration(choose(random_));
}

}  // namespace godwit::dataplane
