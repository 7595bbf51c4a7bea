// Handshakes that a stranger began and has not finished: SYN-RECEIVED after a passive open, each a
// small record (RFC 4987 3.3), and cookies when there is no room for more (3.6).
//
// A record repeats its SYN and ACK after 1, 2, 4, 8 and 16 seconds and is then forgotten. A cookie
// is a sequence number that holds what the record would have held: a counter of 64 s, the segment
// size as one of eight, and a keyed hash of both and of the flow. With timestamps, the low bits of
// TSval carry the window scale and SACK. Cookies are believed only for as long after the cache was
// full as one may be under way.
//
//      31 30 29   27 26                       0
//     +-----+-------+--------------------------+
//     |count|  MSS  |          hash            |
//     +-----+-------+--------------------------+
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "controlplane/host/tcp/connection.hpp"

namespace godwit::control::tcp {

enum class ListenerId : std::uint32_t {};

struct HalfOpen {
    Handshake handshake;
    ListenerId listener{};
    std::uint16_t link_mtu = 1500;
    std::uint8_t offered_scale = 0;
    std::uint8_t attempts = 0;         // how often the SYN and ACK was sent again
    std::uint32_t offered_window = 0;  // bytes
    Instant due{};                     // when it is sent again
};

class SynCache {
public:
    static constexpr std::size_t kAttempts = 5;

    SynCache(std::size_t limit, const FlowSecrets& secrets)
        : limit_(limit), secrets_(&secrets), records_(0, FlowPlacer(secrets)) {}

    [[nodiscard]] bool full() const { return records_.size() >= limit_; }
    void add(const Flow& flow, const HalfOpen& half_open, Instant now);
    [[nodiscard]] HalfOpen* find(const Flow& flow);
    void remove(const Flow& flow) { records_.erase(flow); }
    void remove_of(ListenerId listener);
    [[nodiscard]] std::size_t size() const { return records_.size(); }

    // The SYN and ACK of a record that is due, one a call; and forgets those whose time is over.
    std::optional<Flow> next_due(Instant now);
    [[nodiscard]] Instant next_deadline() const;

    // The handshake becomes a cookie: its sequence number, and its bits of the timestamp.
    void make_cookie(const Flow& flow, Handshake& handshake, Instant now);
    // The handshake that `ack` completes, if it answers a cookie of ours.
    [[nodiscard]] std::optional<Handshake> check_cookie(const Flow& flow, const Segment& ack,
                                                        const Settings& settings,
                                                        Instant now) const;
    [[nodiscard]] std::uint64_t cookies_sent() const { return cookies_sent_; }

private:
    struct Queued {
        Instant at;
        Flow flow;
    };
    static_assert(sizeof(HalfOpen) + sizeof(Flow) + 3 * sizeof(void*) + sizeof(Queued) <= 128);

    std::size_t limit_;
    const FlowSecrets* secrets_;
    std::unordered_map<Flow, HalfOpen, FlowPlacer> records_;
    std::array<std::deque<Queued>, kAttempts + 1> queues_;  // one for each number of attempts
    Instant cookies_until_{};
    std::uint64_t cookies_sent_ = 0;
};

// The SYN and ACK of a handshake.
[[nodiscard]] Segment syn_acknowledgment(const HalfOpen& half_open, const net::TcpOptions& options);

}  // namespace godwit::control::tcp
