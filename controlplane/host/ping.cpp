#include "controlplane/host/ping.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::control {

std::optional<std::string> Ping::check(const PingRequest& request) {
    if (request.destination.is_unspecified() || request.destination.is_loopback() ||
        request.destination.is_multicast() || request.destination.is_limited_broadcast() ||
        request.destination.is_reserved() || request.destination.is_this_network()) {
        return fmt::format("{} is not the address of one host; give a unicast address",
                           request.destination.to_string());
    }
    if (request.count < 1 || request.count > kMaxCount) {
        return fmt::format("count {} is out of range; give 1 to {}", request.count, kMaxCount);
    }
    if (request.size > kMaxSize) {
        return fmt::format("size {} is too large; give 0 to {}", request.size, kMaxSize);
    }
    if (request.ttl == 0) {
        return "ttl 0 leaves no router; give 1 to 255";
    }
    if (request.interval < kMinInterval || request.interval > kMaxInterval) {
        return fmt::format("interval-ms {} is out of range; give {} to {}",
                           request.interval.count(), kMinInterval.count(), kMaxInterval.count());
    }
    if (request.timeout.count() < 1 || request.timeout > kMaxTimeout) {
        return fmt::format("timeout-ms {} is out of range; give 1 to {}", request.timeout.count(),
                           kMaxTimeout.count());
    }
    return std::nullopt;
}

std::optional<std::uint16_t> Ping::due(Instant now) {
    if (sent_ == request_.count || now < next_send_) {
        return std::nullopt;
    }
    // Sequence numbers count from 1, as ping(8)'s do.
    const auto sequence = static_cast<std::uint16_t>(++sent_);
    waiting_.emplace(sequence, now);
    next_send_ += request_.interval;
    if (next_send_ <= now) {
        // Held up: what was missed is not sent in one burst.
        next_send_ = now + request_.interval;
    }
    return sequence;
}

std::vector<PingEvent> Ping::expire(Instant now) {
    std::vector<PingEvent> events;
    while (!waiting_.empty() && now - waiting_.begin()->second >= request_.timeout) {
        PingEvent event;
        event.sequence = waiting_.begin()->first;
        event.outcome = PingOutcome::Lost;
        events.push_back(std::move(event));
        waiting_.erase(waiting_.begin());
    }
    while (!answered_.empty() && now - answered_.begin()->second >= request_.timeout) {
        answered_.erase(answered_.begin());
    }
    return events;
}

std::optional<PingEvent> Ping::on_reply(std::uint16_t sequence, net::Ipv4Address from,
                                        std::uint16_t bytes, std::uint8_t ttl, Instant now) {
    PingEvent event;
    event.sequence = sequence;
    event.from = from;
    event.bytes = bytes;
    event.ttl = ttl;
    if (const auto again = answered_.find(sequence); again != answered_.end()) {
        event.outcome = PingOutcome::Duplicate;
        event.round_trip = now - again->second;
        return event;
    }
    const auto sent = waiting_.find(sequence);
    if (sent == waiting_.end()) {
        return std::nullopt;
    }
    event.outcome = PingOutcome::Reply;
    event.round_trip = std::max<std::chrono::nanoseconds>(now - sent->second, {});
    minimum_ = received_ == 0 ? event.round_trip : std::min(minimum_, event.round_trip);
    maximum_ = std::max(maximum_, event.round_trip);
    total_ += event.round_trip;
    ++received_;
    answered_.insert(*sent);
    waiting_.erase(sent);
    return event;
}

std::optional<PingEvent> Ping::on_error(std::uint16_t sequence, net::Ipv4Address from,
                                        const std::string& error, std::uint16_t mtu) {
    if (waiting_.erase(sequence) == 0) {
        return std::nullopt;
    }
    PingEvent event;
    event.sequence = sequence;
    event.outcome = PingOutcome::Error;
    event.from = from;
    event.error = error;
    event.mtu = mtu;
    return event;
}

std::optional<Instant> Ping::next_deadline() const {
    std::optional<Instant> deadline;
    if (sent_ < request_.count) {
        deadline = next_send_;
    }
    if (!waiting_.empty()) {
        const Instant expiry = waiting_.begin()->second + request_.timeout;
        deadline = deadline ? std::min(*deadline, expiry) : expiry;
    }
    return deadline;
}

PingSummary Ping::summary() const {
    PingSummary summary;
    summary.sent = sent_;
    summary.received = received_;
    summary.minimum = minimum_;
    summary.maximum = maximum_;
    if (received_ > 0) {
        summary.average = total_ / received_;
    }
    return summary;
}

}  // namespace godwit::control
