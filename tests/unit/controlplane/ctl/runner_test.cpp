// Requests, answers and exit codes of godwitctl against a socket whose answers the test wrote.
#include "controlplane/ctl/runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "controlplane/ctl/command_line.hpp"
#include "tests/unit/controlplane/ctl/scripted_router.hpp"

namespace godwit::ctl {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
};

Outcome run(const std::string& socket, std::vector<std::string> words) {
    words.insert(words.begin(), {"--socket", socket});
    CommandLine line("0.1.0");
    const auto asked = line.parse(words);
    if (!asked) {
        return {asked.error().exit_code, "", asked.error().text};
    }
    std::ostringstream out;
    std::ostringstream err;
    Runner runner(Console{out, err});
    const int code = runner.run(*asked);
    return {code, out.str(), err.str()};
}

class Godwitctl : public testing::Test {
protected:
    Outcome answered(std::string answer, std::vector<std::string> words) {
        ScriptedRouter router({std::move(answer)});
        Outcome outcome = run(router.path(), std::move(words));
        requests = router.requests();
        return outcome;
    }
    std::string written(const std::string& name, const std::string& text) {
        const std::string path = testing::TempDir() + name;
        std::ofstream(path) << text;
        return path;
    }
    std::vector<std::string> requests;
};

TEST_F(Godwitctl, says_how_to_start_a_router_when_none_answers) {
    const Outcome outcome = run("/nonexistent/control.sock", {"show", "status"});
    EXPECT_EQ(outcome.code, kExitNoRouter);
    EXPECT_THAT(outcome.err, HasSubstr("no router answers at /nonexistent/control.sock"));
    EXPECT_THAT(outcome.err, HasSubstr("godwit run"));
    EXPECT_EQ(outcome.out, "");
}

TEST_F(Godwitctl, ends_with_no_router_when_the_answer_breaks_off) {
    EXPECT_EQ(answered("{\"ok\": true, \"da", {"history"}).code, kExitNoRouter);
}

TEST_F(Godwitctl, refuses_an_answer_that_is_not_the_protocol) {
    for (const char* answer :
         {"HTTP/1.1 400 Bad Request\n", "[]\n", "{}\n", "{\"ok\": 1}\n", "\n"}) {
        const Outcome outcome = answered(answer, {"history"});
        EXPECT_EQ(outcome.code, kExitNoRouter) << answer;
        EXPECT_THAT(outcome.err, HasSubstr("does not speak this protocol")) << answer;
    }
}

TEST_F(Godwitctl, shows_a_table_or_the_answer_whole) {
    const std::string answer =
        R"({"ok":true,"data":[{"reason":"ip4-no-route","stage":"ip4-forward","packets":1234567,)"
        R"("what":"no route to the destination"}]})"
        "\n";
    EXPECT_EQ(answered(answer, {"show", "drops"}).out,
              "REASON        STAGE          PACKETS  WHAT\n"
              "ip4-no-route  ip4-forward  1,234,567  no route to the destination\n");
    const Outcome whole = answered(answer, {"show", "drops", "-o", "json"});
    EXPECT_EQ(json::parse(whole.out), json::parse(answer).at("data"));
    EXPECT_THAT(answered(answer, {"show", "drops", "-o", "yaml"}).out,
                StartsWith("- reason: ip4-no-route\n"));
    EXPECT_EQ(json::parse(requests.front()), json::parse(R"({"verb":"show","subject":"drops"})"));
}

TEST_F(Godwitctl, narrows_routes_by_prefix_at_the_router_and_interfaces_by_name_here) {
    answered("{\"ok\":true,\"data\":[]}\n", {"show", "fib", "10.0.0.0/8"});
    EXPECT_EQ(json::parse(requests.front()).at("prefix"), "10.0.0.0/8");

    answered("{\"ok\":true,\"data\":[]}\n",
             {"show", "routes", "10.0.0.0/8", "--longer", "--source", "rip"});
    EXPECT_EQ(json::parse(requests.front()),
              json::parse(R"({"verb":"show","subject":"routes","prefix":"10.0.0.0/8",)"
                          R"("source":"rip","longer":true})"));
    answered("{\"ok\":true,\"data\":[]}\n", {"show", "policy", "out"});
    EXPECT_EQ(json::parse(requests.front()).at("policy"), "out");

    const std::string two = R"({"ok":true,"data":[{"name":"lan0","mtu":1500},{"name":"wan0"}]})"
                            "\n";
    EXPECT_EQ(answered(two, {"show", "interfaces", "lan0"}).out, "name: lan0\nmtu: 1500\n");
    const Outcome missing = answered(two, {"show", "interfaces", "lan1"});
    EXPECT_EQ(missing.code, kExitRefused);
    EXPECT_THAT(missing.err, HasSubstr("no interface 'lan1'"));
}

