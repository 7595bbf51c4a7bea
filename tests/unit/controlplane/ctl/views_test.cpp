// What a person sees of each answer, with the shapes of docs/control-protocol.md.
#include "controlplane/ctl/views.hpp"

#include "controlplane/ctl/route_views.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <random>

namespace godwit::ctl {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

TEST(NatView, shows_what_is_used_of_what_there_is_and_only_what_was_refused) {
    const std::string text = show_table("nat", json::parse(R"({
        "rules": [{"name": "lan-out", "kind": "source", "protocol": null, "sessions": 5,
                   "sessions-made": 12345}],
        "sessions": 5, "max-sessions": 1000, "sessions-by-state": {"udp": 5, "icmp": 0},
        "mappings": 4, "subscribers": 2, "max-subscribers": 64, "memory-bytes": 131072,
        "limits": {"ports": null, "sessions": 100, "sessions-per-second": null},
        "packets": {"translated-out": 70, "translated-in": 60}, "sessions-made": 12345,
        "refused": {"filtered": 3, "ports-exhausted": 0}, "sessions-ended": {"expired": 9},
        "events": {"told": 0, "suppressed": 0, "lost": 0},
        "addresses": [{"address": "198.51.100.1", "rule": "lan-out", "tcp-ports-used": 11,
                       "tcp-ports-free": 60405, "udp-ports-used": 0, "udp-ports-free": 60416,
                       "icmp-identifiers-used": 1}],
        "addresses-not-shown": 0})"));
    EXPECT_THAT(text, HasSubstr("sessions          5 of 1,000\n"));
    EXPECT_THAT(text, HasSubstr("refused           filtered 3\n"));
    EXPECT_THAT(text, HasSubstr("limits          sessions 100\n"));
    EXPECT_THAT(text, HasSubstr("12,345"));
    EXPECT_THAT(text, HasSubstr("60,405"));
    EXPECT_THAT(text, Not(HasSubstr("ports-exhausted")));
    EXPECT_THAT(text, Not(HasSubstr("events")));
    EXPECT_EQ(show_table("nat", json::parse(R"({"max-sessions": 0})")), "nothing is translated\n");
}

TEST(NatView, shows_what_hosts_asked_for_where_they_may_or_did) {
    const auto with = [](const std::string& more) {
        return show_table("nat", json::parse(R"({"max-sessions": 1000, )" + more + "}"));
    };
    const std::string requested =
        R"("requested": {"mappings": 3, "max-mappings": 2048, "granted": 1234, "renewed": 5,
           "ended": {"released": 0, "expired": 7}, "refused": {"over-limit": 9, "no-room": 0}})";
    const std::string text = with(requested + R"(, "pcp": {
        "requests": {"map": 40, "peer": 0}, "answers": {"success": 38, "user-ex-quota": 2},
        "dropped": {"over-rate": 6}, "problem": "lan1: the port is taken\u001b[2J"})");
    EXPECT_THAT(text, HasSubstr("  asked for       3 of 2,048\n"));
    EXPECT_THAT(text, HasSubstr("  granted         1,234, renewed 5\n"));
    EXPECT_THAT(text, HasSubstr("  ended           expired 7\n"));
    EXPECT_THAT(text, HasSubstr("  not granted     over-limit 9\n"));
    EXPECT_THAT(text, HasSubstr("pcp requests      map 40\n"));
    EXPECT_THAT(text, HasSubstr("  answers         success 38, user-ex-quota 2\n"));
    EXPECT_THAT(text, HasSubstr("  dropped         over-rate 6\n"));
    EXPECT_THAT(text, HasSubstr("  problem         lan1: the port is taken"));
    EXPECT_THAT(text, Not(HasSubstr("\033")));
    EXPECT_THAT(with(requested + R"(, "pcp": null)"), HasSubstr("asked for"));
    EXPECT_THAT(with(R"("requested": {"mappings": 0, "granted": 0}, "pcp": null)"),
                Not(HasSubstr("asked for")));
}

