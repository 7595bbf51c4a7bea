// The page of metrics of a whole control plane: its numbers are those that show prints at the same
// moment, it comes with and without a dataplane, and it holds nothing up.
#include "controlplane/management/metrics/page.hpp"

#include <gmock/gmock.h>

#include <regex>
#include <sstream>

#include "tests/unit/controlplane/host/host_packets.hpp"
#include "tests/unit/controlplane/management/router_fixture.hpp"

namespace godwit::control::test {
namespace {

namespace json = boost::json;
using telemetry::Form;
using testing::HasSubstr;

class MetricsPageTest : public RouterFixture {
protected:
    ~MetricsPageTest() override { stop_metrics(); }

    void start_metrics() {
        page = std::make_unique<MetricsPage>(
            *router, MetricsPage::Surroundings{[this] { return &server->counters(); },
                                               [] { return std::int64_t{0}; }});
        page->adopt(router->running().model);
        router->set_adoption_listener([this](const config::Model& model) { page->adopt(model); });
    }
    void stop_metrics() {
        if (router) {
            router->set_adoption_listener({});
        }
        page.reset();
    }
    std::string text(Form form = Form::Prometheus) {
        std::optional<std::string> made;
        page->render(form, [&](std::string whole) { made = std::move(whole); });
        for (int i = 0; i < 10'000 && !made; ++i) {
            turn(1);
        }
        EXPECT_TRUE(made.has_value());
        return made.value_or("");
    }
    // Values by name and labels, as they stand.
    std::map<std::string, double> samples() {
        std::map<std::string, double> values;
        std::istringstream lines(text());
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with('#')) {
                const std::size_t space = line.rfind(' ');
                EXPECT_TRUE(
                    values.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second)
                    << line;
            }
        }
        return values;
    }

    std::unique_ptr<MetricsPage> page;
};

