#include "controlplane/host/traceroute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace godwit::control {

std::optional<std::string> Traceroute::check(const TracerouteRequest& request) {
    const net::Ipv4Address to = request.destination;
    if (to.is_this_network() || to.is_loopback() || to.is_multicast() ||
        to.is_limited_broadcast() || to.is_reserved()) {
        return fmt::format("{} is not the address of one host; give a unicast address",
                           to.to_string());
    }
    if (request.max_hops == 0) {
        return "max-hops 0 leaves no router; give 1 to 255";
    }
    if (request.probes_a_hop == 0 || request.probes_a_hop > kMaxProbes) {
        return fmt::format("probes {} is out of range; give 1 to {}", request.probes_a_hop,
                           kMaxProbes);
    }
    if (request.timeout.count() < 1 || request.timeout > kMaxTimeout) {
        return fmt::format("timeout-ms {} is out of range; give 1 to {}", request.timeout.count(),
                           kMaxTimeout.count());
    }
    if (request.size > kMaxSize) {
        return fmt::format("size {} is too large; give 0 to {}", request.size, kMaxSize);
    }
    const unsigned more = unsigned{request.max_hops} * request.probes_a_hop - 1;
    if (request.kind == ProbeKind::Udp && (request.port == 0 || request.port + more > 0xffff)) {
        return fmt::format("port {} leaves no ports for {} probes; give 1 to {}", request.port,
                           more + 1, 0xffff - more);
    }
    return std::nullopt;
}

Traceroute::Traceroute(const TracerouteRequest& request, Instant start)
    : request_(request), next_send_(start) {
    sent_.reserve(request.probes_a_hop);
}

std::optional<Traceroute::Probe> Traceroute::due(Instant now) {
    if (finished_ || sent_.size() == request_.probes_a_hop || now < next_send_) {
        return std::nullopt;
    }
    const auto number = static_cast<std::uint16_t>(first_number() + sent_.size());
    sent_.push_back({now, std::nullopt});
    next_send_ = now + kGap;
    return Probe{number, hop_};
}

void Traceroute::expire(Instant now) {
    for (Sent& probe : sent_) {
        if (!probe.answer && now - probe.at >= request_.timeout) {
            probe.answer = ProbeAnswer{};
        }
    }
}

bool Traceroute::on_answer(std::uint16_t number, net::Ipv4Address from, Answer answer,
                           std::string mark, Instant now) {
    const std::uint32_t first = first_number();
    if (finished_ || number < first || number - first >= sent_.size()) {
        return false;
    }
    Sent& probe = sent_[number - first];
    if (probe.answer) {
        return false;
    }
    probe.answer =
        ProbeAnswer{from, std::max<std::chrono::nanoseconds>(now - probe.at, {}), std::move(mark)};
    ends_here_ = ends_here_ || answer != Answer::OnTheWay;
    reached_ = reached_ || answer == Answer::Arrived;
    return true;
}

bool Traceroute::hop_is_known() const {
    return sent_.size() == request_.probes_a_hop &&
           std::all_of(sent_.begin(), sent_.end(),
                       [](const Sent& probe) { return probe.answer.has_value(); });
}

std::optional<TracerouteHop> Traceroute::take_hop(Instant now) {
    if (finished_ || !hop_is_known()) {
        return std::nullopt;
    }
    TracerouteHop hop;
    hop.hop = hop_;
    for (Sent& probe : sent_) {
        hop.probes.push_back(std::move(*probe.answer));
    }
    sent_.clear();
    if (ends_here_ || hop_ == request_.max_hops) {
        finished_ = true;
    } else {
        ++hop_;
        next_send_ = std::max(next_send_, now);
    }
    return hop;
}

std::optional<Instant> Traceroute::next_deadline() const {
    if (finished_) {
        return std::nullopt;
    }
    std::optional<Instant> deadline;
    if (sent_.size() < request_.probes_a_hop) {
        deadline = next_send_;
    }
    for (const Sent& probe : sent_) {
        const Instant expiry = probe.at + request_.timeout;
        if (!probe.answer && (!deadline || expiry < *deadline)) {
            deadline = expiry;
        }
    }
    return deadline;
}

}  // namespace godwit::control