TEST(NatMappingsView, says_who_enters_and_for_how_long) {
    const std::string text = show_table("nat-mappings", json::parse(R"([
        {"protocol": "udp", "inside": "10.0.0.9:5000", "outside": "198.51.100.1:6000",
         "rule": "lan-out", "sessions": 2, "expires-in-seconds": 12345, "filters": [],
         "worker": 1},
        {"protocol": "tcp", "inside": "10.0.0.9:22", "outside": "198.51.100.1:2222",
         "rule": null, "sessions": 0, "expires-in-seconds": 1, "worker": 0,
         "filters": [{"remote": "192.0.2.0/24", "port": 53}, {"remote": "203.0.113.9/32",
                      "port": null}]}])"));
    EXPECT_THAT(text, HasSubstr("12,345       1  everyone\n"));
    EXPECT_THAT(text, HasSubstr("192.0.2.0/24 port 53, 203.0.113.9/32\n"));
}

TEST(InterfacesView, shows_state_counters_and_the_problem_of_a_port_that_failed) {
    const std::string text = show_table("interfaces", json::parse(R"([
        {"name": "lan0", "type": "port", "enabled": true, "link": "up", "mtu": 1500,
         "mac": "02:00:00:00:00:01", "addresses": ["10.0.0.1/24", "10.0.1.1/24"],
         "rx-packets": 1234, "rx-bytes": 5678901, "tx-packets": 1, "tx-bytes": 64,
         "in-dropped": 2, "tx-dropped": 0, "device-rx-missed": 5, "device-rx-errors": 1},
        {"name": "lan0.20", "type": "vlan", "enabled": false, "link": "up", "vlan": 20,
         "parent": "lan0", "mtu": 1500},
        {"name": "core0", "type": "port", "enabled": true, "link": "down", "mtu": 1500,
         "problem": "there is no interface eth9"}])"));
    EXPECT_THAT(text, HasSubstr("10.0.0.1/24, 10.0.1.1/24"));
    EXPECT_THAT(text, HasSubstr("5,678,901"));
    EXPECT_THAT(text, HasSubstr("vlan 20 of lan0  disabled"));
    EXPECT_THAT(text, HasSubstr("\ncore0: there is no interface eth9\n"));
}

TEST(RoutesView, gives_each_next_hop_a_row_and_the_route_its_first) {
    EXPECT_EQ(show_table("routes", json::parse(R"([
        {"prefix": "10.50.0.0/16", "source": "static", "distance": 1, "metric": 0,
         "selected": true, "installed": "yes", "reason": "", "next-hops": [
            {"via": "10.0.0.2", "interface": "lan0", "kind": "gateway", "active": true},
            {"via": "10.9.0.1", "interface": "wan0", "kind": "gateway",
             "resolved-through": "10.1.0.1", "active": false}]},
        {"prefix": "10.99.0.0/16", "source": "static", "distance": 1, "metric": 0,
         "selected": true, "installed": "yes", "next-hops": [{"kind": "blackhole"}]}])")),
              "PREFIX        SOURCE  DISTANCE  METRIC  BEST  INSTALLED  NEXT HOP      INTERFACE  "
              "NOTE\n"
              "10.50.0.0/16  static         1       0  best  yes        via 10.0.0.2  lan0\n"
              "                                                         via 10.9.0.1  wan0       "
              "through 10.1.0.1, inactive\n"
              "10.99.0.0/16  static         1       0  best  yes        blackhole\n");
}

TEST(WorkersView, shows_the_load_and_a_histogram_of_bursts_without_the_table_owner) {
    const std::string text = show_table("workers", json::parse(R"([
        {"worker": 0, "cpu": 1, "queues": "lan0/0", "loops": 100, "busy-ratio": 0.25,
         "cycles-per-packet": 61.5, "sleeps": 9, "wakeups": 4, "received": 5,
         "burst-sizes": {"1": 7, "2-3": 1, "4-7": 0, "8-15": 0, "16-31": 0, "32-63": 1200,
                         "64-127": 0, "128+": 3}},
        {"worker": "owner", "cpu": 0, "queues": "", "cycles-per-packet": null,
         "burst-sizes": {"1": 0}}])"));
    EXPECT_THAT(text, HasSubstr("WORKER  CPU  BUSY %  CYCLES/PACKET"));
    EXPECT_THAT(text, HasSubstr("\n0         1    25.0           61.5"));
    EXPECT_THAT(text, HasSubstr("LOOPS  SLEEPS  WAKEUPS  QUEUES"));
    EXPECT_THAT(text, HasSubstr("\nBURSTS OF  1  2-3  4-7  8-15  16-31  32-63  64-127  128+\n"
                                "0          7    1    0     0      0  1,200       0     3\n"));
    EXPECT_THAT(text.substr(text.find("BURSTS OF")), Not(HasSubstr("owner")));
}