TEST_F(Godwitctl, asks_to_explain_a_prefix_as_a_prefix_and_an_address_as_an_address) {
    const std::string answer = "{\"ok\":true,\"data\":{\"prefix\":\"10.0.0.0/8\"}}\n";
    EXPECT_EQ(answered(answer, {"explain", "route", "10.0.0.0/8"}).out, "10.0.0.0/8\n");
    EXPECT_EQ(json::parse(requests.front()),
              json::parse(R"({"verb":"explain","subject":"route","prefix":"10.0.0.0/8"})"));
    answered(answer, {"explain", "route", "10.0.0.1"});
    EXPECT_EQ(json::parse(requests.front()).at("address"), "10.0.0.1");
}

TEST_F(Godwitctl, shows_every_error_of_a_refusal) {
    const std::string file = written("refused.yaml", "version: 2\n");
    const std::string answer =
        R"({"ok":false,"code":"refused","errors":["first\n  line of it","second"]})"
        "\n";
    const Outcome outcome = answered(answer, {"apply", file, "-m", "why", "--allow-restart"});
    EXPECT_EQ(outcome.code, kExitRefused);
    EXPECT_EQ(outcome.err, "first\n  line of it\nsecond\n");
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(json::parse(requests.front()), json::value({{"verb", "apply"},
                                                          {"yaml", "version: 2\n"},
                                                          {"file", file},
                                                          {"message", "why"},
                                                          {"allow-restart", true}}));
    const Outcome as_data = answered(answer, {"plan", file, "-o", "json"});
    EXPECT_EQ(as_data.code, kExitRefused);
    EXPECT_EQ(json::parse(as_data.out), json::parse(answer));
}

TEST_F(Godwitctl, has_an_exit_code_of_its_own_for_a_revert) {
    const std::string file = written("reverted.yaml", "version: 1\n");
    EXPECT_EQ(answered("{\"ok\":false,\"code\":\"reverted\",\"errors\":[\"not confirmed\"]}\n",
                       {"apply", file})
                  .code,
              kExitReverted);
}

TEST_F(Godwitctl, says_what_an_apply_did) {
    const std::string file = written("good.yaml", "version: 1\n");
    const Outcome outcome = answered(
        R"({"ok":true,"data":{"revision":8,"cost":"live","warnings":["careful"],"changes":[)"
        R"({"kind":"added","path":"static.routes.10.0.0.0/8","after":"{via: 10.0.0.2}",)"
        R"("cost":"live","effect":"the route is installed"},)"
        R"({"kind":"changed","path":"system.hostname","before":"a","after":"b","cost":"live"}]}})"
        "\n",
        {"apply", file});
    EXPECT_EQ(outcome.code, kExitDone);
    EXPECT_EQ(outcome.out,
              "+ static.routes.10.0.0.0/8: {via: 10.0.0.2}\n"
              "    live: the route is installed\n"
              "~ system.hostname: a -> b\n"
              "    live\n"
              "revision 8 runs: 2 changes, live\n");
    EXPECT_EQ(outcome.err, "careful\n");
    EXPECT_EQ(answered("{\"ok\":true,\"data\":{\"changes\":[]}}\n", {"plan", file}).out,
              "nothing changes\n");
}

