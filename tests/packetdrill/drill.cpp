#include "tests/packetdrill/drill.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "net/byte_writer.hpp"
#include "net/ipv4.hpp"

namespace godwit::drill {

namespace {

using std::chrono::microseconds;

constexpr auto kPatience = std::chrono::minutes(1);

int as_errno(tcp::Trouble trouble) {
    switch (trouble) {
        case tcp::Trouble::None:
        case tcp::Trouble::Aborted:
            return 0;
        case tcp::Trouble::Refused:
            return ECONNREFUSED;
        case tcp::Trouble::Reset:
            return ECONNRESET;
        case tcp::Trouble::TimedOut:
            return ETIMEDOUT;
        case tcp::Trouble::Unreachable:
            return ECONNREFUSED;
    }
    return 0;
}

std::optional<sockaddr_in> internet(const sockaddr* address, socklen_t bytes) {
    sockaddr_in result{};
    if (address == nullptr || bytes < sizeof(result) || address->sa_family != AF_INET) {
        return std::nullopt;
    }
    std::memcpy(&result, address, sizeof(result));
    return result;
}

net::Ipv4Address address_of(const sockaddr_in& address) {
    return net::Ipv4Address(ntohl(address.sin_addr.s_addr));
}

std::uint8_t state_of(tcp::State state) {
    switch (state) {
        case tcp::State::Closed:
            return 7;
        case tcp::State::SynSent:
            return 2;
        case tcp::State::SynReceived:
            return 3;
        case tcp::State::Established:
            return 1;
        case tcp::State::FinWait1:
            return 4;
        case tcp::State::FinWait2:
            return 5;
        case tcp::State::CloseWait:
            return 8;
        case tcp::State::Closing:
            return 11;
        case tcp::State::LastAck:
            return 9;
        case tcp::State::TimeWait:
            return 6;
    }
    return 0;
}

tcp_info info_of(const tcp::ConnectionInfo& info) {
    tcp_info told{};
    const std::uint32_t segment = std::max(info.segment_bytes, 1U);
    told.tcpi_state = state_of(info.state);
    told.tcpi_snd_mss = segment;
    told.tcpi_snd_cwnd = info.congestion_window / segment;
    told.tcpi_snd_ssthresh = info.slow_start_threshold == ~std::uint32_t{0}
                                 ? 0x7fffffff
                                 : info.slow_start_threshold / segment;
    told.tcpi_unacked = (info.in_flight + segment - 1) / segment;
    told.tcpi_total_retrans = info.counts.retransmitted;
    const auto us = [](control::Instant::duration time) {
        return static_cast<std::uint32_t>(std::chrono::duration_cast<microseconds>(time).count());
    };
    told.tcpi_rtt = us(info.smoothed_rtt);
    told.tcpi_rto = us(info.retransmission_timeout);
    told.tcpi_pmtu = info.path_mtu;
    return told;
}

}  // namespace

Drill::Drill(net::Ipv4Address local)
    : local_(local),
      endpoint_(
          {}, net::SipKey{1, 2}, [this] { return static_cast<std::uint32_t>(random_()); }, *this) {}

tcp::Settings Drill::settings_from(const char* file) {
    tcp::Settings settings;
    settings.receive_buffer = 6 * 1024 * 1024;
    settings.send_buffer = 4 * 1024 * 1024;
    settings.path_search = false;
    if (file == nullptr) {
        return settings;
    }
    // Lines "net.ipv4.NAME=VALUES", the last of a name holds.
    std::ifstream lines(file);
    std::string line;
    while (std::getline(lines, line)) {
        const auto equals = line.find('=');
        if (equals == std::string::npos) {
            continue;
        }
        const std::string name = line.substr(0, equals);
        const std::string value = line.substr(equals + 1);
        const auto last_number = [&] {
            const auto space = value.find_last_of(" \t");
            return static_cast<std::uint32_t>(std::strtoul(
                value.c_str() + (space == std::string::npos ? 0 : space + 1), nullptr, 10));
        };
        if (name == "net.ipv4.tcp_timestamps") {
            settings.timestamps = value != "0";
        } else if (name == "net.ipv4.tcp_sack") {
            settings.sack = value != "0";
        } else if (name == "net.ipv4.tcp_window_scaling") {
            settings.window_scaling = value != "0";
        } else if (name == "net.ipv4.tcp_ecn") {
            settings.ecn = value != "0";
            asks_for_ecn_ = value == "1";
        } else if (name == "net.ipv4.tcp_congestion_control") {
            settings.congestion = value == "reno" ? tcp::CongestionAlgorithm::NewReno
                                                  : tcp::CongestionAlgorithm::Cubic;
        } else if (name == "net.ipv4.tcp_rmem") {
            settings.receive_buffer = last_number();
        } else if (name == "net.ipv4.tcp_wmem") {
            settings.send_buffer = last_number();
        } else if (name == "net.ipv4.tcp_mtu_probing") {
            settings.path_search = value != "0";
        }
    }
    return settings;
}

int Drill::fail(int error) {
    errno = error;
    return -1;
}

Drill::Socket* Drill::find(int fd) {
    const auto found = sockets_.find(fd);
    return found == sockets_.end() ? nullptr : &found->second;
}

int Drill::add(Socket socket) {
    // A number that the process owns: packetdrill closes it by itself at its end.
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        sockets_.emplace(fd, std::move(socket));
    }
    return fd;
}