// A router with something in every number.
class BusyRouterTest : public MetricsPageTest {
protected:
    void SetUp() override {
        const std::string text =
            yaml("    10.9.0.0/16: {blackhole: true}\n", "10.0.0.1/24",
                 "rip:\n"
                 "  interfaces: {lan0: {}}\n"
                 "  redistribute: [{from: static, policy: all}]\n"
                 "policy: {policies: {all: {terms: [{name: one, then: accept}]}}}\n"
                 "nat:\n"
                 "  source: [{name: lan-out, out-interface: wan0, to: interface-address}]\n"
                 "  pcp: {interfaces: [lan0]}\n");
        start_dataplane(text);
        start_router(text);
        settle();
        // Each number is another one.
        std::uint64_t next = 1000;
        api::CountersRegion& region = dataplane->counters->region();
        for (std::size_t block = 0; block < 2; ++block) {
            api::CounterBlock& of = region.blocks[block];
            for (api::Counter* counter :
                 {&of.handed_out, &of.dropped, &of.punted, &of.sent, &of.injected, &of.originated,
                  &of.handed_in, &of.received, &of.loops, &of.sleeps, &of.wakeups, &of.icmp_errors,
                  &of.busy_cycles, &of.idle_cycles, &of.datagrams_reassembled,
                  &of.datagrams_fragmented, &of.fragments_made}) {
                counter->add(++next);
            }
            for (auto* list : {of.burst_sizes.data(), of.burst_sizes.data() + 7}) {
                list->add(++next);
            }
            for (api::Counter& counter : of.drops) {
                counter.add(++next);
            }
            for (api::Counter& counter : of.icmp_silences) {
                counter.add(++next);
            }
            for (api::NodeCounters& node : of.nodes) {
                node.calls.add(++next);
                node.packets.add(++next);
                node.cycles.add(++next);
            }
            for (api::PuntCounters& punt : of.punts) {
                punt.punted.add(++next);
                punt.policed.add(++next);
                punt.ring_full.add(++next);
                punt.no_control_plane.add(++next);
            }
            for (const std::size_t interface : {1U, 2U, 3U}) {
                api::InterfaceCounters& each = of.interfaces[interface];
                for (api::Counter* counter :
                     {&each.in_sent, &each.in_punted, &each.in_dropped, &each.tx_packets,
                      &each.tx_bytes, &each.tx_dropped, &each.rx_packets, &each.rx_bytes}) {
                    counter->add(++next);
                }
                each.rx_packets.add(10'000);  // more than left, so that the books are right
            }
        }
        for (auto& [id, record] : dataplane->interfaces) {
            record.device_rx_missed = ++next;
            record.device_rx_no_buffer = ++next;
            record.device_rx_errors = ++next;
            record.device_tx_errors = ++next;
            record.link_changes = ++next;
            record.speed_mbps = 10'000;
        }
        dataplane->fragments_held = static_cast<std::uint32_t>(++next);
        api::NatTotalsRecord& nat = dataplane->nat_totals;
        for (std::uint64_t* number :
             {&nat.max_sessions,      &nat.max_subscribers,  &nat.mappings,
              &nat.subscribers,       &nat.syns_waiting,     &nat.memory_bytes,
              &nat.translated_out,    &nat.translated_in,    &nat.without_session,
              &nat.errors_translated, &nat.sessions_made,    &nat.sessions_expired,
              &nat.sessions_evicted,  &nat.sessions_revoked, &nat.sessions_cleared,
              &nat.mappings_made,     &nat.ports_preserved,  &nat.resets_doubted,
              &nat.syns_held,         &nat.events_told,      &nat.events_suppressed,
              &nat.events_lost,       &nat.requested,        &nat.max_requested,
              &nat.requests_granted,  &nat.requests_renewed, &nat.requests_released,
              &nat.requests_expired,  &nat.requests_revoked, &nat.requests_cleared,
              &nat.released}) {
            *number = ++next;
        }
        nat.epoch.age_ms = 1000 * ++next;
        for (std::size_t why = 1; why < api::kNatMapOutcomes; ++why) {
            nat.requests_refused[why] = ++next;
        }
        for (std::size_t age = 1; age < api::kNatAges; ++age) {
            nat.sessions[age] = ++next;
        }
        for (std::size_t why = 1; why < api::kNatRefusals; ++why) {
            nat.refused[why] = ++next;
        }
        api::NatRuleRecord rule;
        rule.rule = 7;
        rule.kind = api::NatRuleKind::Source;
        rule.sessions = ++next;
        rule.sessions_made = ++next;
        api::set_bounded_text(rule.name, "lan-out");
        dataplane->nat_rules = {rule};
        dataplane->nat_ports = {{0xc6336401, 10, 20, 1}, {0xc6336401, 1, 2, 0}};
        start_metrics();
        advance(std::chrono::seconds(40));  // the load has been sampled, and RIP has spoken
    }

    // Checks that a number of a view is the sample of this name.
    void same(const json::value& shown, const std::string& sample) {
        const auto found = values.find(sample);
        ASSERT_NE(found, values.end()) << sample;
        EXPECT_EQ(shown.to_number<double>(), found->second) << sample;
        ++compared;
    }
    // Several numbers of one row: the key of the view, the name behind `prefix`.
    void same_row(const json::value& row, const std::string& prefix, const std::string& labels,
                  const std::vector<std::pair<const char*, const char*>>& names) {
        for (const auto& [key, name] : names) {
            same(row.at(key), prefix + name + labels);
        }
    }

    std::map<std::string, double> values;
    std::size_t compared = 0;
};

TEST_F(BusyRouterTest, numbers_of_interfaces_are_those_of_show) {
    values = samples();
    const json::value interfaces = show_data("interfaces");
    for (const json::value& row : interfaces.as_array()) {
        const std::string labels =
            "{interface=\"" + std::string(row.at("name").as_string()) + "\"}";
        same_row(row, "godwit_interface_", labels,
                 {{"rx-packets", "receive_packets_total"},
                  {"rx-bytes", "receive_bytes_total"},
                  {"tx-packets", "transmit_packets_total"},
                  {"tx-bytes", "transmit_bytes_total"},
                  {"in-sent", "forwarded_packets_total"},
                  {"in-punted", "punted_packets_total"},
                  {"in-dropped", "dropped_packets_total"},
                  {"tx-dropped", "transmit_dropped_packets_total"},
                  {"device-rx-missed", "device_receive_missed_packets_total"},
                  {"device-rx-no-buffer", "device_receive_no_buffer_packets_total"},
                  {"device-rx-errors", "device_receive_error_packets_total"},
                  {"device-tx-errors", "device_transmit_error_packets_total"},
                  {"link-changes", "link_changes_total"},
                  {"mtu", "mtu_bytes"}});
        EXPECT_EQ(values.at("godwit_interface_link_up" + labels), row.at("link") == "up" ? 1 : 0);
        EXPECT_EQ(values.at("godwit_interface_speed_bytes_per_second" + labels), 1.25e9);
    }
    EXPECT_EQ(compared, 3U * 14U);
}

TEST_F(BusyRouterTest, numbers_of_workers_and_nodes_are_those_of_show) {
    values = samples();
    const json::value workers = show_data("workers");
    for (const json::value& row : workers.as_array()) {
        const json::value& worker = row.at("worker");
        const std::string labels =
            "{worker=\"" +
            (worker.is_string() ? std::string(worker.as_string()) : json::serialize(worker)) +
            "\"}";
        same_row(row, "godwit_worker_", labels,
                 {{"loops", "loops_total"},
                  {"sleeps", "sleeps_total"},
                  {"wakeups", "wakeups_total"},
                  {"busy-ratio", "busy_ratio"},
                  {"datagrams-reassembled", "reassembled_datagrams_total"},
                  {"datagrams-fragmented", "fragmented_datagrams_total"},
                  {"fragments-made", "made_fragments_total"},
                  {"received", "received_packets_total"},
                  {"handed-in", "handed_in_packets_total"},
                  {"originated", "originated_packets_total"},
                  {"injected", "injected_packets_total"},
                  {"sent", "sent_packets_total"},
                  {"punted", "punted_packets_total"},
                  {"dropped", "dropped_packets_total"},
                  {"handed-out", "handed_out_packets_total"},
                  {"in-flight", "in_flight_packets"}});
    }
    const json::value nodes = show_data("nodes");
    for (const json::value& row : nodes.as_array()) {
        same_row(
            row, "godwit_node_", "{node=\"" + std::string(row.at("node").as_string()) + "\"}",
            {{"calls", "calls_total"}, {"packets", "packets_total"}, {"cycles", "cycles_total"}});
    }
    EXPECT_EQ(compared, 2U * 16U + 3U * api::kNodeCount);
}

TEST_F(BusyRouterTest, numbers_of_drops_and_punts_are_those_of_show) {
    values = samples();
    const json::value drops = show_data("drops");
    for (const json::value& row : drops.as_array()) {
        same(row.at("packets"), "godwit_drop_packets_total{reason=\"" +
                                    std::string(row.at("reason").as_string()) + "\"}");
    }
    const json::value punts = show_data("punts");
    for (const json::value& row : punts.as_array()) {
        const std::string of = "class=\"" + std::string(row.at("class").as_string()) + "\"";
        same(row.at("punted"), "godwit_punt_packets_total{" + of + "}");
        for (const auto& [key, reason] :
             {std::pair("policed", "punt-policed"), std::pair("ring-full", "punt-ring-full"),
              std::pair("no-control-plane", "punt-no-control-plane")}) {
            same(row.at(key),
                 "godwit_punt_dropped_packets_total{" + of + ",reason=\"" + reason + "\"}");
        }
    }
    EXPECT_EQ(compared, api::kDropReasonCount + 4U * api::kPuntClassCount);
}

TEST_F(BusyRouterTest, numbers_of_nat_are_those_of_show) {
    values = samples();
    const json::value nat = show_data("nat");
    same_row(nat, "godwit_nat_", "",
             {{"sessions", "sessions"},
              {"max-sessions", "limit_sessions"},
              {"mappings", "mappings"},
              {"subscribers", "subscribers"},
              {"max-subscribers", "limit_subscribers"},
              {"syns-waiting", "waiting_syns"},
              {"memory-bytes", "memory_bytes"},
              {"sessions-made", "created_sessions_total"},
              {"mappings-made", "created_mappings_total"},
              {"ports-preserved", "preserved_ports_total"}});
    same_row(nat.at("packets"), "godwit_nat_", "",
             {{"translated-out", "translated_packets_total{direction=\"out\"}"},
              {"translated-in", "translated_packets_total{direction=\"in\"}"},
              {"without-session", "sessionless_packets_total"},
              {"icmp-errors", "icmp_errors_total"},
              {"syns-held", "held_syns_total"},
              {"resets-doubted", "doubted_resets_total"}});
    for (const auto& [key, metric, label] :
         {std::tuple("sessions-by-state", "state_sessions", "state"),
          std::tuple("refused", "refused_packets_total", "reason"),
          std::tuple("sessions-ended", "ended_sessions_total", "cause"),
          std::tuple("ftp", "ftp_endpoints_total", "result"),
          std::tuple("events", "events_total", "result")}) {
        for (const auto& [name, number] : nat.at(key).as_object()) {
            same(number, std::string("godwit_nat_") + metric + "{" + label + "=\"" +
                             std::string(name) + "\"}");
        }
    }
    const std::string rule = "{rule=\"lan-out\",kind=\"source\"}";
    same(nat.at("rules").at(0).at("sessions"), "godwit_nat_rule_sessions" + rule);
    same(nat.at("rules").at(0).at("sessions-made"),
         "godwit_nat_rule_created_sessions_total" + rule);
    same_row(nat.at("addresses").at(0), "godwit_nat_", "",
             {{"tcp-ports-used", "used_ports{address=\"198.51.100.1\",protocol=\"tcp\"}"},
              {"udp-ports-used", "used_ports{address=\"198.51.100.1\",protocol=\"udp\"}"},
              {"icmp-identifiers-used", "used_ports{address=\"198.51.100.1\",protocol=\"icmp\"}"},
              {"tcp-ports-free", "free_ports{address=\"198.51.100.1\",protocol=\"tcp\"}"},
              {"udp-ports-free", "free_ports{address=\"198.51.100.1\",protocol=\"udp\"}"}});
}

TEST_F(BusyRouterTest, numbers_of_requested_mappings_and_pcp_are_those_of_show) {
    const auto arrive = [this](const Packet& request) {
        dataplane->punt(udp({{10, 0, 0, 9}, {10, 0, 0, 1}}, 5351, request));
        settle();
    };
    arrive({2});     // too short
    arrive({9, 0});  // another version
    Packet announce(24);
    announce[0] = 2;
    std::ranges::copy(std::array<std::uint8_t, 6>{0xff, 0xff, 10, 0, 0, 9}, announce.begin() + 18);
    arrive(announce);
    values = samples();
    const json::value nat = show_data("nat");
    same_row(nat.at("requested"), "godwit_nat_", "",
             {{"mappings", "requested_mappings"},
              {"max-mappings", "limit_requested_mappings"},
              {"held-after-release", "released_mappings"},
              {"granted", "granted_requests_total"},
              {"renewed", "renewed_requests_total"}});
    same_row(nat.at("pcp"), "godwit_pcp_", "",
             {{"received", "received_datagrams_total"},
              {"asked-of-dataplane", "asks_total"},
              {"not-answered-by-dataplane", "unanswered_asks_total"},
              {"answered-too-late", "late_answers_total"},
              {"announcements", "announcements_total"},
              {"under-way", "asks_under_way"},
              {"waiting", "waiting_requests"},
              {"not-sent", "unsent_datagrams_total"}});
    same(nat.at("requested").at("epoch-seconds"), "godwit_nat_epoch_seconds");
    for (const auto& [list, metric] :
         {std::pair(&nat.at("requested").at("ended"), "nat_ended_requests_total{cause"),
          std::pair(&nat.at("requested").at("refused"), "nat_refused_requests_total{reason"),
          std::pair(&nat.at("pcp").at("requests"), "pcp_requests_total{kind"),
          std::pair(&nat.at("pcp").at("answers"), "pcp_answers_total{result"),
          std::pair(&nat.at("pcp").at("dropped"), "pcp_dropped_datagrams_total{reason")}) {
        for (const auto& [name, number] : list->as_object()) {
            same(number, std::string("godwit_") + metric + "=\"" + std::string(name) + "\"}");
        }
    }
    EXPECT_GT(values.at("godwit_pcp_announcements_total"), 0);
    EXPECT_EQ(values.at("godwit_pcp_answers_total{result=\"success\"}"), 1);
    EXPECT_EQ(values.at("godwit_pcp_answers_total{result=\"unsupp-version\"}"), 1);
    EXPECT_EQ(values.at("godwit_pcp_dropped_datagrams_total{reason=\"too-short\"}"), 1);
}

TEST_F(BusyRouterTest, numbers_of_rip_and_policies_are_those_of_show) {
    values = samples();
    const json::object rip = ask({{"verb", "show"}, {"subject", "rip"}});
    same_row(rip.at("data"), "godwit_rip_", "",
             {{"routes", "routes"},
              {"max-routes", "limit_routes"},
              {"entries", "entries"},
              {"neighbors", "neighbors"},
              {"refused-routes", "refused_routes"},
              {"refused-over-limit", "refused_over_limit_total"},
              {"packets-not-sent", "unsent_packets_total"},
              {"packets-elsewhere", "elsewhere_packets_total"}});
    const json::object rows = ask({{"verb", "show"}, {"subject", "rip"}, {"part", "interfaces"}});
    const json::value& row = rows.at("data").at(0);
    EXPECT_GT(row.at("sent").to_number<int>(), 0) << "RIP has spoken";
    same_row(row, "godwit_rip_interface_", "{interface=\"lan0\"}",
             {{"received", "receive_packets_total"},
              {"sent", "transmit_packets_total"},
              {"regular-updates", "regular_updates_total"},
              {"triggered-updates", "triggered_updates_total"},
              {"requests-sent", "transmit_requests_total"},
              {"requests-answered", "answered_requests_total"},
              {"answers-refused", "refused_answers_total"},
              {"own-packets", "own_packets_total"},
              {"packets-unsigned", "unsigned_packets_total"},
              {"foreign-next-hops", "foreign_next_hops_total"},
              {"routes-rejected", "rejected_routes_total"},
              {"neighbors", "neighbors"}});
    EXPECT_EQ(values.at("godwit_policy_term_routes_total{policy=\"all\",term=\"one\"}"), 1);
    EXPECT_EQ(values.at("godwit_policy_routes_total{policy=\"all\",result=\"accepted\"}"), 1);
}

TEST_F(BusyRouterTest, numbers_of_routes_the_host_and_the_programs_are_those_of_show) {
    values = samples();
    std::map<std::string, double> by_source;
    const json::value routes = show_data("routes");
    for (const json::value& row : routes.as_array()) {
        ++by_source[std::string(row.at("source").as_string())];
    }
    for (const std::string_view source : kRouteSourceNames) {
        EXPECT_EQ(values.at("godwit_route_count{source=\"" + std::string(source) + "\"}"),
                  by_source[std::string(source)]);
    }
    const json::value status = show_data("status");
    same(status.at("revision"), "godwit_configuration_revision");
    same(status.at("routes-waiting"), "godwit_rib_waiting_routes");
    same(status.at("next-hops-waiting"), "godwit_rib_waiting_next_hops");
    same(status.at("icmp-errors").at("sent"), "godwit_icmp_error_packets_total");
    for (const auto& [name, number] : status.at("icmp-errors").at("not-sent").as_object()) {
        same(number, "godwit_icmp_suppressed_errors_total{reason=\"" + std::string(name) + "\"}");
    }
    for (const auto& [name, number] : status.at("host").as_object()) {
        same(number, "godwit_host_packets_total{result=\"" + std::string(name) + "\"}");
    }
    for (const json::value& limit : status.at("limits").as_array()) {
        const std::string label = "{limit=\"" + std::string(limit.at("limit").as_string()) + "\"}";
        same(limit.at("used"), "godwit_limit_used_entries" + label);
        same(limit.at("refused"), "godwit_limit_refused_total" + label);
    }
    same_row(status.at("transports").at("tcp"), "godwit_tcp_", "",
             {{"max-conn", "limit_connections"},
              {"active-opens", "active_opens_total"},
              {"passive-opens", "passive_opens_total"},
              {"attempt-fails", "failed_attempts_total"},
              {"estab-resets", "established_resets_total"},
              {"curr-estab", "connections{state=\"established\"}"},
              {"in-segs", "receive_segments_total"},
              {"out-segs", "transmit_segments_total"},
              {"retrans-segs", "retransmitted_segments_total"},
              {"in-errs", "bad_segments_total"},
              {"out-rsts", "transmit_resets_total"}});
    same_row(status.at("transports").at("udp"), "godwit_udp_", "",
             {{"in-datagrams", "receive_datagrams_total"},
              {"no-ports", "unheard_datagrams_total"},
              {"in-errors", "bad_datagrams_total"},
              {"out-datagrams", "transmit_datagrams_total"}});
    EXPECT_EQ(values.at("godwit_dataplane_up"), 1);
    EXPECT_EQ(values.at("godwit_udp_sockets"), 2) << "of RIP and of PCP";
}

TEST_F(BusyRouterTest, a_page_has_every_family_once_and_in_order) {
    std::vector<std::string> typed;
    std::istringstream lines(text());
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# TYPE ")) {
            typed.push_back(line.substr(7, line.find(' ', 7) - 7));
        }
    }
    std::vector<std::string> sorted = typed;
    std::ranges::sort(sorted);
    EXPECT_EQ(typed, sorted);
    EXPECT_EQ(std::ranges::adjacent_find(typed), typed.end());
    // Without those that a RIP neighbour has, a neighbour on a link, the journal, and a limit whose
    // peak is watched.
    EXPECT_EQ(typed.size(), all_families().size() - 9);
}