TEST_F(Godwitctl, checks_a_file_without_a_router) {
    const std::string good = written("minimal.yaml", "version: 1\n");
    EXPECT_EQ(run("/nonexistent", {"check", good}).code, kExitDone);
    const std::string bad = written("bad.yaml", "version: 1\ninterfacs: {}\n");
    const Outcome outcome = run("/nonexistent", {"check", bad});
    EXPECT_EQ(outcome.code, kExitRefused);
    EXPECT_THAT(outcome.err, HasSubstr("unknown-key"));
    const Outcome missing = run("/nonexistent", {"plan", "/nonexistent.yaml"});
    EXPECT_EQ(missing.code, kExitRefused);
    EXPECT_THAT(missing.err, HasSubstr("cannot read /nonexistent.yaml"));
}

TEST_F(Godwitctl, prints_a_ping_as_it_goes_and_fails_when_nothing_answers) {
    const Outcome heard = answered(
        "{\"ok\":true,\"more\":true,\"data\":{\"sequence\":1,\"from\":\"10.0.0.2\",\"bytes\":64,"
        "\"ttl\":63,\"rtt-ms\":0.2134}}\n"
        "{\"ok\":true,\"more\":true,\"data\":{\"sequence\":2,\"lost\":true}}\n"
        "{\"ok\":true,\"more\":true,\"data\":{\"sequence\":3,\"from\":\"10.0.0.9\",\"error\":"
        "\"time to live exceeded\"}}\n"
        "{\"ok\":true,\"data\":{\"sent\":3,\"received\":1,\"rtt-min-ms\":0.2134,\"rtt-avg-ms\":"
        "0.2134,\"rtt-max-ms\":0.2134}}\n",
        {"ping", "10.0.0.2", "-c", "3", "-i", "10ms"});
    EXPECT_EQ(heard.code, kExitDone);
    EXPECT_EQ(heard.out,
              "64 bytes from 10.0.0.2: sequence 1, ttl 63, 0.213 ms\n"
              "no answer to sequence 2\n"
              "from 10.0.0.9: sequence 3: time to live exceeded\n"
              "10.0.0.2: 3 sent, 1 received, 2 lost\n"
              "round trip: least 0.213 ms, mean 0.213 ms, most 0.213 ms\n");
    EXPECT_EQ(json::parse(requests.front()).at("count"), 3);
    EXPECT_EQ(json::parse(requests.front()).at("df"), false);

    EXPECT_EQ(
        answered("{\"ok\":true,\"data\":{\"sent\":3,\"received\":0}}\n", {"ping", "10.0.0.2"}).code,
        kExitRefused);
}

TEST_F(Godwitctl, prints_a_line_for_each_hop_of_a_traceroute_and_fails_when_it_ends_on_the_way) {
    const Outcome heard = answered(
        "{\"ok\":true,\"more\":true,\"data\":{\"hop\":1,\"probes\":[{\"from\":\"10.0.0.2\","
        "\"rtt-ms\":0.2134},{\"from\":\"10.0.0.2\",\"rtt-ms\":12.34},{\"lost\":true}]}}\n"
        "{\"ok\":true,\"more\":true,\"data\":{\"hop\":2,\"probes\":[{\"lost\":true},"
        "{\"from\":\"10.1.0.2\",\"rtt-ms\":1.0,\"mark\":\"!H\"},{\"from\":\"10.1.0.3\","
        "\"rtt-ms\":200.4}]}}\n"
        "{\"ok\":true,\"data\":{\"hops\":2,\"reached\":false}}\n",
        {"traceroute", "10.9.0.9", "-I", "-q", "3"});
    EXPECT_EQ(heard.code, kExitRefused);
    EXPECT_EQ(heard.out,
              " 1  10.0.0.2  0.213 ms  12.3 ms  *\n"
              " 2  *  10.1.0.2  1.000 ms !H  10.1.0.3  200 ms\n"
              "10.9.0.9: not reached in 2 hops\n");
    EXPECT_EQ(json::parse(requests.front()).at("probe"), "icmp");
    EXPECT_EQ(json::parse(requests.front()).at("max-hops"), 30);

    const Outcome reached = answered("{\"ok\":true,\"data\":{\"hops\":1,\"reached\":true}}\n",
                                     {"traceroute", "10.0.0.2", "-o", "json"});
    EXPECT_EQ(reached.code, kExitDone);
    EXPECT_EQ(reached.out, "{\"hops\":1,\"reached\":true}\n");
}

}  // namespace
}  // namespace godwit::ctl