const tcp::Connection* Drill::connection_of(const Socket& socket) const {
    return socket.connection ? endpoint_.find(*socket.connection) : nullptr;
}

int Drill::error_of(const Socket& socket) const {
    const tcp::Connection* const connection = connection_of(socket);
    return connection == nullptr || socket.error_told ? 0 : as_errno(connection->trouble());
}

// ---- time

void Drill::let_others_look(Lock& lock) {
    if (blocked_ == 0) {
        return;
    }
    to_look_ = blocked_;
    ++turn_;
    wake_.notify_all();
    looked_.wait(lock, [this] { return to_look_ == 0; });
}

// Whether it is ready. A call that may not block answers at once.
template <typename Ready>
bool Drill::wait(Lock& lock, int fd, bool may_block, Ready&& ready) {
    while (find(fd) != nullptr && !ready()) {
        if (!may_block) {
            return false;
        }
        ++blocked_;
        const std::uint64_t seen = turn_;
        wake_.wait(lock, [&] { return turn_ != seen; });
        --blocked_;
        if (--to_look_ == 0) {
            looked_.notify_all();
        }
    }
    return find(fd) != nullptr;
}

void Drill::advance(Lock& lock, Instant until, bool stop_at_packet) {
    while (true) {
        const Instant next = std::min(endpoint_.next_deadline(), poll_until_);
        if (next > until) {
            break;
        }
        now_ = std::max(now_, next);
        if (poll_until_ <= now_) {
            poll_until_ = Instant::max();  // who polls is about to be told
        }
        endpoint_.poll(now_);
        let_others_look(lock);
        if (stop_at_packet && !out_.empty()) {
            return;
        }
    }
    now_ = std::max(now_, until);
    let_others_look(lock);
}

void Drill::sleep(std::int64_t time) {
    Lock lock(mutex_);
    advance(lock, now_ + microseconds(time), false);
}

std::int64_t Drill::clock() {
    Lock lock(mutex_);
    // Who asks again and again waits: a microsecond each time.
    advance(lock, now_ + microseconds(1), false);
    return std::chrono::duration_cast<microseconds>(now_.time_since_epoch()).count();
}

// ---- packets

