// HTTP on a stream in memory and in virtual time: what is answered, what is refused, who is cut
// off.
#include "controlplane/telemetry/http_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/beast/_experimental/test/stream.hpp>

#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"

namespace godwit::control::telemetry {
namespace {

using boost::beast::test::stream;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpSessionTest : public testing::Test {
protected:
    HttpSessionTest()
        : service(std::make_shared<HttpService>(HttpService{
              .limits = {},
              .counters = {},
              .handler =
                  [this](const HttpRequest& request, std::function<void(HttpReply)> reply) {
                      asked.push_back(request);
                      if (request.path == "/late") {
                          late = std::move(reply);
                      } else if (request.path == "/metrics") {
                          reply({.content_type = "text/plain", .body = body});
                      } else {
                          reply({.status = http::status::not_found});
                      }
                  },
              .timers = clock,
              .unix_seconds = [] { return std::int64_t{784111777}; }})) {
        connect();
    }
    ~HttpSessionTest() override {
        session->close();
        turn();
    }

    void connect() {
        client.emplace(executor.io_context());
        stream ours(executor.io_context());
        ours.connect(*client);
        session =
            std::make_shared<HttpSession<stream>>(std::move(ours), service, [this] { ++ended; });
        session->start();
        turn();
    }
    void turn() {
        while (executor.poll() > 0) {
        }
    }
    void send(const std::string& text) {
        boost::asio::async_write(*client, boost::asio::buffer(text),
                                 [](boost::system::error_code, std::size_t) {});
        turn();
    }
    // What has come since the last call.
    std::string received() {
        const auto text = std::string(client->str());
        client->clear();
        return text;
    }
    std::string ask(const std::string& text) {
        send(text);
        return received();
    }

    Executor executor;
    VirtualClock clock;
    std::string body = "a 1\n";
    std::vector<HttpRequest> asked;
    std::function<void(HttpReply)> late;
    std::shared_ptr<HttpService> service;
    std::optional<stream> client;
    std::shared_ptr<HttpSession<stream>> session;
    int ended = 0;
};

TEST_F(HttpSessionTest, answers_a_get_with_all_that_a_client_needs) {
    EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n"),
              "HTTP/1.1 200 OK\r\n"
              "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
              "Content-Type: text/plain\r\n"
              "Vary: Accept\r\n"
              "X-Content-Type-Options: nosniff\r\n"
              "Content-Length: 4\r\n"
              "\r\n"
              "a 1\n");
}

TEST_F(HttpSessionTest, answers_a_head_with_the_same_and_no_body) {
    const std::string head = ask("HEAD /metrics HTTP/1.1\r\nHost: r\r\n\r\n");
    EXPECT_THAT(head, HasSubstr("Content-Length: 4\r\n"));
    EXPECT_THAT(head, testing::EndsWith("\r\n\r\n"));
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n"), HasSubstr("a 1\n"));
}

TEST_F(HttpSessionTest, keeps_the_connection_and_answers_what_was_sent_ahead_in_order) {
    const std::string request = "GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n";
    const std::string both = ask(request + "GET /x HTTP/1.1\r\nHost: r\r\n\r\n");
    EXPECT_LT(both.find("200 OK"), both.find("404 Not Found"));
    EXPECT_THAT(ask(request), StartsWith("HTTP/1.1 200 OK"));
    EXPECT_EQ(service->counters.requests, 3U);
    EXPECT_EQ(service->counters.not_found, 1U);
    EXPECT_EQ(ended, 0);
}

TEST_F(HttpSessionTest, hands_on_the_path_without_its_query_and_what_is_accepted) {
    ask("GET /metrics?name[]=x HTTP/1.1\r\nHost: r\r\nAccept: text/plain\r\n\r\n");
    ask("GET http://router:9111/metrics?x HTTP/1.1\r\nHost: r\r\n\r\n");
    ask("GET http://router HTTP/1.1\r\nHost: r\r\n\r\n");
    ASSERT_EQ(asked.size(), 3U);
    EXPECT_EQ(asked[0].path, "/metrics");
    EXPECT_EQ(asked[0].accept, "text/plain");
    EXPECT_EQ(asked[1].path, "/metrics");
    EXPECT_EQ(asked[2].path, "/");
}

TEST_F(HttpSessionTest, says_which_methods_there_are_to_who_uses_another) {
    const std::string answer = ask("DELETE /metrics HTTP/1.1\r\nHost: r\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed"));
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
    EXPECT_EQ(service->counters.not_allowed, 1U);
    EXPECT_TRUE(asked.empty());
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpSessionTest, closes_after_a_request_with_a_body) {
    const std::string answer =
        ask("POST /metrics HTTP/1.1\r\nHost: r\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    connect();
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n"),
                StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpSessionTest, closes_when_it_is_asked_to_and_after_http_1_0) {
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n"),
                HasSubstr("Connection: close\r\n"));
    client->close();
    turn();
    EXPECT_EQ(ended, 1);
    connect();
    EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.0 200 OK"));
    EXPECT_EQ(ended, 2);
}

