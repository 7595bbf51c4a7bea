#include "controlplane/pcp/server.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control::pcp {

namespace {

RequestKind kind_of(std::span<const std::uint8_t> bytes) {
    if (bytes[0] != kVersion) {
        return RequestKind::OtherVersion;
    }
    switch (static_cast<Opcode>(bytes[1])) {
        case Opcode::Announce:
            return RequestKind::Announce;
        case Opcode::Map:
            return RequestKind::Map;
        case Opcode::Peer:
            return RequestKind::Peer;
    }
    return RequestKind::UnknownOpcode;
}

// RFC 6887 15: the server decides how long; zero always means the end.
std::uint32_t lifetime_within(const Settings& settings, std::uint32_t wanted) {
    if (wanted == 0) {
        return 0;
    }
    return std::max(std::min(wanted, settings.max_lifetime_seconds), settings.min_lifetime_seconds);
}

}  // namespace

Server::Server(const Limits& limits)
    : limits_(limits), bucket_(limits.requests_per_second, limits.burst) {}

// ---- what comes in

// From the cheapest to judge on; a token is spent only for what will be answered.
std::optional<DropReason> Server::refuse(const Datagram& datagram, Instant now) {
    // RFC 6887 8.2: who is at home elsewhere must not open ports to somebody who is not here.
    if (!settings_.interfaces.contains(datagram.interface) || !datagram.leads_back) {
        return DropReason::FromElsewhere;
    }
    if (datagram.group) {
        return DropReason::NotUnicast;
    }
    if (!epoch_.known()) {
        return DropReason::NotReady;
    }
    if (const auto silence = silence_on(datagram.payload)) {
        return *silence == Silence::TooShort ? DropReason::TooShort : DropReason::IsResponse;
    }
    // RFC 6887 8.2: an overloaded server may discard silently.
    if (!bucket_.take(now)) {
        return DropReason::OverRate;
    }
    return std::nullopt;
}

Actions Server::receive(const Datagram& datagram, Instant now) {
    Actions actions;
    ++counters_.received;
    if (const auto reason = refuse(datagram, now)) {
        drop(*reason);
        return actions;
    }
    ++counters_.requests[static_cast<std::size_t>(kind_of(datagram.payload))];
    auto request = decode(datagram.payload, datagram.from.address);
    const auto answer = [&](ResultCode code, std::vector<std::uint8_t> payload) {
        count_answer(code);
        actions.transmit.push_back(
            {datagram.interface, datagram.to, datagram.from, std::move(payload)});
    };
    if (!request) {
        answer(request.error(),
               encode_error(datagram.payload, request.error(), epoch_.seconds(now)));
    } else if (request->opcode == Opcode::Announce) {
        answer(ResultCode::Success, encode_announcement(epoch_.seconds(now)));
    } else {
        take(datagram, std::move(*request), now, actions);
    }
    return actions;
}

void Server::take(const Datagram& datagram, Request request, Instant now, Actions& actions) {
    Pending pending;
    pending.key = {datagram.interface, datagram.from, request.map.protocol,
                   request.map.internal_port, request.map.nonce};
    pending.spoken_to = datagram.to;
    pending.request = std::move(request);
    pending.bytes.assign(datagram.payload.begin(), datagram.payload.end());
    const auto says_the_same = [&pending](const Pending& other) {
        return other.spoken_to == pending.spoken_to && other.bytes == pending.bytes;
    };
    const auto waits = std::ranges::find(waiting_, pending.key, &Pending::key);
    const auto busy = busy_.find(pending.key);
    if (waits != waiting_.end()) {
        // One place for a mapping: what its client said last is what it wants.
        drop(says_the_same(*waits) ? DropReason::Repeated : DropReason::Superseded);
        *waits = std::move(pending);
    } else if (busy != busy_.end() && says_the_same(under_way_.at(busy->second))) {
        drop(DropReason::Repeated);
    } else if (busy == busy_.end() && under_way_.size() < limits_.asks_under_way) {
        ask(std::move(pending), now, actions);
    } else if (waiting_.size() < limits_.requests_waiting) {
        waiting_.push_back(std::move(pending));
    } else {
        drop(DropReason::QueueFull);
    }
}

// ---- asks

