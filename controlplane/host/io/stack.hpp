// What drives the host (host.hpp): packets in and out, time, and the owners of sockets.
//
// The host is a core without I/O; this is the one place that calls it. Packets that arrive are
// given to it, what it sends goes to the outlet at once, its deadline is kept by one timer, and
// what its sockets have received is told to their owners. Whoever asks something of the host by
// another way than a socket calls settle() afterwards.
//
// An owner that needs no Asio opens a UdpSocket with two callbacks:
//
//     auto opened = stack.open_udp({.local = {{}, 520}, .interface = lan0},
//                                  {.received = [](const udp::Datagram& datagram) { ... }});
//     (*opened)->join({224, 0, 0, 9}, lan0);
//     (*opened)->send({.to = {{224, 0, 0, 9}, 520}}, bytes);
//
// Callbacks run on the executor's thread, after the packet has been dealt with, and may do
// everything: send, close their own socket, open another.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "controlplane/host/host.hpp"
#include "controlplane/runtime/clock.hpp"
#include "net/result.hpp"

namespace godwit::control {

class Stack;

// Either may be empty.
struct UdpListener {
    std::function<void(const udp::Datagram& datagram)> received = {};
    std::function<void(const udp::PathReport& report)> reported = {};
};

// Closed with this object. It may outlive the stack, and does nothing then.
class UdpSocket {
public:
    ~UdpSocket();
    UdpSocket(const UdpSocket&) = delete;
    UdpSocket& operator=(const UdpSocket&) = delete;

    net::Result<void, Obstacle> send(const udp::Transmission& how,
                                     std::span<const std::uint8_t> payload);
    net::Result<void, Obstacle> connect(const udp::Address& peer);
    void disconnect();
    net::Result<void, std::string> join(net::Ipv4Address group, net::InterfaceId interface = {});
    void leave(net::Ipv4Address group, net::InterfaceId interface = {});
    void set_options(const udp::Options& options);
    // Nothing when the stack is gone.
    [[nodiscard]] std::optional<udp::SocketInfo> info() const;

private:
    friend class Stack;
    UdpSocket(std::weak_ptr<Stack*> stack, udp::SocketId id) : stack_(std::move(stack)), id_(id) {}

    std::weak_ptr<Stack*> stack_;
    udp::SocketId id_;
};

class Stack {
public:
    struct Surroundings {
        std::function<void(const Outgoing& packet)> outlet;
        // Reports of pings and traceroutes; its packets have been sent.
        std::function<void(const HostActions& actions)> reports;
    };

    // `host` and `timers` outlive this.
    Stack(Host& host, Timers& timers, Surroundings surroundings);
    ~Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    // `at` is when it came, which may have been a while ago.
    void arrived(std::span<const std::uint8_t> packet, const Host::Arrival& arrival, Instant at);
    // Sends, tells and arms what follows from what was asked of the host.
    void settle();
    void stop();

    net::Result<std::unique_ptr<UdpSocket>, std::string> open_udp(const udp::Settings& settings,
                                                                  UdpListener listener);

    // Called when something has happened to a connection: its events are to be taken, and what can
    // be read or written is to be looked at. A new one of a listener is there to be accepted.
    void watch(tcp::ConnectionId id, std::function<void()> happened);
    void watch(tcp::ListenerId id, std::function<void()> happened);
    // Of a socket that open_udp() did not open.
    void watch(udp::SocketId id, std::function<void()> happened);
    void unwatch(tcp::ConnectionId id) { connection_watchers_.erase(id); }
    void unwatch(tcp::ListenerId id) { listener_watchers_.erase(id); }
    void unwatch(udp::SocketId id) { udp_watchers_.erase(id); }

    [[nodiscard]] Host& host() { return host_; }
    // Expired when this is gone.
    [[nodiscard]] std::weak_ptr<Stack*> handle() const { return self_; }
    [[nodiscard]] Timers& timers() { return timers_; }

private:
    friend class UdpSocket;

    void carry_out(const HostActions& actions);
    void flush();
    void tell_owners();
    void tell(udp::SocketId id);
    void tell(tcp::ConnectionId id);
    void arm();

    Host& host_;
    Timers& timers_;
    Surroundings surroundings_;
    std::unique_ptr<Timer> timer_;
    // Shared with the call that is under way: the owner may close its socket in it.
    using Watcher = std::shared_ptr<std::function<void()>>;
    std::map<udp::SocketId, Watcher> udp_watchers_;
    std::unordered_map<tcp::ConnectionId, Watcher> connection_watchers_;
    std::map<tcp::ListenerId, Watcher> listener_watchers_;
    bool telling_ = false;
    std::optional<Instant> armed_for_;  // at or before the host's deadline
    std::shared_ptr<Stack*> self_;      // what sockets look at
};

}  // namespace godwit::control
