// The TCP socket as Asio's rules have it: how operations end, by what error, on which executor, and
// what cancels them.
#include "controlplane/host/io/tcp_socket.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <numeric>

#include "controlplane/host/io/tcp_acceptor.hpp"
#include "tests/unit/controlplane/host/io/two_stacks.hpp"

namespace godwit::control::io {
namespace {

namespace errors = asio::error;
using asio::ip::address_v4;
using test::kFar;
using test::kNear;

constexpr std::uint16_t kPort = 80;

class TcpSocketTest : public test::TwoStacks {
protected:
    static asio::ip::tcp::endpoint at(net::Ipv4Address address, std::uint16_t port = kPort) {
        return {address_v4(address.value()), port};
    }
    TcpAcceptor listen(std::uint16_t port = kPort, const tcp::Settings& settings = {}) {
        auto made = TcpAcceptor::listen(*far.stack, on(), at({}, port), settings, 8);
        EXPECT_TRUE(made.has_value()) << (made ? "" : made.error());
        return std::move(*made);
    }
    // A connection with both ends.
    void connect(const tcp::Settings& settings = {}) {
        client.settings() = settings;
        int done = 0;
        acceptor.async_accept([&](error_code error, TcpSocket socket) {
            EXPECT_FALSE(error) << error.message();
            server.emplace(std::move(socket));
            ++done;
        });
        client.async_connect(at(kFar), [&](error_code error) {
            EXPECT_FALSE(error) << error.message();
            ++done;
        });
        run_until([&] { return done == 2; });
    }
    // The end of one operation.
    struct Ended {
        std::optional<error_code> error;
        std::size_t bytes = 0;
        auto token() {
            return [this](error_code why, std::size_t count) {
                EXPECT_FALSE(error.has_value()) << "a handler is called once";
                error = why;
                bytes = count;
            };
        }
        explicit operator bool() const { return error.has_value(); }
    };
    void wait(const Ended& ended) {
        run_until([&] { return bool(ended); });
    }