TEST_F(BusyRouterTest, the_page_of_openmetrics_has_the_same_samples) {
    std::vector<std::string> both[2];
    for (const Form form : {Form::Prometheus, Form::OpenMetrics}) {
        std::istringstream lines(text(form));
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with('#') && !line.starts_with("godwit_control_socket") &&
                !line.starts_with("godwit_metrics")) {
                both[static_cast<std::size_t>(form)].push_back(line);
            }
        }
    }
    EXPECT_EQ(both[0], both[1]);
    EXPECT_TRUE(text(Form::OpenMetrics).ends_with("\n# EOF\n"));
}

TEST_F(BusyRouterTest, a_page_leaves_room_for_others_between_its_portions) {
    stop_metrics();
    page = std::make_unique<MetricsPage>(*router, MetricsPage::Surroundings{{}, {}, 10});
    std::size_t samples = 0;
    page->render(Form::Prometheus, [&](const std::string& whole) {
        samples = static_cast<std::size_t>(std::ranges::count(whole, '\n'));
    });
    // The outside ports are what is asked for last; behind them comes the page.
    while (dataplane->nat_asks.empty()) {
        turn(1);
    }
    std::size_t turns = 0;
    std::function<void()> other = [&] {
        if (samples == 0) {
            ++turns;
            executor.post(other);
        }
    };
    other();
    executor.poll();
    ASSERT_GT(samples, 500U);
    // No more than a family's samples over the ten come in a turn, and a third of the lines are
    // heads.
    EXPECT_GT(turns, samples / 40);
}

