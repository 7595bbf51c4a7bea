#include "controlplane/management/rip_instance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "controlplane/management/rip_settings.hpp"

namespace godwit::control {

namespace {

constexpr std::size_t kRoutesAPull = 256;
// Beyond what the core itself takes for converging: a timer that runs late.
constexpr Duration kPatienceMargin = std::chrono::seconds(5);

rip::WallTime wall_clock() {
    return std::chrono::system_clock::now();
}

RouteSource source_of(config::RipSource source) {
    switch (source) {
        case config::RipSource::Connected:
            return RouteSource::Connected;
        case config::RipSource::Static:
            return RouteSource::Static;
    }
    return RouteSource::Static;
}

bool is_warning(rip::EventKind kind) {
    return kind != rip::EventKind::InterfaceUp && kind != rip::EventKind::InterfaceDown &&
           kind != rip::EventKind::NeighborFound;
}

}  // namespace

RipInstance::RipInstance(Surroundings surroundings) : surroundings_(std::move(surroundings)) {}

RipInstance::~RipInstance() {
    if (subscription_) {
        surroundings_.rib.redistribution().unsubscribe(*subscription_);
    }
}

// ---- configuration

void RipInstance::adopt(const config::Model& model) {
    if (!model.rip.is_used()) {
        if (service_) {
            stop();
        }
        return;
    }
    RipSettings made = rip_settings_of(model.rip, surroundings_.policies);
    if (made.problems != problems_) {
        for (const std::string& problem : made.problems) {
            surroundings_.events.note(
                EventTopic::Rip, EventLevel::Error,
                problem + "; nothing is sent or taken there until it is mended");
        }
        problems_ = std::move(made.problems);
    }
    if (!service_) {
        start(model, std::move(made.settings));
    } else {
        service_->configure(std::move(made.settings));
    }
    if (!service_) {
        return;
    }
    running_ = model.rip;
    service_->set_links(links_of(model));
    request_redistribution(model.rip);
    pull_redistribution();
}

void RipInstance::start(const config::Model& model, rip::Settings settings) {
    rip::ServiceCallbacks callbacks;
    callbacks.routes = [this](const auto& updates) { take_routes(updates); };
    callbacks.event = [this](const auto& event) { take_event(event); };
    callbacks.converged = [this] { surroundings_.converged(); };
    auto service = rip::Service::start(surroundings_.stack, surroundings_.timers,
                                       {surroundings_.random, wall_clock}, std::move(settings),
                                       std::move(callbacks));
    if (!service) {
        problems_ = {fmt::format("rip does not run: {}", service.error())};
        surroundings_.events.note(EventTopic::Rip, EventLevel::Error, problems_.front());
        return;
    }
    service_ = std::move(*service);
    const auto update = model.rip.timers.update;
    surroundings_.begins(2 * update + kPatienceMargin);
    surroundings_.events.note(
        EventTopic::Rip, EventLevel::Info,
        fmt::format("rip runs on {} interfaces", model.rip.interfaces.size()));
}

void RipInstance::stop() {
    service_->retire();
    service_.reset();
    if (subscription_) {
        surroundings_.rib.redistribution().unsubscribe(*subscription_);
        subscription_.reset();
    }
    surroundings_.rib.replace_source(RouteSource::Rip, {});
    surroundings_.routes_changed();
    surroundings_.converged();
    running_ = {};
    problems_.clear();
    surroundings_.events.note(EventTopic::Rip, EventLevel::Info, "rip has ended");
}

std::vector<rip::Link> RipInstance::links_of(const config::Model& model) const {
    std::vector<rip::Link> links;
    for (const auto& [name, settings] : model.rip.interfaces) {
        const auto found = model.interfaces.find(name);
        if (found == model.interfaces.end()) {
            continue;
        }
        const net::InterfaceId id = surroundings_.interfaces.id_of(name);
        links.push_back({name, id, found->second.enabled && surroundings_.interfaces.is_up(id),
                         found->second.addresses});
    }
    return links;
}

// ---- routes of others

void RipInstance::request_redistribution(const config::Rip& rip) {
    RedistributionRequest request;
    request.consumer = RouteSource::Rip;
    for (const config::RipRedistribution& wanted : rip.redistribute) {
        request.rules.push_back(
            {source_of(wanted.from),
             surroundings_.policies.gate(wanted.policy, WithoutPolicy::AcceptAll)});
    }
    Redistribution& redistribution = surroundings_.rib.redistribution();
    if (!subscription_) {
        subscription_ = redistribution.subscribe(std::move(request));
    } else {
        redistribution.change(*subscription_, std::move(request));
    }
}

void RipInstance::pull_redistribution() {
    if (!service_ || !subscription_) {
        return;
    }
    Redistribution& redistribution = surroundings_.rib.redistribution();
    std::vector<rip::Redistributed> routes;
    std::vector<net::Ipv4Prefix> withdrawn;
    for (const RedistributionChange& change : redistribution.take(*subscription_, kRoutesAPull)) {
        if (!change.route) {
            withdrawn.push_back(change.prefix);
            continue;
        }
        const RedistributedRoute& from = *change.route;
        rip::Redistributed route;
        route.prefix = change.prefix;
        route.source = from.source;
        route.distance = from.distance;
        route.tag = from.tag;
        route.interface = from.next_hop.interface;
        route.next_hop = from.next_hop_set ? from.next_hop_set : from.next_hop.via;
        if (from.metric_set) {
            route.metric = rip::Metric::of(from.metric);
        } else {
            for (const config::RipRedistribution& wanted : running_.redistribute) {
                if (source_of(wanted.from) == from.source && wanted.metric) {
                    route.metric = rip::Metric::of(*wanted.metric);
                }
            }
        }
        routes.push_back(route);
    }
    if (!withdrawn.empty()) {
        service_->withdraw(withdrawn);
    }
    if (!routes.empty()) {
        service_->redistribute(routes);
    }
    if (!redistribution.in_step(*subscription_) && !std::exchange(pull_due_, true)) {
        surroundings_.later([this] {
            pull_due_ = false;
            pull_redistribution();
        });
    }
}

// ---- what RIP says

void RipInstance::take_routes(const std::vector<rip::RouteUpdate>& updates) {
    for (const rip::RouteUpdate& update : updates) {
        if (update.route) {
            surroundings_.rib.set(*update.route);
        } else {
            surroundings_.rib.remove(update.prefix, RouteSource::Rip);
        }
    }
    surroundings_.routes_changed();
}

void RipInstance::take_event(const rip::Event& event) {
    const auto level = is_warning(event.kind) ? EventLevel::Warning : EventLevel::Info;
    surroundings_.events.note_some(EventTopic::Rip, level, text_of(event), now());
}

std::string RipInstance::text_of(const rip::Event& event) const {
    const std::string interface = name_of(surroundings_.interfaces.names(), event.interface);
    const std::string neighbor = event.neighbor.to_string();
    switch (event.kind) {
        case rip::EventKind::InterfaceUp:
            return fmt::format("rip speaks on {}", interface);
        case rip::EventKind::InterfaceDown:
            return fmt::format("rip has ended on {}", interface);
        case rip::EventKind::NeighborFound:
            return fmt::format("rip hears {} on {}", neighbor, interface);
        case rip::EventKind::NeighborLost:
            return fmt::format("rip hears {} on {} no more", neighbor, interface);
        case rip::EventKind::NeighborLimit:
            return fmt::format(
                "rip: {} on {} tells more than {} routes; what is beyond is not taken; raise "
                "max-routes there if it should be",
                neighbor, interface, event.number);
        case rip::EventKind::RouteLimit:
            return fmt::format(
                "rip: all neighbours together tell more than {} routes, {} on {} of them; what is "
                "beyond is not taken; raise rip.max-routes if it should be",
                event.number, neighbor, interface);
        case rip::EventKind::NotAuthenticated:
            return fmt::format("rip drops a packet of {} on {}: {}, key {}", neighbor, interface,
                               event.packet_fault ? rip::name_of(*event.packet_fault) : "",
                               event.number);
        case rip::EventKind::BadRoute:
            return fmt::format(
                "rip: {} on {} tells a route that cannot be ({}, metric {}); look at its "
                "configuration",
                neighbor, interface, event.route_fault ? rip::name_of(*event.route_fault) : "",
                event.number);
        case rip::EventKind::KeyOverdue:
            return fmt::format(
                "rip: the last key on {}, number {}, has ended and goes on until there is another",
                interface, event.number);
        case rip::EventKind::NoKey:
            return fmt::format(
                "rip: the last key on {}, number {}, has ended; nothing is sent or taken there",
                interface, event.number);
    }
    return "rip";
}

// ---- acts of a person

void RipInstance::clear(const std::optional<rip::NeighborId>& neighbor) {
    if (service_) {
        service_->clear(neighbor);
    }
}

void RipInstance::clear_counters() {
    if (service_) {
        service_->clear_counters();
    }
}

}  // namespace godwit::control
