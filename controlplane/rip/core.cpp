#include "controlplane/rip/core.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control::rip {

namespace {

// A request that got no answer is repeated; the regular update of the neighbours comes anyway.
constexpr unsigned kRequests = 3;
constexpr Duration kRequestInterval = std::chrono::seconds(2);
// Over the longest interval of a neighbour's regular updates.
constexpr Duration kConvergenceMargin = std::chrono::seconds(1);

std::optional<Instant> earlier(std::optional<Instant> left, std::optional<Instant> right) {
    return left && right ? std::min(*left, *right) : (left ? left : right);
}

}  // namespace

Core::Core(Surroundings surroundings, Settings settings, Instant now)
    : surroundings_(std::move(surroundings)), settings_(std::move(settings)) {
    set_database_limits(now);
    for (const auto& [name, interface] : settings_.interfaces) {
        Interface made;
        made.name = name;
        made.settings = interface;
        interfaces_.emplace(name, std::move(made));
    }
    update_at_ = now + jittered(settings_.update);
    converged_at_ = now + settings_.update + update_jitter() + kConvergenceMargin;
}

void Core::set_database_limits(Instant now) {
    database_.set_limits({settings_.timeout, settings_.garbage_collect, settings_.distance,
                          settings_.max_paths, settings_.max_routes},
                         now);
}

// RFC 2453 3.8: the timer is offset by a small random time each time it is set, 5 of 30 seconds.
Duration Core::jittered(Duration interval) {
    using std::chrono::microseconds;
    const auto most = std::chrono::duration_cast<microseconds>(update_jitter());
    const std::uint64_t spread = 2 * static_cast<std::uint64_t>(most.count());
    const std::uint64_t offset = (surroundings_.random() * spread) >> 32U;
    return interval - most + microseconds(offset);
}

Interface* Core::interface_of(net::InterfaceId id) {
    for (auto& [name, interface] : interfaces_) {
        if (interface.link.id == id && interface.state != InterfaceState::Down) {
            return &interface;
        }
    }
    return nullptr;
}

// ---- settings

Actions Core::configure(Settings settings, Instant now) {
    Actions actions;
    const Settings before = std::exchange(settings_, std::move(settings));
    if (before == settings_) {
        return actions;
    }
    for (auto interface = interfaces_.begin(); interface != interfaces_.end();) {
        if (settings_.interfaces.contains(interface->first)) {
            ++interface;
            continue;
        }
        remove_interface(interface->second, actions, now);
        interface = interfaces_.erase(interface);
    }
    set_database_limits(now);
    for (const auto& [name, wanted] : settings_.interfaces) {
        const auto [found, is_new] = interfaces_.try_emplace(name);
        if (is_new) {
            found->second.name = name;
            found->second.settings = wanted;
            for (const Link& link : links_) {
                if (link.name == name) {
                    update_link(found->second, link, actions, now);
                }
            }
        } else {
            apply_settings(found->second, wanted, actions, now);
        }
    }
    originate_networks(now);
    if (before.default_metric != settings_.default_metric) {
        for (const auto& [prefix, route] : redistributed_) {
            tell_redistributed(route, now);
        }
    }
    if (before.update != settings_.update) {
        update_at_ = std::min(*update_at_, now + jittered(settings_.update));
    }
    finish(actions, now);
    return actions;
}

void Core::apply_settings(Interface& interface, const InterfaceSettings& settings, Actions& actions,
                          Instant now) {
    const InterfaceSettings before = std::exchange(interface.settings, settings);
    if (before == settings) {
        return;
    }
    interface.key_problem_told = false;
    if (before.passive != settings.passive) {
        if (settings.passive && interface.state == InterfaceState::Speaking) {
            start_jobs(interface, Job::Kind::Farewell, 0);
        }
        change_state(interface,
                     settings.passive ? InterfaceEvent::MadePassive : InterfaceEvent::MadeActive,
                     actions, now);
    }
    if (interface.state == InterfaceState::Down) {
        return;
    }
    const bool hears_otherwise = before.cost != settings.cost || before.import != settings.import ||
                                 before.max_routes != settings.max_routes ||
                                 before.receive != settings.receive ||
                                 before.authentication != settings.authentication;
    if (hears_otherwise) {
        begin_asking(interface, now);  // what is heard again is judged anew
    }
    if (before.import != settings.import) {
        refused_.forget(interface.link.id);  // by the policy before
    }
    if (before.exported != settings.exported || before.split_horizon != settings.split_horizon) {
        // What was told and is kept back from now on ends now, and not by a timeout.
        interface.poison_until = now + settings_.garbage_collect;
    }
    start_jobs(interface, Job::Kind::Regular, 0);
}