TEST(FibView, says_resolved_only_of_neighbours) {
    const std::string text = show_table("fib", json::parse(R"([
        {"prefix": "10.0.0.0/24", "origin": "route", "next-hop": 3,
         "next-hops": [{"kind": "glean", "interface": "lan0", "resolved": true}]},
        {"prefix": "10.0.0.2/32", "origin": "neighbor", "next-hop": 4,
         "next-hops": [{"kind": "gateway", "via": "10.0.0.2", "interface": "lan0",
                        "resolved": false}]}])"));
    EXPECT_THAT(text, HasSubstr("on link       lan0\n"));
    EXPECT_THAT(text, HasSubstr("via 10.0.0.2  lan0       no\n"));
}

TEST(StatusView, says_loudly_when_the_dataplane_is_gone_or_the_ledger_does_not_balance) {
    json::value status = json::parse(R"({"hostname": "edge1", "version": "0.1.0",
        "uptime-seconds": 61, "revision": 3, "config-sha256": "aa", "dataplane":
        {"connected": true, "session": 2, "uptime-seconds": 3600, "config-sha256": "aa",
         "restarts-seen": 1}, "routes": 4, "fib-routes": 6, "neighbors": 2, "ledger":
        {"received": 10, "sent": 7, "punted": 1, "dropped": 2, "in-flight": 0, "balanced": true,
         "by-interface": [{"name": "lan0", "rx-packets": 10, "in-sent": 7, "in-punted": 1,
                           "in-dropped": 2, "in-flight": 0}]}})");
    const std::string good = show_table("status", status);
    EXPECT_THAT(good, HasSubstr("up 01:00:00, session 2, 1 restarts seen"));
    EXPECT_THAT(good, HasSubstr("ledger            balanced\n"));
    EXPECT_THAT(good, Not(HasSubstr("still runs")));

    status.at("dataplane").at("config-sha256") = "bb";
    status.at("ledger").at("balanced") = false;
    EXPECT_THAT(show_table("status", status), HasSubstr("(the dataplane still runs bb)"));
    EXPECT_THAT(show_table("status", status), HasSubstr("NOT BALANCED"));

    EXPECT_THAT(show_table("status", status), Not(HasSubstr("icmp errors")));
    status.as_object()["icmp-errors"] = json::parse(
        R"({"sent": 12, "not-sent": {"over-rate": 31415, "about-group": 0, "over-share": 1}})");
    EXPECT_THAT(show_table("status", status),
                HasSubstr("icmp errors       12 sent; not sent: 31,415 over-rate, 1 over-share\n"));
    EXPECT_THAT(show_table("status", status), Not(HasSubstr("not installed")));
    status.as_object()["routes-waiting"] = 7;
    status.as_object()["limits"] = json::parse(
        R"([{"limit": "routes", "used": 10, "capacity": 10, "refused": 7},
            {"limit": "lookup", "used": 10, "capacity": null, "refused": 0},
            {"limit": "packet-buffers", "used": 1040, "most-used": 2000, "capacity": 18432,
             "refused": 0}])");
    EXPECT_THAT(show_table("status", status),
                HasSubstr("packet buffers    1,040 of 18,432 in use, 2,000 at most so far\n"));
    EXPECT_THAT(show_table("status", status), HasSubstr("not installed     7 routes"));
    EXPECT_THAT(show_table("status", status), HasSubstr("routes: 7 refused, 10 of 10 in use now"));
    EXPECT_THAT(show_table("status", status), Not(HasSubstr("lookup")));

    status.at("dataplane").at("connected") = false;
    EXPECT_THAT(show_table("status", status), HasSubstr("NOT CONNECTED"));
}

