#include "controlplane/host/io/tcp_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <utility>
#include <vector>

#include "controlplane/host/io/error_codes.hpp"

namespace godwit::control::io {

namespace {

std::optional<net::Ipv4Address> ipv4_of(const asio::ip::tcp::endpoint& endpoint) {
    if (!endpoint.address().is_v4()) {
        return std::nullopt;
    }
    return net::Ipv4Address(endpoint.address().to_v4().to_uint());
}

asio::ip::tcp::endpoint endpoint_of(net::Ipv4Address address, std::uint16_t port) {
    return {asio::ip::address_v4(address.value()), port};
}

}  // namespace

struct TcpSocket::State : std::enable_shared_from_this<State> {
    State(std::weak_ptr<Stack*> on, executor_type runs)
        : stack(std::move(on)), executor(std::move(runs)) {}

    std::weak_ptr<Stack*> stack;
    executor_type executor;
    tcp::Settings settings;
    std::vector<Rule> rules;  // of peers, to hold when it connects
    endpoint_type wanted_local;
    std::optional<tcp::ConnectionId> id;
    tcp::Flow flow;  // of the connection, also when it has ended
    bool accepted = false;
    bool reads = true;  // not shut down by us
    bool writes = true;

    std::optional<Waiting<>> connecting;
    std::optional<Waiting<std::size_t>> reading;
    Buffers<asio::mutable_buffer> into;
    std::optional<Waiting<std::size_t>> writing;
    Buffers<asio::const_buffer> from;

    Stack* alive() const {
        const auto on = stack.lock();
        return on ? *on : nullptr;
    }
    const tcp::Connection* connection() const {
        Stack* const on = alive();
        return on != nullptr && id ? on->host().tcp().find(*id) : nullptr;
    }
    void adopt(Stack& on, tcp::ConnectionId made) {
        id = made;
        flow = on.host().tcp().find(made)->flow();
        on.watch(made, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->happened();
            }
        });
    }

    void happened();
    void try_connect();
    void try_read();
    void try_write();
    void cancel(const error_code& why);
    void release(bool reset);
};

// The events themselves tell nothing more than what is looked at here.
void TcpSocket::State::happened() {
    Stack* const on = alive();
    if (on == nullptr || !id) {
        return;
    }
    (void)on->host().tcp().take_events(*id);
    try_connect();
    try_read();
    try_write();
}

void TcpSocket::State::try_connect() {
    const tcp::Connection* const now = connection();
    if (!connecting || now == nullptr) {
        return;
    }
    switch (now->state()) {
        case tcp::State::SynSent:
        case tcp::State::SynReceived:
            return;
        case tcp::State::Closed:
        case tcp::State::TimeWait: {
            auto done = std::exchange(connecting, std::nullopt);
            const error_code why = error_of(now->trouble());
            release(false);
            done->end(why ? why : error_code(asio::error::connection_aborted));
            return;
        }
        case tcp::State::Established:
        case tcp::State::FinWait1:
        case tcp::State::FinWait2:
        case tcp::State::CloseWait:
        case tcp::State::Closing:
        case tcp::State::LastAck:
            std::exchange(connecting, std::nullopt)->end({});
            return;
    }
}

void TcpSocket::State::try_read() {
    Stack* const on = alive();
    const tcp::Connection* const now = connection();
    if (!reading || now == nullptr) {
        return;
    }
    std::size_t taken = 0;
    for (const asio::mutable_buffer& buffer : into.all()) {
        const std::size_t part = on->host().tcp().read(
            *id, {static_cast<std::uint8_t*>(buffer.data()), buffer.size()}, on->timers().now());
        taken += part;
        if (part < buffer.size()) {
            break;
        }
    }
    const bool ended = now->state() == tcp::State::Closed || now->state() == tcp::State::TimeWait;
    error_code error;
    if (taken == 0 && !into.empty()) {
        if (now->at_end() || !reads) {
            error = asio::error::eof;
        } else if (ended) {
            error = error_of(now->trouble());
            error = error ? error : error_code(asio::error::eof);
        } else if (now->state() == tcp::State::SynSent) {
            error = asio::error::not_connected;
        } else {
            return;
        }
    }
    std::exchange(reading, std::nullopt)->end(error, taken);
    on->settle();
}

void TcpSocket::State::try_write() {
    Stack* const on = alive();
    const tcp::Connection* const now = connection();
    if (!writing || now == nullptr) {
        return;
    }
    std::size_t given = 0;
    for (const asio::const_buffer& buffer : from.all()) {
        const std::size_t part = on->host().tcp().write(
            *id, {static_cast<const std::uint8_t*>(buffer.data()), buffer.size()},
            on->timers().now());
        given += part;
        if (part < buffer.size()) {
            break;
        }
    }
    error_code error;
    if (given == 0 && !from.empty()) {
        if (now->state() == tcp::State::SynSent) {
            error = asio::error::not_connected;
        } else if (now->state() == tcp::State::Closed || now->state() == tcp::State::TimeWait) {
            error = error_of(now->trouble());
            error = error ? error : error_code(asio::error::broken_pipe);
        } else if (!writes) {
            error = asio::error::broken_pipe;
        } else {
            return;
        }
    }
    std::exchange(writing, std::nullopt)->end(error, given);
    on->settle();
}

