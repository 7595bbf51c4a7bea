#include "controlplane/pcp/io/service.hpp"

#include <fmt/format.h>

#include <utility>

namespace godwit::control::pcp {

Service::Service(Stack& stack, Timers& timers, MapAsker ask, const Limits& limits)
    : stack_(stack),
      timers_(timers),
      ask_(std::move(ask)),
      server_(limits),
      timer_(timers.make_timer()),
      self_(std::make_shared<Service*>(this)) {}

net::Result<void, std::string> Service::configure(Settings settings) {
    std::erase_if(sockets_,
                  [&](const auto& entry) { return !settings.interfaces.contains(entry.first); });
    std::string error;
    for (const net::InterfaceId interface : settings.interfaces) {
        if (sockets_.contains(interface)) {
            continue;
        }
        udp::Settings wanted;
        wanted.local.port = kServerPort;
        wanted.interface = interface;
        wanted.options.multicast_ttl_hops = 1;  // announcements are for the link
        // Closed before this goes.
        auto socket = stack_.open_udp(
            wanted, {.received = [this](const udp::Datagram& datagram) { received(datagram); }});
        if (socket) {
            sockets_.emplace(interface, std::move(*socket));
        } else if (error.empty()) {
            error = std::move(socket.error());
        }
    }
    // Who cannot be heard is not spoken to, either.
    std::erase_if(settings.interfaces,
                  [&](net::InterfaceId interface) { return !sockets_.contains(interface); });
    server_.configure(std::move(settings));
    if (!error.empty()) {
        return net::unexpected(std::move(error));
    }
    return {};
}

void Service::set_epoch(std::uint64_t number, Duration age) {
    carry_out(server_.set_epoch(number, age, timers_.now()));
}

void Service::received(const udp::Datagram& datagram) {
    Datagram given;
    given.interface = datagram.interface;
    given.from = {datagram.from.address, datagram.from.port};
    given.to = datagram.to.address;
    given.group = datagram.group;
    const auto back = stack_.host().ways().to(datagram.from.address);
    given.leads_back = back && back->egress == datagram.interface;
    given.payload = datagram.payload;
    carry_out(server_.receive(given, timers_.now()));
}

void Service::carry_out(const Actions& actions) {
    for (const Transmit& packet : actions.transmit) {
        send(packet);
    }
    for (const Ask& wanted : actions.asks) {
        ask(wanted);
    }
    arm();
}

void Service::ask(const Ask& wanted) {
    ask_(wanted.wish, [self = std::weak_ptr(self_), tag = wanted.tag](const MapOutcome& outcome) {
        if (const auto alive = self.lock()) {
            Service& service = **alive;
            service.carry_out(service.server_.answered(tag, outcome, service.timers_.now()));
        }
    });
}

void Service::send(const Transmit& packet) {
    udp::Transmission how;
    how.to = {packet.to.address, packet.to.port};
    if (!packet.source.is_unspecified()) {
        how.source = packet.source;
    }
    const auto socket = sockets_.find(packet.interface);
    if (socket == sockets_.end()) {
        ++counters_.packets_not_sent;
        counters_.last_reason = fmt::format("interface {} has no socket", packet.interface.value());
    } else if (const auto sent = socket->second->send(how, packet.payload); !sent) {
        ++counters_.packets_not_sent;
        counters_.last_reason = sent.error().sentence;
    }
}

void Service::arm() {
    const auto deadline = server_.next_deadline();
    if (!deadline) {
        timer_->cancel();
        return;
    }
    timer_->arm(*deadline, [this] { carry_out(server_.advance(timers_.now())); });
}

}  // namespace godwit::control::pcp
