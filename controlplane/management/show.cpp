#include "controlplane/management/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "controlplane/management/own_ports.hpp"
#include "controlplane/management/punt_view.hpp"
#include "controlplane/management/rip_instance.hpp"
#include "controlplane/management/rip_view.hpp"
#include "controlplane/management/route_audit.hpp"
#include "controlplane/management/route_explanation.hpp"
#include "controlplane/management/route_view.hpp"
#include "controlplane/management/socket_view.hpp"
#include "net/mac_address.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

// The ledger of a busy router never stands still; of one at rest it settles within this.
constexpr unsigned kLedgerReadings = 5;
constexpr std::size_t kEventsAPart = 128;
constexpr Duration kLedgerPause = std::chrono::milliseconds(40);

std::int64_t seconds(Duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

// Sub-objects and words of one interface: what the model asks for, what the dataplane reports.
json::object interface_json(const std::string& name, const config::Interface* model,
                            const api::InterfaceRecord* record, const InterfaceNames& names) {
    json::object object{{"name", name}};
    if (record != nullptr) {
        object["type"] = word(record->type);
        object["device"] = text_or_null(text_in(record->device));
    } else {
        object["type"] = nullptr;
        object["device"] = nullptr;
    }
    const std::uint32_t flags = record != nullptr ? record->flags : 0;
    const bool works = (flags & api::kInterfaceFailed) == 0;
    const bool enabled = record != nullptr ? (flags & api::kInterfaceEnabled) != 0
                                           : model != nullptr && model->enabled;
    object["enabled"] = enabled;
    object["link"] = record != nullptr && has_link(*record) ? "up" : "down";
    std::string problem =
        record != nullptr ? text_in(record->problem) : "the dataplane does not have this interface";
    if (problem.empty() && !works) {
        problem = "the device does not work";
    }
    object["problem"] = text_or_null(problem);
    const net::MacAddress mac =
        record != nullptr ? net::MacAddress(record->mac) : net::MacAddress();
    object["mac"] = mac.is_zero() ? json::value(nullptr) : json::value(mac.to_string());
    object["mtu"] = record != nullptr ? record->mtu : model->mtu;
    const bool vlan = record != nullptr && record->type == api::InterfaceType::Vlan;
    object["vlan"] = vlan ? json::value(record->vlan) : json::value(nullptr);
    object["parent"] =
        vlan ? json::value(name_of(names, net::InterfaceId(record->parent))) : json::value(nullptr);
    object["speed-mbps"] = record != nullptr && record->speed_mbps != 0
                               ? json::value(record->speed_mbps)
                               : json::value(nullptr);
    json::array addresses;
    if (model != nullptr) {
        for (const net::Ipv4InterfaceAddress& address : model->addresses) {
            addresses.emplace_back(address.to_string());
        }
    }
    object["addresses"] = std::move(addresses);
    return object;
}

json::object host_json(const Host& host) {
    json::object object;
    for (const HostCounterText& text : kHostCounters) {
        object[text.name] = host.count(text.counter);
    }
    return object;
}

}  // namespace

