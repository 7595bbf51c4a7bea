// Listening, greeting, and the turn of the session; see server.hpp.
#include "dataplane/channel/server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "dataplane/api/control_socket.hpp"

namespace godwit::dataplane {

namespace {

constexpr int kAcceptsAPoll = 8;
constexpr std::size_t kMaxHelloBytes = 4096;

// How long a dataplane that was killed may take to be gone: the kernel closes its packet sockets
// and taps first, and its locks stay held meanwhile.
constexpr std::chrono::milliseconds kDyingPatience{1000};
constexpr std::chrono::milliseconds kLockRetry{20};

net::unexpected<std::string> failed(const std::string& what, const std::string& mend) {
    return net::unexpected(what + ": " + std::strerror(errno) + "; " + mend);
}

// Locks PATH.lock for this process and writes its number there. The file stays when we leave:
// removing it would let two processes lock two files of the same name.
net::Result<api::Descriptor, std::string> lock_path(const std::string& path,
                                                    const std::atomic<bool>* stop) {
    const std::string name = path + ".lock";
    api::Descriptor lock(
        open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!lock) {
        return failed("cannot open the lock file " + name,
                      "make its directory, or give another socket path");
    }
    std::array<char, 32> text{};
    const auto give_up = std::chrono::steady_clock::now() + kDyingPatience;
    while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        const bool stopped = stop != nullptr && stop->load();
        if (errno == EWOULDBLOCK && !stopped && std::chrono::steady_clock::now() < give_up) {
            std::this_thread::sleep_for(kLockRetry);
            continue;
        }
        if (errno != EWOULDBLOCK) {
            return failed("cannot lock " + name, "give a socket path on a local file system");
        }
        const ssize_t count = pread(lock.get(), text.data(), text.size() - 1, 0);
        const long holder = count > 0 ? std::strtol(text.data(), nullptr, 10) : 0;
        return net::unexpected("a dataplane already runs" +
                               (holder > 0 ? " (pid " + std::to_string(holder) + ")" : "") +
                               " with the socket " + path +
                               "; stop it first, or give another socket path");
    }
    const std::string number = std::to_string(getpid()) + "\n";
    if (ftruncate(lock.get(), 0) != 0 || pwrite(lock.get(), number.data(), number.size(), 0) < 0) {
        return failed("cannot write the lock file " + name, "free some space there");
    }
    return lock;
}

// A socket file of a dataplane that was killed; we hold the lock, so nobody listens on it.
net::Result<void, std::string> remove_stale_socket(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        return {};
    }
    if (!S_ISSOCK(status.st_mode)) {
        return net::unexpected(path +
                               " is there already and is no socket; remove it, or give another "
                               "socket path");
    }
    if (unlink(path.c_str()) != 0) {
        return failed("cannot remove the old socket " + path, "remove it by hand");
    }
    return {};
}

net::Result<api::Descriptor, std::string> bind_socket(const std::string& path,
                                                      const PeerRule& rule) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return net::unexpected("the socket path " + path + " is " + std::to_string(path.size()) +
                               " bytes long, 1 to " + std::to_string(sizeof(address.sun_path) - 1) +
                               " are possible; give another");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    api::Descriptor listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!listener) {
        return failed("cannot make a Unix socket", "see the kernel's limits of this process");
    }
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return failed("cannot bind the socket " + path,
                      "make its directory, or give another socket path");
    }
    // Nobody can connect before listen(), so the right mode is there in time.
    if (chmod(path.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) != 0 ||
        ((rule.uid || rule.gid) && chown(path.c_str(), static_cast<uid_t>(-1),
                                         rule.gid.value_or(static_cast<gid_t>(-1))) != 0)) {
        return failed("cannot set the mode of the socket " + path,
                      "run as root, or as the control plane's user");
    }
    if (::listen(listener.get(), 8) != 0) {
        return failed("cannot listen on the socket " + path, "give another socket path");
    }
    return listener;
}

}  // namespace