TEST(HistoryView, shows_times_in_utc_and_the_running_one) {
    EXPECT_EQ(history_table(json::parse(R"([{"revision": 2, "time": 1700000000, "message": "why",
        "sha256": "0123456789abcdef", "running": true}])")),
              "REVISION  TIME                  RUNNING  MESSAGE  SHA-256\n"
              "       2  2023-11-14T22:13:20Z  running  why      0123456789ab\n");
}

TEST(Views, survive_any_answer) {
    // Shapes that no router sends: every view must give text, not an exception.
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const char* keys[] = {"name", "next-hops", "dataplane", "ledger",  "by-interface", "vlan",
                          "kind", "changes",   "time",      "enabled", "prefix",       "rtt-ms"};
    const auto any = [&](const auto& self, int depth) -> json::value {
        switch (random() % (depth > 3 ? 5U : 7U)) {
            case 0:
                return nullptr;
            case 1:
                return random() % 2 == 0;
            case 2:
                return std::uint64_t{random()} << 31U;
            case 3:
                return -1.5e300;
            case 4:
                return "text\n";
            case 5: {
                json::array array;
                for (unsigned i = random() % 4; i > 0; --i) {
                    array.push_back(self(self, depth + 1));
                }
                return array;
            }
            default: {
                json::object object;
                for (unsigned i = random() % 8; i > 0; --i) {
                    object[keys[random() % std::size(keys)]] = self(self, depth + 1);
                }
                return object;
            }
        }
    };
    for (int round = 0; round < 3000; ++round) {
        const json::value data = any(any, 0);
        for (const char* subject :
             {"interfaces", "routes", "fib", "next-hops", "neighbors", "workers", "nodes", "drops",
              "punts", "policy", "events", "sockets", "socket-events", "status"}) {
            EXPECT_NO_THROW(show_table(subject, data)) << json::serialize(data);
        }
        EXPECT_NO_THROW(explanation_text(data));
        EXPECT_NO_THROW(history_table(data));
        EXPECT_NO_THROW(changes_text(data));
        EXPECT_NO_THROW(ping_event_text(data));
        EXPECT_NO_THROW(ping_summary_text("10.0.0.1", data));
        EXPECT_NO_THROW(traceroute_hop_text(data));
        EXPECT_NO_THROW(traceroute_summary_text("10.0.0.1", data));
    }
}

TEST(SocketsView, a_connection_is_a_line_with_the_timer_that_goes_off_first) {
    const json::value data = json::parse(R"([
        {"protocol": "tcp", "state": "listen", "local": "*:179", "remote": null},
        {"protocol": "tcp", "state": "established", "local": "10.0.0.1:179",
         "remote": "10.0.0.9:40000", "receive-queue-bytes": 0, "send-queue-bytes": 1448,
         "congestion-window-bytes": 14480, "slow-start-threshold-bytes": null, "rtt-ms": 12.4,
         "rto-ms": 212.0, "retransmissions": 3,
         "timers-ms": {"retransmit": 198.0, "keep-alive": 7200000.0}}])");
    const std::string text = show_table("sockets", data);
    EXPECT_NE(text.find("*:179"), std::string::npos) << text;
    EXPECT_NE(text.find("10.0.0.9:40000"), std::string::npos) << text;
    EXPECT_NE(text.find("retransmit 198"), std::string::npos) << text;
    EXPECT_EQ(text.find("keep-alive"), std::string::npos) << text;
}

TEST(SocketsView, an_event_of_a_connection_says_what_became_of_it_and_why) {
    const json::value data = json::parse(R"([
        {"ago-ms": 1500.0, "local": "10.0.0.1:61000", "remote": "10.0.0.9:80", "event": "state",
         "from": "syn-sent", "to": "closed", "trouble": "refused"},
        {"ago-ms": 20.0, "local": "10.0.0.1:179", "remote": "10.0.0.9:1", "event": "retransmitted",
         "count": 2}])");
    const std::string text = show_table("socket-events", data);
    EXPECT_NE(text.find("syn-sent -> closed (refused)"), std::string::npos) << text;
    EXPECT_NE(text.find("retransmitted 2"), std::string::npos) << text;
}

}  // namespace
}  // namespace godwit::ctl
