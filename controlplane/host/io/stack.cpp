#include "controlplane/host/io/stack.hpp"

#include <utility>

namespace godwit::control {

Stack::Stack(Host& host, Timers& timers, Surroundings surroundings)
    : host_(host),
      timers_(timers),
      surroundings_(std::move(surroundings)),
      timer_(timers.make_timer()),
      self_(std::make_shared<Stack*>(this)) {}

Stack::~Stack() = default;

void Stack::stop() {
    timer_->cancel();
    armed_for_.reset();
}

void Stack::arrived(std::span<const std::uint8_t> packet, const Host::Arrival& arrival,
                    Instant at) {
    carry_out(host_.input(packet, arrival, at));
}

void Stack::settle() {
    carry_out({});
}

void Stack::carry_out(const HostActions& actions) {
    for (const Outgoing& packet : actions.packets) {
        surroundings_.outlet(packet);
    }
    flush();
    if (surroundings_.reports) {
        surroundings_.reports(actions);
    }
    tell_owners();
    arm();
}

void Stack::flush() {
    for (const Outgoing& packet : host_.take_packets()) {
        surroundings_.outlet(packet);
    }
}

void Stack::tell_owners() {
    if (std::exchange(telling_, true)) {
        return;  // called out of a callback: the turn that called it goes on
    }
    for (;;) {
        const auto sockets = host_.udp().take_ready();
        const auto connections = host_.tcp().take_ready();
        if (sockets.empty() && connections.empty()) {
            break;
        }
        for (const udp::SocketId id : sockets) {
            tell(id);
        }
        for (const tcp::ConnectionId id : connections) {
            tell(id);
        }
    }
    flush();
    telling_ = false;
}

void Stack::tell(udp::SocketId id) {
    if (const auto found = udp_watchers_.find(id); found != udp_watchers_.end()) {
        const Watcher happened = found->second;
        (*happened)();
    }
}

void Stack::tell(tcp::ConnectionId id) {
    const auto found = connection_watchers_.find(id);
    if (found != connection_watchers_.end()) {
        const Watcher happened = found->second;
        (*happened)();
        return;
    }
    // One that nobody has accepted yet. Whose it is, its listener knows.
    const auto listeners = listener_watchers_;
    for (const auto& [listener, happened] : listeners) {
        if (listener_watchers_.contains(listener)) {
            (*happened)();
        }
    }
}

void Stack::watch(tcp::ConnectionId id, std::function<void()> happened) {
    connection_watchers_.insert_or_assign(
        id, std::make_shared<std::function<void()>>(std::move(happened)));
}

void Stack::watch(udp::SocketId id, std::function<void()> happened) {
    udp_watchers_.insert_or_assign(id,
                                   std::make_shared<std::function<void()>>(std::move(happened)));
}

void Stack::watch(tcp::ListenerId id, std::function<void()> happened) {
    listener_watchers_.insert_or_assign(
        id, std::make_shared<std::function<void()>>(std::move(happened)));
}

// A timer that goes off before anything is due costs less than one that is armed anew with every
// packet: deadlines mostly move away.
void Stack::arm() {
    const auto deadline = host_.next_deadline();
    if (!deadline || (armed_for_ && *armed_for_ <= *deadline)) {
        return;
    }
    armed_for_ = deadline;
    timer_->arm(*deadline, [this] {
        armed_for_.reset();
        carry_out(host_.advance(timers_.now()));
    });
}

net::Result<std::unique_ptr<UdpSocket>, std::string> Stack::open_udp(const udp::Settings& settings,
                                                                     UdpListener listener) {
    const auto id = host_.udp().open(settings);
    if (!id) {
        return net::unexpected(id.error());
    }
    watch(*id, [this, id = *id, listener = std::move(listener)] {
        // The owner may close its socket in any of these calls.
        while (const auto report = host_.udp().take_report(id)) {
            if (listener.reported) {
                listener.reported(*report);
            }
        }
        while (const auto datagram = host_.udp().receive(id)) {
            if (listener.received) {
                listener.received(*datagram);
            }
        }
    });
    return std::unique_ptr<UdpSocket>(new UdpSocket(self_, *id));
}

// ---- a socket

UdpSocket::~UdpSocket() {
    if (const auto stack = stack_.lock()) {
        (*stack)->unwatch(id_);
        (*stack)->host_.udp().close(id_);
    }
}

net::Result<void, Obstacle> UdpSocket::send(const udp::Transmission& how,
                                            std::span<const std::uint8_t> payload) {
    const auto stack = stack_.lock();
    if (!stack) {
        return {};
    }
    auto sent = (*stack)->host_.udp().send(id_, how, payload);
    (*stack)->flush();
    return sent;
}

net::Result<void, Obstacle> UdpSocket::connect(const udp::Address& peer) {
    const auto stack = stack_.lock();
    return stack ? (*stack)->host_.udp().connect(id_, peer) : net::Result<void, Obstacle>();
}

void UdpSocket::disconnect() {
    if (const auto stack = stack_.lock()) {
        (*stack)->host_.udp().disconnect(id_);
    }
}

net::Result<void, std::string> UdpSocket::join(net::Ipv4Address group, net::InterfaceId interface) {
    const auto stack = stack_.lock();
    return stack ? (*stack)->host_.udp().join(id_, group, interface)
                 : net::Result<void, std::string>();
}

void UdpSocket::leave(net::Ipv4Address group, net::InterfaceId interface) {
    if (const auto stack = stack_.lock()) {
        (*stack)->host_.udp().leave(id_, group, interface);
    }
}

void UdpSocket::set_options(const udp::Options& options) {
    if (const auto stack = stack_.lock()) {
        (*stack)->host_.udp().set_options(id_, options);
    }
}

std::optional<udp::SocketInfo> UdpSocket::info() const {
    const auto stack = stack_.lock();
    return stack ? (*stack)->host_.udp().info(id_) : std::nullopt;
}

}  // namespace godwit::control
