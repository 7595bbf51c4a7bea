// One HTTP/1.1 connection (RFC 9112) that answers GET and HEAD, on any stream: one of the router's
// own stack, a kernel's, TLS over either, or one in memory.
//
//   idle ──first byte──► header ──whole──► handler ──reply──► writing ──► idle, or farewell
//     └─ limits.idle ─┐    └─ limits.header ─┐                  └─ limits.write ─┐
//                     ▼                      ▼                                   ▼
//                   closed                 closed                             reset
//
// Pages are small and made when they are asked for; so a request has no body, and what is sent is
// one string. A client that sends a body is answered and not listened to any further, since where
// its next request begins is not looked for. At the end our half is closed first, and what still
// comes is read for a moment, so that a reset does not take the last answer away (RFC 9112 9.6).
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/runtime/clock.hpp"
#include "controlplane/telemetry/http.hpp"

namespace godwit::control::telemetry {

template <class Stream>
class HttpSession final : public std::enable_shared_from_this<HttpSession<Stream>> {
public:
    using ErrorCode = boost::system::error_code;

    // `ended` is called once, in a turn of the executor.
    HttpSession(Stream stream, std::shared_ptr<HttpService> service, std::function<void()> ended)
        : stream_(std::move(stream)),
          service_(std::move(service)),
          ended_(std::move(ended)),
          timer_(service_->timers.make_timer()),
          buffer_(service_->limits.header_bytes + kReadBytes) {}

    void start() { wait_for_request(); }
    // At once: what is under way is not finished.
    void close() {
        timer_->cancel();
        if constexpr (requires { stream_.abort(); }) {
            stream_.abort();
        } else {
            stream_.close();
        }
    }

private:
    using Parser = http::request_parser<http::empty_body>;
    static constexpr std::size_t kReadBytes = 4096;

    // `late` is counted when the time is over.
    void arm(Duration patience, std::uint64_t HttpCounters::*late) {
        timer_->arm(service_->timers.now() + patience, [weak = this->weak_from_this(), late] {
            if (const auto self = weak.lock()) {
                ++(self->service_->counters.*late);
                self->close();
            }
        });
    }

    void wait_for_request() {
        parser_.emplace();
        parser_->header_limit(service_->limits.header_bytes);
        if (buffer_.size() > 0) {
            read_header();
            return;
        }
        arm(service_->limits.idle, &HttpCounters::idle_closed);
        stream_.async_read_some(buffer_.prepare(kReadBytes),
                                [self = this->shared_from_this()](ErrorCode error, std::size_t n) {
                                    if (error) {
                                        self->end();
                                        return;
                                    }
                                    self->buffer_.commit(n);
                                    self->read_header();
                                });
    }

    void read_header() {
        arm(service_->limits.header, &HttpCounters::timeouts);
        http::async_read_header(stream_, buffer_, *parser_,
                                [self = this->shared_from_this()](ErrorCode error, std::size_t) {
                                    self->header_came(error);
                                });
    }

    void header_came(ErrorCode error) {
        timer_->cancel();
        if (!error) {
            answer();
        } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
            reply({.status = http::status::request_header_fields_too_large}, 11, false, false);
        } else if (is_malformed(error)) {
            reply({.status = http::status::bad_request}, 11, false, false);
        } else {
            end();  // the peer is gone, or this was closed
        }
    }

    void answer() {
        const auto& request = parser_->get();
        const unsigned version = request.version();
        const bool has_body =
            parser_->chunked() || parser_->content_length_remaining().value_or(0) > 0;
        const bool keep_alive = request.keep_alive() && !has_body;
        const bool is_head = request.method() == http::verb::head;
        ++service_->counters.requests;
        // RFC 9112 3.2: exactly one Host, from HTTP/1.1 on.
        if (version >= 11 && request.count(http::field::host) != 1) {
            reply({.status = http::status::bad_request}, version, is_head, false);
            return;
        }
        if (request.method() != http::verb::get && !is_head) {
            reply({.status = http::status::method_not_allowed}, version, is_head, keep_alive);
            return;
        }
        if (has_body) {
            reply({.status = http::status::payload_too_large}, version, is_head, false);
            return;
        }
        if (!service_->handler) {
            end();  // the service is gone
            return;
        }
        const HttpRequest asked{path_of(request.target()),
                                std::string(request[http::field::accept])};
        service_->handler(
            asked, [self = this->shared_from_this(), version, is_head, keep_alive](HttpReply made) {
                self->reply(std::move(made), version, is_head, keep_alive);
            });
    }

    void reply(HttpReply made, unsigned version, bool is_head, bool keep_alive) {
        count(made.status);
        if (made.status != http::status::ok) {
            made.content_type = "text/plain; charset=utf-8";
            made.body = std::string(http::obsolete_reason(made.status)) + "\n";
        }
        http::response<http::string_body> response(made.status, version);
        response.set(http::field::date, date_text(service_->unix_seconds()));
        response.set(http::field::content_type, made.content_type);
        response.set(http::field::vary, "Accept");
        response.set("X-Content-Type-Options", "nosniff");
        if (made.status == http::status::method_not_allowed) {
            response.set(http::field::allow, "GET, HEAD");
        }
        response.content_length(made.body.size());
        if (!is_head) {
            response.body() = std::move(made.body);
        }
        response.keep_alive(keep_alive);
        response_ = std::move(response);
        arm(service_->limits.write, &HttpCounters::slow_readers);
        http::async_write(
            stream_, *response_,
            [self = this->shared_from_this(), keep_alive](ErrorCode error, std::size_t) {
                self->response_.reset();
                if (error) {
                    self->end();
                } else if (keep_alive) {
                    self->wait_for_request();
                } else {
                    self->farewell();
                }
            });
    }

    void farewell() {
        arm(service_->limits.farewell, &HttpCounters::farewells_cut);
        using boost::beast::websocket::async_teardown;
        async_teardown(boost::beast::role_type::server, stream_,
                       [self = this->shared_from_this()](ErrorCode) { self->end(); });
    }

    void end() {
        timer_->cancel();
        if (auto ended = std::exchange(ended_, {})) {
            stream_.close();
            ended();
        }
    }

    void count(http::status status) {
        HttpCounters& counters = service_->counters;
        if (status == http::status::not_found) {
            ++counters.not_found;
        } else if (status == http::status::method_not_allowed) {
            ++counters.not_allowed;
        } else if (status != http::status::ok) {
            ++counters.bad_requests;
        }
    }

    Stream stream_;
    std::shared_ptr<HttpService> service_;
    std::function<void()> ended_;
    std::unique_ptr<Timer> timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    std::optional<http::response<http::string_body>> response_;
};

}  // namespace godwit::control::telemetry