    TcpAcceptor acceptor = listen();
    TcpSocket client{*near.stack, on()};
    std::optional<TcpSocket> server;
    std::array<char, 64> buffer{};
};

static_assert(std::is_same_v<TcpSocket::executor_type, asio::any_io_executor>);
static_assert(std::is_nothrow_move_constructible_v<TcpSocket>);

TEST_F(TcpSocketTest, knows_both_ends_of_its_connection) {
    connect();
    EXPECT_TRUE(client.is_open());
    EXPECT_EQ(client.remote_endpoint(), at(kFar));
    EXPECT_EQ(client.local_endpoint().address(), address_v4(kNear.value()));
    EXPECT_EQ(server->remote_endpoint(), client.local_endpoint());
    EXPECT_EQ(server->local_endpoint(), at(kFar));
    EXPECT_EQ(client.info()->state, tcp::State::Established);
}

TEST_F(TcpSocketTest, carries_bytes_both_ways_as_coroutines_see_it) {
    connect();
    std::string data(300'000, 0);
    std::iota(data.begin(), data.end(), 'a');
    std::string echoed;
    bool done = false;
    asio::co_spawn(
        on(),
        [&]() -> asio::awaitable<void> {
            std::vector<char> part(10'000);
            error_code error;
            while (!error) {
                const std::size_t n = co_await server->async_read_some(
                    asio::buffer(part), asio::redirect_error(asio::use_awaitable, error));
                co_await asio::async_write(*server, asio::buffer(part, n), asio::use_awaitable);
            }
            EXPECT_EQ(error, errors::eof);
            server->shutdown(asio::socket_base::shutdown_send);
        },
        asio::detached);
    asio::co_spawn(
        on(),
        [&]() -> asio::awaitable<void> {
            co_await asio::async_write(client, asio::buffer(data), asio::use_awaitable);
            client.shutdown(asio::socket_base::shutdown_send);
        },
        asio::detached);
    asio::co_spawn(
        on(),
        [&]() -> asio::awaitable<void> {
            error_code error;
            co_await asio::async_read(client, asio::dynamic_buffer(echoed),
                                      asio::redirect_error(asio::use_awaitable, error));
            EXPECT_EQ(error, errors::eof);
            done = true;
        },
        asio::detached);
    run_until([&] { return done; });
    EXPECT_EQ(echoed, data);
}

TEST_F(TcpSocketTest, a_handler_is_never_called_within_the_call_that_began_it) {
    connect();
    Ended write;
    client.async_write_some(asio::buffer("hello", 5), write.token());
    EXPECT_FALSE(write);
    run_ready();
    ASSERT_TRUE(write);
    EXPECT_EQ(write.bytes, 5U);
    Ended read;
    server->async_read_some(asio::buffer(buffer), read.token());  // is there already
    EXPECT_FALSE(read);
    run_ready();
    ASSERT_TRUE(read);
    EXPECT_EQ(read.bytes, 5U);
}

TEST_F(TcpSocketTest, a_read_of_nothing_ends_at_once) {
    connect();
    Ended read;
    client.async_read_some(asio::mutable_buffer(), read.token());
    run_ready();
    ASSERT_TRUE(read);
    EXPECT_FALSE(*read.error);
}

TEST_F(TcpSocketTest, half_of_the_connection_may_be_closed) {
    connect();
    client.shutdown(asio::socket_base::shutdown_send);
    Ended read;
    server->async_read_some(asio::buffer(buffer), read.token());
    wait(read);
    EXPECT_EQ(*read.error, errors::eof);
    Ended back;
    server->async_write_some(asio::buffer("late", 4), back.token());
    Ended heard;
    client.async_read_some(asio::buffer(buffer), heard.token());
    wait(heard);
    EXPECT_EQ(heard.bytes, 4U);
    Ended after;
    client.async_write_some(asio::buffer("no", 2), after.token());
    wait(after);
    EXPECT_EQ(*after.error, errors::broken_pipe);
}

TEST_F(TcpSocketTest, a_reset_is_a_connection_reset_and_what_came_before_is_read_first) {
    connect();
    Ended write;
    server->async_write_some(asio::buffer("last", 4), write.token());
    wait(write);
    run_ready();
    server->abort();
    run_ready();
    Ended first;
    client.async_read_some(asio::buffer(buffer), first.token());
    wait(first);
    EXPECT_EQ(first.bytes, 4U);
    Ended second;
    client.async_read_some(asio::buffer(buffer), second.token());
    wait(second);
    EXPECT_EQ(*second.error, errors::connection_reset);
    Ended third;
    client.async_write_some(asio::buffer("x", 1), third.token());
    wait(third);
    EXPECT_EQ(*third.error, errors::connection_reset);
}

TEST_F(TcpSocketTest, nobody_listens_is_connection_refused) {
    std::optional<error_code> ended;
    client.async_connect(at(kFar, 81), [&](error_code error) { ended = error; });
    run_until([&] { return ended.has_value(); });
    EXPECT_EQ(*ended, errors::connection_refused);
    EXPECT_FALSE(client.is_open());
    connect();  // the same socket may try again
}

TEST_F(TcpSocketTest, a_peer_that_is_gone_is_timed_out) {
    connect();
    cut = true;
    Ended write;
    client.async_write_some(asio::buffer("hello", 5), write.token());
    wait(write);
    Ended read;
    client.async_read_some(asio::buffer(buffer), read.token());
    wait(read);
    EXPECT_EQ(*read.error, errors::timed_out);

    TcpSocket other(*near.stack, on());
    std::optional<error_code> ended;
    other.async_connect(at(kFar), [&](error_code error) { ended = error; });
    run_until([&] { return ended.has_value(); });
    EXPECT_EQ(*ended, errors::timed_out);
}

TEST_F(TcpSocketTest, what_cannot_be_reached_says_so) {
    std::optional<error_code> ended;
    client.async_connect(at(net::Ipv4Address(224, 0, 0, 9)),
                         [&](error_code error) { ended = error; });
    run_until([&] { return ended.has_value(); });
    EXPECT_EQ(*ended, errors::invalid_argument);
    ended.reset();
    client.async_connect({asio::ip::address_v6::loopback(), 80},
                         [&](error_code error) { ended = error; });
    run_until([&] { return ended.has_value(); });
    EXPECT_EQ(*ended, errors::address_family_not_supported);
}

TEST_F(TcpSocketTest, closing_aborts_what_waits) {
    connect();
    Ended read;
    client.async_read_some(asio::buffer(buffer), read.token());
    client.close();
    run_ready();
    ASSERT_TRUE(read);
    EXPECT_EQ(*read.error, errors::operation_aborted);
    Ended after;
    client.async_read_some(asio::buffer(buffer), after.token());
    run_ready();
    EXPECT_EQ(*after.error, errors::bad_descriptor);
    Ended far_end;
    server->async_read_some(asio::buffer(buffer), far_end.token());
    wait(far_end);
    EXPECT_EQ(*far_end.error, errors::eof);
}

TEST_F(TcpSocketTest, cancelling_ends_the_operation_and_leaves_the_connection) {
    connect();
    Ended read;
    client.async_read_some(asio::buffer(buffer), read.token());
    client.cancel();
    run_ready();
    EXPECT_EQ(*read.error, errors::operation_aborted);
    Ended again;
    client.async_read_some(asio::buffer(buffer), again.token());
    Ended write;
    server->async_write_some(asio::buffer("still", 5), write.token());
    wait(again);
    EXPECT_EQ(again.bytes, 5U);
}

TEST_F(TcpSocketTest, a_cancellation_slot_ends_its_own_operation_only) {
    connect();
    asio::cancellation_signal signal;
    Ended read;
    client.async_read_some(asio::buffer(buffer),
                           asio::bind_cancellation_slot(signal.slot(), read.token()));
    signal.emit(asio::cancellation_type::total);
    run_ready();
    ASSERT_TRUE(read);
    EXPECT_EQ(*read.error, errors::operation_aborted);
    Ended next;
    client.async_read_some(asio::buffer(buffer), next.token());
    signal.emit(asio::cancellation_type::terminal);  // of what has ended: nothing
    run_ready();
    EXPECT_FALSE(next);

    asio::cancellation_signal stop;
    TcpSocket other(*near.stack, on());
    cut = true;
    std::optional<error_code> connecting;
    other.async_connect(at(kFar), asio::bind_cancellation_slot(
                                      stop.slot(), [&](error_code error) { connecting = error; }));
    stop.emit(asio::cancellation_type::terminal);
    run_ready();
    ASSERT_TRUE(connecting.has_value());
    EXPECT_EQ(*connecting, errors::operation_aborted);
    EXPECT_FALSE(other.is_open());
}

TEST_F(TcpSocketTest, a_handler_runs_on_the_executor_that_it_is_bound_to) {
    connect();
    asio::io_context elsewhere;
    bool called = false;
    client.async_write_some(asio::buffer("hello", 5),
                            asio::bind_executor(elsewhere.get_executor(),
                                                [&](error_code, std::size_t) { called = true; }));
    run_ready();
    EXPECT_FALSE(called);
    elsewhere.run();
    EXPECT_TRUE(called);
}

TEST_F(TcpSocketTest, futures_are_tokens_too) {
    connect();
    std::future<std::size_t> written =
        client.async_write_some(asio::buffer("hello", 5), asio::use_future);
    run_until(
        [&] { return written.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    EXPECT_EQ(written.get(), 5U);
}

TEST_F(TcpSocketTest, one_read_waits_at_a_time) {
    connect();
    Ended first;
    Ended second;
    client.async_read_some(asio::buffer(buffer), first.token());
    client.async_read_some(asio::buffer(buffer), second.token());
    run_ready();
    EXPECT_FALSE(first);
    EXPECT_EQ(*second.error, errors::already_started);
}

TEST_F(TcpSocketTest, a_write_waits_for_room) {
    tcp::Settings small;
    small.send_buffer = 4096;
    small.receive_buffer = 4096;
    acceptor.close();
    acceptor = listen(kPort, small);
    connect(small);
    const std::string much(20'000, 'x');
    std::size_t sent = 0;
    Ended blocked;
    for (int i = 0; i < 20; ++i) {
        Ended one;
        client.async_write_some(asio::buffer(much), one.token());
        run_ready();
        if (!one) {
            client.cancel();
            run_ready();
            break;
        }
        sent += one.bytes;
    }
    EXPECT_LE(sent, 8192U + 2048U);  // both buffers, and what the window's rounding gives
    client.async_write_some(asio::buffer(much), blocked.token());
    run_ready();
    EXPECT_FALSE(blocked);
    std::vector<char> all(sent);
    Ended read;
    asio::async_read(*server, asio::buffer(all), read.token());
    wait(read);
    wait(blocked);
    EXPECT_FALSE(*blocked.error);
    EXPECT_GT(blocked.bytes, 0U);
}

TEST_F(TcpSocketTest, options_are_asios) {
    client.set_option(asio::ip::tcp::no_delay(true));
    client.set_option(asio::socket_base::keep_alive(true));
    client.set_option(asio::socket_base::send_buffer_size(8192));
    client.set_option(asio::socket_base::receive_buffer_size(8192));
    EXPECT_FALSE(client.settings().nagle);
    EXPECT_EQ(client.settings().send_buffer, 8192U);
    connect(client.settings());
    client.set_option(asio::ip::tcp::no_delay(false));
    EXPECT_THROW(client.set_option(asio::socket_base::send_buffer_size(0)),
                 boost::system::system_error);
}

TEST_F(TcpSocketTest, bytes_survive_a_link_that_loses) {
    lose_every = 7;
    connect();
    const std::string data(200'000, 'z');
    std::string received(data.size(), 0);
    Ended write;
    Ended read;
    asio::async_write(client, asio::buffer(data), write.token());
    asio::async_read(*server, asio::buffer(received), read.token());
    wait(read);
    EXPECT_EQ(received, data);
}

TEST_F(TcpSocketTest, a_socket_may_be_moved_while_it_waits) {
    connect();
    Ended read;
    client.async_read_some(asio::buffer(buffer), read.token());
    TcpSocket moved = std::move(client);
    Ended write;
    server->async_write_some(asio::buffer("hello", 5), write.token());
    wait(read);
    EXPECT_EQ(read.bytes, 5U);
}

TEST_F(TcpSocketTest, sockets_that_outlive_the_stack_fail) {
    connect();
    near.stack.reset();
    Ended read;
    client.async_read_some(asio::buffer(buffer), read.token());
    run_ready();
    EXPECT_EQ(*read.error, errors::bad_descriptor);
    client.close();
}

// ---- the acceptor

TEST_F(TcpSocketTest, an_acceptor_gives_connections_in_the_order_in_which_they_came) {
    std::vector<std::unique_ptr<TcpSocket>> clients;
    int connected = 0;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(std::make_unique<TcpSocket>(*near.stack, on()));
        clients.back()->async_connect(at(kFar), [&](error_code error) {
            EXPECT_FALSE(error);
            ++connected;
        });
        run_until([&] { return connected == i + 1; });
    }
    for (int i = 0; i < 5; ++i) {
        std::optional<TcpSocket> accepted;
        acceptor.async_accept(
            [&](error_code, TcpSocket socket) { accepted.emplace(std::move(socket)); });
        run_until([&] { return accepted.has_value(); });
        EXPECT_EQ(accepted->remote_endpoint(),
                  clients[static_cast<std::size_t>(i)]->local_endpoint());
    }
}

TEST_F(TcpSocketTest, an_accept_can_be_cancelled_and_a_closed_acceptor_refuses) {
    std::optional<error_code> ended;
    const auto note = [&](error_code error, const TcpSocket&) { ended = error; };
    acceptor.async_accept(note);
    acceptor.cancel();
    run_ready();
    EXPECT_EQ(*ended, errors::operation_aborted);
    acceptor.close();
    acceptor.async_accept(note);
    run_ready();
    EXPECT_EQ(*ended, errors::bad_descriptor);
    std::optional<error_code> refused;
    client.async_connect(at(kFar), [&](error_code error) { refused = error; });
    run_until([&] { return refused.has_value(); });
    EXPECT_EQ(*refused, errors::connection_refused);
}

TEST_F(TcpSocketTest, what_cannot_be_listened_on_says_why) {
    EXPECT_FALSE(TcpAcceptor::listen(*far.stack, on(), at({}), {}, 8).has_value());
    EXPECT_FALSE(
        TcpAcceptor::listen(*far.stack, on(), {asio::ip::address_v6(), 1}, {}, 8).has_value());
}

}  // namespace
}  // namespace godwit::control::io