void TcpSocket::State::cancel(const error_code& why) {
    if (auto waiting = std::exchange(connecting, std::nullopt)) {
        waiting->end(why);
    }
    if (auto waiting = std::exchange(reading, std::nullopt)) {
        waiting->end(why, 0);
    }
    if (auto waiting = std::exchange(writing, std::nullopt)) {
        waiting->end(why, 0);
    }
}

void TcpSocket::State::release(bool reset) {
    Stack* const on = alive();
    if (on == nullptr || !id) {
        return;
    }
    const tcp::ConnectionId gone = *std::exchange(id, std::nullopt);
    on->unwatch(gone);
    if (reset) {
        on->host().tcp().abort(gone, on->timers().now());
    }
    on->host().tcp().release(gone, on->timers().now());
    on->settle();
}

// ---- the socket

TcpSocket::TcpSocket(Stack& stack, executor_type executor)
    : state_(std::make_shared<State>(stack.handle(), std::move(executor))) {}

TcpSocket::TcpSocket(executor_type executor)
    : state_(std::make_shared<State>(std::weak_ptr<Stack*>(), std::move(executor))) {}

TcpSocket::TcpSocket(Stack& stack, executor_type executor, tcp::ConnectionId accepted)
    : TcpSocket(stack, std::move(executor)) {
    state_->accepted = true;
    state_->adopt(stack, accepted);
    state_->settings = state_->connection()->settings();
}

TcpSocket::~TcpSocket() {
    if (state_) {
        close();
    }
}

TcpSocket::TcpSocket(TcpSocket&&) noexcept = default;

TcpSocket& TcpSocket::operator=(TcpSocket&& other) noexcept {
    if (this != &other) {
        if (state_) {
            close();
        }
        state_ = std::move(other.state_);
    }
    return *this;
}

TcpSocket::executor_type TcpSocket::get_executor() const {
    return state_->executor;
}

tcp::Settings& TcpSocket::settings() {
    return state_->settings;
}

void TcpSocket::bind(const endpoint_type& local) {
    state_->wanted_local = local;
}

void TcpSocket::start_connect(const endpoint_type& peer, Waiting<>::Handler handler) {
    State& state = *state_;
    Waiting<> waiting(std::move(handler), state.executor, [weak = std::weak_ptr(state_)] {
        const auto self = weak.lock();
        if (self && self->connecting) {
            auto cancelled = std::exchange(self->connecting, std::nullopt);
            self->release(true);
            cancelled->end(asio::error::operation_aborted);
        }
    });
    Stack* const on = state.alive();
    const auto remote = ipv4_of(peer);
    const auto local =
        state.wanted_local == endpoint_type() ? net::Ipv4Address() : ipv4_of(state.wanted_local);
    if (on == nullptr || !remote || !local) {
        waiting.end(on == nullptr ? error_code(asio::error::network_down)
                                  : error_code(asio::error::address_family_not_supported));
        return;
    }
    if (state.id) {
        waiting.end(asio::error::already_connected);
        return;
    }
    for (const Rule& rule : std::exchange(state.rules, {})) {
        if (const error_code problem = rule(on->host().tcp(), peer.port())) {
            waiting.end(problem);
            return;
        }
    }
    state.accepted = false;
    const auto made =
        on->host().connect_tcp({*local, *remote, state.wanted_local.port(), peer.port()},
                               state.settings, on->timers().now());
    if (!made) {
        waiting.end(error_of(made.error()));
        return;
    }
    state.reads = state.writes = true;
    state.connecting.emplace(std::move(waiting));
    state.adopt(*on, *made);
    on->settle();
}

void TcpSocket::start_read(const Buffers<asio::mutable_buffer>& into,
                           Waiting<std::size_t>::Handler handler) {
    State& state = *state_;
    Waiting<std::size_t> waiting(
        std::move(handler), state.executor, [weak = std::weak_ptr(state_)] {
            const auto self = weak.lock();
            if (self && self->reading) {
                std::exchange(self->reading, std::nullopt)->end(asio::error::operation_aborted, 0);
            }
        });
    if (state.connection() == nullptr) {
        waiting.end(asio::error::bad_descriptor, 0);
        return;
    }
    if (state.reading) {
        waiting.end(asio::error::already_started, 0);
        return;
    }
    state.into = into;
    state.reading.emplace(std::move(waiting));
    state.try_read();
}

void TcpSocket::start_write(const Buffers<asio::const_buffer>& from,
                            Waiting<std::size_t>::Handler handler) {
    State& state = *state_;
    Waiting<std::size_t> waiting(
        std::move(handler), state.executor, [weak = std::weak_ptr(state_)] {
            const auto self = weak.lock();
            if (self && self->writing) {
                std::exchange(self->writing, std::nullopt)->end(asio::error::operation_aborted, 0);
            }
        });
    if (state.connection() == nullptr) {
        waiting.end(asio::error::bad_descriptor, 0);
        return;
    }
    if (state.writing) {
        waiting.end(asio::error::already_started, 0);
        return;
    }
    state.from = from;
    state.writing.emplace(std::move(waiting));
    state.try_write();
}

