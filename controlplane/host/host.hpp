// Local delivery: what this router does with a packet that is for itself.
//
// A core without I/O: a packet and the time go in, packets to send and events of pings and
// traceroutes come out. Echo requests are answered, echo replies and ICMP errors find the ping or
// the traceroute (traces.hpp) that they belong to, UDP datagrams the sockets that receive them
// (udp/sockets.hpp), TCP segments their connection (tcp/endpoint.hpp), and what nobody here listens
// to is refused the way the standards say: UDP with port unreachable (on which traceroute's last
// hop depends, RFC 1122 4.1.3.1), TCP with a reset (RFC 9293 3.10.7.1), any other protocol with
// protocol unreachable (RFC 1122 3.2.2.1).
//
// Invariants: every packet that comes in is counted in exactly one HostCounter; nothing that a
// stranger sends is answered faster than its limit allows; no state is kept for a stranger, but the
// counts of net::IcmpRateLimit. Answers to one packet are at most one packet, and never longer than
// what they answer allows. When no answer may be given: RFC 1122 3.2.2 and RFC 1812 4.3.2.7.
//
// ICMP errors go by the same limit as those of the workers (net/icmp_rate_limit.hpp): a rate for
// each interface, fair by source, with a budget that strangers cannot foretell. Its numbers are the
// host's own, so that a flood that silences a worker leaves ports and protocols refused, and the
// other way about.
//
// DEVIATION(1812, 4.3.2.4): what is refused is refused from the address that it was sent to, which
// may be another interface's than the one that the error leaves by. Who asked knows the router by
// that address, and matches the error to his socket by it (RFC 1122 3.2.1.3, 4.1.3.5).
//
// Not here: the identification of packets, which the dataplane gives to all that leaves the router
// (dataplane/nodes/ip4/identification.hpp); reassembly, which the dataplane does (a fragment that
// comes up all the same is counted and ends here), and time: who drives this core, and hands what
// its sockets receive to their owners, is io/stack.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/host/outgoing.hpp"
#include "controlplane/host/path_mtu.hpp"
#include "controlplane/host/ping.hpp"
#include "controlplane/host/ports_in_use.hpp"
#include "controlplane/host/tcp/endpoint.hpp"
#include "controlplane/host/token_bucket.hpp"
#include "controlplane/host/traces.hpp"
#include "controlplane/host/udp/sockets.hpp"
#include "controlplane/host/ways.hpp"
#include "net/icmp.hpp"
#include "net/icmp_rate_limit.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::control {

// What became of a packet; each incoming packet counts as one of these.
enum class HostCounter : std::uint8_t {
    // answered, or taken
    EchoAnswered,
    PingReply,
    PingError,
    TraceAnswer,
    UdpDelivered,
    UdpError,      // an ICMP error, to the socket whose datagram it is about
    TcpDelivered,  // to a connection, or to who listens
    TcpError,      // an ICMP error, to the connection whose segment it is about
    PortUnreachableSent,
    ProtocolUnreachableSent,
    ResetSent,
    // not answered, as the standards say
    IcmpNotForUs,      // an error or a reply that belongs to nothing that was sent here
    IcmpIgnored,       // another type (RFC 1122 3.2.2: silently discarded)
    ResetIgnored,      // a reset to a closed port (RFC 9293 3.10.7.1)
    GroupIgnored,      // to a broadcast or multicast address
    BadSourceIgnored,  // from an address that is no single host's
    FragmentIgnored,   // a fragment: it cannot be put together here
    NotOurs,           // to an address that is not ours (any more)
    UdpNoChecksum,     // a socket asks for one (RFC 1122 4.1.3.4)
    UdpQueueFull,      // a socket does not keep up
    // not answered, to protect this router and others (RFC 1812 4.3.2.8)
    EchoOverRate,
    ErrorOverRate,   // nothing remained of the interface's errors
    ErrorOverShare,  // something remained, and was kept for other sources
    ResetOverRate,
    // malformed, by reason
    BadIpv4Header,
    BadIcmp,
    BadIcmpChecksum,
    BadIcmpQuote,  // an error that is about no packet
    BadUdp,
    BadUdpChecksum,
    BadTcp,
    BadTcpChecksum,
    kCount
};
constexpr std::size_t kHostCounterCount = static_cast<std::size_t>(HostCounter::kCount);

struct HostCounterText {
    HostCounter counter;
    std::string_view name;  // the key in JSON and the metric label
};

