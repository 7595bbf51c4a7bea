// What the HTTP sessions of one service share: its limits, its counters, and who makes the pages.
#pragma once

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "controlplane/runtime/clock.hpp"

namespace godwit::control::telemetry {

namespace http = boost::beast::http;

struct HttpLimits {
    std::size_t connections = 16;             // one more is reset
    std::uint32_t header_bytes = 8192;        // of a request
    Duration idle = std::chrono::minutes(3);  // between requests; scrapers come every few seconds
    Duration header = std::chrono::seconds(10);  // from its first byte to its last
    Duration write = std::chrono::seconds(30);   // of a whole answer
    Duration farewell = std::chrono::seconds(2);
};

struct HttpCounters {
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;  // over the limit
    std::uint64_t requests = 0;             // that could be read
    std::uint64_t bad_requests = 0;         // malformed, too long, or with a body
    std::uint64_t not_found = 0;
    std::uint64_t not_allowed = 0;   // neither GET nor HEAD
    std::uint64_t timeouts = 0;      // a request that did not end in time
    std::uint64_t slow_readers = 0;  // an answer that nobody read in time
    std::uint64_t idle_closed = 0;
    std::uint64_t farewells_cut = 0;  // peers that did not close in time
};

struct HttpRequest {
    std::string path;  // without the query
    std::string accept;
};

// `content_type` and `body` are of a reply that is ok; others say their reason.
struct HttpReply {
    http::status status = http::status::ok;
    std::string content_type = {};
    std::string body = {};
};

// Answers by calling `reply` once, at once or later, on the executor's thread.
using HttpHandler =
    std::function<void(const HttpRequest& request, std::function<void(HttpReply)> reply)>;

struct HttpService {
    HttpLimits limits;
    HttpCounters counters;
    HttpHandler handler;  // taken away when the service ends
    Timers& timers;       // outlives the service
    std::function<std::int64_t()> unix_seconds;
};

// The path of a request's target, in whatever form it came (RFC 9112 3.2).
std::string path_of(std::string_view target);
// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7).
std::string date_text(std::int64_t unix_seconds);
// What came is no HTTP/1, and neither the peer's end nor ours.
bool is_malformed(const boost::system::error_code& error);

}  // namespace godwit::control::telemetry