void TcpSocket::shutdown(shutdown_type what, error_code& error) {
    Stack* const on = state_->alive();
    const tcp::Connection* const now = state_->connection();
    if (on == nullptr || now == nullptr || now->state() == tcp::State::Closed ||
        now->state() == tcp::State::SynSent) {
        error = asio::error::not_connected;
        return;
    }
    error = {};
    if (what != asio::socket_base::shutdown_send) {
        state_->reads = false;
        state_->try_read();
    }
    if (what != asio::socket_base::shutdown_receive) {
        state_->writes = false;
        on->host().tcp().shutdown(*state_->id, on->timers().now());
        state_->try_write();
        on->settle();
    }
}

void TcpSocket::close(error_code& error) {
    error = {};
    state_->cancel(asio::error::operation_aborted);
    state_->release(false);
}

void TcpSocket::abort() {
    state_->cancel(asio::error::operation_aborted);
    state_->release(true);
}

void TcpSocket::cancel(error_code& error) {
    error = {};
    state_->cancel(asio::error::operation_aborted);
}

bool TcpSocket::is_open() const {
    return state_->id.has_value() && state_->alive() != nullptr;
}

std::size_t TcpSocket::available() const {
    const tcp::Connection* const now = state_->connection();
    return now == nullptr ? 0 : now->readable();
}

TcpSocket::endpoint_type TcpSocket::local_endpoint(error_code& error) const {
    error = is_open() ? error_code() : error_code(asio::error::not_connected);
    return is_open() ? endpoint_of(state_->flow.local, state_->flow.local_port) : endpoint_type();
}

TcpSocket::endpoint_type TcpSocket::remote_endpoint(error_code& error) const {
    error = is_open() ? error_code() : error_code(asio::error::not_connected);
    return is_open() ? endpoint_of(state_->flow.remote, state_->flow.remote_port) : endpoint_type();
}

std::optional<tcp::ConnectionInfo> TcpSocket::info() const {
    const tcp::Connection* const now = state_->connection();
    return now == nullptr ? std::nullopt : std::optional(now->info());
}

// ---- options

const tcp::Settings& TcpSocket::effective_settings() const {
    const tcp::Connection* const now = state_->connection();
    return now == nullptr ? state_->settings : now->settings();
}

void TcpSocket::change_settings(const tcp::Settings& wanted) {
    if (Stack* const on = state_->alive(); on != nullptr && state_->id) {
        on->host().tcp().change_settings(*state_->id, wanted, on->timers().now());
        on->settle();
    }
}

void TcpSocket::keep_for_connect(Rule rule) {
    state_->rules.push_back(std::move(rule));
}

tcp::Endpoint& TcpSocket::endpoint() const {
    return state_->alive()->host().tcp();
}

std::uint16_t TcpSocket::service() const {
    return state_->accepted ? state_->flow.local_port : state_->flow.remote_port;
}

error_code TcpSocket::problem_with(const AoKeys& option) const {
    const tcp::PeerGuard& guard = endpoint().security();
    if (!guard.ao_status(state_->flow)) {
        return asio::error::already_connected;  // and it does not sign (RFC 5925 7.2)
    }
    return guard.keeps_keys_in_use(state_->flow, option.keys())
               ? error_code()
               : boost::system::errc::make_error_code(boost::system::errc::device_or_resource_busy);
}

void TcpSocket::set_option(const AoNextKey& option, error_code& error) {
    if (!ao_status()) {
        error = asio::error::not_connected;
    } else {
        error = endpoint().prefer_ao_key(*state_->id, option.value())
                    ? error_code()
                    : error_code(asio::error::invalid_argument);
    }
}

void TcpSocket::get_option(AoNextKey& option, error_code& error) const {
    const auto status = ao_status();
    error = status ? error_code() : error_code(asio::error::not_connected);
    option = AoNextKey(status ? status->next_receive_id : std::uint8_t{0});
}

std::optional<tcp::AoStatus> TcpSocket::ao_status() const {
    return is_open() ? endpoint().security().ao_status(state_->flow) : std::nullopt;
}

// ---- the same, with exceptions

void TcpSocket::throw_if(const error_code& error, const char* what) {
    if (error) {
        throw boost::system::system_error(error, what);
    }
}

void TcpSocket::shutdown(shutdown_type what) {
    error_code error;
    shutdown(what, error);
    throw_if(error, "shutdown");
}

void TcpSocket::close() {
    error_code never;
    close(never);
}

void TcpSocket::cancel() {
    error_code never;
    cancel(never);
}

TcpSocket::endpoint_type TcpSocket::local_endpoint() const {
    error_code error;
    const endpoint_type endpoint = local_endpoint(error);
    throw_if(error, "local_endpoint");
    return endpoint;
}

TcpSocket::endpoint_type TcpSocket::remote_endpoint() const {
    error_code error;
    const endpoint_type endpoint = remote_endpoint(error);
    throw_if(error, "remote_endpoint");
    return endpoint;
}

}  // namespace godwit::control::io
