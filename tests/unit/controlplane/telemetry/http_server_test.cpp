// HTTP on the router's own stack: places, limits of connections, and changes while it runs.
#include "controlplane/telemetry/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "controlplane/host/io/tcp_socket.hpp"
#include "tests/unit/controlplane/host/io/two_stacks.hpp"

namespace godwit::control::telemetry {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using boost::system::error_code;
using test::kFar;

constexpr std::uint16_t kPort = 9111;

class HttpServerTest : public test::TwoStacks {
protected:
    HttpServerTest()
        : server(executor.io_context(), *far.stack,
                 HttpService{.limits = {.connections = 3},
                             .counters = {},
                             .handler =
                                 [](const HttpRequest& request,
                                    const std::function<void(HttpReply)>& reply) {
                                     reply({.content_type = "text/plain",
                                            .body = request.path + std::string(300'000, '.')});
                                 },
                             .timers = clock,
                             .unix_seconds = [] { return std::int64_t{0}; }}) {}

    // A connection that asks once and stays; what it got, or the error.
    struct Client {
        std::optional<io::TcpSocket> socket;
        error_code error;
        std::string body;
        bool done = false;
        bool closed = false;  // by the server, afterwards
    };
    asio::awaitable<void> talk(Client& client, std::uint16_t port) {
        client.socket.emplace(*near.stack, on());
        const auto token = [&] { return asio::redirect_error(use_awaitable, client.error); };
        co_await client.socket->async_connect({asio::ip::address_v4(kFar.value()), port}, token());
        http::response_parser<http::string_body> parser;
        if (!client.error) {
            http::request<http::empty_body> request(http::verb::get, "/metrics", 11);
            request.set(http::field::host, "far");
            boost::beast::flat_buffer buffer;
            co_await http::async_write(*client.socket, request, token());
            if (!client.error) {
                co_await http::async_read(*client.socket, buffer, parser, token());
            }
        }
        client.body = parser.get().body();
        client.done = true;
        char byte = 0;
        error_code end;
        co_await client.socket->async_read_some(asio::buffer(&byte, 1),
                                                asio::redirect_error(use_awaitable, end));
        client.closed = true;
    }
    Client& ask(std::uint16_t port = kPort) {
        clients.push_back(std::make_unique<Client>());
        Client& client = *clients.back();
        asio::co_spawn(executor.io_context(), talk(client, port), asio::detached);
        run_until([&] { return client.done; });
        return client;
    }

    HttpServer server;
    std::vector<std::unique_ptr<Client>> clients;
};

TEST_F(HttpServerTest, answers_whole_pages_over_the_own_stack) {
    server.listen({{kFar, kPort}});
    const Client& client = ask();
    EXPECT_FALSE(client.error) << client.error.message();
    EXPECT_EQ(client.body, "/metrics" + std::string(300'000, '.'));
    EXPECT_EQ(server.connections(), 1U);
    EXPECT_EQ(server.counters().requests, 1U);
}

TEST_F(HttpServerTest, listens_nowhere_until_it_is_told_where) {
    EXPECT_EQ(ask().error, asio::error::connection_refused);
}

TEST_F(HttpServerTest, resets_a_connection_over_the_limit_and_counts_it) {
    server.listen({{kFar, kPort}});
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(ask().error);
    }
    EXPECT_TRUE(ask().error);
    EXPECT_EQ(server.counters().connections, 3U);
    EXPECT_EQ(server.counters().connections_refused, 1U);
    // One that ends makes room.
    clients.front()->socket->close();
    run_until([&] { return server.connections() < 3; });
    EXPECT_FALSE(ask().error);
}

TEST_F(HttpServerTest, a_place_that_goes_takes_its_connections_along_and_no_others) {
    server.listen({{kFar, kPort}, {{}, 9112}});
    const Client& goes = ask(kPort);
    const Client& stays = ask(9112);
    ASSERT_FALSE(goes.error || stays.error);
    server.listen({{{}, 9112}});
    run_until([&] { return goes.closed; });
    EXPECT_FALSE(stays.closed);
    EXPECT_EQ(server.connections(), 1U);
    EXPECT_EQ(ask(kPort).error, asio::error::connection_refused);
    server.listen({{kFar, kPort}, {{}, 9112}});
    EXPECT_FALSE(ask(kPort).error);
}

TEST_F(HttpServerTest, says_what_it_cannot_listen_on_and_tries_again_the_next_time) {
    const auto taken = far.host.tcp().listen(kFar, kPort, {}, 1);
    ASSERT_TRUE(taken.has_value());
    server.listen({{kFar, kPort}});
    ASSERT_EQ(server.problems().size(), 1U);
    EXPECT_THAT(server.problems().front(), testing::HasSubstr("10.0.0.9:9111"));
    EXPECT_TRUE(server.places().empty());
    far.host.tcp().stop_listening(*taken, clock.now());
    server.listen({{kFar, kPort}});
    EXPECT_TRUE(server.problems().empty());
    EXPECT_FALSE(ask().error);
}

TEST_F(HttpServerTest, cuts_off_who_does_not_read_and_who_does_not_say_farewell) {
    server.listen({{kFar, kPort}});
    io::TcpSocket silent(*near.stack, on());
    const auto send = [&](const std::string& request) {
        std::optional<error_code> sent;
        silent = io::TcpSocket(*near.stack, on());
        silent.async_connect({asio::ip::address_v4(kFar.value()), kPort}, [&](error_code error) {
            ASSERT_FALSE(error);
            asio::async_write(silent, asio::buffer(request),
                              [&](error_code failed, std::size_t) { sent = failed; });
        });
        run_until([&] { return sent.has_value(); });
    };
    // More than both buffers hold.
    std::string request;
    for (int i = 0; i < 4; ++i) {
        request += "GET /metrics HTTP/1.1\r\nHost: r\r\n\r\n";
    }
    send(request);
    run_until([&] { return server.counters().slow_readers == 1; });
    run_until([&] { return server.connections() == 0; });
    send("NONSENSE\r\n\r\n");
    run_until([&] { return server.counters().farewells_cut == 1; });
    EXPECT_EQ(server.counters().bad_requests, 1U);
    run_until([&] { return server.connections() == 0; });
}

TEST_F(HttpServerTest, idle_connections_end_by_themselves) {
    server.listen({{kFar, kPort}});
    const Client& client = ask();
    run_until([&] { return client.closed; });
    EXPECT_EQ(server.counters().idle_closed, 1U);
    EXPECT_EQ(server.connections(), 0U);
}

}  // namespace
}  // namespace godwit::control::telemetry
