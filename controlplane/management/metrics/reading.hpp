// What one scrape reads, as values: each number is made by the function that makes it for `show`,
// so that the command line and the metrics cannot disagree.
//
// The dataplane is asked for what only it knows, table by table; then, in one turn, everything of
// this program and the counters in shared memory are read. Long tables are added up page by page.
// What cannot be had (no dataplane, an answer that is late) is left out, and the rest is told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/management/control_server.hpp"
#include "controlplane/management/counter_view.hpp"
#include "controlplane/management/nat_view.hpp"
#include "controlplane/management/punt_view.hpp"
#include "controlplane/management/route_audit.hpp"
#include "controlplane/management/router.hpp"
#include "controlplane/management/socket_view.hpp"
#include "controlplane/pcp/counters.hpp"
#include "controlplane/rip/state_view.hpp"
#include "controlplane/telemetry/http.hpp"

namespace godwit::control {

// The counters region, and what else is known of the dataplane that is there.
struct DataplaneReading {
    Duration uptime{};
    std::uint64_t cycles_per_second = 0;
    LedgerSnapshot ledger;
    std::vector<LoopTotals> loops;  // the workers, then the table owner; as `busy_ratios`
    std::vector<double> busy_ratios;
    std::array<NodeTotals, api::kNodeCount> nodes{};
    std::array<std::uint64_t, api::kDropReasonCount> drops{};
    IcmpErrorTotals icmp_errors;
    std::array<PuntTotals, api::kPuntClassCount> punts{};
};

struct InterfaceReading {
    api::InterfaceRecord record;
    InterfaceTotals totals;
};

struct NatReading {
    api::NatTotalsRecord totals;
    std::vector<api::NatRuleRecord> rules;
    std::vector<NatAddressTotals> addresses;  // the first of them
    std::size_t addresses_not_shown = 0;
};

struct RipReading {
    rip::InstanceView instance;
    std::uint64_t packets_not_sent = 0;
    std::uint64_t packets_elsewhere = 0;
    std::vector<rip::InterfaceView> interfaces;
    struct Neighbor {
        std::string address;
        std::string interface;
        rip::NeighborView view;
    };
    std::vector<Neighbor> neighbors;  // the first of them
    std::size_t neighbors_not_shown = 0;
};

struct HostReading {
    std::array<std::uint64_t, kHostCounterCount> packets{};
    TransportTotals transports;
    std::map<std::string, std::uint64_t> tcp_connections;     // by state, all states
    std::map<std::string, std::uint64_t> tcp_security_drops;  // by reason, all reasons
    std::size_t tcp_limit = 0;
    std::size_t tcp_listeners = 0;
    std::size_t tcp_half_open = 0;
    std::uint64_t tcp_cookies_sent = 0;
    std::size_t udp_sockets = 0;
    std::size_t path_mtus = 0;
    std::uint64_t path_mtus_given_way = 0;
};

struct RouteReading {
    std::array<std::size_t, kRouteSourceCount> by_source{};
    std::size_t selected = 0;
    std::size_t routes_waiting = 0;
    std::size_t next_hops_waiting = 0;
    std::size_t memory_bytes = 0;
    RibCounters counters;
    RouteAuditCounters audits;
    std::uint64_t rejected = 0;
    std::uint64_t ring_times_full = 0;
    bool in_step = false;
    std::map<std::string, PolicyCounters> policies;
};

struct EndpointReading {
    std::size_t connections = 0;
    telemetry::HttpCounters counters;
};

struct PcpReading {
    pcp::Counters counters;
    std::size_t under_way = 0;
    std::size_t waiting = 0;
    std::uint64_t not_sent = 0;
};

struct Reading {
    std::uint64_t revision = 0;
    Duration uptime{};
    std::optional<DataplaneReading> dataplane;
    RouterCounters router;
    std::map<std::string, InterfaceReading> interfaces;  // by name
    // By interface and state.
    std::map<std::pair<std::string, std::string>, std::uint64_t> neighbors;
    std::vector<api::LimitRecord> limits;
    std::optional<NatReading> nat;                                   // when anything is translated
    std::optional<std::pair<std::uint64_t, std::uint64_t>> journal;  // lines written, and not
    std::optional<PcpReading> pcp;                                   // when it is on
    std::optional<RipReading> rip;                                   // when it runs
    HostReading host;
    RouteReading routes;
    std::optional<ControlServerCounters> control_socket;
    EndpointReading endpoint;
};

class MetricsReader {
public:
    // Rows of a kind that strangers or a configuration can make many of.
    static constexpr std::size_t kMostRows = 1024;

    // `server` may be empty; `endpoint` too.
    MetricsReader(Router& router, std::function<const ControlServerCounters*()> server,
                  std::function<EndpointReading()> endpoint);
    ~MetricsReader();
    MetricsReader(const MetricsReader&) = delete;
    MetricsReader& operator=(const MetricsReader&) = delete;

    // `then` is called once, in a later turn; not at all when this is gone by then.
    void read(std::function<void(std::shared_ptr<const Reading>)> then);

private:
    struct Attempt;
    using Step = void (MetricsReader::*)(const std::shared_ptr<Attempt>&);

    // Asks for all rows of a table, has `take` read them, and goes on whatever comes of it.
    template <class Record, class Take>
    void ask(api::QueryKind kind, const std::shared_ptr<Attempt>& attempt, Take take, Step next);
    void interfaces(const std::shared_ptr<Attempt>& attempt);
    void limits(const std::shared_ptr<Attempt>& attempt);
    void neighbors(const std::shared_ptr<Attempt>& attempt);
    void nat_totals(const std::shared_ptr<Attempt>& attempt);
    void nat_rules(const std::shared_ptr<Attempt>& attempt);
    void nat_ports(const std::shared_ptr<Attempt>& attempt);
    void own(const std::shared_ptr<Attempt>& attempt);

    [[nodiscard]] std::optional<DataplaneReading> dataplane() const;
    [[nodiscard]] HostReading host() const;
    [[nodiscard]] RouteReading routes() const;
    [[nodiscard]] std::optional<RipReading> rip() const;

    Router& router_;
    std::function<const ControlServerCounters*()> server_;
    std::function<EndpointReading()> endpoint_;
    std::shared_ptr<bool> alive_;  // what answers look at
};

}  // namespace godwit::control
