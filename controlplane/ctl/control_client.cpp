#include "controlplane/ctl/control_client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace godwit::ctl {
namespace json = boost::json;
namespace {

// A full table of a large router fits many times; a peer that never ends its line does not.
constexpr std::size_t kMaxAnswerBytes = 256U << 20;

ClientError no_router(const std::string& path, std::string_view why) {
    return {NoAnswer::NoRouter,
            fmt::format("no router answers at {}: {}; start one with `godwit run`, or name the "
                        "socket of yours with --socket PATH or GODWIT_SOCKET",
                        path, why)};
}

ClientError connect_error(const std::string& path, int error) {
    switch (error) {
        case ENOENT:
            return no_router(path, "there is no such socket");
        case ECONNREFUSED:
            return no_router(path, "the socket is there, but its router is gone");
        case EACCES:
        case EPERM:
            return {NoAnswer::NoRouter,
                    fmt::format("may not open {}: {}; run godwitctl as root or as the socket's "
                                "owner",
                                path, std::strerror(error))};
        case EAGAIN:
            return no_router(path, "it takes no more connections");
        default:
            return no_router(path, std::strerror(error));
    }
}

}  // namespace

net::Result<ControlClient, ClientError> ControlClient::connect(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.empty() || socket_path.size() >= sizeof(address.sun_path)) {
        return net::unexpected(
            ClientError{NoAnswer::NoRouter,
                        fmt::format("'{}' cannot be a socket's path: it must have 1 to {} bytes",
                                    socket_path, sizeof(address.sun_path) - 1)});
    }
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());

    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return net::unexpected(connect_error(socket_path, errno));
    }
    ControlClient client(fd, socket_path);
    // A router whose queue of connections is full, or that does not read, must not hang a person.
    const timeval patience{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return net::unexpected(connect_error(socket_path, errno));
    }
    return client;
}

ControlClient::ControlClient(int fd, std::string socket_path)
    : fd_(fd), socket_path_(std::move(socket_path)) {}

ControlClient::~ControlClient() {
    close_fd();
}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      socket_path_(std::move(other.socket_path_)),
      received_(std::move(other.received_)) {}

ControlClient& ControlClient::operator=(ControlClient&& other) noexcept {
    if (this != &other) {
        close_fd();
        fd_ = std::exchange(other.fd_, -1);
        socket_path_ = std::move(other.socket_path_);
        received_ = std::move(other.received_);
    }
    return *this;
}

void ControlClient::close_fd() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

net::Result<void, ClientError> ControlClient::send(const json::object& request) {
    const std::string line = json::serialize(request) + "\n";
    std::size_t sent = 0;
    while (sent < line.size()) {
        const ssize_t bytes = ::send(fd_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (bytes < 0 && errno == EINTR) {
            return net::unexpected(ClientError{NoAnswer::Interrupted, "interrupted"});
        }
        if (bytes < 0) {
            return net::unexpected(no_router(socket_path_, std::strerror(errno)));
        }
        sent += static_cast<std::size_t>(bytes);
    }
    return {};
}

net::Result<json::object, ClientError> ControlClient::receive(std::chrono::milliseconds patience) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + patience;
    std::size_t searched = 0;
    for (;;) {
        const std::size_t end = received_.find('\n', searched);
        if (end != std::string::npos) {
            const std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            boost::system::error_code error;
            json::value value = json::parse(line, error);
            if (error || !value.is_object() || !value.get_object().contains("ok") ||
                !value.get_object().at("ok").is_bool()) {
                return net::unexpected(ClientError{
                    NoAnswer::Broken,
                    fmt::format("what answers at {} does not speak this protocol; is it a Godwit "
                                "control socket of the same version?",
                                socket_path_)});
            }
            return std::move(value.get_object());
        }
        searched = received_.size();
        if (searched > kMaxAnswerBytes) {
            return net::unexpected(
                ClientError{NoAnswer::Broken, fmt::format("the answer of {} is longer than {} MiB",
                                                          socket_path_, kMaxAnswerBytes >> 20)});
        }

        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd waiting{fd_, POLLIN, 0};
        const int ready =
            left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) {
            return net::unexpected(ClientError{NoAnswer::Interrupted, "interrupted"});
        }
        if (ready == 0) {
            return net::unexpected(
                no_router(socket_path_, fmt::format("no answer in {} s", patience.count() / 1000)));
        }
        std::array<char, 65536> buffer{};
        const ssize_t bytes = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (bytes < 0 && errno == EINTR) {
            return net::unexpected(ClientError{NoAnswer::Interrupted, "interrupted"});
        }
        if (bytes <= 0) {
            return net::unexpected(
                no_router(socket_path_, "the connection closed before the answer was complete"));
        }
        received_.append(buffer.data(), static_cast<std::size_t>(bytes));
    }
}

}  // namespace godwit::ctl