constexpr std::array<HostCounterText, kHostCounterCount> kHostCounters{{
    {HostCounter::EchoAnswered, "echo-answered"},
    {HostCounter::PingReply, "ping-reply"},
    {HostCounter::PingError, "ping-error"},
    {HostCounter::TraceAnswer, "trace-answer"},
    {HostCounter::UdpDelivered, "udp-delivered"},
    {HostCounter::UdpError, "udp-error"},
    {HostCounter::TcpDelivered, "tcp-delivered"},
    {HostCounter::TcpError, "tcp-error"},
    {HostCounter::PortUnreachableSent, "port-unreachable-sent"},
    {HostCounter::ProtocolUnreachableSent, "protocol-unreachable-sent"},
    {HostCounter::ResetSent, "reset-sent"},
    {HostCounter::IcmpNotForUs, "icmp-not-for-us"},
    {HostCounter::IcmpIgnored, "icmp-ignored"},
    {HostCounter::ResetIgnored, "reset-ignored"},
    {HostCounter::GroupIgnored, "group-ignored"},
    {HostCounter::BadSourceIgnored, "bad-source-ignored"},
    {HostCounter::FragmentIgnored, "fragment-ignored"},
    {HostCounter::NotOurs, "not-ours"},
    {HostCounter::UdpNoChecksum, "udp-no-checksum"},
    {HostCounter::UdpQueueFull, "udp-queue-full"},
    {HostCounter::EchoOverRate, "echo-over-rate"},
    {HostCounter::ErrorOverRate, "error-over-rate"},
    {HostCounter::ErrorOverShare, "error-over-share"},
    {HostCounter::ResetOverRate, "reset-over-rate"},
    {HostCounter::BadIpv4Header, "bad-ipv4-header"},
    {HostCounter::BadIcmp, "bad-icmp"},
    {HostCounter::BadIcmpChecksum, "bad-icmp-checksum"},
    {HostCounter::BadIcmpQuote, "bad-icmp-quote"},
    {HostCounter::BadUdp, "bad-udp"},
    {HostCounter::BadUdpChecksum, "bad-udp-checksum"},
    {HostCounter::BadTcp, "bad-tcp"},
    {HostCounter::BadTcpChecksum, "bad-tcp-checksum"},
}};

constexpr bool host_counters_are_in_order() {
    for (std::size_t i = 0; i < kHostCounterCount; ++i) {
        if (static_cast<std::size_t>(kHostCounters[i].counter) != i) {
            return false;
        }
    }
    return true;
}
static_assert(host_counters_are_in_order());

// The rates of answers to strangers, each with its own limit: a flood of one kind silences only
// that kind.
struct HostLimits {
    std::uint32_t echo_per_second = 1000;
    std::size_t max_pings = 64;
    std::size_t max_traceroutes = 16;
    std::size_t max_interfaces = 256;  // that errors are counted by
    std::size_t max_path_mtus = 4096;  // destinations whose way is narrower than the interface
    udp::Limits udp;
    tcp::Limits tcp;
};

using PingId = std::uint64_t;

struct HostActions {
    struct PingReport {
        PingId ping = 0;
        PingEvent event;
    };
    struct PingEnd {
        PingId ping = 0;
        PingSummary summary;
    };
    std::vector<Outgoing> packets;
    std::vector<PingReport> reports;
    std::vector<PingEnd> ended;
    TraceReports traces;
};

class Host {
public:
    // `random` gives 32 bits that a stranger cannot guess.
    Host(const HostLimits& limits, std::function<std::uint32_t()> random, RouteLookup routes);
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    // All our interfaces with their addresses; replaced as a whole.
    void set_links(std::span<const Link> links) { ways_.set_links(links); }
    [[nodiscard]] const Ways& ways() const { return ways_; }
    [[nodiscard]] bool owns(net::Ipv4Address address) const { return ways_.owns(address); }

    // Where the router is spoken to, and who hears when that changes.
    [[nodiscard]] std::vector<LocalPort> ports_in_use() const;
    void set_ports_changed(const std::function<void()>& changed);

    // Of ICMP errors, for each interface (ipv4.icmp.errors-per-second).
    void set_error_rate(std::uint32_t errors_per_second) { errors_per_second_ = errors_per_second; }

    // `packet` begins at its IPv4 header.
    struct Arrival {
        net::InterfaceId interface;
        bool group = false;  // it came as broadcast or multicast
    };
    HostActions input(std::span<const std::uint8_t> packet, const Arrival& arrival, Instant now);

