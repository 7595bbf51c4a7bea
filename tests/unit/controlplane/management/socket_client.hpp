// A client of the control socket for tests: plain sockets on the one side, the executor turned by
// hand on the other, so both ends live on one thread.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "controlplane/runtime/executor.hpp"

namespace godwit::control::test {

class SocketClient {
public:
    SocketClient(Executor& executor, const std::string& path)
        : SocketClient([&executor] { executor.run_for(std::chrono::milliseconds(1)); }, path) {}
    // `turn` lets the other end do something.
    SocketClient(std::function<void()> turn, const std::string& path) : turn_(std::move(turn)) {
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
        }
        ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    }
    ~SocketClient() { close(); }
    SocketClient(const SocketClient&) = delete;
    SocketClient& operator=(const SocketClient&) = delete;

    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
            fd_ = -1;
        }
    }
    void close_way_out() { ::shutdown(fd_, SHUT_WR); }

    // False: the other end is gone.
    bool send(const std::string& text) {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const ssize_t bytes = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (bytes < 0 && errno != EAGAIN) {
                return false;
            }
            if (bytes > 0) {
                sent += static_cast<std::size_t>(bytes);
            }
            turn_();
        }
        return true;
    }

    // The next line, without its end; nothing when the connection closed, or after 30 s
    // (a loaded machine is slow, a test that fails is rare).
    std::optional<std::string> line() {
        const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        std::size_t searched = 0;
        for (;;) {
            if (const auto end = received_.find('\n', searched); end != std::string::npos) {
                std::string text = received_.substr(0, end);
                received_.erase(0, end + 1);
                return text;
            }
            searched = received_.size();
            std::array<char, 65536> buffer{};
            const ssize_t bytes = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (bytes > 0) {
                received_.append(buffer.data(), static_cast<std::size_t>(bytes));
            } else if (bytes == 0 || errno != EAGAIN || std::chrono::steady_clock::now() > late) {
                return std::nullopt;
            } else {
                turn_();
            }
        }
    }

    boost::json::object ask(const boost::json::object& request) {
        send(boost::json::serialize(request) + "\n");
        return answer();
    }
    boost::json::object answer() {
        const auto text = line();
        if (!text) {
            throw std::runtime_error("no answer");
        }
        return boost::json::parse(*text).as_object();
    }

private:
    std::function<void()> turn_;
    int fd_ = -1;
    std::string received_;
};

}  // namespace godwit::control::test
