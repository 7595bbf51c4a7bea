// A control socket that answers what a test wrote down, one line a request, for tests of the
// command line's own behaviour. The router's real answers are tested in tests/interop.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace godwit::ctl {

class ScriptedRouter {
public:
    // Each request is answered with the next of `answers`, written as it stands (so it may be
    // several lines, or half of one); after the last the connection closes.
    explicit ScriptedRouter(std::vector<std::string> answers) : answers_(std::move(answers)) {
        std::string folder = "/tmp/godwitctl-test-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) {
            throw std::runtime_error("no temporary directory");
        }
        folder_ = folder;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
            ::listen(listener_, 4) != 0) {
            throw std::runtime_error("no socket");
        }
        thread_ = std::thread([this] { serve(); });
    }

    ~ScriptedRouter() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }
    ScriptedRouter(const ScriptedRouter&) = delete;
    ScriptedRouter& operator=(const ScriptedRouter&) = delete;

    [[nodiscard]] std::string path() const { return folder_ + "/control.sock"; }
    // After the connection closed.
    [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }

private:
    void serve() {
        std::size_t next = 0;
        for (;;) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) {
                return;
            }
            std::string received;
            std::array<char, 4096> buffer{};
            while (next < answers_.size()) {
                const ssize_t bytes = ::recv(client, buffer.data(), buffer.size(), 0);
                if (bytes <= 0) {
                    break;
                }
                received.append(buffer.data(), static_cast<std::size_t>(bytes));
                if (received.back() == '\n') {
                    requests_.push_back(std::exchange(received, {}));
                    const std::string& answer = answers_[next++];
                    [[maybe_unused]] const ssize_t sent =
                        ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
                }
            }
            ::close(client);
        }
    }

    std::vector<std::string> answers_;
    std::vector<std::string> requests_;
    std::string folder_;
    int listener_ = -1;
    std::thread thread_;
};

}  // namespace godwit::ctl
