// One ping as a core without I/O: when to send, what counts as an answer, what to tell.
//
// A ping sends `count` echo requests, `interval` apart, and ends when each of them has been
// answered, has been reported undeliverable by a router on the path, or has waited `timeout`. It
// holds one number for every request on its way, so its memory is bounded by timeout / interval,
// which `Ping::check` bounds. The packets themselves are made and read by Host; here are sequence
// numbers and times only (RFC 792 "Echo or Echo Reply Message").
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::control {

struct PingRequest {
    net::Ipv4Address destination;
    net::Ipv4Address source;  // unspecified: the router chooses
    std::uint32_t count = 4;
    std::chrono::milliseconds interval{1000};
    std::uint16_t size = 56;     // bytes of data after the ICMP header
    bool dont_fragment = false;  // RFC 791 3.1: a router on the way says so instead
    std::uint8_t ttl = 64;
    std::chrono::milliseconds timeout{1000};
};

enum class PingOutcome : std::uint8_t {
    Reply,
    Duplicate,  // one more reply to a request that has been answered
    Error,      // a router on the path says why it did not arrive
    Lost,       // nothing came in time
};

struct PingEvent {
    std::uint16_t sequence = 0;
    PingOutcome outcome = PingOutcome::Lost;
    net::Ipv4Address from;    // Reply, Duplicate, Error
    std::uint16_t bytes = 0;  // of ICMP, header included: Reply
    std::uint8_t ttl = 0;     // Reply
    std::chrono::nanoseconds round_trip{0};
    std::string error;      // Error: "time to live exceeded"
    std::uint16_t mtu = 0;  // Error: of the next hop, where fragmentation was needed; 0: not said
};

struct PingSummary {
    std::uint32_t sent = 0;
    std::uint32_t received = 0;  // requests that were answered
    std::chrono::nanoseconds minimum{0};
    std::chrono::nanoseconds average{0};
    std::chrono::nanoseconds maximum{0};
};

class Ping {
public:
    static constexpr std::uint32_t kMaxCount = 65535;  // every sequence number at most once
    static constexpr std::uint16_t kMaxSize =
        65'507;  // RFC 791 3.1: 65535 in all, headers included
    static constexpr std::chrono::milliseconds kMinInterval{10};
    static constexpr std::chrono::milliseconds kMaxInterval{60'000};
    static constexpr std::chrono::milliseconds kMaxTimeout{60'000};

    // What is wrong with a request, as a sentence; nothing when it can be carried out.
    static std::optional<std::string> check(const PingRequest& request);

    Ping(const PingRequest& request, Instant start) : request_(request), next_send_(start) {}

    [[nodiscard]] const PingRequest& request() const { return request_; }

    // The sequence number to send now, if one is due; call until there is none.
    std::optional<std::uint16_t> due(Instant now);
    // What timed out.
    std::vector<PingEvent> expire(Instant now);
    std::optional<PingEvent> on_reply(std::uint16_t sequence, net::Ipv4Address from,
                                      std::uint16_t bytes, std::uint8_t ttl, Instant now);
    std::optional<PingEvent> on_error(std::uint16_t sequence, net::Ipv4Address from,
                                      const std::string& error, std::uint16_t mtu);

    [[nodiscard]] bool finished() const { return sent_ == request_.count && waiting_.empty(); }
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    [[nodiscard]] PingSummary summary() const;

private:
    PingRequest request_;
    Instant next_send_;
    std::uint32_t sent_ = 0;
    std::uint32_t received_ = 0;
    std::chrono::nanoseconds minimum_{0};
    std::chrono::nanoseconds maximum_{0};
    std::chrono::nanoseconds total_{0};
    std::map<std::uint16_t, Instant> waiting_;   // sent at; sequence numbers go up with time
    std::map<std::uint16_t, Instant> answered_;  // for duplicates; forgotten after the timeout
};

}  // namespace godwit::control
