// The PCP server without I/O (RFC 6887): datagrams, outcomes and time come in; datagrams to send
// and mappings to ask for come out, and the time to call again.
//
//   receive() ── is it a request? ── decode() ──► an error: answered at once
//                                       │
//                                       ▼ a mapping
//              waiting ──► under way ── Ask ──► whoever keeps the mappings
//                                                        │
//              answered() ◄── MapOutcome ────────────────┘ ──► the answer
//
// It keeps no mapping, only requests that have no answer yet: what a mapping is, who owns it and
// how long it lives is known in one place, the workers. A client repeats what is not answered
// (8.1.1), so that dropping is always allowed and never final.
//
// Invariants: each datagram is counted once (counters.hpp); of one client's mapping one ask is
// under way at a time, so that what it said last comes last; the number of requests kept is
// bounded; nothing is sent but to who sent a request, and announcements to the group.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "controlplane/pcp/announcements.hpp"
#include "controlplane/pcp/counters.hpp"
#include "controlplane/pcp/epoch.hpp"
#include "controlplane/pcp/message.hpp"
#include "controlplane/pcp/settings.hpp"
#include "controlplane/pcp/types.hpp"
#include "net/interface_id.hpp"

namespace godwit::control::pcp {

// A datagram that came to the port of the server.
struct Datagram {
    net::InterfaceId interface;
    Endpoint from;
    net::Ipv4Address to;
    bool group = false;       // it came as multicast or broadcast
    bool leads_back = false;  // packets to its sender leave by the interface that it came by
    std::span<const std::uint8_t> payload;
};

// A datagram to send from the port of the server.
struct Transmit {
    net::InterfaceId interface;
    net::Ipv4Address source;  // unspecified: any of the interface
    Endpoint to;
    std::vector<std::uint8_t> payload;
};

enum class AskTag : std::uint64_t {};

struct Ask {
    AskTag tag{};
    MapWish wish;
};

struct Actions {
    std::vector<Transmit> transmit;
    std::vector<Ask> asks;
};

struct Limits {
    std::size_t asks_under_way = 64;
    std::size_t requests_waiting = 256;  // behind those
    std::uint32_t requests_per_second = 2000;
    std::uint32_t burst = 2000;
    Duration patience = std::chrono::seconds(5);  // with an ask
};

class Server {
public:
    explicit Server(const Limits& limits = {});

    void configure(Settings settings) { settings_ = std::move(settings); }
    // Which mappings are kept now, and how old they are. Until it is known nothing is answered;
    // when they are others than before, clients are told that the former ones are lost.
    [[nodiscard]] Actions set_epoch(std::uint64_t number, Duration age, Instant now);

    [[nodiscard]] Actions receive(const Datagram& datagram, Instant now);
    // What came of an ask. Of one that is not under way any more it is ignored.
    [[nodiscard]] Actions answered(AskTag tag, const MapOutcome& outcome, Instant now);
    // Call at next_deadline().
    [[nodiscard]] Actions advance(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // What is seen.
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const Epoch& epoch() const { return epoch_; }
    [[nodiscard]] const Announcements& announcements() const { return announcements_; }
    [[nodiscard]] std::size_t asks_under_way() const { return under_way_.size(); }
    [[nodiscard]] std::size_t requests_waiting() const { return waiting_.size(); }
    void clear_counters() { counters_ = {}; }

private:
    // Requests of the same key are about one mapping, asked for by one socket of a client.
    struct Key {
        net::InterfaceId interface;
        Endpoint client;
        net::IpProtocol protocol{};
        std::uint16_t internal_port = 0;
        Nonce nonce{};
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    struct Pending {
        Key key;
        net::Ipv4Address spoken_to;  // what the answer comes from
        Request request;
        std::vector<std::uint8_t> bytes;  // of the request, for an error
        Instant give_up_at{};             // when under way
    };

    [[nodiscard]] std::optional<DropReason> refuse(const Datagram& datagram, Instant now);
    void take(const Datagram& datagram, Request request, Instant now, Actions& actions);
    void ask(Pending pending, Instant now, Actions& actions);
    void ask_those_waiting(Instant now, Actions& actions);
    void finish(const Pending& pending, const MapOutcome& outcome, Instant now, Actions& actions);
    void announce(Instant now, Actions& actions);
    void drop(DropReason reason) { ++counters_.drops[static_cast<std::size_t>(reason)]; }
    void count_answer(ResultCode code) { ++counters_.answers[static_cast<std::size_t>(code)]; }

    Limits limits_;
    Settings settings_;
    TokenBucket bucket_;
    Epoch epoch_;
    Announcements announcements_;
    std::map<AskTag, Pending> under_way_;  // in the order of their deadlines
    std::map<Key, AskTag> busy_;           // the keys of those
    std::deque<Pending> waiting_;
    std::uint64_t last_tag_ = 0;
    Counters counters_;
};

}  // namespace godwit::control::pcp