void Show::answer(Request& request, const std::shared_ptr<Answer>& answer) {
    const std::string subject = request.required_text("subject");
    std::optional<net::Ipv4Prefix> prefix;
    RouteFilter filter;
    std::string policy;
    std::optional<EventTopic> topic;
    if (subject == "fib" || subject == "socket-events") {
        prefix = request.optional_prefix("prefix");
    } else if (subject == "routes") {
        filter.within = request.optional_prefix("prefix");
        filter.source = request.optional_word<RouteSource>("source", kRouteSourceNames);
        filter.longer = request.flag("longer");
    } else if (subject == "policy") {
        policy = request.text("policy");
    } else if (subject == "events") {
        topic = request.optional_word<EventTopic>("topic", kEventTopicNames);
    }
    const std::string part = subject == "rip" ? request.text("part", "instance") : "";
    NatSelection selection;
    std::uint64_t limit = 0;
    std::vector<std::string> wrong;
    if (subject == "nat-sessions") {
        selection = NatViews::read_selection(request, wrong);
    }
    if (subject == "nat-sessions" || subject == "nat-mappings" || subject == "nat-subscribers") {
        limit = request.number("limit", 0, 0, 1'000'000'000);
    }
    auto errors = request.finish();
    errors.insert(errors.end(), wrong.begin(), wrong.end());
    if (!errors.empty()) {
        answer->fail(AnswerCode::BadRequest, errors);
        return;
    }
    const InterfaceNames& names = router_.interfaces().names();
    if (subject == "interfaces") {
        interfaces(answer);
    } else if (subject == "routes") {
        routes(filter, answer);
    } else if (subject == "policy") {
        answer->done(policies_json(router_.policies(), policy));
    } else if (subject == "fib") {
        fib(prefix, answer);
    } else if (subject == "next-hops") {
        table(api::QueryKind::NextHops, answer, [&names](const QueryAnswer& page) {
            json::array items;
            for (const auto& record : page.rows<api::NextHopRecord>()) {
                items.push_back(next_hop_json(record, names));
            }
            return items;
        });
    } else if (subject == "neighbors") {
        table(api::QueryKind::Neighbors, answer, [&names](const QueryAnswer& page) {
            json::array items;
            for (const auto& record : page.rows<api::NeighborRecord>()) {
                items.push_back(neighbor_json(record, names));
            }
            return items;
        });
    } else if (subject == "events") {
        answer->begin_list();
        next_events(topic, 0, answer);
    } else if (subject == "rip") {
        rip(part, answer);
    } else if (subject == "workers") {
        workers(answer);
    } else if (subject == "nodes") {
        counters(answer, nodes_json);
    } else if (subject == "drops") {
        counters(answer, drops_json);
    } else if (subject == "punts") {
        counters(answer, punts_json);
    } else if (subject == "nat") {
        nat_.totals(answer);
    } else if (subject == "nat-sessions") {
        nat_.sessions(selection, limit, answer);
    } else if (subject == "nat-mappings") {
        nat_.mappings(limit, answer);
    } else if (subject == "nat-subscribers") {
        nat_.subscribers(limit, answer);
    } else if (subject == "sockets") {
        answer->done(sockets_json(router_.host(), router_.timers().now()));
    } else if (subject == "socket-events") {
        answer->done(socket_history_json(router_.host(), prefix, router_.timers().now()));
    } else if (subject == "status") {
        status(answer);
    } else {
        answer->fail(
            AnswerCode::BadRequest,
            fmt::format(
                "there is no '{}' to show; there are interfaces, routes, policy, fib, "
                "next-hops, neighbors, nat, nat-sessions, nat-mappings, nat-subscribers, rip, "
                "workers, nodes, drops, punts, sockets, socket-events, events and status",
                printable(subject.data(), std::min<std::size_t>(subject.size(), 64))));
    }
}

bool Show::reachable(const std::shared_ptr<Answer>& answer) {
    if (router_.channel().connected() && router_.channel().counters() != nullptr) {
        return true;
    }
    answer->fail(AnswerCode::Unavailable,
                 fmt::format("the dataplane is not there ({}); try again in a moment, or see its "
                             "log",
                             router_.channel().problem()));
    return false;
}

std::uint32_t Show::worker_count() const {
    const auto& welcome = router_.channel().welcome();
    return welcome ? welcome->worker_count : 0;
}

void Show::interfaces(const std::shared_ptr<Answer>& answer) {
    if (!reachable(answer)) {
        return;
    }
    router_.channel().query(
        api::QueryKind::Interfaces,
        [this, answer](const net::Result<QueryAnswer, std::string>& reply) {
            if (!reply || !reachable(answer)) {
                if (!reply) {
                    answer->fail(AnswerCode::Unavailable, reply.error());
                }
                return;
            }
            // By name, those of the model that the dataplane does not have among them.
            std::map<std::string, std::optional<api::InterfaceRecord>> all;
            for (const auto& [name, interface] : router_.running().model.interfaces) {
                all[name] = std::nullopt;
            }
            InterfaceNames names;
            for (const auto& record : reply->rows<api::InterfaceRecord>()) {
                const std::string name = text_in(record.name);
                all[name] = record;
                names[net::InterfaceId(record.interface)] = name;
            }
            const LedgerSnapshot ledger =
                read_ledger(*router_.channel().counters(), worker_count());
            json::array list;
            for (const auto& [name, record] : all) {
                const auto model = router_.running().model.interfaces.find(name);
                const config::Interface* const asked =
                    model != router_.running().model.interfaces.end() ? &model->second : nullptr;
                json::object object =
                    interface_json(name, asked, record ? &*record : nullptr, names);
                const bool counted = record && record->interface < api::kMaxInterfaces;
                add_interface_counters(
                    object, counted ? ledger.interfaces[record->interface] : InterfaceTotals());
                const api::InterfaceRecord device = record.value_or(api::InterfaceRecord());
                object["device-rx-missed"] = device.device_rx_missed;
                object["device-rx-no-buffer"] = device.device_rx_no_buffer;
                object["device-rx-errors"] = device.device_rx_errors;
                object["device-tx-errors"] = device.device_tx_errors;
                object["link-changes"] = device.link_changes;
                list.push_back(std::move(object));
            }
            answer->done(list);
        });
}

void Show::rip(const std::string& part, const std::shared_ptr<Answer>& answer) {
    const InterfaceNames& names = router_.interfaces().names();
    if (part == "instance") {
        answer->done(rip_instance_json(router_.rip()));
    } else if (part == "interfaces") {
        answer->done(rip_interfaces_json(router_.rip()));
    } else if (part == "neighbors") {
        answer->done(rip_neighbors_json(router_.rip(), names));
    } else if (part == "events") {
        answer->done(rip_events_json(router_.rip()));
    } else if (part == "routes") {
        answer->begin_list();
        next_rip_routes(std::nullopt, answer);
    } else {
        answer->fail(AnswerCode::BadRequest,
                     fmt::format("rip has no '{}'; it has instance, interfaces, neighbors, routes "
                                 "and events",
                                 printable(part.data(), std::min<std::size_t>(part.size(), 64))));
    }
}

void Show::next_rip_routes(const std::optional<net::Ipv4Prefix>& after,
                           const std::shared_ptr<Answer>& answer) {
    std::optional<net::Ipv4Prefix> last = after;
    const json::array items =
        rip_routes_json(router_.rip(), router_.interfaces().names(), last, kPageRoutes);
    if (items.empty()) {
        answer->end_list();
        return;
    }
    answer->add(items, [this, last, answer] { next_rip_routes(last, answer); });
}

void Show::workers(const std::shared_ptr<Answer>& answer) {
    if (!reachable(answer)) {
        return;
    }
    router_.channel().query(
        api::QueryKind::Workers,
        [this, answer](const net::Result<QueryAnswer, std::string>& reply) {
            if (!reply) {
                answer->fail(AnswerCode::Unavailable, reply.error());
                return;
            }
            if (!reachable(answer)) {
                return;
            }
            const api::CountersRegion& region = *router_.channel().counters();
            const auto records = reply->rows<api::WorkerRecord>();
            answer->done(workers_json(region, worker_count(), read_ledger(region, worker_count()),
                                      router_.load(), records,
                                      router_.running().model.workers.main_core));
        });
}

void Show::counters(const std::shared_ptr<Answer>& answer,
                    json::array (*view)(const api::CountersRegion&, std::uint32_t)) {
    if (reachable(answer)) {
        answer->done(view(*router_.channel().counters(), worker_count()));
    }
}

// ---- events

void Show::next_events(std::optional<EventTopic> topic, std::uint64_t behind,
                       const std::shared_ptr<Answer>& answer) {
    if (answer->gone()) {
        return;
    }
    const auto page = router_.events().page(behind, kEventsAPart);
    json::array items;
    for (const RouterEvent* const event : page) {
        behind = event->number;
        if (topic && event->topic != *topic) {
            continue;
        }
        items.push_back(json::object{
            {"time", event->unix_seconds},
            {"topic", kEventTopicNames[static_cast<std::size_t>(event->topic)]},
            {"level", kEventLevelNames[static_cast<std::size_t>(event->level)]},
            {"event", event->text},
        });
    }
    answer->add(items, [this, topic, behind, answer, last = page.size() < kEventsAPart] {
        if (last) {
            answer->end_list();
        } else {
            next_events(topic, behind, answer);
        }
    });
}

// ---- routes

void Show::routes(const RouteFilter& filter, const std::shared_ptr<Answer>& answer) {
    answer->begin_list();
    next_routes(filter, std::nullopt, answer);
}

void Show::next_routes(const RouteFilter& filter, const std::optional<net::Ipv4Prefix>& after,
                       const std::shared_ptr<Answer>& answer) {
    if (answer->gone()) {
        return;
    }
    const RoutePage page = router_.rib().page(filter, after, kPageRoutes);
    json::array items;
    for (const PrefixView& prefix : page.prefixes) {
        add_routes(items, prefix, router_.interfaces().names());
    }
    answer->add(items, [this, filter, behind = page.behind, answer] {
        if (behind) {
            next_routes(filter, behind, answer);
        } else {
            answer->end_list();
        }
    });
}

// ---- status

struct Show::Status {
    std::shared_ptr<Answer> answer;  // shared with the connection that asked
    std::optional<std::uint64_t> fib_routes;
    std::optional<std::uint64_t> neighbors;
    json::array limits;
    std::int64_t waiting_packets = 0;  // for neighbours, or for other fragments
    std::optional<LedgerSnapshot> ledger;
    bool balanced = false;
    unsigned readings = 0;
    std::unique_ptr<Timer> pause;
};

void Show::status(const std::shared_ptr<Answer>& answer) {
    auto status = std::make_shared<Status>();
    status->answer = answer;
    if (!router_.channel().connected()) {
        status_done(status);
        return;
    }
    api::QueryBody query;
    query.kind = api::QueryKind::Fib;
    status_tables(status, query);
}

// Page by page, and nothing is kept of a page but what it counts for: a table may be long.
void Show::status_tables(const std::shared_ptr<Status>& status, api::QueryBody query) {
    router_.channel().query_page(
        query, [this, status, query](const net::Result<QueryAnswer, std::string>& page) mutable {
            const bool fib = query.kind == api::QueryKind::Fib;
            std::optional<std::uint64_t>& total = fib ? status->fib_routes : status->neighbors;
            if (page) {
                total = total.value_or(0) + page->count();
            } else {
                total.reset();  // of a part of it nobody learns anything
            }
            if (page && !fib) {
                for (const auto& record : page->rows<api::NeighborRecord>()) {
                    status->waiting_packets += record.held_packets;
                }
            }
            query.cursor = page ? page->next_cursor : 0;
            if (query.cursor == 0 && !fib) {
                status_limits(status);
                return;
            }
            if (query.cursor == 0) {
                query.kind = api::QueryKind::Neighbors;
            }
            status_tables(status, query);
        });
}

void Show::status_limits(const std::shared_ptr<Status>& status) {
    router_.channel().query(
        api::QueryKind::Limits, [this, status](const net::Result<QueryAnswer, std::string>& rows) {
            if (rows) {
                for (const auto& record : rows->rows<api::LimitRecord>()) {
                    if (record.limit == api::TableLimit::Fragments) {
                        status->waiting_packets += static_cast<std::int64_t>(record.used);
                    }
                    status->limits.push_back(json::object{
                        {"limit", word(record.limit)},
                        {"used", record.used},
                        {"most-used", record.most_used != 0 ? json::value(record.most_used)
                                                            : json::value(nullptr)},
                        {"capacity", record.capacity != 0 ? json::value(record.capacity)
                                                          : json::value(nullptr)},
                        {"refused", record.refused}});
                }
            }
            status_ledger(status);
        });
}

// A packet on its way makes the books differ for a moment. Balanced is: never below zero, and at
// rest nothing in flight but what waits for a neighbour or for other fragments. So a reading that
// differs is taken again a little later, until it agrees, or the figures have moved (there is
// traffic), or it stays wrong.
void Show::status_ledger(const std::shared_ptr<Status>& status) {
    const api::CountersRegion* const region = router_.channel().counters();
    if (region == nullptr) {
        status->ledger.reset();
        status_done(status);
        return;
    }
    LedgerSnapshot now = read_ledger(*region, worker_count());
    const bool moved = status->ledger && !(*status->ledger == now);
    const std::int64_t in_flight = now.total.in_flight();
    const bool at_rest_and_right = in_flight >= 0 && in_flight <= status->waiting_packets;
    status->balanced = now.plausible() && (at_rest_and_right || moved);
    status->ledger = std::move(now);
    ++status->readings;
    const bool settled = status->balanced && in_flight <= status->waiting_packets;
    if (settled || status->readings >= kLedgerReadings) {
        status_done(status);
        return;
    }
    status->pause = router_.timers().make_timer();
    status->pause->arm(router_.timers().now() + kLedgerPause,
                       [this, status] { status_ledger(status); });
}

void Show::status_done(const std::shared_ptr<Status>& status) {
    const RunningConfiguration& running = router_.running();
    const auto& welcome = router_.channel().welcome();
    const bool connected = router_.channel().connected() && welcome;
    const RouterCounters& own = router_.counters();

    json::object dataplane{{"connected", connected}};
    dataplane["boot-id"] =
        connected ? json::value(fmt::format("{:016x}", welcome->boot_id)) : json::value(nullptr);
    dataplane["session"] = connected ? json::value(welcome->session) : json::value(nullptr);
    dataplane["uptime-seconds"] =
        connected ? json::value(seconds(router_.dataplane_uptime())) : json::value(nullptr);
    dataplane["config-sha256"] =
        connected ? json::value(router_.dataplane_sha256()) : json::value(nullptr);
    dataplane["restarts-seen"] = own.dataplane_restarts;
    dataplane["problem"] = text_or_null(connected ? "" : router_.channel().problem());

    json::object data{
        {"hostname", running.model.system.hostname},
        {"version", GODWIT_VERSION},
        {"uptime-seconds", seconds(router_.uptime())},
        {"revision", running.revision.number},
        {"config-sha256", running.revision.sha256},
        {"dataplane", std::move(dataplane)},
        {"routes", router_.rib().size()},
        {"routes-waiting", router_.rib().routes_waiting()},
        {"next-hops-waiting", router_.rib().next_hops_waiting()},
        {"limits", status->limits},
        {"fib-routes", status->fib_routes ? json::value(*status->fib_routes) : nullptr},
        {"neighbors", status->neighbors ? json::value(*status->neighbors) : nullptr},
        {"ledger", status->ledger ? json::value(ledger_json(*status->ledger, status->balanced,
                                                            router_.interfaces().names()))
                                  : json::value(nullptr)},
        {"in-step", router_.download().quiet()},
        {"icmp-errors",
         router_.channel().counters() != nullptr
             ? json::value(icmp_errors_json(*router_.channel().counters(), worker_count()))
             : json::value(nullptr)},
        {"host", host_json(router_.host())},
        {"transports", transport_counters_json(router_.host())},
        {"control-plane",
         {{"packets-not-sent", own.packets_not_sent},
          {"ports-not-told", router_.own_ports().left_out()},
          {"routes-rejected", own.routes_rejected},
          {"refused-for-room", router_.rib().counters().refused_for_room},
          {"bad-interface-records", own.bad_interface_records},
          {"configurations-pushed", own.configurations_pushed},
          {"configurations-refused", own.configurations_refused},
          {"route-ring-times-full", router_.channel().routes().times_full()},
          {"audits", router_.audit().counters().completed},
          {"audits-overtaken", router_.audit().counters().overtaken},
          {"audit-differences", router_.audit().counters().differences}}},
    };
    if (const ControlServerCounters* const server = server_ ? server_() : nullptr) {
        data["control-socket"] = {{"connections", server->connections},
                                  {"connections-refused", server->connections_refused},
                                  {"requests", server->requests},
                                  {"bad-lines", server->bad_lines},
                                  {"slow-readers", server->slow_readers}};
    }
    status->answer->done(data);
}

}  // namespace godwit::control