void Server::ask(Pending pending, Instant now, Actions& actions) {
    const MapRequest& map = pending.request.map;
    const AskTag tag{++last_tag_};
    MapWish wish;
    wish.inside = {pending.key.client.address, map.internal_port};
    wish.protocol = map.protocol;
    wish.nonce = map.nonce;
    wish.lifetime_seconds = lifetime_within(settings_, pending.request.lifetime_seconds);
    wish.suggested = map.suggested;
    wish.exactly = map.exactly;
    wish.clears_filters = map.clears_filters;
    wish.filters = map.filters;
    actions.asks.push_back({tag, std::move(wish)});
    ++counters_.asks;
    pending.give_up_at = now + limits_.patience;
    busy_.emplace(pending.key, tag);
    under_way_.emplace(tag, std::move(pending));
}

// The oldest first, but for those whose mapping is being asked for: they keep their order.
void Server::ask_those_waiting(Instant now, Actions& actions) {
    for (auto next = waiting_.begin();
         next != waiting_.end() && under_way_.size() < limits_.asks_under_way;) {
        if (busy_.contains(next->key)) {
            ++next;
            continue;
        }
        Pending pending = std::move(*next);
        next = waiting_.erase(next);
        if (settings_.interfaces.contains(pending.key.interface)) {
            ask(std::move(pending), now, actions);
        } else {
            drop(DropReason::InterfaceGone);
        }
    }
}

Actions Server::answered(AskTag tag, const MapOutcome& outcome, Instant now) {
    Actions actions;
    auto found = under_way_.extract(tag);
    if (found.empty()) {
        ++counters_.late_outcomes;
        return actions;
    }
    finish(found.mapped(), outcome, now, actions);
    ask_those_waiting(now, actions);
    return actions;
}

void Server::finish(const Pending& pending, const MapOutcome& outcome, Instant now,
                    Actions& actions) {
    busy_.erase(pending.key);
    if (!settings_.interfaces.contains(pending.key.interface)) {
        drop(DropReason::InterfaceGone);
        return;
    }
    const ResultCode code = code_of(outcome.result);
    const std::uint32_t epoch = epoch_.seconds(now);
    count_answer(code);
    std::vector<std::uint8_t> payload;
    if (code == ResultCode::Success) {
        // RFC 6887 15.1: what has been ended lives for no time.
        const bool ends = pending.request.lifetime_seconds == 0;
        payload = encode_mapping(pending.request.map, outcome.outside,
                                 ends ? 0 : outcome.lifetime_seconds, epoch);
    } else {
        // RFC 6887 11.3: who asks for another's mapping may ask again when it is over.
        const bool is_known =
            outcome.result == MapResult::NotAuthorized && outcome.lifetime_seconds != 0;
        payload = encode_error(pending.bytes, code, epoch,
                               is_known ? std::optional(outcome.lifetime_seconds) : std::nullopt);
    }
    actions.transmit.push_back(
        {pending.key.interface, pending.spoken_to, pending.key.client, std::move(payload)});
}

// ---- time

Actions Server::set_epoch(std::uint64_t number, Duration age, Instant now) {
    if (epoch_.learn(number, age, now)) {
        announcements_.begin(now);
    }
    return advance(now);
}

void Server::announce(Instant now, Actions& actions) {
    if (!announcements_.take(now)) {
        return;
    }
    for (const net::InterfaceId interface : settings_.interfaces) {
        ++counters_.announcements;
        actions.transmit.push_back(
            {interface, {}, {kAllHosts, kClientPort}, encode_announcement(epoch_.seconds(now))});
    }
}

Actions Server::advance(Instant now) {
    Actions actions;
    while (!under_way_.empty() && under_way_.begin()->second.give_up_at <= now) {
        const auto given_up = under_way_.extract(under_way_.begin());
        ++counters_.unanswered;
        finish(given_up.mapped(), {MapResult::Unavailable, {}, 0}, now, actions);
    }
    ask_those_waiting(now, actions);
    announce(now, actions);
    return actions;
}

std::optional<Instant> Server::next_deadline() const {
    std::optional<Instant> next = announcements_.next();
    if (!under_way_.empty()) {
        const Instant patience_ends = under_way_.begin()->second.give_up_at;
        next = std::min(next.value_or(patience_ends), patience_ends);
    }
    return next;
}

}  // namespace godwit::control::pcp
