// A TCP socket of the router's own stack, as Asio has them: an AsyncReadStream and AsyncWriteStream
// on which Boost.Beast and OpenSSL run unchanged (boost::asio::ssl::stream<TcpSocket>,
// boost::beast::websocket::stream<TcpSocket>; teardown.hpp).
//
//     io::TcpSocket socket(stack, executor);
//     co_await socket.async_connect({address, 179}, asio::use_awaitable);
//     co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
//
// Differences to asio::ip::tcp::socket: everything is asynchronous, since nothing here may wait;
// what cannot be changed on a connection that stands is chosen before it (`settings()`); a kernel's
// handle does not exist. Error codes are the standard ones: eof, connection_reset,
// connection_refused, timed_out, host_unreachable, operation_aborted, broken_pipe.
//
// One read and one write may wait at a time, as with a stream of Asio. Like the stack, a socket is
// used on the executor's thread only. It may be moved, and may outlive the stack: then every
// operation fails.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "controlplane/host/io/asio_options.hpp"
#include "controlplane/host/io/completion.hpp"
#include "controlplane/host/io/stack.hpp"
#include "controlplane/host/tcp/settings.hpp"

namespace godwit::control::io {

class TcpSocket {
public:
    using executor_type = asio::any_io_executor;
    using lowest_layer_type = TcpSocket;
    using protocol_type = asio::ip::tcp;
    using endpoint_type = asio::ip::tcp::endpoint;
    using shutdown_type = asio::socket_base::shutdown_type;

    TcpSocket(Stack& stack, executor_type executor);
    ~TcpSocket();
    TcpSocket(TcpSocket&&) noexcept;
    TcpSocket& operator=(TcpSocket&&) noexcept;

    [[nodiscard]] executor_type get_executor() const;
    [[nodiscard]] lowest_layer_type& lowest_layer() { return *this; }
    [[nodiscard]] const lowest_layer_type& lowest_layer() const { return *this; }

    // Of the connection that is made next; later changes are for the functions below.
    [[nodiscard]] tcp::Settings& settings();
    // What connects speaks from; an unspecified address and port zero are chosen.
    void bind(const endpoint_type& local);

    template <class Token>
    auto async_connect(const endpoint_type& peer, Token&& token) {
        return asio::async_initiate<Token, void(error_code)>(
            [this](asio::any_completion_handler<void(error_code)> handler,
                   const endpoint_type& to) { start_connect(to, std::move(handler)); },
            token, peer);
    }
    template <class MutableBuffers, class Token>
    auto async_read_some(const MutableBuffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](Waiting<std::size_t>::Handler handler, Buffers<asio::mutable_buffer> into) {
                start_read(into, std::move(handler));
            },
            token, Buffers<asio::mutable_buffer>::of(buffers));
    }
    template <class ConstBuffers, class Token>
    auto async_write_some(const ConstBuffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](Waiting<std::size_t>::Handler handler, Buffers<asio::const_buffer> from) {
                start_write(from, std::move(handler));
            },
            token, Buffers<asio::const_buffer>::of(buffers));
    }

    void shutdown(shutdown_type what, error_code& error);
    void shutdown(shutdown_type what);
    // Operations that wait end with operation_aborted; the connection ends by itself, or with a
    // reset where there is something that nobody has read (RFC 9293 3.6.1).
    void close(error_code& error);
    void close();
    // With a reset.
    void abort();
    // Operations that wait end with operation_aborted.
    void cancel(error_code& error);
    void cancel();

    [[nodiscard]] bool is_open() const;
    [[nodiscard]] std::size_t available() const;  // bytes that can be read at once
    [[nodiscard]] endpoint_type local_endpoint(error_code& error) const;
    [[nodiscard]] endpoint_type local_endpoint() const;
    [[nodiscard]] endpoint_type remote_endpoint(error_code& error) const;
    [[nodiscard]] endpoint_type remote_endpoint() const;
    // What `show sockets` has of it; nothing without a connection.
    [[nodiscard]] std::optional<tcp::ConnectionInfo> info() const;

    // no_delay, keep_alive, send_buffer_size, receive_buffer_size, ip::unicast::hops and Dscp: of
    // this connection from now on, and of the next one.
    template <SettingOption<tcp::Settings> Option>
    void set_option(const Option& option, error_code& error) {
        tcp::Settings wanted = effective_settings();
        error = put(wanted, option);
        if (!error) {
            (void)put(settings(), option);
            change_settings(wanted);
        }
    }
    // Keys and the least TTL: before a connection they wait for its port, and async_connect fails
    // where they cannot be.
    template <PeerOption Option>
    void set_option(const Option& option, error_code& error) {
        if (!is_open()) {
            error = {};
            keep_for_connect([option](tcp::Endpoint& endpoint, std::uint16_t service) {
                return secure(endpoint, service, option);
            });
            return;
        }
        error = problem_with(option);
        if (!error) {
            error = secure(endpoint(), service(), option);
        }
    }
    void set_option(const AoNextKey& option, error_code& error);
    template <class Option>
    void set_option(const Option& option) {
        error_code error;
        set_option(option, error);
        throw_if(error, "set_option");
    }

    template <SettingOption<tcp::Settings> Option>
    void get_option(Option& option, error_code& error) const {
        error = {};
        get(effective_settings(), option);
    }
    // not_connected where no connection signs by TCP-AO.
    void get_option(AoNextKey& option, error_code& error) const;
    template <class Option>
    void get_option(Option& option) const {
        error_code error;
        get_option(option, error);
        throw_if(error, "get_option");
    }
    // By which keys both sides sign (RFC 5925 7.1); nothing where they do not.
    [[nodiscard]] std::optional<tcp::AoStatus> ao_status() const;

private:
    friend class TcpAcceptor;
    struct State;
    TcpSocket(Stack& stack, executor_type executor, tcp::ConnectionId accepted);
    explicit TcpSocket(executor_type executor);  // of an accept that failed

    using Rule = std::function<error_code(tcp::Endpoint& endpoint, std::uint16_t service)>;

    static void throw_if(const error_code& error, const char* what);
    [[nodiscard]] const tcp::Settings& effective_settings() const;
    void change_settings(const tcp::Settings& wanted);
    void keep_for_connect(Rule rule);
    // Of a connection that stands.
    [[nodiscard]] tcp::Endpoint& endpoint() const;
    [[nodiscard]] std::uint16_t service() const;
    template <class Option>
    [[nodiscard]] error_code problem_with(const Option&) const {
        return {};
    }
    [[nodiscard]] error_code problem_with(const AoKeys& option) const;
    void start_connect(const endpoint_type& peer, Waiting<>::Handler handler);
    void start_read(const Buffers<asio::mutable_buffer>& into,
                    Waiting<std::size_t>::Handler handler);
    void start_write(const Buffers<asio::const_buffer>& from,
                     Waiting<std::size_t>::Handler handler);

    std::shared_ptr<State> state_;  // shared with watchers and cancellation slots
};

}  // namespace godwit::control::io
