#include "controlplane/management/rip_view.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "controlplane/management/record_text.hpp"
#include "controlplane/rip/state_view.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

std::int64_t seconds(Duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

json::value seconds_or_null(const std::optional<Duration>& time) {
    return time ? json::value(seconds(*time)) : json::value(nullptr);
}

// By reason, those that are not zero.
json::object faults_json(const rip::FaultCounters& faults) {
    json::object packets;
    for (std::size_t i = 0; i < rip::kPacketFaultCount; ++i) {
        if (faults.packets[i] != 0) {
            packets[rip::kPacketFaultNames[i]] = faults.packets[i];
        }
    }
    json::object routes;
    for (std::size_t i = 0; i < rip::kRouteFaultCount; ++i) {
        if (faults.routes[i] != 0) {
            routes[rip::kRouteFaultNames[i]] = faults.routes[i];
        }
    }
    return {{"bad-packets", faults.bad_packets()},
            {"bad-routes", faults.bad_routes()},
            {"packet-faults", std::move(packets)},
            {"route-faults", std::move(routes)}};
}

void add_all(json::object& to, json::object from) {
    for (auto& member : from) {
        to[member.key()] = std::move(member.value());
    }
}

}  // namespace

json::object rip_instance_json(const RipInstance& instance) {
    const rip::Service* const service = instance.service();
    json::array problems(instance.problems().begin(), instance.problems().end());
    if (service == nullptr) {
        return {{"running", false}, {"problems", std::move(problems)}};
    }
    const rip::InstanceView view = rip::instance_view(service->core(), instance.now());
    return {{"running", true},
            {"update-seconds", seconds(view.update)},
            {"timeout-seconds", seconds(view.timeout)},
            {"garbage-collect-seconds", seconds(view.garbage_collect)},
            {"next-update-seconds", seconds_or_null(view.next_update)},
            {"distance", view.distance},
            {"routes", view.routes},
            {"max-routes", view.max_routes},
            {"entries", view.entries},
            {"neighbors", view.neighbors},
            {"refused-routes", view.refused_routes},
            {"refused-over-limit", view.refused_over_limit},
            {"converged", view.converged},
            {"packets-not-sent", service->counters().packets_not_sent},
            {"packets-elsewhere", service->core().unknown_interface_packets()},
            {"problems", std::move(problems)}};
}

json::array rip_interfaces_json(const RipInstance& instance) {
    json::array list;
    if (instance.service() == nullptr) {
        return list;
    }
    for (const rip::InterfaceView& view : rip::interface_views(instance.service()->core())) {
        const rip::InterfaceCounters& counters = view.counters;
        json::object object{{"interface", view.name},
                            {"state", rip::name_of(view.state)},
                            {"cost", view.cost},
                            {"passive", view.passive},
                            {"send", view.send},
                            {"receive", view.receive},
                            {"split-horizon", view.split_horizon},
                            {"authentication", view.authentication},
                            {"neighbors", view.neighbors},
                            {"received", counters.packets_received},
                            {"sent", counters.packets_sent},
                            {"regular-updates", counters.regular_updates},
                            {"triggered-updates", counters.triggered_updates},
                            {"requests-sent", counters.requests_sent},
                            {"requests-answered", counters.requests_answered},
                            {"answers-refused", counters.answers_refused},
                            {"own-packets", counters.own_packets},
                            {"packets-unsigned", counters.packets_unsigned},
                            {"foreign-next-hops", counters.foreign_next_hops},
                            {"routes-rejected", counters.routes_rejected}};
        add_all(object, faults_json(counters.faults));
        list.push_back(std::move(object));
    }
    return list;
}

json::array rip_neighbors_json(const RipInstance& instance, const InterfaceNames& names) {
    json::array list;
    if (instance.service() == nullptr) {
        return list;
    }
    for (const rip::NeighborView& view :
         rip::neighbor_views(instance.service()->core(), instance.now())) {
        json::object object{
            {"neighbor", view.address.to_string()},
            {"interface", name_of(names, view.interface)},
            {"state", view.up ? "up" : "lost"},
            {"version", view.version},
            {"heard-seconds", seconds_or_null(view.heard)},
            {"expires-seconds", seconds_or_null(view.expires)},
            {"key-id", view.key_id ? json::value(*view.key_id) : json::value(nullptr)},
            {"routes", view.routes},
            {"received", view.packets}};
        add_all(object, faults_json(view.faults));
        list.push_back(std::move(object));
    }
    return list;
}

json::array rip_events_json(const RipInstance& instance) {
    json::array list;
    for (const RouterEvent& event : instance.events()) {
        list.push_back(json::object{{"time", event.unix_seconds}, {"event", event.text}});
    }
    return list;
}

json::array rip_routes_json(const RipInstance& instance, const InterfaceNames& names,
                            std::optional<net::Ipv4Prefix>& after, std::size_t limit) {
    json::array list;
    if (instance.service() == nullptr) {
        return list;
    }
    for (const rip::RouteEntryView& view :
         rip::route_views(instance.service()->core(), after, limit, instance.now())) {
        json::array paths;
        for (const rip::PathView& path : view.paths) {
            paths.push_back(json::object{{"via", path.next_hop.to_string()},
                                         {"interface", name_of(names, path.interface)},
                                         {"neighbor", path.neighbor.to_string()},
                                         {"expires-seconds", seconds(path.expires)}});
        }
        list.push_back(json::object{{"prefix", view.prefix.to_string()},
                                    {"metric", view.metric.value()},
                                    {"tag", view.tag},
                                    {"origin", view.origin},
                                    {"paths", std::move(paths)},
                                    {"forgotten-seconds", seconds_or_null(view.forgotten)}});
        after = view.prefix;
    }
    return list;
}

}  // namespace godwit::control