TEST_F(MetricsPageTest, without_a_dataplane_there_is_the_rest) {
    start_router(yaml());
    start_metrics();
    const auto values = samples();
    EXPECT_EQ(values.at("godwit_dataplane_up"), 0);
    EXPECT_TRUE(values.contains("godwit_route_count{source=\"static\"}"));
    EXPECT_TRUE(values.contains("godwit_controlplane_uptime_seconds"));
    EXPECT_FALSE(values.contains("godwit_worker_busy_ratio{worker=\"0\"}"));
    EXPECT_FALSE(values.contains("godwit_nat_sessions"));
    EXPECT_EQ(values.at("godwit_rip_running"), 0);
}

TEST_F(MetricsPageTest, a_dataplane_that_dies_while_it_is_asked_leaves_a_page_without_it) {
    start(yaml());
    start_metrics();
    std::optional<std::string> made;
    page->render(Form::Prometheus, [&](std::string whole) { made = std::move(whole); });
    dataplane.reset();
    settle();
    ASSERT_TRUE(made.has_value());
    EXPECT_THAT(*made, HasSubstr("godwit_dataplane_up 0\n"));
}

TEST_F(MetricsPageTest, a_page_that_nobody_waits_for_any_more_is_not_finished) {
    start(yaml());
    start_metrics();
    bool made = false;
    page->render(Form::Prometheus, [&](const std::string&) { made = true; });
    stop_metrics();
    settle();
    EXPECT_FALSE(made);
}

