#include "tests/sim/rip/world.hpp"

#include <algorithm>

namespace godwit::sim::rip {

using control::Route;
using control::RouteSource;
using control_rip::Link;

World::World(std::uint64_t seed) : random_(seed) {}

RouterIndex World::add_router() {
    const RouterIndex index = routers_.size();
    Router router;
    const auto high = static_cast<std::uint8_t>(16 + index / 256);
    const auto low = static_cast<std::uint8_t>(index % 256);
    const net::Ipv4Address address(172, high, low, 1);
    router.stub = net::Ipv4Prefix::covering(address, 24);
    router.links.push_back({"stub", net::InterfaceId(1), true, {{address, 24}}});
    routers_.push_back(std::move(router));
    return index;
}

WireIndex World::add_wire(const std::vector<std::pair<RouterIndex, control_rip::Cost>>& ends,
                          const WireModel& model) {
    const WireIndex index = wires_.size();
    Wire wire;
    wire.model = model;
    std::uint8_t host = 1;
    for (const auto& [router, cost] : ends) {
        auto& links = routers_[router].links;
        const net::InterfaceId id(static_cast<std::uint16_t>(links.size() + 1));
        const net::Ipv4Address address(10, static_cast<std::uint8_t>(index / 256),
                                       static_cast<std::uint8_t>(index % 256), host++);
        wire.subnet = net::Ipv4Prefix::covering(address, 24);
        wire.ends.push_back({router, id, {address, 24}, cost});
        std::string name = "eth" + std::to_string(id.value());
        routers_[router].settings.interfaces[name].cost = cost;
        links.push_back({std::move(name), id, true, {{address, 24}}});
        wire_of_[{router, id}] = index;
        owner_[address] = {router, index};
    }
    wires_.push_back(std::move(wire));
    return index;
}

void World::start() {
    for (RouterIndex index = 0; index < routers_.size(); ++index) {
        Router& router = routers_[index];
        auto interfaces = std::move(router.settings.interfaces);
        router.settings = settings;
        router.settings.interfaces = std::move(interfaces);
        router.settings.interfaces["stub"].passive = true;
        for (auto& [name, interface] : router.settings.interfaces) {
            interface.split_horizon = split_horizon;
        }
        router.rib = std::make_unique<control::Rib>();
        router.core = std::make_unique<control_rip::Core>(
            control_rip::Surroundings{
                [this] { return static_cast<std::uint32_t>(random_()); },
                [this] { return control_rip::WallTime(now_.time_since_epoch()); }},
            router.settings, now_);
        tell_links(index);
    }
}

void World::tell_links(RouterIndex index) {
    Router& router = routers_[index];
    std::vector<Route> connected;
    for (const Link& link : router.links) {
        router.rib->set_interface_up(link.id, link.up);
        for (Route& route : control::connected_routes(link.id, link.addresses, link.up)) {
            if (route.source == RouteSource::Connected) {
                connected.push_back(std::move(route));
            }
        }
    }
    router.rib->replace_source(RouteSource::Connected, std::move(connected));
    carry_out(index, router.core->set_links(router.links, now_));
}

void World::set_wire(WireIndex index, WireState state) {
    Wire& wire = wires_[index];
    wire.state = state;
    for (const WireEnd& end : wire.ends) {
        for (Link& link : routers_[end.router].links) {
            if (link.id == end.interface) {
                link.up = state != WireState::NoCarrier;
            }
        }
        tell_links(end.router);
    }
}

// ---- events

void World::carry_out(RouterIndex index, const control_rip::Actions& actions) {
    Router& router = routers_[index];
    for (const control_rip::RouteUpdate& update : actions.routes) {
        if (update.route) {
            router.rib->set(*update.route);
        } else {
            router.rib->remove(update.prefix, RouteSource::Rip);
        }
    }
    for (const control_rip::Transmit& packet : actions.transmit) {
        transmit(index, packet);
    }
    wake_later(index);
}

void World::wake_later(RouterIndex index) {
    Router& router = routers_[index];
    if (router.wakes_at) {
        wakes_.erase({*router.wakes_at, index});
    }
    router.wakes_at = router.core->next_deadline();
    if (router.wakes_at) {
        wakes_.insert({*router.wakes_at, index});
    }
}

void World::transmit(RouterIndex from, const control_rip::Transmit& packet) {
    ++routers_[from].packets_sent;
    const auto found = wire_of_.find({from, packet.interface});
    if (found == wire_of_.end()) {
        return;  // a stub: nobody is there
    }
    Wire& wire = wires_[found->second];
    if (wire.state != WireState::Whole) {
        return;
    }
    const auto bytes = std::make_shared<const std::vector<std::uint8_t>>(packet.payload);
    std::uniform_real_distribution<double> chance(0, 1);
    for (const WireEnd& end : wire.ends) {
        const bool addressed = packet.destination == control_rip::kAllRouters ||
                               packet.destination == end.address.address;
        if (end.router == from || !addressed || chance(random_) < wire.model.loss) {
            continue;
        }
        const auto late = Duration(static_cast<Duration::rep>(
            chance(random_) * static_cast<double>(wire.model.jitter.count())));
        Arrival arrival;
        arrival.at = now_ + wire.model.delay + late;
        arrival.order = order_++;
        arrival.to = end.router;
        arrival.wire = found->second;
        arrival.bytes = bytes;
        arrival.datagram = {end.interface,      packet.source, control_rip::kPort,
                            packet.destination, packet.ttl,    *bytes};
        arrivals_.push(std::move(arrival));
    }
}

void World::step(Instant limit) {
    const Instant packet = arrivals_.empty() ? Instant::max() : arrivals_.top().at;
    const Instant wake = wakes_.empty() ? Instant::max() : wakes_.begin()->first;
    const Instant next = std::min(packet, wake);
    if (next > limit) {
        now_ = limit;
        return;
    }
    now_ = std::max(now_, next);
    if (packet <= wake) {
        const Arrival arrival = arrivals_.top();
        arrivals_.pop();
        if (wires_[arrival.wire].state == WireState::Whole) {
            carry_out(arrival.to, routers_[arrival.to].core->receive(arrival.datagram, now_));
        }
        return;
    }
    const RouterIndex index = wakes_.begin()->second;
    carry_out(index, routers_[index].core->advance(now_));
}

void World::run_for(Duration time) {
    const Instant limit = now_ + time;
    while (now_ < limit) {
        step(limit);
    }
}

// ---- what is seen

std::vector<net::Ipv4Prefix> World::networks() const {
    std::vector<net::Ipv4Prefix> all;
    for (const Wire& wire : wires_) {
        all.push_back(wire.subnet);
    }
    for (const Router& router : routers_) {
        all.push_back(router.stub);
    }
    return all;
}

bool World::is_attached(RouterIndex router, const net::Ipv4Prefix& network) const {
    const auto& links = routers_[router].links;
    return std::any_of(links.begin(), links.end(), [&](const Link& link) {
        return link.up && link.addresses.front().subnet() == network;
    });
}

std::vector<World::Hop> World::next_routers(RouterIndex from,
                                            const net::Ipv4Prefix& network) const {
    std::vector<Hop> next;
    if (is_attached(from, network)) {
        return next;
    }
    const auto view = routers_[from].rib->find(network);
    if (!view) {
        return next;
    }
    for (const control::RouteView& route : view->routes) {
        if (!route.selected) {
            continue;
        }
        for (const control::NextHopView& hop : route.next_hops) {
            if (hop.active && hop.next_hop.via) {
                const auto& [router, wire] = owner_.at(*hop.next_hop.via);
                next.push_back({router, wires_[wire].state == WireState::Whole});
            }
        }
    }
    return next;
}

}  // namespace godwit::sim::rip
