// The control socket: a Unix stream socket, one JSON object a line (docs/control-protocol.md).
//
// Lines in, answers out, in order; a connection's next line is read when its last answer has gone
// out. Bounded everywhere, each bound with a counter: connections (one more is told so and closed),
// the length of a line (answered with bad-request, closed), how long a reader may leave a written
// part unread and how much may wait for it (closed). The socket file has mode 0660. A file left by
// a router that is gone is replaced; a socket on which somebody answers is not.
//
// What a line means is the handler's business. Everything runs on the executor's thread.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/management/answer.hpp"
#include "net/result.hpp"

namespace boost::asio {
class io_context;
}

namespace godwit::control {

struct ControlServerLimits {
    std::size_t connections = 64;
    std::size_t line_bytes = std::size_t{16} << 20;
    std::size_t unsent_bytes = std::size_t{1} << 20;  // of lines that nobody asked for one by one
    std::chrono::milliseconds write_patience{30'000};
};

struct ControlServerCounters {
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;  // over the limit
    std::uint64_t requests = 0;
    std::uint64_t bad_lines = 0;     // too long, or no JSON object
    std::uint64_t slow_readers = 0;  // dropped
};

class ControlServer {
public:
    using Handler = std::function<void(boost::json::object, std::shared_ptr<Answer>)>;

    // Listens at once. The error is a sentence with its mend.
    static net::Result<std::unique_ptr<ControlServer>, std::string> open(
        boost::asio::io_context& executor, const std::string& path, Handler handler,
        const ControlServerLimits& limits = {});
    // Closes all connections and removes the socket file, if it is still this one's.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    [[nodiscard]] std::size_t connections() const;
    [[nodiscard]] const ControlServerCounters& counters() const;

private:
    struct State;
    explicit ControlServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;  // shared with the connections, which end on their own turn
};

}  // namespace godwit::control
