// The traceroutes that run here: their probes as packets, and whose probe an answer is about.
//
// Each has a number that a stranger off the path cannot know: the source port of its UDP probes, or
// the identifier of its echo requests. The probe's own number is in the destination port, or in the
// sequence number; both stand in the eight bytes that every ICMP error quotes (RFC 792), whatever
// the routers on the way change. What is over the limit of traceroutes at once is refused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controlplane/host/outgoing.hpp"
#include "controlplane/host/traceroute.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"
#include "net/result.hpp"
#include "net/udp.hpp"

namespace godwit::control {

using TraceId = std::uint64_t;

struct TraceReports {
    struct Hop {
        TraceId trace = 0;
        TracerouteHop hop;
    };
    struct End {
        TraceId trace = 0;
        TracerouteSummary summary;
    };
    std::vector<Hop> hops;
    std::vector<End> ended;
};

class Traces {
public:
    // `random` gives 32 bits that a stranger cannot guess.
    Traces(std::size_t max_traces, std::function<std::uint32_t()> random)
        : max_traces_(max_traces), random_(std::move(random)) {}

    // Sends the first probe at the next advance(). The error says why it cannot be done.
    net::Result<TraceId, std::string> start(const TracerouteRequest& request, Instant now);
    void cancel(TraceId trace);

    void advance(Instant now, std::vector<Outgoing>& packets);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // What came in; true: it is the answer to a probe that is waited for.
    bool take_error(const net::wire::Ipv4View& packet, const net::IcmpMessage& error,
                    const net::wire::Ipv4View& quoted, Instant now);
    bool take_echo_reply(const net::wire::Ipv4View& packet, const net::wire::IcmpView& reply,
                         Instant now);
    // Of a host that has something at the port that was probed.
    bool take_datagram(const net::wire::Ipv4View& packet, const net::wire::UdpView& datagram,
                       Instant now);

    // What has become known, and who has ended.
    void collect(Instant now, TraceReports& reports);

    [[nodiscard]] std::size_t count() const { return running_.size(); }
    [[nodiscard]] bool has_identifier(std::uint16_t identifier) const {
        return running_.contains(identifier);
    }

private:
    struct Running {
        TraceId id;
        Traceroute trace;
        std::array<std::uint8_t, 8> nonce;  // Echo: the first bytes of data, as in a ping
    };
    static Outgoing packet_of_probe(const Running& running, std::uint16_t identifier,
                                    const Traceroute::Probe& probe);
    Running* of(std::uint16_t identifier, ProbeKind kind, net::Ipv4Address source,
                net::Ipv4Address destination);

    std::size_t max_traces_;
    std::function<std::uint32_t()> random_;
    std::map<std::uint16_t, Running> running_;  // by UDP source port or ICMP identifier
    TraceId last_ = 0;
};

}  // namespace godwit::control