    // What is asked of these leaves packets to take_packets().
    [[nodiscard]] udp::Sockets& udp() { return udp_; }
    [[nodiscard]] const udp::Sockets& udp() const { return udp_; }
    [[nodiscard]] tcp::Endpoint& tcp() { return tcp_; }
    [[nodiscard]] const tcp::Endpoint& tcp() const { return tcp_; }
    [[nodiscard]] std::vector<Outgoing> take_packets() { return std::exchange(outgoing_, {}); }
    // The same as Endpoint::connect; without a local address the way decides what it speaks from.
    net::Result<tcp::ConnectionId, Obstacle> connect_tcp(tcp::Flow flow,
                                                         const tcp::Settings& settings,
                                                         Instant now);
    [[nodiscard]] const PathMtuCache& path_mtus() const { return path_mtus_; }
    // RFC 4022 tcpOutSegs, with those sent again, and tcpOutRsts.
    [[nodiscard]] std::uint64_t segments_sent() const { return segments_.segments(); }
    [[nodiscard]] std::uint64_t resets_sent() const { return segments_.resets(); }

    // Sends the first request at the next advance(). The error says why it cannot be done.
    net::Result<PingId, std::string> start_ping(const PingRequest& request, Instant now);
    void cancel_ping(PingId ping);
    // The same for a traceroute.
    net::Result<TraceId, std::string> start_traceroute(const TracerouteRequest& request,
                                                       Instant now);
    void cancel_traceroute(TraceId trace);

    // Call at next_deadline(), and after start_ping() and start_traceroute().
    HostActions advance(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] std::uint64_t count(HostCounter counter) const {
        return counters_[static_cast<std::size_t>(counter)];
    }
    [[nodiscard]] std::size_t pings() const { return pings_.size(); }
    [[nodiscard]] std::size_t traceroutes() const { return traces_.count(); }

private:
    struct RunningPing {
        PingId id;
        Ping ping;
        std::array<std::uint8_t, 8>
            nonce;  // the first bytes of data: a guess of the number is not enough
    };
    using Ipv4View = net::wire::Ipv4View;
    using IcmpView = net::wire::IcmpView;

    HostCounter deliver(std::span<const std::uint8_t> bytes, const Arrival& arrival, Instant now,
                        HostActions& actions);
    HostCounter deliver_icmp(const Ipv4View& packet, bool group, Instant now, HostActions& actions);
    HostCounter deliver_udp(const Ipv4View& packet, net::InterfaceId interface, bool group,
                            Instant now);
    HostCounter deliver_tcp(const Ipv4View& packet, Instant now);
    HostCounter answer_echo(const Ipv4View& packet, const IcmpView& request, Instant now);
    HostCounter take_echo_reply(const Ipv4View& packet, const IcmpView& reply, Instant now,
                                HostActions& actions);
    HostCounter take_icmp_error(const Ipv4View& packet, const IcmpView& error, Instant now,
                                HostActions& actions);
    HostCounter take_tcp_error(const Ipv4View& quoted, const net::IcmpMessage& error, Instant now);
    HostCounter take_udp_error(const Ipv4View& quoted, const net::IcmpMessage& error,
                               net::Ipv4Address teller, Instant now);
    HostCounter refuse(const Ipv4View& packet, net::InterfaceId interface,
                       net::UnreachableCode code, HostCounter sent, Instant now);
    [[nodiscard]] static Outgoing echo_request(const RunningPing& running, std::uint16_t identifier,
                                               std::uint16_t sequence);
    void collect_ended(Instant now, HostActions& actions);
    [[nodiscard]] tcp::PathSizes path_of(const tcp::Flow& flow) const;

    // Segments become packets that are not to be fragmented (RFC 1191 3).
    class SegmentOutlet final : public tcp::SegmentSink {
    public:
        explicit SegmentOutlet(std::vector<Outgoing>& out) : out_(&out) {}
        void transmit(const tcp::Flow& flow, const tcp::Segment& segment) override;

        [[nodiscard]] std::uint64_t segments() const { return segments_; }
        [[nodiscard]] std::uint64_t resets() const { return resets_; }

    private:
        std::vector<Outgoing>* out_;
        std::uint64_t segments_ = 0;
        std::uint64_t resets_ = 0;
    };

    HostLimits limits_;
    std::function<std::uint32_t()> random_;
    TokenBucket echo_bucket_;
    net::IcmpRateLimit error_limit_;
    std::uint32_t errors_per_second_ = 1000;
    PathMtuCache path_mtus_;
    Ways ways_;
    std::vector<Outgoing> outgoing_;
    SegmentOutlet segments_{outgoing_};
    std::map<std::uint16_t, RunningPing> pings_;  // by ICMP identifier
    PingId last_ping_ = 0;
    Traces traces_;
    udp::Sockets udp_;
    tcp::Endpoint tcp_;
    std::array<std::uint64_t, kHostCounterCount> counters_{};
};

}  // namespace godwit::control
