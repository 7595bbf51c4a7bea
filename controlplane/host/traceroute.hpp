// One traceroute as a core without I/O: which probe to send when, what its answer tells, when a hop
// is known and when the way has ended.
//
// Probes go out with a time to live of 1, 2, 3 and so on, a few for each: the router where it runs
// out says who it is (RFC 792, RFC 1812 5.3.1). The probes of one hop leave kGap apart, and the
// next hop begins when each of them was answered or has waited `timeout`. The way ends with the hop
// where the destination itself answered, where a router said that it goes no further, or with
// `max_hops`.
//
// One hop is under way at any time, so an answer that comes later than its timeout belongs to
// nothing. The packets are made and read by Traces; here are numbers of probes and times only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

enum class ProbeKind : std::uint8_t {
    Udp,   // to ports that nobody is expected to use; the destination answers port unreachable
    Echo,  // ICMP; the destination answers with a reply
};

struct TracerouteRequest {
    net::Ipv4Address destination;
    net::Ipv4Address source;  // unspecified: the router chooses
    ProbeKind kind = ProbeKind::Udp;
    std::uint8_t max_hops = 30;
    std::uint8_t probes_a_hop = 3;
    std::chrono::milliseconds timeout{2000};
    std::uint16_t port = 33'434;  // Udp: of the first probe, one more for each
    std::uint16_t size = 32;      // bytes of data after the UDP or ICMP header
    bool dont_fragment = false;
};

struct ProbeAnswer {
    std::optional<net::Ipv4Address> from;  // none: nothing came in time
    std::chrono::nanoseconds round_trip{0};
    std::string mark;  // "!H": it goes no further, and why; empty: it does, or has arrived
};

struct TracerouteHop {
    std::uint8_t hop = 0;  // the time to live of its probes
    std::vector<ProbeAnswer> probes;
};

struct TracerouteSummary {
    std::uint8_t hops = 0;  // that were asked
    bool reached = false;   // the destination itself answered
};

class Traceroute {
public:
    static constexpr std::uint8_t kMaxProbes = 10;
    static constexpr std::uint16_t kMaxSize = 65'507;  // as Ping's: both headers have 8 bytes
    static constexpr std::chrono::milliseconds kMaxTimeout{60'000};
    static constexpr std::chrono::milliseconds kGap{20};

    struct Probe {
        std::uint16_t number = 0;  // from 0 on, over all hops
        std::uint8_t ttl = 0;
    };
    enum class Answer : std::uint8_t {
        OnTheWay,  // its time to live ran out at a router
        Arrived,   // the destination has it
        Refused,   // a router says that it goes no further
    };

    // What is wrong with a request, as a sentence; nothing when it can be carried out.
    static std::optional<std::string> check(const TracerouteRequest& request);

    Traceroute(const TracerouteRequest& request, Instant start);

    [[nodiscard]] const TracerouteRequest& request() const { return request_; }

    // The probe to send now, if one is due; call until there is none.
    std::optional<Probe> due(Instant now);
    // Gives up what waited too long.
    void expire(Instant now);
    // False: that probe is not waited for.
    bool on_answer(std::uint16_t number, net::Ipv4Address from, Answer answer, std::string mark,
                   Instant now);
    // A hop of which all is known, once; then the next one is begun.
    std::optional<TracerouteHop> take_hop(Instant now);

    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    [[nodiscard]] TracerouteSummary summary() const { return {hop_, reached_}; }

private:
    struct Sent {
        Instant at;
        std::optional<ProbeAnswer> answer;
    };
    [[nodiscard]] std::uint32_t first_number() const {
        return (hop_ - 1U) * std::uint32_t{request_.probes_a_hop};
    }
    [[nodiscard]] bool hop_is_known() const;

    TracerouteRequest request_;
    std::uint8_t hop_ = 1;
    std::vector<Sent> sent_;  // of this hop, in order
    Instant next_send_;
    bool ends_here_ = false;
    bool reached_ = false;
    bool finished_ = false;
};

}  // namespace godwit::control