void Drill::transmit(const tcp::Flow& flow, const tcp::Segment& segment) {
    const std::vector<std::uint8_t> bytes = segment.encode(flow);
    net::Ipv4Header header;
    header.source = flow.local;
    header.destination = flow.remote;
    header.protocol = net::IpProtocol::Tcp;
    header.dont_fragment = true;
    header.ttl_hops = segment.marks.ttl == 0 ? header.ttl_hops : segment.marks.ttl;
    header.type_of_service = static_cast<std::uint8_t>(unsigned{segment.marks.dscp} << 2 |
                                                       static_cast<unsigned>(segment.marks.ecn));
    header.payload_bytes = static_cast<std::uint16_t>(bytes.size());
    Packet packet{now_, std::vector<std::uint8_t>(header.encoded_size() + bytes.size())};
    net::ByteWriter writer(packet.bytes);
    header.encode(writer);
    writer.bytes(bytes);
    out_.push_back(std::move(packet));
}

int Drill::give_packet(std::span<const std::uint8_t> packet) {
    Lock lock(mutex_);
    const auto ip = net::wire::Ipv4View::parse(packet);
    if (!ip) {
        return fail(EINVAL);
    }
    if (ip->protocol() == net::IpProtocol::Icmp) {
        give_icmp(ip->payload());
    } else if (const auto view = net::wire::TcpView::parse(ip->payload());
               view && view->has_valid_checksum(ip->source(), ip->destination())) {
        tcp::IpMarks marks;
        marks.ttl = ip->ttl_hops();
        marks.dscp = static_cast<std::uint8_t>(ip->type_of_service() >> 2);
        marks.ecn = static_cast<tcp::Ecn>(ip->type_of_service() & 3U);
        endpoint_.input(
            {ip->destination(), ip->source(), view->destination_port(), view->source_port()},
            tcp::Segment::from(*view, marks), now_);
    }
    let_others_look(lock);
    return 0;
}

void Drill::give_icmp(std::span<const std::uint8_t> message) {
    constexpr std::size_t kHead = 8;
    constexpr std::size_t kQuoted = 8;  // of the transport header
    if (message.size() < kHead) {
        return;
    }
    const auto quoted = net::wire::Ipv4View::parse_quoted(message.subspan(kHead));
    if (!quoted || message.size() < kHead + quoted->header_bytes() + kQuoted) {
        return;
    }
    const auto transport = message.subspan(kHead + quoted->header_bytes());
    const auto half = [&](std::span<const std::uint8_t> bytes, std::size_t at) {
        return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
    };
    constexpr std::array<tcp::PathError, 6> kUnreachable{
        tcp::PathError::NetUnreachable,      tcp::PathError::HostUnreachable,
        tcp::PathError::ProtocolUnreachable, tcp::PathError::PortUnreachable,
        tcp::PathError::PacketTooBig,        tcp::PathError::SourceRouteFailed};
    tcp::PathError error{};
    if (message[0] == 3 && message[1] < kUnreachable.size()) {
        error = kUnreachable[message[1]];
    } else if (message[0] == 11) {
        error = tcp::PathError::TimeExceeded;
    } else if (message[0] == 12) {
        error = tcp::PathError::ParameterProblem;
    } else {
        return;
    }
    const std::uint32_t sequence =
        std::uint32_t{half(transport, 4)} << 16 | std::uint32_t{half(transport, 6)};
    endpoint_.path_error(
        {quoted->source(), quoted->destination(), half(transport, 0), half(transport, 2)}, error,
        net::Sequence(sequence), half(message, 6), now_);
}

std::size_t Drill::take_packet(std::span<std::uint8_t> into, std::int64_t& time) {
    Lock lock(mutex_);
    if (out_.empty()) {
        advance(lock, now_ + kPatience, true);
    }
    if (out_.empty()) {
        return 0;
    }
    const Packet first = std::move(out_.front());
    out_.pop_front();
    time = std::chrono::duration_cast<microseconds>(first.at.time_since_epoch()).count();
    const std::size_t count = std::min(into.size(), first.bytes.size());
    std::copy_n(first.bytes.begin(), count, into.begin());
    return count;
}