void Core::remove_interface(Interface& interface, Actions& actions, Instant now) {
    if (interface.state != InterfaceState::Down) {
        // Said at once: there is no job for an interface that is not there any more.
        start_jobs(interface, Job::Kind::Farewell, 0);
        for (Job& job : jobs_) {
            std::size_t no_limit = SIZE_MAX;
            if (job.interface == interface.name && job.kind == Job::Kind::Farewell) {
                run_job(job, no_limit, actions, now);
            }
        }
        change_state(interface, InterfaceEvent::LinkDown, actions, now);
    }
}

Actions Core::retire(Instant now) {
    Settings none = settings_;
    none.interfaces.clear();
    Actions actions = configure(std::move(none), now);
    return actions;
}

// ---- interfaces

Actions Core::set_links(const std::vector<Link>& links, Instant now) {
    Actions actions;
    if (links == links_) {
        return actions;
    }
    links_ = links;
    for (auto& [name, interface] : interfaces_) {
        const auto found = std::find_if(links_.begin(), links_.end(), [&](const Link& link) {
            return link.name == interface.name;
        });
        update_link(interface, found == links_.end() ? Link{interface.name, {}, false, {}} : *found,
                    actions, now);
    }
    originate_networks(now);
    finish(actions, now);
    return actions;
}

void Core::update_link(Interface& interface, const Link& link, Actions& actions, Instant now) {
    const bool usable = link.up && !link.addresses.empty() && !link.id.is_none();
    const bool same_place = interface.link.id == link.id;
    if (interface.state != InterfaceState::Down && (!usable || !same_place)) {
        change_state(interface, InterfaceEvent::LinkDown, actions, now);
    }
    const std::vector<net::Ipv4InterfaceAddress> before =
        std::exchange(interface.link, link).addresses;
    if (!usable) {
        return;
    }
    if (interface.state == InterfaceState::Down) {
        change_state(interface, InterfaceEvent::LinkUp, actions, now);
        return;
    }
    if (before == link.addresses) {
        return;
    }
    // Neighbours in a subnet that has gone are neighbours no more.
    std::vector<NeighborId> gone;
    for (const auto& [id, neighbor] : neighbors_.entries()) {
        const bool reachable =
            std::any_of(link.addresses.begin(), link.addresses.end(),
                        [&](const auto& own) { return own.subnet().contains(id.address); });
        if (id.interface == link.id && !reachable) {
            gone.push_back(id);
        }
    }
    for (const NeighborId& id : gone) {
        forget(id, now);
    }
    begin_asking(interface, now);
    start_jobs(interface, Job::Kind::Regular, 0);
}

// The only place where an interface changes its state.
void Core::change_state(Interface& interface, InterfaceEvent event, Actions& actions, Instant now) {
    const InterfaceState before = interface.state;
    interface.state = transition(before, event, interface.settings.passive);
    if (interface.state == before) {
        return;
    }
    if (interface.state == InterfaceState::Down) {
        std::erase_if(jobs_, [&](const Job& job) { return job.interface == interface.name; });
        interface.request_at.reset();
        interface.poison_until.reset();
        forget(interface.link.id, now);
        actions.events.push_back({EventKind::InterfaceDown, interface.link.id, {}, 0, {}, {}});
        return;
    }
    if (before == InterfaceState::Down) {
        actions.events.push_back({EventKind::InterfaceUp, interface.link.id, {}, 0, {}, {}});
        const bool first =
            std::none_of(interfaces_.begin(), interfaces_.end(), [&](const auto& other) {
                return &other.second != &interface && other.second.state != InterfaceState::Down;
            });
        if (first && !converged(now)) {
            converged_at_ = now + settings_.update + update_jitter() + kConvergenceMargin;
        }
    }
    if (interface.state == InterfaceState::Speaking || !interface.settings.neighbors.empty()) {
        begin_asking(interface, now);
        start_jobs(interface, Job::Kind::Regular, 0);
    }
}

template <class Who>
void Core::forget(const Who& who, Instant now) {
    database_.forget(who, now);
    refused_.forget(who);
    neighbors_.forget(who);
}

// RFC 2453 3.9.1: a router that has just come up asks for complete tables.
void Core::begin_asking(Interface& interface, Instant now) {
    interface.requests_left = kRequests;
    interface.request_at = now;
}

void Core::ask_again(Interface& interface, Actions& actions, Instant now) {
    if (!interface.request_at || *interface.request_at > now) {
        return;
    }
    interface.request_at.reset();
    for (const Target& target : targets_of(interface)) {
        send(interface, target, request_for_everything(target.version), actions);
        ++interface.counters.requests_sent;
    }
    if (--interface.requests_left > 0) {
        interface.request_at = now + kRequestInterval;
    }
}

