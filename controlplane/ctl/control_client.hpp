// One connection to a router's control socket: a request out, its answers in
// (docs/control-protocol.md).
//
// Plain blocking POSIX with a deadline for each answer; nothing here trusts the other end: a line
// has a limit, an answer must be a JSON object with `ok`. SIGINT interrupts a wait when its handler
// was set without SA_RESTART, which `ping` uses to end early with what it has.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "net/result.hpp"

namespace godwit::ctl {

// Why there is no answer. `Interrupted` is a signal for this program, no failure of the router.
enum class NoAnswer : std::uint8_t { NoRouter, Broken, Interrupted };

struct ClientError {
    NoAnswer kind = NoAnswer::NoRouter;
    std::string text;  // what, where and the mend, for a person
};

class ControlClient {
public:
    static net::Result<ControlClient, ClientError> connect(const std::string& socket_path);
    ~ControlClient();
    ControlClient(ControlClient&& other) noexcept;
    ControlClient& operator=(ControlClient&& other) noexcept;
    ControlClient(const ControlClient&) = delete;
    ControlClient& operator=(const ControlClient&) = delete;

    net::Result<void, ClientError> send(const boost::json::object& request);
    // The next line of the answer.
    net::Result<boost::json::object, ClientError> receive(std::chrono::milliseconds patience);

private:
    ControlClient(int fd, std::string socket_path);
    void close_fd();

    int fd_ = -1;
    std::string socket_path_;
    std::string received_;  // bytes after the last line given out
};

}  // namespace godwit::ctl
