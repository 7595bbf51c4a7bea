// What an owner of UDP sockets says and hears, as values (RFC 768, RFC 1122 4.1).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "net/header_options.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control::udp {

enum class SocketId : std::uint64_t {};

struct Address {
    net::Ipv4Address address{};  // unspecified: any of ours
    std::uint16_t port = 0;
    friend constexpr auto operator<=>(const Address&, const Address&) = default;
};

// What may be changed while a socket is open.
struct Options {
    bool broadcast = false;         // may send to broadcast addresses
    bool require_checksum = false;  // RFC 1122 4.1.3.4: what carries none is discarded
    std::uint8_t ttl_hops = 64;
    std::uint8_t multicast_ttl_hops = 1;  // RFC 1112 6.1
    std::uint8_t type_of_service = 0;     // DSCP and ECN
};

struct Settings {
    Address local{};  // port 0: one is chosen that strangers cannot guess (RFC 6056 3.3.1)
    // Only what arrives on this interface is received, and what is sent leaves by it.
    net::InterfaceId interface {};
    Options options{};
    // What is not received yet; beyond either, the newest datagram is dropped and counted.
    std::size_t queue_datagrams = 256;
    std::size_t queue_bytes = 256 * 1024;
};

// One datagram to send; what is not said here is as in Options.
struct Transmission {
    Address to{};                              // unspecified: the peer of a connected socket
    std::optional<net::Ipv4Address> source{};  // must be ours (RFC 1122 4.1.3.5)
    net::InterfaceId egress{};  // leaves by this interface; of groups, it must be said
    std::optional<std::uint8_t> ttl_hops{};
    std::optional<std::uint8_t> type_of_service{};
    net::HeaderOptions ip_options{};  // RFC 1122 4.1.3.2
    bool dont_fragment = false;
};

struct Datagram {
    Address from{};
    Address to{};  // the address that it was sent to: ours, a group's or a broadcast
    net::InterfaceId interface {};
    bool group = false;  // it came as multicast or broadcast
    std::uint8_t ttl_hops = 0;
    std::uint8_t type_of_service = 0;
    net::HeaderOptions ip_options{};
    Instant arrived{};
    std::vector<std::uint8_t> payload;
};

// What ICMP says about a datagram that this socket sent (RFC 1122 4.1.3.3). Anybody on the way may
// say it, and what it says may be over when it arrives: it is advice (RFC 5927).
struct PathReport {
    enum class Kind : std::uint8_t {
        NetUnreachable,
        HostUnreachable,
        ProtocolUnreachable,
        PortUnreachable,  // the peer itself says that nobody listens
        PacketTooBig,     // RFC 1191; `mtu` is of the way from now on
        SourceRouteFailed,
        Prohibited,  // by a filter, or by policy
        TimeExceeded,
        ParameterProblem,
    };
    Kind kind{};
    Address to{};             // of the datagram
    net::Ipv4Address source;  // of the datagram
    net::Ipv4Address teller;
    std::uint16_t mtu = 0;
};

struct SocketCounts {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    std::uint64_t queue_full = 0;        // dropped, because nobody received what came before
    std::uint64_t without_checksum = 0;  // dropped, because one is required
    std::uint64_t reports = 0;
    std::uint64_t reports_dropped = 0;
};

// RFC 4113: udpInDatagrams, udpNoPorts, udpInErrors, udpOutDatagrams. A datagram that several
// sockets receive is one.
struct Counts {
    std::uint64_t in_datagrams = 0;
    std::uint64_t no_ports = 0;
    std::uint64_t in_errors = 0;
    std::uint64_t out_datagrams = 0;
};

}  // namespace godwit::control::udp