TEST_F(HttpSessionTest, keeps_http_1_0_where_it_is_asked_to) {
    const std::string request = "GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    EXPECT_THAT(ask(request), HasSubstr("Connection: keep-alive\r\n"));
    EXPECT_THAT(ask(request), StartsWith("HTTP/1.0 200 OK"));
}

TEST_F(HttpSessionTest, refuses_a_request_that_names_no_host_or_two) {
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request"));
    connect();
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
                StartsWith("HTTP/1.1 400"));
    EXPECT_EQ(service->counters.bad_requests, 2U);
}

TEST_F(HttpSessionTest, refuses_what_is_no_http) {
    EXPECT_THAT(ask("\x16\x03\x01 hello\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    connect();
    EXPECT_THAT(ask("GET /metrics HTTP/2.0\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_TRUE(asked.empty());
}

TEST_F(HttpSessionTest, refuses_a_header_that_does_not_end) {
    std::string request = "GET /metrics HTTP/1.1\r\nHost: r\r\n";
    while (request.size() < 3 * service->limits.header_bytes) {
        request += "X-More: and more\r\n";
    }
    EXPECT_THAT(ask(request), StartsWith("HTTP/1.1 431"));
    EXPECT_EQ(service->counters.bad_requests, 1U);
}

TEST_F(HttpSessionTest, cuts_off_who_sends_his_request_too_slowly) {
    send("GET /met");
    for (int i = 0; i < 9; ++i) {
        clock.advance(std::chrono::seconds(1));
        send("r");
    }
    EXPECT_EQ(service->counters.timeouts, 0U);
    clock.advance(std::chrono::seconds(1));
    turn();
    EXPECT_EQ(service->counters.timeouts, 1U);
    EXPECT_EQ(ended, 1);
}

TEST_F(HttpSessionTest, lets_go_of_who_asks_nothing_for_long) {
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n"), HasSubstr("200 OK"));
    clock.advance(service->limits.idle - std::chrono::seconds(1));
    turn();
    EXPECT_EQ(ended, 0);
    clock.advance(std::chrono::seconds(1));
    turn();
    EXPECT_EQ(service->counters.idle_closed, 1U);
    EXPECT_EQ(ended, 1);
}

TEST_F(HttpSessionTest, ends_when_the_client_does) {
    client->close();
    turn();
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(service->counters.bad_requests, 0U);
}

TEST_F(HttpSessionTest, a_reply_that_comes_after_the_end_does_nothing) {
    send("GET /late HTTP/1.1\r\nHost: r\r\n\r\n");
    ASSERT_TRUE(late);
    session->close();
    turn();
    late({.content_type = "text/plain", .body = "x"});
    turn();
    EXPECT_EQ(ended, 1);
}

TEST_F(HttpSessionTest, asks_nobody_when_the_service_is_gone) {
    service->handler = {};
    send("GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n");
    EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace godwit::control::telemetry
