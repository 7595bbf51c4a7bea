#include "controlplane/rip/state_view.hpp"

#include <algorithm>
#include <array>

namespace godwit::control::rip {

namespace {

constexpr std::array<std::string_view, 4> kSendNames{"multicast", "broadcast", "compatible",
                                                     "version-1"};
constexpr std::array<std::string_view, 4> kReceiveNames{"version-2", "version-1", "both", "none"};
constexpr std::array<std::string_view, 3> kSplitHorizonNames{"off", "simple", "poison-reverse"};
constexpr std::array<std::string_view, 5> kAlgorithmNames{"md5", "hmac-sha-1", "hmac-sha-256",
                                                          "hmac-sha-384", "hmac-sha-512"};

std::string_view name_of(const Authentication& authentication) {
    if (std::holds_alternative<std::monostate>(authentication)) {
        return "none";
    }
    if (std::holds_alternative<Password>(authentication)) {
        return "password";
    }
    if (const auto* keys = std::get_if<Keys>(&authentication)) {
        return keys->keys.size() == 1
                   ? kAlgorithmNames[static_cast<std::size_t>(keys->keys.front().algorithm)]
                   : "key-chain";
    }
    return "unreadable";
}

std::string_view origin_of(const DatabaseEntry& entry) {
    if (!entry.local) {
        return entry.paths.empty() ? "none" : "learned";
    }
    if (entry.local->own_network) {
        return "interface";
    }
    return entry.local->source == RouteSource::Local ? "default"
                                                     : control::name_of(entry.local->source);
}

Duration until(Instant end, Instant now) {
    return std::max(end - now, Duration::zero());
}

}  // namespace

InstanceView instance_view(const Core& core, Instant now) {
    const Settings& settings = core.settings();
    InstanceView view;
    view.update = settings.update;
    view.timeout = settings.timeout;
    view.garbage_collect = settings.garbage_collect;
    if (const auto next = core.next_update()) {
        view.next_update = until(*next, now);
    }
    view.distance = settings.distance;
    view.routes = core.database().learned_count();
    view.max_routes = settings.max_routes;
    view.entries = core.database().entries().size();
    for (const auto& [id, neighbor] : core.neighbors().entries()) {
        view.neighbors += neighbor.up ? 1 : 0;
    }
    view.refused_routes = core.refused().count();
    view.refused_over_limit = core.refused().over_limit();
    view.converged = core.converged(now);
    return view;
}

std::vector<InterfaceView> interface_views(const Core& core) {
    std::vector<InterfaceView> views;
    for (const auto& [name, interface] : core.interfaces()) {
        const InterfaceSettings& settings = interface.settings;
        InterfaceView view;
        view.name = name;
        view.state = interface.state;
        view.cost = settings.cost;
        view.passive = settings.passive;
        view.send = kSendNames[static_cast<std::size_t>(settings.send)];
        view.receive = kReceiveNames[static_cast<std::size_t>(settings.receive)];
        view.split_horizon = kSplitHorizonNames[static_cast<std::size_t>(settings.split_horizon)];
        view.authentication = name_of(settings.authentication);
        view.counters = interface.counters;
        for (const auto& [id, neighbor] : core.neighbors().entries()) {
            view.neighbors += neighbor.up && id.interface == interface.link.id ? 1 : 0;
        }
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<NeighborView> neighbor_views(const Core& core, Instant now) {
    std::vector<NeighborView> views;
    for (const auto& [id, neighbor] : core.neighbors().entries()) {
        NeighborView view;
        view.address = id.address;
        view.interface = id.interface;
        view.up = neighbor.up;
        view.version = neighbor.version;
        if (neighbor.heard) {
            view.heard = now - *neighbor.heard;
            if (neighbor.up) {
                view.expires = until(*neighbor.heard + core.settings().timeout, now);
            }
        }
        view.key_id = neighbor.key_id;
        view.routes = core.database().paths_of(id);
        view.packets = neighbor.packets;
        view.faults = neighbor.faults;
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<RouteEntryView> route_views(const Core& core,
                                        const std::optional<net::Ipv4Prefix>& after,
                                        std::size_t limit, Instant now) {
    const Database::Entries& entries = core.database().entries();
    std::vector<RouteEntryView> views;
    for (auto at = after ? entries.upper_bound(*after) : entries.begin();
         at != entries.end() && views.size() < limit; ++at) {
        const DatabaseEntry& entry = at->second;
        RouteEntryView view{at->first, entry.metric(), entry.tag(), origin_of(entry), {}, {}};
        for (const Path& path : entry.paths) {
            view.paths.push_back({path.neighbor.address, path.next_hop, path.neighbor.interface,
                                  until(path.heard + core.settings().timeout, now)});
        }
        if (entry.deleting_since) {
            view.forgotten = until(*entry.deleting_since + core.settings().garbage_collect, now);
        }
        views.push_back(std::move(view));
    }
    return views;
}

}  // namespace godwit::control::rip