// ---- sockets

int Drill::socket(int domain, int type) {
    const Lock lock(mutex_);
    if (domain != AF_INET || (type & 0xf) != SOCK_STREAM) {
        return fail(EAFNOSUPPORT);
    }
    if (!settings_) {
        settings_ = settings_from(std::getenv("GODWIT_DRILL_SETTINGS"));
    }
    Socket made;
    made.settings = *settings_;
    made.blocks = (type & SOCK_NONBLOCK) == 0;
    return add(std::move(made));
}

int Drill::bind(int fd, const sockaddr* address, socklen_t bytes) {
    const Lock lock(mutex_);
    Socket* const found = find(fd);
    const auto wanted = internet(address, bytes);
    if (found == nullptr || !wanted) {
        return fail(found == nullptr ? EBADF : EINVAL);
    }
    found->local = address_of(*wanted);
    found->port = ntohs(wanted->sin_port);
    return 0;
}

int Drill::listen(int fd, int backlog) {
    const Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    const auto listener = endpoint_.listen(found->local, found->port, found->settings,
                                           static_cast<std::size_t>(std::max(backlog, 1)));
    if (!listener) {
        return fail(EADDRINUSE);
    }
    found->listener = *listener;
    return 0;
}

int Drill::accept(int fd, sockaddr* address, socklen_t* bytes) {
    Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr || !found->listener) {
        return fail(found == nullptr ? EBADF : EINVAL);
    }
    std::optional<tcp::ConnectionId> id;
    if (!wait(lock, fd, found->blocks,
              [&] { return (id = endpoint_.accept(*found->listener)).has_value(); })) {
        return fail(EAGAIN);
    }
    Socket made;
    made.settings = found->settings;
    made.connection = id;
    made.connected_told = true;
    if (address != nullptr && bytes != nullptr && *bytes >= sizeof(sockaddr_in)) {
        const tcp::Flow& flow = endpoint_.find(*id)->flow();
        sockaddr_in remote{};
        remote.sin_family = AF_INET;
        remote.sin_port = htons(flow.remote_port);
        remote.sin_addr.s_addr = htonl(flow.remote.value());
        std::memcpy(address, &remote, sizeof(remote));
        *bytes = sizeof(remote);
    }
    return add(std::move(made));
}

int Drill::connect(int fd, const sockaddr* address, socklen_t bytes) {
    Lock lock(mutex_);
    Socket* const found = find(fd);
    const auto wanted = internet(address, bytes);
    if (found == nullptr || !wanted) {
        return fail(found == nullptr ? EBADF : EINVAL);
    }
    const auto decided = [&] {
        const tcp::Connection* const connection = connection_of(*found);
        return connection == nullptr || (connection->state() != tcp::State::SynSent &&
                                         connection->state() != tcp::State::SynReceived);
    };
    if (!found->connection) {
        found->settings.ecn = found->settings.ecn && asks_for_ecn_;
        const auto id =
            endpoint_.connect({found->local.is_unspecified() ? local_ : found->local,
                               address_of(*wanted), found->port, ntohs(wanted->sin_port)},
                              found->settings, now_);
        if (!id) {
            return fail(EADDRNOTAVAIL);
        }
        found->connection = *id;
        if (!found->blocks) {
            return fail(EINPROGRESS);
        }
    } else if (!decided()) {
        return fail(EALREADY);
    } else if (found->connected_told) {
        return fail(EISCONN);
    }
    wait(lock, fd, true, decided);
    if (const int error = error_of(*found); error != 0) {
        found->error_told = true;
        return fail(error);
    }
    found->connected_told = true;
    return 0;
}

