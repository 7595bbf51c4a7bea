#include "controlplane/rip/io/service.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control::rip {

net::Result<std::unique_ptr<Service>, std::string> Service::start(Stack& stack, Timers& timers,
                                                                  Surroundings surroundings,
                                                                  Settings settings,
                                                                  ServiceCallbacks callbacks) {
    std::unique_ptr<Service> service(
        new Service(timers, std::move(surroundings), std::move(settings), std::move(callbacks)));
    udp::Settings wanted;
    wanted.local.port = kPort;
    wanted.options.broadcast = true;
    wanted.options.type_of_service = 0xc0;  // network control (RFC 4594 3.1, CS6)
    wanted.queue_datagrams = 1024;          // a few full tables
    wanted.queue_bytes = 1024 * 1024;
    Service* const self = service.get();  // closes the socket before it goes
    auto socket = stack.open_udp(
        wanted, {.received = [self](const udp::Datagram& datagram) { self->received(datagram); }});
    if (!socket) {
        return net::unexpected(std::move(socket.error()));
    }
    service->socket_ = std::move(*socket);
    service->arm();
    return service;
}

Service::Service(Timers& timers, Surroundings surroundings, Settings settings,
                 ServiceCallbacks callbacks)
    : timers_(timers),
      callbacks_(std::move(callbacks)),
      core_(std::move(surroundings), std::move(settings), timers.now()),
      timer_(timers.make_timer()) {}

void Service::configure(Settings settings) {
    carry_out(core_.configure(std::move(settings), timers_.now()));
    update_memberships();
}

void Service::set_links(const std::vector<Link>& links) {
    const Actions actions = core_.set_links(links, timers_.now());
    update_memberships();  // before what is sent is answered
    carry_out(actions);
}

void Service::redistribute(const std::vector<Redistributed>& routes) {
    carry_out(core_.redistribute(routes, timers_.now()));
}

void Service::withdraw(const std::vector<net::Ipv4Prefix>& prefixes) {
    carry_out(core_.withdraw(prefixes, timers_.now()));
}

void Service::clear(const std::optional<NeighborId>& neighbor) {
    carry_out(core_.clear(neighbor, timers_.now()));
}

void Service::retire() {
    carry_out(core_.retire(timers_.now()));
    update_memberships();
}

void Service::received(const udp::Datagram& datagram) {
    Datagram given;
    given.interface = datagram.interface;
    given.source = datagram.from.address;
    given.source_port = datagram.from.port;
    given.destination = datagram.to.address;
    given.ttl = datagram.ttl_hops;
    given.payload = datagram.payload;
    carry_out(core_.receive(given, timers_.now()));
}

void Service::carry_out(const Actions& actions) {
    for (const Transmit& packet : actions.transmit) {
        send(packet);
    }
    if (!actions.routes.empty()) {
        callbacks_.routes(actions.routes);
    }
    for (const Event& event : actions.events) {
        callbacks_.event(event);
    }
    arm();
}

void Service::send(const Transmit& packet) {
    udp::Transmission how;
    how.to = {packet.destination, packet.port};
    how.source = packet.source;
    how.egress = packet.interface;
    how.ttl_hops = packet.ttl;
    if (const auto sent = socket_->send(how, packet.payload); !sent) {
        ++counters_.packets_not_sent;
        counters_.last_reason = sent.error().sentence;
    }
}

// In the group where RIP is spoken, and nowhere else.
void Service::update_memberships() {
    std::set<net::InterfaceId> wanted;
    for (const auto& [name, interface] : core_.interfaces()) {
        if (interface.state != InterfaceState::Down) {
            wanted.insert(interface.link.id);
        }
    }
    for (const net::InterfaceId id : joined_) {
        if (!wanted.contains(id)) {
            socket_->leave(kAllRouters, id);
        }
    }
    std::erase_if(joined_, [&](net::InterfaceId id) { return !wanted.contains(id); });
    for (const net::InterfaceId id : wanted) {
        if (!joined_.contains(id) && socket_->join(kAllRouters, id)) {
            joined_.insert(id);
        }
    }
}

void Service::arm() {
    auto deadline = core_.next_deadline();
    if (!converged_told_ && core_.converged_at()) {
        deadline = std::min(deadline.value_or(*core_.converged_at()), *core_.converged_at());
    }
    if (!deadline) {
        timer_->cancel();
        return;
    }
    timer_->arm(*deadline, [this] {
        carry_out(core_.advance(timers_.now()));
        if (core_.converged(timers_.now()) && !std::exchange(converged_told_, true)) {
            callbacks_.converged();
        }
    });
}

}  // namespace godwit::control::rip