// The networks of our interfaces are destinations with the cost of the interface (RFC 2453 3.4);
// so is the default, when it is originated here (3.7).
void Core::originate_networks(Instant now) {
    std::map<net::Ipv4Prefix, LocalRoute> wanted;
    for (const auto& [name, interface] : interfaces_) {
        if (interface.state == InterfaceState::Down) {
            continue;
        }
        for (const net::Ipv4InterfaceAddress& own : interface.link.addresses) {
            LocalRoute route;
            route.metric = Metric::of(interface.settings.cost);
            route.interface = interface.link.id;
            route.own_network = true;
            wanted.emplace(own.subnet(), route);
        }
    }
    if (settings_.originate_default) {
        LocalRoute route;
        route.source = RouteSource::Local;
        route.metric = settings_.default_metric;
        wanted.emplace(net::Ipv4Prefix(), route);
    }
    for (const net::Ipv4Prefix& prefix : std::exchange(own_networks_, {})) {
        if (wanted.contains(prefix)) {
            continue;
        }
        if (const auto other = redistributed_.find(prefix); other != redistributed_.end()) {
            tell_redistributed(other->second, now);
        } else {
            database_.remove_local(prefix, now);
        }
    }
    for (const auto& [prefix, route] : wanted) {
        database_.set_local(prefix, route, now);
        own_networks_.push_back(prefix);
    }
}

// ---- routes of other sources

Actions Core::redistribute(const std::vector<Redistributed>& routes, Instant now) {
    Actions actions;
    for (const Redistributed& route : routes) {
        redistributed_.insert_or_assign(route.prefix, route);
        tell_redistributed(route, now);
    }
    finish(actions, now);
    return actions;
}

void Core::tell_redistributed(const Redistributed& route, Instant now) {
    if (std::binary_search(own_networks_.begin(), own_networks_.end(), route.prefix)) {
        return;  // told already, as a network of ours
    }
    LocalRoute local;
    local.source = route.source;
    local.distance = route.distance;
    local.metric = route.metric.value_or(settings_.default_metric);
    local.interface = route.interface;
    local.next_hop = route.next_hop;
    // A tag of RIP has 16 bits (RFC 2453 4.2): half of a longer one would mean something else.
    local.tag = route.tag <= 0xffff ? static_cast<std::uint16_t>(route.tag) : std::uint16_t{0};
    database_.set_local(route.prefix, local, now);
}

Actions Core::withdraw(const std::vector<net::Ipv4Prefix>& prefixes, Instant now) {
    Actions actions;
    for (const net::Ipv4Prefix& prefix : prefixes) {
        redistributed_.erase(prefix);
        if (!std::binary_search(own_networks_.begin(), own_networks_.end(), prefix)) {
            database_.remove_local(prefix, now);
        }
    }
    finish(actions, now);
    return actions;
}

// ---- acts of a person

Actions Core::clear(const std::optional<NeighborId>& neighbor, Instant now) {
    Actions actions;
    for (auto& [name, interface] : interfaces_) {
        if (interface.state == InterfaceState::Down ||
            (neighbor && neighbor->interface != interface.link.id)) {
            continue;
        }
        if (neighbor) {
            forget(*neighbor, now);
        } else {
            forget(interface.link.id, now);
        }
        begin_asking(interface, now);
    }
    finish(actions, now);
    return actions;
}

void Core::clear_counters() {
    for (auto& [name, interface] : interfaces_) {
        interface.counters = {};
    }
}

// ---- time

void Core::finish(Actions& actions, Instant now) {
    std::vector<RouteUpdate> updates = database_.take_updates();
    actions.routes.insert(actions.routes.end(), std::make_move_iterator(updates.begin()),
                          std::make_move_iterator(updates.end()));
    if (database_.last_change() > told_ && !trigger_at_) {
        trigger_at_ = quiet_until_ ? std::max(*quiet_until_, now) : now;
    }
    if (database_.learned_count() < settings_.max_routes) {
        route_limit_told_ = false;
    }
}

Actions Core::advance(Instant now) {
    Actions actions;
    database_.advance(now);
    for (const NeighborId& lost : neighbors_.expire(settings_.timeout, now)) {
        actions.events.push_back(
            {EventKind::NeighborLost, lost.interface, lost.address, 0, {}, {}});
    }
    finish(actions, now);
    for (auto& [name, interface] : interfaces_) {
        if (interface.poison_until && *interface.poison_until <= now) {
            interface.poison_until.reset();
        }
        ask_again(interface, actions, now);
    }
    if (*update_at_ <= now) {
        start_regular(now);
    }
    if (trigger_at_ && *trigger_at_ <= now) {
        start_triggered(now);
    }
    if (!jobs_.empty() && (!jobs_at_ || *jobs_at_ <= now)) {
        run_jobs(actions, now);
    }
    return actions;
}

std::optional<Instant> Core::next_deadline() const {
    std::optional<Instant> deadline = earlier(database_.next_deadline(), update_at_);
    deadline = earlier(deadline, neighbors_.next_deadline(settings_.timeout));
    deadline = earlier(deadline, trigger_at_);
    for (const auto& [name, interface] : interfaces_) {
        deadline = earlier(deadline, interface.request_at);
        deadline = earlier(deadline, interface.poison_until);
    }
    if (!jobs_.empty()) {
        deadline = earlier(deadline, jobs_at_.value_or(Instant::min()));
    }
    return deadline;
}

}  // namespace godwit::control::rip
