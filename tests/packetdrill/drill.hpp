// The host's TCP behind a socket API, in virtual time, for one script at a time.
//
// packetdrill makes calls from two threads: its own, and one in which a call may block. Everything
// is under one lock. Time passes only in sleep(), clock() and take_packet(); after every step of
// it, and after every packet that came in, whoever is blocked looks again before time goes on, so
// a script runs the same every time.
//
// What a script's `sysctl` commands say is read from the file that GODWIT_DRILL_SETTINGS names when
// the first socket is made (run.py puts programs in front of the real ones that write it).
#pragma once

#include <netinet/in.h>
#include <poll.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "controlplane/host/tcp/endpoint.hpp"

namespace godwit::drill {

namespace tcp = control::tcp;
using control::Instant;

class Drill final : public tcp::SegmentSink {
public:
    explicit Drill(net::Ipv4Address local);
    Drill(const Drill&) = delete;
    Drill& operator=(const Drill&) = delete;

    // Of the socket API: -1 and errno when they fail.
    int socket(int domain, int type);
    int bind(int fd, const sockaddr* address, socklen_t bytes);
    int listen(int fd, int backlog);
    int accept(int fd, sockaddr* address, socklen_t* bytes);
    int connect(int fd, const sockaddr* address, socklen_t bytes);
    ssize_t read(int fd, std::span<const iovec> into, int flags);
    // What TCP_INQ asks to be told with a message: bytes that wait, 1 when the end does.
    std::optional<int> told_queue(int fd);
    ssize_t write(int fd, std::span<const iovec> from, int flags);
    int control(int fd, int command, int argument);         // fcntl
    int queued(int fd, unsigned long request, int* bytes);  // ioctl
    int close(int fd);
    int shutdown(int fd, int how);
    int get_option(int fd, int level, int name, void* value, socklen_t* bytes);
    int set_option(int fd, int level, int name, const void* value, socklen_t bytes);
    int poll(std::span<pollfd> fds, int timeout_ms);

    // An IPv4 packet to the stack.
    int give_packet(std::span<const std::uint8_t> packet);
    // The next one from it; time passes until there is one. Zero bytes: none within a minute.
    std::size_t take_packet(std::span<std::uint8_t> into, std::int64_t& microseconds);
    void sleep(std::int64_t microseconds);
    std::int64_t clock();

    void transmit(const tcp::Flow& flow, const tcp::Segment& segment) override;

private:
    struct Socket {
        tcp::Settings settings;
        net::Ipv4Address local;
        std::uint16_t port = 0;
        std::optional<tcp::ListenerId> listener;
        std::optional<tcp::ConnectionId> connection;
        bool blocks = true;
        bool reset_on_close = false;
        bool error_told = false;
        bool reading_ended = false;
        bool writing_ended = false;
        bool connected_told = false;
        bool tells_queue = false;  // TCP_INQ
    };
    using Lock = std::unique_lock<std::mutex>;

    Socket* find(int fd);
    int add(Socket socket);
    const tcp::Connection* connection_of(const Socket& socket) const;
    [[nodiscard]] int error_of(const Socket& socket) const;
    template <typename Ready>
    bool wait(Lock& lock, int fd, bool may_block, Ready&& ready);
    void let_others_look(Lock& lock);
    void advance(Lock& lock, Instant until, bool stop_at_packet);
    short events_of(Socket& socket) const;
    int set_option(Socket& socket, int level, int name, const void* value, socklen_t bytes);
    void give_icmp(std::span<const std::uint8_t> message);
    tcp::Settings settings_from(const char* file);
    int fail(int error);

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable looked_;
    unsigned blocked_ = 0;
    unsigned to_look_ = 0;
    std::uint64_t turn_ = 0;

    Instant now_ = Instant() + std::chrono::hours(1000);
    std::mt19937 random_{1};
    net::Ipv4Address local_;
    Instant poll_until_ = Instant::max();  // of the one call that may block in poll()
    tcp::Endpoint endpoint_;
    std::map<int, Socket> sockets_;
    bool asks_for_ecn_ = false;  // tcp_ecn=1; with 2 it is agreed to, and not asked for
    std::optional<tcp::Settings> settings_;
    struct Packet {
        Instant at;
        std::vector<std::uint8_t> bytes;
    };
    std::deque<Packet> out_;
};

}  // namespace godwit::drill
