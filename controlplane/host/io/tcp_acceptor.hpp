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

private:
    struct State;
    explicit TcpAcceptor(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void start_accept(Waiting<TcpSocket>::Handler handler);

    std::shared_ptr<State> state_;  // shared with the watcher and cancellation slots
};

}  // namespace godwit::control::io
