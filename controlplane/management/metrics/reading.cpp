#include "controlplane/management/metrics/reading.hpp"

#include <algorithm>

#include "controlplane/management/nat_journal.hpp"
#include "controlplane/management/pcp_instance.hpp"
#include "controlplane/management/record_text.hpp"
#include "controlplane/management/rip_instance.hpp"

namespace godwit::control {

struct MetricsReader::Attempt {
    std::shared_ptr<Reading> reading = std::make_shared<Reading>();  // the reader of it keeps it
    std::function<void(std::shared_ptr<const Reading>)> then;
    api::QueryBody neighbors;
    api::NatAskBody ports;
    std::vector<api::NatPortRecord> port_records;
};

MetricsReader::MetricsReader(Router& router, std::function<const ControlServerCounters*()> server,
                             std::function<EndpointReading()> endpoint)
    : router_(router),
      server_(std::move(server)),
      endpoint_(std::move(endpoint)),
      alive_(std::make_shared<bool>(true)) {}

MetricsReader::~MetricsReader() {
    *alive_ = false;
}

void MetricsReader::read(std::function<void(std::shared_ptr<const Reading>)> then) {
    auto attempt = std::make_shared<Attempt>();
    attempt->then = std::move(then);
    if (router_.channel().connected()) {
        interfaces(attempt);
        return;
    }
    router_.executor().post([this, alive = alive_, attempt] {
        if (*alive) {
            own(attempt);
        }
    });
}

template <class Record, class Take>
void MetricsReader::ask(api::QueryKind kind, const std::shared_ptr<Attempt>& attempt, Take take,
                        Step next) {
    router_.channel().query(kind, [this, alive = alive_, attempt, take,
                                   next](const net::Result<QueryAnswer, std::string>& answer) {
        if (!*alive) {
            return;
        }
        if (answer) {
            take(*attempt->reading, answer->rows<Record>());
        }
        (this->*next)(attempt);
    });
}

void MetricsReader::interfaces(const std::shared_ptr<Attempt>& attempt) {
    ask<api::InterfaceRecord>(
        api::QueryKind::Interfaces, attempt,
        [](Reading& reading, const std::vector<api::InterfaceRecord>& rows) {
            for (const api::InterfaceRecord& record : rows) {
                reading.interfaces[text_in(record.name)].record = record;
            }
        },
        &MetricsReader::limits);
}

void MetricsReader::limits(const std::shared_ptr<Attempt>& attempt) {
    attempt->neighbors.kind = api::QueryKind::Neighbors;
    ask<api::LimitRecord>(
        api::QueryKind::Limits, attempt,
        [](Reading& reading, const std::vector<api::LimitRecord>& rows) { reading.limits = rows; },
        &MetricsReader::neighbors);
}

// A page at a time: there may be tens of thousands, and all that is kept of them is how many.
void MetricsReader::neighbors(const std::shared_ptr<Attempt>& attempt) {
    router_.channel().query_page(
        attempt->neighbors,
        [this, alive = alive_, attempt](const net::Result<QueryAnswer, std::string>& page) {
            if (!*alive) {
                return;
            }
            if (page) {
                for (const auto& record : page->rows<api::NeighborRecord>()) {
                    const std::string interface =
                        name_of(router_.interfaces().names(), net::InterfaceId(record.interface));
                    ++attempt->reading->neighbors[{interface, word(record.state)}];
                }
            }
            attempt->neighbors.cursor = page ? page->next_cursor : 0;
            if (attempt->neighbors.cursor != 0) {
                neighbors(attempt);
            } else if (router_.running().model.nat.is_used()) {
                nat_totals(attempt);
            } else {
                own(attempt);
            }
        });
}

void MetricsReader::nat_totals(const std::shared_ptr<Attempt>& attempt) {
    attempt->ports.kind = api::NatAskKind::Ports;
    ask<api::NatTotalsRecord>(
        api::QueryKind::NatTotals, attempt,
        [](Reading& reading, const std::vector<api::NatTotalsRecord>& rows) {
            if (rows.size() == 1) {
                reading.nat.emplace().totals = rows.front();
            }
        },
        &MetricsReader::nat_rules);
}

void MetricsReader::nat_rules(const std::shared_ptr<Attempt>& attempt) {
    if (!attempt->reading->nat) {
        own(attempt);
        return;
    }
    ask<api::NatRuleRecord>(
        api::QueryKind::NatRules, attempt,
        [](Reading& reading, const std::vector<api::NatRuleRecord>& rows) {
            reading.nat->rules = rows;
        },
        &MetricsReader::nat_ports);
}

void MetricsReader::nat_ports(const std::shared_ptr<Attempt>& attempt) {
    router_.channel().ask_nat(attempt->ports, [this, alive = alive_, attempt](
                                                  const net::Result<NatAnswer, std::string>& page) {
        if (!*alive) {
            return;
        }
        const bool done = page && page->header.outcome == api::NatAskOutcome::Done;
        if (done) {
            const auto rows = page->rows<api::NatPortRecord>();
            attempt->port_records.insert(attempt->port_records.end(), rows.begin(), rows.end());
        }
        attempt->ports.cursor = done ? page->header.next_cursor : 0;
        if (attempt->ports.cursor != 0) {
            nat_ports(attempt);
            return;
        }
        NatReading& nat = *attempt->reading->nat;
        nat.addresses = nat_addresses(attempt->port_records, router_.running().model);
        if (nat.addresses.size() > kMostRows) {
            nat.addresses_not_shown = nat.addresses.size() - kMostRows;
            nat.addresses.resize(kMostRows);
        }
        own(attempt);
    });
}

void MetricsReader::own(const std::shared_ptr<Attempt>& attempt) {
    Reading& reading = *attempt->reading;
    reading.revision = router_.running().revision.number;
    reading.uptime = router_.uptime();
    reading.router = router_.counters();
    reading.dataplane = dataplane();
    if (reading.dataplane) {
        for (auto& [name, interface] : reading.interfaces) {
            if (interface.record.interface < api::kMaxInterfaces) {
                interface.totals = reading.dataplane->ledger.interfaces[interface.record.interface];
            }
        }
    }
    if (const NatJournal* const journal = router_.nat_journal()) {
        reading.journal.emplace(journal->written(), journal->not_written());
    }
    if (router_.pcp().is_on()) {
        const pcp::Service& service = router_.pcp().service();
        reading.pcp = {service.server().counters(), service.server().asks_under_way(),
                       service.server().requests_waiting(), service.counters().packets_not_sent};
    }
    reading.rip = rip();
    reading.host = host();
    reading.routes = routes();
    if (const ControlServerCounters* const server = server_ ? server_() : nullptr) {
        reading.control_socket = *server;
    }
    if (endpoint_) {
        reading.endpoint = endpoint_();
    }
    attempt->then(attempt->reading);
}

std::optional<DataplaneReading> MetricsReader::dataplane() const {
    const api::CountersRegion* const region = router_.channel().counters();
    const auto& welcome = router_.channel().welcome();
    if (region == nullptr || !welcome) {
        return std::nullopt;
    }
    const std::uint32_t workers = welcome->worker_count;
    DataplaneReading reading;
    reading.uptime = router_.dataplane_uptime();
    reading.cycles_per_second = region->tsc_hz;
    reading.ledger = read_ledger(*region, workers);
    reading.loops = read_loops(*region, workers);
    for (std::size_t block = 0; block < reading.loops.size(); ++block) {
        reading.busy_ratios.push_back(router_.load().busy_ratio(block));
    }
    reading.nodes = read_nodes(*region, workers);
    reading.drops = read_drops(*region, workers);
    reading.icmp_errors = read_icmp_errors(*region, workers);
    reading.punts = read_punts(*region, workers);
    return reading;
}

HostReading MetricsReader::host() const {
    const Host& host = router_.host();
    HostReading reading;
    for (const HostCounterText& text : kHostCounters) {
        reading.packets[static_cast<std::size_t>(text.counter)] = host.count(text.counter);
    }
    reading.transports = transport_totals(host);
    for (auto state = tcp::State::SynSent; state <= tcp::State::TimeWait;
         state = static_cast<tcp::State>(static_cast<unsigned>(state) + 1U)) {
        reading.tcp_connections[std::string(tcp::name_of(state))] = 0;
    }
    for (const tcp::ConnectionId id : host.tcp().ids()) {
        ++reading.tcp_connections[std::string(tcp::name_of(host.tcp().find(id)->state()))];
    }
    reading.tcp_connections[std::string(tcp::name_of(tcp::State::TimeWait))] +=
        host.tcp().time_wait();
    for (std::size_t i = 0; i < static_cast<std::size_t>(tcp::SecurityDrop::kCount); ++i) {
        const auto reason = static_cast<tcp::SecurityDrop>(i);
        reading.tcp_security_drops[std::string(tcp::name_of(reason))] =
            host.tcp().security().dropped(reason);
    }
    reading.tcp_limit = host.tcp().limits().connections;
    reading.tcp_listeners = host.tcp().listeners().size();
    reading.tcp_half_open = host.tcp().half_open();
    reading.tcp_cookies_sent = host.tcp().cookies_sent();
    reading.udp_sockets = host.udp().size();
    reading.path_mtus = host.path_mtus().size();
    reading.path_mtus_given_way = host.path_mtus().given_way();
    return reading;
}

RouteReading MetricsReader::routes() const {
    const Rib& rib = router_.rib();
    RouteReading reading;
    for (std::size_t source = 0; source < kRouteSourceCount; ++source) {
        reading.by_source[source] = rib.size(static_cast<RouteSource>(source));
    }
    reading.selected = rib.selected_size();
    reading.routes_waiting = rib.routes_waiting();
    reading.next_hops_waiting = rib.next_hops_waiting();
    reading.memory_bytes = rib.bytes();
    reading.counters = rib.counters();
    reading.audits = router_.audit().counters();
    reading.rejected = router_.counters().routes_rejected;
    reading.ring_times_full = router_.channel().routes().times_full();
    reading.in_step = router_.download().quiet();
    for (const auto& [name, entry] : router_.policies().all()) {
        reading.policies.emplace(name, entry.policy->counters());
    }
    return reading;
}

std::optional<RipReading> MetricsReader::rip() const {
    const rip::Service* const service = router_.rip().service();
    if (service == nullptr) {
        return std::nullopt;
    }
    RipReading reading;
    reading.instance = rip::instance_view(service->core(), router_.timers().now());
    reading.packets_not_sent = service->counters().packets_not_sent;
    reading.packets_elsewhere = service->core().unknown_interface_packets();
    reading.interfaces = rip::interface_views(service->core());
    auto views = rip::neighbor_views(service->core(), router_.timers().now());
    reading.neighbors_not_shown = views.size() - std::min(views.size(), kMostRows);
    views.resize(views.size() - reading.neighbors_not_shown);
    for (rip::NeighborView& view : views) {
        reading.neighbors.push_back({view.address.to_string(),
                                     name_of(router_.interfaces().names(), view.interface),
                                     std::move(view)});
    }
    return reading;
}

}  // namespace godwit::control
