// Listens on a TCP port of the router's own stack, as asio::ip::tcp::acceptor does on a kernel's.
//
//     auto acceptor = io::TcpAcceptor::listen(stack, executor, {address, 179}, settings, 16);
//     io::TcpSocket peer = co_await acceptor->async_accept(asio::use_awaitable);
//
// One accept may wait at a time. Closed with this object: handshakes under way are forgotten, and
// connections that nobody has accepted are reset.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "controlplane/host/io/tcp_socket.hpp"
#include "net/result.hpp"

namespace godwit::control::io {

class TcpAcceptor {
public:
    using executor_type = asio::any_io_executor;
    using endpoint_type = asio::ip::tcp::endpoint;

    // An unspecified address is every address of ours. The error is a sentence for a person.
    static net::Result<TcpAcceptor, std::string> listen(Stack& stack, executor_type executor,
                                                        const endpoint_type& local,
                                                        const tcp::Settings& settings,
                                                        std::size_t backlog);
    ~TcpAcceptor();
    TcpAcceptor(TcpAcceptor&&) noexcept;
    TcpAcceptor& operator=(TcpAcceptor&&) noexcept;

    [[nodiscard]] executor_type get_executor() const;
    [[nodiscard]] endpoint_type local_endpoint() const;
    [[nodiscard]] bool is_open() const;

    template <class Token>
    auto async_accept(Token&& token) {
        return asio::async_initiate<Token, void(error_code, TcpSocket)>(
            [this](Waiting<TcpSocket>::Handler handler) { start_accept(std::move(handler)); },
            token);
    }
    void close();
    void cancel();

    // Of connections that are accepted from now on. The receive buffer is what listen() was given:
    // handshakes that are under way have told it.
    template <SettingOption<tcp::Settings> Option>
    void set_option(const Option& option, error_code& error) {
        tcp::Settings wanted = settings();
        error = is_open() ? put(wanted, option) : error_code(asio::error::bad_descriptor);
        if (!error) {
            change_settings(wanted);
        }
    }
    void set_option(const asio::socket_base::receive_buffer_size& option, error_code& error);
    // Of the peers that call this service, at once.
    template <PeerOption Option>
    void set_option(const Option& option, error_code& error) {
        error = is_open() ? secure(endpoint(), local_endpoint().port(), option)
                          : error_code(asio::error::bad_descriptor);
    }
    template <class Option>
    void set_option(const Option& option) {
        error_code error;
        set_option(option, error);
        TcpSocket::throw_if(error, "set_option");
    }
    template <SettingOption<tcp::Settings> Option>
    void get_option(Option& option, error_code& error) const {
        error = is_open() ? error_code() : error_code(asio::error::bad_descriptor);
        get(settings(), option);
    }
    template <class Option>
    void get_option(Option& option) const {
        error_code error;
        get_option(option, error);
        TcpSocket::throw_if(error, "get_option");
    }

private:
    struct State;
    [[nodiscard]] tcp::Settings settings() const;
    void change_settings(const tcp::Settings& wanted);
    [[nodiscard]] tcp::Endpoint& endpoint() const;
    explicit TcpAcceptor(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void start_accept(Waiting<TcpSocket>::Handler handler);

    std::shared_ptr<State> state_;  // shared with the watcher and cancellation slots
};

}  // namespace godwit::control::io
