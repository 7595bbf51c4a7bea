// An HTTP service at places of the router's own stack: who listens there, and which connections
// there are.
//
// Places may change while it runs. One that is named no more is closed at once, with the
// connections that came in by it; the others are not touched. Limits and their counters are in
// http.hpp.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/host/io/stack.hpp"
#include "controlplane/telemetry/http.hpp"
#include "net/ipv4_address.hpp"

namespace boost::asio {
class io_context;
}

namespace godwit::control::telemetry {

struct HttpPlace {
    net::Ipv4Address address;  // unspecified: every address of ours
    std::uint16_t port = 0;
    [[nodiscard]] std::string to_string() const;
    friend auto operator<=>(const HttpPlace&, const HttpPlace&) = default;
};

class HttpServer {
public:
    // `executor` and `stack` outlive this.
    HttpServer(boost::asio::io_context& executor, Stack& stack, HttpService service);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Listens at these and at no others. What cannot be listened on is in problems(), and tried
    // again the next time.
    void listen(const std::vector<HttpPlace>& places);

    [[nodiscard]] std::vector<HttpPlace> places() const;  // that are listened on
    [[nodiscard]] const std::vector<std::string>& problems() const;
    [[nodiscard]] std::size_t connections() const;
    [[nodiscard]] const HttpCounters& counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with accepts and sessions, which end on their own turn
};

}  // namespace godwit::control::telemetry