net::Result<std::unique_ptr<ChannelServer>, std::string> ChannelServer::listen(
    const std::string& path, const ChannelSizes& sizes, CountersMemory& counters,
    ChannelHandler& handler, const PeerRule& rule, const std::atomic<bool>* stop) {
    for (const std::size_t bytes : {sizes.punt_ring_bytes, sizes.inject_ring_bytes,
                                    sizes.route_ring_bytes, sizes.event_ring_bytes}) {
        if (!api::valid_ring_bytes(bytes)) {
            return net::unexpected("a ring of " + std::to_string(bytes) +
                                   " bytes is asked for; give a power of two from " +
                                   std::to_string(api::kMinRingBytes) + " to " +
                                   std::to_string(api::kMaxRingBytes));
        }
    }
    for (const std::size_t bytes : {sizes.punt_ring_bytes, sizes.inject_ring_bytes}) {
        if (!api::valid_packet_ring_bytes(bytes)) {
            return net::unexpected("a ring of packets of " + std::to_string(bytes) +
                                   " bytes is asked for, which has no room for the longest; give " +
                                   std::to_string(api::kMinPacketRingBytes) + " at least");
        }
    }
    if (sizes.worker_count != counters.region().worker_count) {
        return net::unexpected<std::string>(
            "rings and counters are asked for different numbers of workers; give both the same");
    }
    std::unique_ptr<ChannelServer> server(new ChannelServer(sizes, counters, handler, rule));
    auto lock = lock_path(path, stop);
    if (!lock) {
        return net::unexpected(lock.error());
    }
    server->lock_ = std::move(*lock);
    if (auto removed = remove_stale_socket(path); !removed) {
        return net::unexpected(removed.error());
    }
    auto listener = bind_socket(path, rule);
    if (!listener) {
        return net::unexpected(listener.error());
    }
    server->path_ = path;  // from here on the destructor removes it
    server->listener_ = std::move(*listener);
    server->epoll_ = api::Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (!server->epoll_ || !server->watch(server->listener_.get(), EPOLLIN)) {
        return failed("cannot watch the socket " + path, "see the kernel's limits of this process");
    }
    return server;
}

ChannelServer::~ChannelServer() {
    if (!path_.empty()) {
        unlink(path_.c_str());  // while we hold the lock: the file is ours
    }
}

void ChannelServer::close() {
    end_session(SessionEnd::Stopped, "the dataplane stops");
    greeting_.clear();
    listener_.reset();
    if (!path_.empty()) {
        unlink(std::exchange(path_, {}).c_str());
    }
}

bool ChannelServer::watch(int descriptor, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 ||
           (errno == EEXIST && epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) == 0);
}

bool ChannelServer::poll(std::size_t budget) {
    std::array<epoll_event, 16> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == listener_.get()) {
            accept_connections();
        } else if (session_ && descriptor == session_->sleeper()) {
            api::drain_wakes(descriptor);
        } else if (session_ && descriptor == session_->connection()) {
            const bool waited = session_->answer_waits();
            session_->serve_connection();
            if (!session_->over() && session_->answer_waits() != waited) {
                // An answer that waits stops the reading of requests until it has gone.
                watch(descriptor, session_->answer_waits() ? EPOLLOUT : EPOLLIN);
            }
            end_session_if_over();
        } else {
            read_greeting(descriptor);
        }
    }
    if (!session_) {
        return false;
    }
    const Session::Drained drained = session_->drain(budget);
    statistics_.route_records += drained.routes;
    statistics_.inject_records += drained.injected;
    session_->flush_wakes();
    end_session_if_over();
    return drained.more && session_ != nullptr;
}

bool ChannelServer::prepare_to_wait() {
    if (!session_) {
        return true;
    }
    session_->flush_wakes();
    // A session that a handler ended by emit() between two polls is put away by the next one.
    return !session_->over() && session_->prepare_to_wait();
}

void ChannelServer::accept_connections() {
    for (int i = 0; i < kAcceptsAPoll; ++i) {
        api::Descriptor connection(
            accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!connection) {
            return;
        }
        if (!allowed(connection.get())) {
            refuse(connection.get(), 0,
                   "this user may not be the control plane; run it as the dataplane's or the "
                   "configured user");
            continue;
        }
        if (greeting_.size() >= kMaxGreeting) {
            greeting_.erase(greeting_.begin());  // closing takes it out of epoll too
            ++statistics_.greetings_dropped;
        }
        if (watch(connection.get(), EPOLLIN)) {
            greeting_.push_back(std::move(connection));
        }
    }
}

bool ChannelServer::allowed(int connection) const {
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        return false;
    }
    return peer.uid == 0 || peer.uid == geteuid() || (rule_.uid && peer.uid == *rule_.uid) ||
           (rule_.gid && peer.gid == *rule_.gid);
}

void ChannelServer::read_greeting(int connection) {
    const auto found =
        std::find_if(greeting_.begin(), greeting_.end(),
                     [&](const api::Descriptor& one) { return one.get() == connection; });
    if (found == greeting_.end()) {
        return;  // closed earlier in this round
    }
    std::array<std::byte, kMaxHelloBytes> buffer;
    api::ReceivedControl received;
    const auto outcome = api::receive_control(connection, buffer, received);
    if (outcome == api::ReceiveOutcome::Nothing) {
        return;
    }
    api::Descriptor greeter = std::move(*found);
    greeting_.erase(found);
    if (outcome != api::ReceiveOutcome::Message) {
        return;
    }
    const auto message = api::read_control(received.message);
    if (!message || message->header.type != api::ControlType::Hello ||
        !received.descriptors.empty()) {
        refuse(greeter.get(), 0, "the first message is not the channel's Hello");
        return;
    }
    greet(std::move(greeter), message->header.request, message->body);
}