ssize_t Drill::read(int fd, std::span<const iovec> into, int flags) {
    Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    if (connection_of(*found) == nullptr) {
        return fail(ENOTCONN);
    }
    const auto ready = [&] {
        const tcp::Connection* const connection = connection_of(*found);
        return connection->readable() != 0 || connection->at_end() || found->reading_ended ||
               connection->state() == tcp::State::Closed;
    };
    if (!wait(lock, fd, found->blocks && (flags & MSG_DONTWAIT) == 0, ready)) {
        return fail(EAGAIN);
    }
    ssize_t total = 0;
    for (const iovec& part : into) {
        const std::span bytes(static_cast<std::uint8_t*>(part.iov_base), part.iov_len);
        const std::size_t count = endpoint_.read(*found->connection, bytes, now_);
        total += static_cast<ssize_t>(count);
        if (count < bytes.size()) {
            break;
        }
    }
    if (total == 0 && !connection_of(*found)->at_end()) {
        if (const int error = error_of(*found); error != 0) {
            found->error_told = true;
            return fail(error);
        }
    }
    return total;
}

std::optional<int> Drill::told_queue(int fd) {
    const Lock lock(mutex_);
    const Socket* const found = find(fd);
    const tcp::Connection* const connection = found == nullptr ? nullptr : connection_of(*found);
    if (connection == nullptr || !found->tells_queue) {
        return std::nullopt;
    }
    return connection->at_end() ? 1 : static_cast<int>(connection->readable());
}

ssize_t Drill::write(int fd, std::span<const iovec> from, int flags) {
    Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    const bool may_block = found->blocks && (flags & MSG_DONTWAIT) == 0;
    ssize_t total = 0;
    for (const iovec& part : from) {
        std::span bytes(static_cast<const std::uint8_t*>(part.iov_base), part.iov_len);
        while (!bytes.empty()) {
            const tcp::Connection* const connection = connection_of(*found);
            if (connection == nullptr || found->writing_ended || error_of(*found) != 0 ||
                connection->state() == tcp::State::Closed ||
                connection->state() == tcp::State::TimeWait) {
                const int error = connection == nullptr ? ENOTCONN : error_of(*found);
                found->error_told = true;
                return total != 0 ? total : fail(error == 0 ? EPIPE : error);
            }
            const std::size_t count = endpoint_.write(*found->connection, bytes, now_);
            bytes = bytes.subspan(count);
            total += static_cast<ssize_t>(count);
            if (bytes.empty()) {
                break;
            }
            const auto ready = [&] {
                const tcp::Connection* const now = connection_of(*found);
                return now == nullptr || now->writable() != 0 || now->state() == tcp::State::Closed;
            };
            if (!wait(lock, fd, may_block, ready)) {
                return total != 0 ? total : fail(EAGAIN);
            }
        }
    }
    return total;
}

int Drill::control(int fd, int command, int argument) {
    const Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    if (command == F_GETFL) {
        return O_RDWR | (found->blocks ? 0 : O_NONBLOCK);
    }
    if (command == F_SETFL) {
        found->blocks = (argument & O_NONBLOCK) == 0;
        return 0;
    }
    return fail(EINVAL);
}

int Drill::queued(int fd, unsigned long request, int* bytes) {
    const Lock lock(mutex_);
    Socket* const found = find(fd);
    const tcp::Connection* const connection = found == nullptr ? nullptr : connection_of(*found);
    if (connection == nullptr) {
        return fail(found == nullptr ? EBADF : EINVAL);
    }
    if (request == SIOCINQ) {
        *bytes = static_cast<int>(connection->readable());
    } else if (request == SIOCOUTQ) {
        *bytes = static_cast<int>(connection->info().send_queue);
    } else {
        return fail(EINVAL);
    }
    return 0;
}

int Drill::close(int fd) {
    Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    const Socket gone = *found;
    sockets_.erase(fd);
    ::close(fd);
    if (gone.listener) {
        endpoint_.stop_listening(*gone.listener, now_);
    }
    if (gone.connection) {
        if (gone.reset_on_close) {
            endpoint_.abort(*gone.connection, now_);
        }
        endpoint_.release(*gone.connection, now_);
    }
    let_others_look(lock);
    return 0;
}