TEST_F(MetricsPageTest, listens_where_the_running_configuration_says) {
    const auto with = [&](const std::string& places) {
        return yaml("", "10.0.0.1/24", "telemetry: {prometheus: {listen: " + places + "}}\n");
    };
    const auto listeners = [&] {
        std::vector<std::string> places;
        for (const auto& place : page->server().places()) {
            places.push_back(place.to_string());
        }
        return places;
    };
    start(with("lan0:9111"));
    start_metrics();
    EXPECT_THAT(listeners(), testing::ElementsAre("10.0.0.1:9111"));
    EXPECT_EQ(router->host().tcp().listeners().size(), 1U);
    // Live: added, changed, moved with the interface's address, removed.
    EXPECT_TRUE(apply(with("[lan0:9111, 192.0.2.1:9112]")).at("ok").as_bool());
    EXPECT_THAT(listeners(), testing::ElementsAre("10.0.0.1:9111", "192.0.2.1:9112"));
    EXPECT_TRUE(apply(yaml("", "10.0.0.2/24", "telemetry: {prometheus: {listen: lan0:9111}}\n"))
                    .at("ok")
                    .as_bool());
    EXPECT_THAT(listeners(), testing::ElementsAre("10.0.0.2:9111"));
    EXPECT_TRUE(apply(yaml()).at("ok").as_bool());
    EXPECT_THAT(listeners(), testing::IsEmpty());
    EXPECT_TRUE(router->host().tcp().listeners().empty());
}