void ChannelServer::refuse(int connection, std::uint32_t request, std::string_view reason) {
    ++statistics_.connections_refused;
    api::RefusedBody refused;
    api::set_bounded_text(refused.reason, reason);
    api::send_control(connection, api::encode_control(api::ControlType::Refused, request,
                                                      api::bytes_of(refused)));
}

void ChannelServer::greet(api::Descriptor connection, std::uint32_t request,
                          std::span<const std::byte> hello) {
    // The version comes first in every version of Hello, whatever else may follow it one day.
    const auto version = api::read_front<std::uint32_t>(hello);
    if (!version || *version != api::kChannelVersion) {
        refuse(connection.get(), request,
               "the dataplane speaks another version of the channel; install both programs from "
               "one build");
        return;
    }
    if (!api::read_exact<api::HelloBody>(hello)) {
        refuse(connection.get(), request, "the Hello has the wrong length");
        return;
    }
    if (session_ && !session_->peer_gone()) {
        refuse(connection.get(), request, "another control plane is connected; stop it first");
        return;
    }
    end_session(SessionEnd::PeerLeft, "the control plane has left");

    auto made = SessionMemory::create(sizes_);
    if (!made) {
        refuse(connection.get(), request, made.error());
        return;
    }
    std::shared_ptr<SessionMemory> memory = std::move(*made);
    api::WelcomeBody welcome;
    welcome.session = session_count_ + 1;
    welcome.boot_id = counters_.region().boot_id;
    welcome.worker_count = sizes_.worker_count;
    welcome.punt_ring_bytes = sizes_.punt_ring_bytes;
    welcome.inject_ring_bytes = sizes_.inject_ring_bytes;
    welcome.route_ring_bytes = sizes_.route_ring_bytes;
    welcome.event_ring_bytes = sizes_.event_ring_bytes;
    welcome.config_sha256 = config_sha256_;
    const std::array<int, static_cast<std::size_t>(api::WelcomeFd::kCount)> descriptors{
        counters_.descriptor(),
        memory->punt_memory().descriptor.get(),
        memory->inject_memory().descriptor.get(),
        memory->route_memory().descriptor.get(),
        memory->event_memory().descriptor.get(),
        memory->punt_wake().sleeper.get(),
        memory->event_wake().sleeper.get(),
        memory->inject_wake().waker.get()};
    if (api::send_control(
            connection.get(),
            api::encode_control(api::ControlType::Welcome, request, api::bytes_of(welcome)),
            descriptors) != api::SendOutcome::Sent) {
        return;  // gone already
    }
    memory->forget_peer_ends();
    session_ = std::make_unique<Session>(session_count_ + 1, std::move(connection),
                                         std::move(memory), sizes_, handler_);
    ++session_count_;
    ++statistics_.sessions_opened;
    resync_due_ = false;
    if (!watch(session_->connection(), EPOLLIN) || !watch(session_->sleeper(), EPOLLIN)) {
        session_.reset();
        return;
    }
    handler_.session_opened(session_->rings());
}

void ChannelServer::end_session_if_over() {
    if (session_ && session_->over()) {
        end_session(session_->why(), session_->detail());
    }
}

void ChannelServer::end_session(SessionEnd why, std::string_view detail) {
    if (!session_) {
        return;
    }
    // Taken out first: what the handler emits while it hears of the end goes nowhere.
    const std::unique_ptr<Session> ended = std::move(session_);
    ++statistics_.sessions_ended[static_cast<std::size_t>(why)];
    last_end_ = detail;
    resync_due_ = false;
    handler_.session_closed();
}

bool ChannelServer::emit(api::EventType type, std::span<const std::byte> body) {
    if (!session_) {
        return false;
    }
    if (session_->emit(type, body)) {
        ++statistics_.events;
        return true;
    }
    if (!session_->over()) {
        ++statistics_.events_lost;
        resync_due_ = true;
    }
    return false;
}

bool ChannelServer::take_resync_due() {
    // Half of the ring, so that the resync does not at once run into the same wall.
    if (!resync_due_ || !session_ || session_->event_room() < sizes_.event_ring_bytes / 2) {
        return false;
    }
    resync_due_ = false;
    return true;
}

void ChannelServer::answer_nat(std::uint64_t session, std::uint32_t request,
                               const api::NatAnswerBody& header,
                               std::span<const std::byte> records) {
    if (!session_ || session_->number() != session) {
        return;
    }
    const bool waited = session_->answer_waits();
    session_->send_later(
        api::encode_control(api::ControlType::NatAnswer, request, api::bytes_of(header), records));
    if (!session_->over() && session_->answer_waits() != waited) {
        watch(session_->connection(), EPOLLOUT);
    }
}

void ChannelServer::acknowledge(std::uint64_t sequence) {
    if (session_) {
        session_->acknowledge(sequence);
    }
}

void ChannelServer::set_config_sha256(std::string_view digits) {
    config_sha256_.fill('\0');
    std::memcpy(config_sha256_.data(), digits.data(),
                std::min(digits.size(), config_sha256_.size()));
}

}  // namespace godwit::dataplane
