#include "controlplane/host/io/udp_socket.hpp"

#include <boost/system/system_error.hpp>
#include <optional>
#include <vector>

#include "controlplane/host/io/error_codes.hpp"

namespace godwit::control::io {

struct UdpSocket::State {
    State(Stack& on, executor_type runs) : stack(on.handle()), executor(std::move(runs)) {}

    std::weak_ptr<Stack*> stack;
    executor_type executor;
    std::optional<udp::SocketId> id;
    udp::Datagram last;
    std::optional<Waiting<std::size_t>> receiving;
    Buffers<asio::mutable_buffer> into;
    endpoint_type* sender = nullptr;

    [[nodiscard]] udp::Sockets* sockets() const {
        const auto on = stack.lock();
        return on && id ? &(*on)->host().udp() : nullptr;
    }
    void try_receive() {
        udp::Sockets* const all = sockets();
        if (all == nullptr || !receiving) {
            return;
        }
        while (const auto report = all->take_report(*id)) {
            const error_code why = all->info(*id)->remote ? error_of(*report) : error_code();
            if (why) {
                std::exchange(receiving, std::nullopt)->end(why, 0);
                return;
            }
        }
        auto datagram = all->receive(*id);
        if (!datagram) {
            return;
        }
        last = std::move(*datagram);
        if (sender != nullptr) {
            *sender = {asio::ip::address_v4(last.from.address.value()), last.from.port};
        }
        const std::size_t copied = asio::buffer_copy(into.all(), asio::buffer(last.payload));
        const bool whole = copied == last.payload.size();
        last.payload.clear();
        std::exchange(receiving, std::nullopt)
            ->end(whole ? error_code() : error_code(asio::error::message_size), copied);
    }
    void cancel() {
        if (auto waiting = std::exchange(receiving, std::nullopt)) {
            waiting->end(asio::error::operation_aborted, 0);
        }
    }
    void close() {
        cancel();
        const auto on = stack.lock();
        if (const auto gone = std::exchange(id, std::nullopt); gone && on) {
            (*on)->unwatch(*gone);
            (*on)->host().udp().close(*gone);
        }
    }
};

net::Result<UdpSocket, std::string> UdpSocket::open(Stack& stack, executor_type executor,
                                                    const udp::Settings& settings) {
    const auto id = stack.host().udp().open(settings);
    if (!id) {
        return net::unexpected(id.error());
    }
    auto state = std::make_shared<State>(stack, std::move(executor));
    state->id = *id;
    stack.watch(*id, [weak = std::weak_ptr(state)] {
        if (const auto self = weak.lock()) {
            self->try_receive();
        }
    });
    return UdpSocket(std::move(state));
}

UdpSocket::~UdpSocket() {
    if (state_) {
        state_->close();
    }
}

UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
    if (this != &other) {
        if (state_) {
            state_->close();
        }
        state_ = std::move(other.state_);
    }
    return *this;
}

UdpSocket::executor_type UdpSocket::get_executor() const {
    return state_->executor;
}

void UdpSocket::connect(const endpoint_type& peer, error_code& error) {
    udp::Sockets* const all = state_->sockets();
    if (all == nullptr || !peer.address().is_v4()) {
        error = all == nullptr ? asio::error::bad_descriptor
                               : asio::error::address_family_not_supported;
        return;
    }
    const auto done = all->connect(
        *state_->id, {net::Ipv4Address(peer.address().to_v4().to_uint()), peer.port()});
    error = done ? error_code() : error_of(done.error());
}

net::Result<void, std::string> UdpSocket::join(net::Ipv4Address group, net::InterfaceId interface) {
    udp::Sockets* const all = state_->sockets();
    return all == nullptr ? net::Result<void, std::string>()
                          : all->join(*state_->id, group, interface);
}

void UdpSocket::leave(net::Ipv4Address group, net::InterfaceId interface) {
    if (udp::Sockets* const all = state_->sockets()) {
        all->leave(*state_->id, group, interface);
    }
}

udp::Settings UdpSocket::settings() const {
    const udp::Sockets* const all = state_->sockets();
    return all == nullptr ? udp::Settings() : *all->settings(*state_->id);
}

void UdpSocket::change_settings(const udp::Settings& wanted) {
    state_->sockets()->change_settings(*state_->id, wanted);
}

void UdpSocket::throw_if(const error_code& error, const char* what) {
    if (error) {
        throw boost::system::system_error(error, what);
    }
}

void UdpSocket::start_send(const Buffers<asio::const_buffer>& from, const endpoint_type* to,
                           Waiting<std::size_t>::Handler handler) {
    Waiting<std::size_t> waiting(std::move(handler), state_->executor, [] {});
    udp::Sockets* const all = state_->sockets();
    if (all == nullptr) {
        waiting.end(asio::error::bad_descriptor, 0);
        return;
    }
    udp::Transmission how;
    if (to != nullptr) {
        if (!to->address().is_v4()) {
            waiting.end(asio::error::address_family_not_supported, 0);
            return;
        }
        how.to = {net::Ipv4Address(to->address().to_v4().to_uint()), to->port()};
    } else if (!all->info(*state_->id)->remote) {
        waiting.end(asio::error::not_connected, 0);
        return;
    }
    std::vector<std::uint8_t> payload(asio::buffer_size(from.all()));
    asio::buffer_copy(asio::buffer(payload), from.all());
    const auto sent = all->send(*state_->id, how, payload);
    (*state_->stack.lock())->settle();
    waiting.end(sent ? error_code() : error_of(sent.error()), sent ? payload.size() : 0);
}

void UdpSocket::start_receive(const Buffers<asio::mutable_buffer>& into, endpoint_type* from,
                              Waiting<std::size_t>::Handler handler) {
    Waiting<std::size_t> waiting(std::move(handler), state_->executor,
                                 [weak = std::weak_ptr(state_)] {
                                     if (const auto self = weak.lock()) {
                                         self->cancel();
                                     }
                                 });
    if (state_->sockets() == nullptr || state_->receiving) {
        waiting.end(state_->receiving ? asio::error::already_started : asio::error::bad_descriptor,
                    0);
        return;
    }
    state_->into = into;
    state_->sender = from;
    state_->receiving.emplace(std::move(waiting));
    state_->try_receive();
}

const udp::Datagram& UdpSocket::receive_info() const {
    return state_->last;
}

void UdpSocket::close() {
    state_->close();
}

void UdpSocket::cancel() {
    state_->cancel();
}

bool UdpSocket::is_open() const {
    return state_->sockets() != nullptr;
}

UdpSocket::endpoint_type UdpSocket::local_endpoint() const {
    udp::Sockets* const all = state_->sockets();
    if (all == nullptr) {
        return {};
    }
    const udp::SocketInfo info = *all->info(*state_->id);
    return {asio::ip::address_v4(info.local.address.value()), info.local.port};
}

}  // namespace godwit::control::io