int Drill::shutdown(int fd, int how) {
    Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    const tcp::Connection* const connection = connection_of(*found);
    if (connection == nullptr || connection->state() == tcp::State::Closed) {
        return fail(ENOTCONN);
    }
    found->reading_ended = found->reading_ended || how != SHUT_WR;
    if (how != SHUT_RD) {
        found->writing_ended = true;
        endpoint_.shutdown(*found->connection, now_);
    }
    let_others_look(lock);
    return 0;
}

short Drill::events_of(Socket& socket) const {
    if (socket.listener) {
        return 0;
    }
    const tcp::Connection* const connection = connection_of(socket);
    if (connection == nullptr) {
        return POLLOUT | POLLHUP;
    }
    int events = 0;
    const tcp::State state = connection->state();
    const bool over = state == tcp::State::Closed || state == tcp::State::TimeWait;
    if (connection->readable() != 0 || connection->at_end() || over) {
        events |= POLLIN | POLLRDNORM;
    }
    if (connection->at_end() || over) {
        events |= POLLRDHUP;
    }
    if (state != tcp::State::SynSent && (connection->writable() != 0 || over)) {
        events |= POLLOUT | POLLWRNORM;
    }
    if (over || (connection->at_end() && socket.writing_ended)) {
        events |= POLLHUP;
    }
    if (error_of(socket) != 0) {
        events |= POLLERR;
    }
    return static_cast<short>(events);
}

int Drill::poll(std::span<pollfd> fds, int timeout_ms) {
    Lock lock(mutex_);
    const Instant until =
        timeout_ms < 0 ? Instant::max() : now_ + std::chrono::milliseconds(timeout_ms);
    int ready = 0;
    const auto look = [&] {
        ready = 0;
        for (pollfd& one : fds) {
            Socket* const found = find(one.fd);
            const int events = found == nullptr ? POLLNVAL : events_of(*found);
            one.revents = static_cast<short>(events & (one.events | POLLERR | POLLHUP | POLLNVAL));
            ready += one.revents != 0 ? 1 : 0;
        }
        return ready != 0 || now_ >= until;
    };
    if (!fds.empty()) {
        poll_until_ = timeout_ms > 0 ? until : Instant::max();
        wait(lock, fds.front().fd, timeout_ms != 0, look);
        poll_until_ = Instant::max();
    }
    return ready;
}

int Drill::set_option(int fd, int level, int name, const void* value, socklen_t bytes) {
    const Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    const int done = set_option(*found, level, name, value, bytes);
    if (found->listener) {
        endpoint_.change_settings(*found->listener, found->settings);
    }
    return done;
}