// ---- the registry

TEST(Families, have_names_units_and_labels_as_the_rules_say) {
    const std::regex name("godwit(_[a-z][a-z0-9]*)+");
    const std::regex label("[a-z]+");
    std::set<std::string_view> called;
    for (const Family& family : all_families()) {
        const telemetry::Metric& metric = family.metric;
        const std::string text(metric.name);
        EXPECT_TRUE(std::regex_match(text, name)) << text;
        EXPECT_EQ(metric.kind == telemetry::MetricKind::Counter, metric.name.ends_with("_total"))
            << text;
        EXPECT_EQ(metric.kind == telemetry::MetricKind::Info, metric.name.ends_with("_info"))
            << text;
        // OpenMetrics calls a family without these, and no two may be called the same.
        EXPECT_TRUE(called.insert(metric.family()).second) << text;
        EXPECT_TRUE(metric.help.ends_with('.')) << text;
        EXPECT_EQ(metric.help.find('|'), std::string_view::npos) << text;
        for (std::size_t i = 0; i < metric.label_count(); ++i) {
            EXPECT_TRUE(std::regex_match(std::string(metric.labels[i]), label)) << text;
        }
    }
}

TEST(Families, are_never_by_session_subscriber_or_prefix) {
    const std::set<std::string_view> bounded{
        "address", "cause",    "class", "device",  "direction", "interface", "kind",   "limit",
        "mac",     "neighbor", "node",  "packets", "policy",    "protocol",  "reason", "result",
        "rule",    "source",   "state", "term",    "type",      "version",   "worker"};
    for (const Family& family : all_families()) {
        for (std::size_t i = 0; i < family.metric.label_count(); ++i) {
            EXPECT_TRUE(bounded.contains(family.metric.labels[i])) << family.metric.name;
        }
    }
}

}  // namespace
}  // namespace godwit::control::test
