// The UDP sockets of this router: who receives what, and how a datagram leaves.
//
// A core without I/O. Datagrams come in with their IPv4 header, checksums found right; packets go
// to the list that the Host hands out, and who has something to receive is left to be taken.
//
// Who receives (RFC 1122 4.1.3.5, 4.1.4):
//   unicast     the one socket that fits best: connected to the sender, then bound to the address,
//               then bound to the interface, then open to all
//   broadcast   every socket of the port that is not bound to another address
//   multicast   every socket of the port that is a member of the group on the arrival interface
//
// Everything is bounded: sockets, memberships, what waits in a socket; each bound has a counter or
// a sentence. The port of a socket that names none is drawn at random (RFC 6056 3.3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/host/outgoing.hpp"
#include "controlplane/host/ports_in_use.hpp"
#include "controlplane/host/udp/types.hpp"
#include "controlplane/host/ways.hpp"
#include "net/ipv4.hpp"
#include "net/result.hpp"
#include "net/router_ports.hpp"
#include "net/udp.hpp"

namespace godwit::control::udp {

struct Limits {
    std::size_t sockets = 1024;
    std::size_t memberships = 256;                     // of one socket
    std::size_t reports = 16;                          // of ICMP, not taken yet, of one socket
    std::uint16_t first_port = net::kFirstRouterPort;  // of those chosen
    std::uint16_t last_port = net::kLastRouterPort;
};

struct SocketInfo {
    SocketId id{};
    Address local;
    std::optional<Address> remote;
    net::InterfaceId interface;
    std::size_t queued_datagrams = 0;
    std::size_t queued_bytes = 0;
    std::size_t memberships = 0;
    SocketCounts counts;
};

class Sockets {
public:
    // `ways` and `out` outlive this; `random` gives bits that a stranger cannot guess; `is_taken`
    // says that a local port is in other use.
    Sockets(const Limits& limits, const Ways& ways, std::vector<Outgoing>& out,
            std::function<std::uint32_t()> random, std::function<bool(std::uint16_t)> is_taken);

    net::Result<SocketId, std::string> open(const Settings& settings);
    void close(SocketId id);
    // From now on it receives from this peer only, and sends to it (RFC 1122 4.1.4).
    net::Result<void, Obstacle> connect(SocketId id, const Address& peer);
    void disconnect(SocketId id);
    // RFC 1112 6.1, 7.1. A group may be joined on several interfaces; none means the socket's own.
    net::Result<void, std::string> join(SocketId id, net::Ipv4Address group,
                                        net::InterfaceId interface);
    void leave(SocketId id, net::Ipv4Address group, net::InterfaceId interface);

    net::Result<void, Obstacle> send(SocketId id, const Transmission& how,
                                     std::span<const std::uint8_t> payload);
    std::optional<Datagram> receive(SocketId id);
    std::optional<PathReport> take_report(SocketId id);

    enum class Verdict : std::uint8_t {
        Delivered,
        QueueFull,
        NoChecksum,  // and one is required
        NobodyListens,
    };
    Verdict input(const net::wire::Ipv4View& packet, const net::wire::UdpView& datagram,
                  net::InterfaceId interface, bool group, Instant now);
    // `quoted` is the packet of ours that an ICMP error is about, as far as it was quoted. False:
    // no socket has sent it.
    bool path_error(const net::wire::Ipv4View& quoted, PathReport report);
    // A datagram whose form or checksum was wrong.
    void count_bad() { ++counts_.in_errors; }

    // Sockets that have something to receive or a report, each once.
    [[nodiscard]] std::vector<SocketId> take_ready();

    [[nodiscard]] const Settings* settings(SocketId id) const;
    void set_options(SocketId id, const Options& options);
    // Options, and how much may wait; what waits already stays.
    void change_settings(SocketId id, const Settings& wanted);
    [[nodiscard]] std::optional<SocketInfo> info(SocketId id) const;
    [[nodiscard]] std::vector<SocketInfo> list() const;
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] std::size_t size() const { return sockets_.size(); }
    [[nodiscard]] bool has_port(std::uint16_t port) const { return by_port_.contains(port); }
    [[nodiscard]] PortsInUse& ports() { return ports_; }
    [[nodiscard]] const PortsInUse& ports() const { return ports_; }

private:
    using Membership = std::pair<net::Ipv4Address, net::InterfaceId>;
    struct Socket {
        SocketId id{};
        Settings settings;
        std::optional<Address> remote;
        net::Ipv4Address connected_from;  // what a connected socket speaks from
        std::set<Membership> memberships;
        std::deque<Datagram> queue;
        std::size_t queued_bytes = 0;
        std::deque<PathReport> reports;
        SocketCounts counts;
        bool ready = false;
    };

    Socket* find(SocketId id);
    [[nodiscard]] const Socket* find(SocketId id) const;
    [[nodiscard]] bool conflicts(const Settings& wanted) const;
    [[nodiscard]] std::optional<std::uint16_t> choose_port() const;
    [[nodiscard]] static LocalPort port_of(const Socket& socket);
    Verdict give(Socket& socket, const Datagram& datagram, bool has_checksum);
    [[nodiscard]] net::Result<Way, Obstacle> way_of(const Socket& socket, const Transmission& how,
                                                    const Address& to) const;
    void mark_ready(Socket& socket);

    Limits limits_;
    const Ways* ways_;
    std::vector<Outgoing>* out_;
    std::function<std::uint32_t()> random_;
    std::function<bool(std::uint16_t)> is_taken_;
    std::map<SocketId, Socket> sockets_;
    std::multimap<std::uint16_t, SocketId> by_port_;
    std::vector<SocketId> ready_;
    PortsInUse ports_;
    std::uint64_t last_id_ = 0;
    Counts counts_;
};

}  // namespace godwit::control::udp