int Drill::set_option(Socket& socket, int level, int name, const void* value, socklen_t bytes) {
    int number = 0;
    if (value == nullptr) {
        return fail(EFAULT);
    }
    Socket* const found = &socket;
    std::memcpy(&number, value, std::min<std::size_t>(bytes, sizeof(number)));
    tcp::Settings& settings = found->settings;
    if (level == SOL_SOCKET) {
        switch (name) {
            case SO_REUSEADDR:
                return 0;
            case SO_SNDBUF:
                settings.send_buffer = static_cast<std::uint32_t>(2 * std::max(number, 2304));
                return 0;
            case SO_RCVBUF:
                settings.receive_buffer = static_cast<std::uint32_t>(2 * std::max(number, 1152));
                return 0;
            case SO_LINGER: {
                linger wanted{};
                std::memcpy(&wanted, value, std::min<std::size_t>(bytes, sizeof(wanted)));
                found->reset_on_close = wanted.l_onoff != 0 && wanted.l_linger == 0;
                return 0;
            }
            case SO_KEEPALIVE:
                settings.keep_alive = number != 0;
                if (found->connection) {
                    endpoint_.set_keep_alive(*found->connection, number != 0, now_);
                }
                return 0;
            default:
                return fail(ENOPROTOOPT);
        }
    }
    if (level == IPPROTO_IP) {
        switch (name) {
            case IP_MTU_DISCOVER:
                return 0;
            case IP_TOS:
            case IP_TTL:
                (name == IP_TOS ? settings.dscp : settings.ttl) =
                    static_cast<std::uint8_t>(name == IP_TOS ? number >> 2 : number);
                if (found->connection) {
                    endpoint_.set_marks(*found->connection, settings.ttl, settings.dscp);
                }
                return 0;
            default:
                return fail(ENOPROTOOPT);
        }
    }
    if (level != IPPROTO_TCP) {
        return fail(ENOPROTOOPT);
    }
    switch (name) {
        case TCP_NODELAY:
            settings.nagle = number == 0;
            if (found->connection) {
                endpoint_.set_nagle(*found->connection, number == 0, now_);
            }
            return 0;
        case TCP_USER_TIMEOUT:
            settings.user_timeout = std::chrono::milliseconds(number);
            if (found->connection) {
                endpoint_.set_user_timeout(*found->connection, settings.user_timeout);
            }
            return 0;
        case TCP_KEEPIDLE:
            settings.keep_alive_idle = std::chrono::seconds(number);
            return 0;
        case TCP_KEEPINTVL:
            settings.keep_alive_interval = std::chrono::seconds(number);
            return 0;
        case TCP_KEEPCNT:
            settings.keep_alive_probes = static_cast<std::uint8_t>(number);
            return 0;
        case TCP_MAXSEG:
            settings.maximum_segment = static_cast<std::uint16_t>(number);
            return 0;
        case TCP_INQ:
            found->tells_queue = number != 0;
            return 0;
        case TCP_CONGESTION:
            settings.congestion = bytes >= 4 && std::memcmp(value, "reno", 4) == 0
                                      ? tcp::CongestionAlgorithm::NewReno
                                      : tcp::CongestionAlgorithm::Cubic;
            return 0;
        default:
            return fail(ENOPROTOOPT);
    }
}

int Drill::get_option(int fd, int level, int name, void* value, socklen_t* bytes) {
    const Lock lock(mutex_);
    Socket* const found = find(fd);
    if (found == nullptr) {
        return fail(EBADF);
    }
    const auto answer = [&](const void* from, std::size_t size) {
        *bytes = static_cast<socklen_t>(std::min<std::size_t>(*bytes, size));
        std::memcpy(value, from, *bytes);
        return 0;
    };
    if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF)) {
        const auto buffer = static_cast<int>(name == SO_SNDBUF ? found->settings.send_buffer
                                                               : found->settings.receive_buffer);
        return answer(&buffer, sizeof(buffer));
    }
    if (level == SOL_SOCKET && name == SO_ERROR) {
        const int error = error_of(*found);
        found->error_told = found->error_told || error != 0;
        return answer(&error, sizeof(error));
    }
    const tcp::Connection* const connection = connection_of(*found);
    if (level == IPPROTO_TCP && name == TCP_INFO && connection != nullptr) {
        const tcp_info info = info_of(connection->info());
        return answer(&info, sizeof(info));
    }
    if (level == IPPROTO_TCP && name == TCP_MAXSEG) {
        const int wished = found->settings.maximum_segment == 0
                               ? 536
                               : static_cast<int>(found->settings.maximum_segment);
        const int segment =
            connection == nullptr ? wished : static_cast<int>(connection->info().segment_bytes);
        return answer(&segment, sizeof(segment));
    }
    if (level == IPPROTO_TCP && name == TCP_NODELAY) {
        const int off = found->settings.nagle ? 0 : 1;
        return answer(&off, sizeof(off));
    }
    return fail(ENOPROTOOPT);
}

}  // namespace godwit::drill
