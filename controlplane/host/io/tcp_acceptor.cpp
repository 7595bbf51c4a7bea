#include "controlplane/host/io/tcp_acceptor.hpp"

#include <optional>

namespace godwit::control::io {

struct TcpAcceptor::State {
    State(Stack& on, executor_type runs) : stack(on.handle()), executor(std::move(runs)) {}

    std::weak_ptr<Stack*> stack;
    executor_type executor;
    endpoint_type local;
    std::optional<tcp::ListenerId> id;
    std::optional<Waiting<TcpSocket>> accepting;

    void try_accept() {
        const auto on = stack.lock();
        if (!on || !id || !accepting) {
            return;
        }
        if (const auto made = (*on)->host().tcp().accept(*id)) {
            std::exchange(accepting, std::nullopt)->end({}, TcpSocket(**on, executor, *made));
        }
    }
    void end_waiting() {
        if (auto waiting = std::exchange(accepting, std::nullopt)) {
            waiting->end(asio::error::operation_aborted, TcpSocket(executor));
        }
    }
    void close() {
        end_waiting();
        const auto on = stack.lock();
        if (const auto gone = std::exchange(id, std::nullopt); gone && on) {
            (*on)->unwatch(*gone);
            (*on)->host().tcp().stop_listening(*gone, (*on)->timers().now());
            (*on)->settle();
        }
    }
};

net::Result<TcpAcceptor, std::string> TcpAcceptor::listen(Stack& stack, executor_type executor,
                                                          const endpoint_type& local,
                                                          const tcp::Settings& settings,
                                                          std::size_t backlog) {
    if (!local.address().is_v4()) {
        return net::unexpected(local.address().to_string() +
                               " is no IPv4 address; only those can be listened on");
    }
    const auto id = stack.host().tcp().listen(net::Ipv4Address(local.address().to_v4().to_uint()),
                                              local.port(), settings, backlog);
    if (!id) {
        return net::unexpected(id.error());
    }
    auto state = std::make_shared<State>(stack, std::move(executor));
    state->id = *id;
    state->local = local;
    stack.watch(*id, [weak = std::weak_ptr(state)] {
        if (const auto self = weak.lock()) {
            self->try_accept();
        }
    });
    return TcpAcceptor(std::move(state));
}

TcpAcceptor::~TcpAcceptor() {
    if (state_) {
        state_->close();
    }
}

TcpAcceptor::TcpAcceptor(TcpAcceptor&&) noexcept = default;

TcpAcceptor& TcpAcceptor::operator=(TcpAcceptor&& other) noexcept {
    if (this != &other) {
        if (state_) {
            state_->close();
        }
        state_ = std::move(other.state_);
    }
    return *this;
}

TcpAcceptor::executor_type TcpAcceptor::get_executor() const {
    return state_->executor;
}

TcpAcceptor::endpoint_type TcpAcceptor::local_endpoint() const {
    return state_->local;
}

bool TcpAcceptor::is_open() const {
    return state_->id.has_value() && !state_->stack.expired();
}

void TcpAcceptor::start_accept(Waiting<TcpSocket>::Handler handler) {
    Waiting<TcpSocket> waiting(std::move(handler), state_->executor,
                               [weak = std::weak_ptr(state_)] {
                                   if (const auto self = weak.lock()) {
                                       self->end_waiting();
                                   }
                               });
    if (!is_open() || state_->accepting) {
        waiting.end(state_->accepting ? asio::error::already_started : asio::error::bad_descriptor,
                    TcpSocket(state_->executor));
        return;
    }
    state_->accepting.emplace(std::move(waiting));
    state_->try_accept();
}

tcp::Settings TcpAcceptor::settings() const {
    return is_open() ? *endpoint().settings(*state_->id) : tcp::Settings();
}

void TcpAcceptor::change_settings(const tcp::Settings& wanted) {
    endpoint().change_settings(*state_->id, wanted);
}

tcp::Endpoint& TcpAcceptor::endpoint() const {
    return (*state_->stack.lock())->host().tcp();
}

void TcpAcceptor::set_option(const asio::socket_base::receive_buffer_size& /*option*/,
                             error_code& error) {
    error = asio::error::invalid_argument;
}

void TcpAcceptor::close() {
    state_->close();
}

void TcpAcceptor::cancel() {
    state_->end_waiting();
}

}  // namespace godwit::control::io
