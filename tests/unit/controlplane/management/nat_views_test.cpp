// `show nat`, its sessions and subscribers, and `clear nat`, through the real channel.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "controlplane/management/nat_journal.hpp"
#include "dataplane/api/decode.hpp"
#include "tests/unit/controlplane/management/router_fixture.hpp"

namespace godwit::control::test {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kInside = 0x0a000007;   // 10.0.0.7
constexpr std::uint32_t kOutside = 0xc6336401;  // 198.51.100.1
constexpr std::uint32_t kRemote = 0xcb007109;   // 203.0.113.9

class NatViewsTest : public RouterFixture {
protected:
    void SetUp() override {
        start(yaml("", "10.0.0.1/24",
                   "nat:\n"
                   "  source: [{name: lan-out, out-interface: wan0, to: interface-address}]\n"
                   "  limits: {sessions: 100}\n"));
        dataplane->nat_totals.max_sessions = 1000;
        dataplane->nat_totals.sessions[static_cast<std::size_t>(api::NatAge::Udp)] = 5;
        dataplane->nat_totals.refused[static_cast<std::size_t>(api::NatRefusal::Filtered)] = 3;
        api::NatRuleRecord rule;
        rule.rule = 7;
        rule.kind = api::NatRuleKind::Source;
        rule.sessions = 5;
        api::set_bounded_text(rule.name, "lan-out");
        dataplane->nat_rules = {rule};
        dataplane->nat_ports = {{kOutside, 10, 20, 1}, {kOutside, 1, 2, 0}};
        for (std::uint16_t port = 5000; port < 5005; ++port) {
            api::NatSessionRecord session;
            session.inside = kInside;
            session.inside_port = port;
            session.outside = kOutside;
            session.outside_port = port;
            session.remote = kRemote;
            session.remote_port = 443;
            session.rule = 7;
            session.protocol = 6;
            session.tcp = api::NatTcpState::Established;
            session.age = api::NatAge::TcpEstablished;
            session.idle_seconds = 4;
            session.seconds_left = 7436;
            dataplane->nat_sessions.push_back(session);
        }
    }
    json::object ask_sessions(json::object more) {
        more["verb"] = "show";
        more["subject"] = "nat-sessions";
        return ask(more);
    }
};

// rfc6888: REQ-10
TEST_F(NatViewsTest, totals_have_rules_limits_and_the_ports_of_all_workers_together) {
    const json::value data = show_data("nat");
    EXPECT_EQ(data.at("sessions"), 5);
    EXPECT_EQ(data.at("max-sessions"), 1000);
    EXPECT_EQ(data.at("refused").at("filtered"), 3);
    EXPECT_EQ(data.at("limits").at("sessions"), 100);
    EXPECT_TRUE(data.at("limits").at("ports").is_null());
    EXPECT_EQ(data.at("rules").at(0).at("name"), "lan-out");
    EXPECT_EQ(data.at("rules").at(0).at("kind"), "source");
    const json::value& address = data.at("addresses").at(0);
    EXPECT_EQ(address.at("address"), "198.51.100.1");
    EXPECT_EQ(address.at("rule"), "lan-out");
    EXPECT_EQ(address.at("tcp-ports-used"), 11);
    // 1024 to 65535 without the router's own 4096.
    EXPECT_EQ(address.at("tcp-ports-free"), 64512 - 4096 - 11);
    EXPECT_EQ(address.at("udp-ports-free"), 64512 - 4096 - 22);
}

TEST_F(NatViewsTest, sessions_come_page_by_page_with_their_words) {
    const json::object answer = ask_sessions({});
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    const json::array& list = answer.at("data").as_array();
    ASSERT_EQ(list.size(), 5U);
    EXPECT_EQ(list[0].at("inside"), "10.0.0.7:5000");
    EXPECT_EQ(list[0].at("remote"), "203.0.113.9:443");
    EXPECT_EQ(list[0].at("rule"), "lan-out");
    EXPECT_EQ(list[0].at("protocol"), "tcp");
    EXPECT_EQ(list[0].at("state"), "established");
    EXPECT_EQ(list[0].at("expires-in-seconds"), 7436);
    EXPECT_EQ(list[4].at("inside"), "10.0.0.7:5004");
    EXPECT_EQ(dataplane->nat_asks.size(), 3U) << "two a page";
}

TEST_F(NatViewsTest, a_limit_stops_asking) {
    const json::object answer = ask_sessions({{"limit", 3}});
    EXPECT_EQ(answer.at("data").as_array().size(), 3U);
    EXPECT_EQ(dataplane->nat_asks.size(), 2U);
}

TEST_F(NatViewsTest, a_filter_reaches_the_dataplane_with_the_number_of_the_rule) {
    ask_sessions({{"inside", "10.0.0.7"},
                  {"protocol", "udp"},
                  {"rule", "lan-out"},
                  {"outside-port", 80},
                  {"limit", 1}});
    ASSERT_FALSE(dataplane->nat_asks.empty());
    const api::NatFilter& filter = dataplane->nat_asks.front().filter;
    EXPECT_EQ(filter.fields,
              api::kNatInside | api::kNatProtocol | api::kNatRule | api::kNatOutsidePort);
    EXPECT_EQ(filter.inside, kInside);
    EXPECT_EQ(filter.protocol, 17);
    EXPECT_EQ(filter.rule, 7);
    EXPECT_EQ(filter.outside_port, 80);
}

TEST_F(NatViewsTest, opening_is_that_of_either_side) {
    dataplane->nat_sessions.clear();
    ask_sessions({{"state", "opening"}});
    ASSERT_EQ(dataplane->nat_asks.size(), 2U);
    EXPECT_EQ(dataplane->nat_asks[0].filter.age, api::NatAge::TcpOpening);
    EXPECT_EQ(dataplane->nat_asks[1].filter.age, api::NatAge::TcpOpeningInward);
}

TEST_F(NatViewsTest, nonsense_in_a_filter_is_refused_at_once) {
    const json::object answer =
        ask_sessions({{"inside", "10.0.0"}, {"protocol", "xyz"}, {"state", "gone"}});
    EXPECT_FALSE(answer.at("ok").as_bool());
    EXPECT_EQ(answer.at("errors").as_array().size(), 3U) << json::serialize(answer);
    EXPECT_FALSE(ask_sessions({{"rule", "none"}}).at("ok").as_bool());
    EXPECT_TRUE(dataplane->nat_asks.empty());
}

TEST_F(NatViewsTest, subscribers_are_added_up_over_workers_and_the_largest_comes_first) {
    dataplane->nat_subscribers = {{kInside, kOutside, 3, 4, 0, 0},
                                  {kInside + 1, kOutside, 20, 30, 1, 0},
                                  {kInside, kOutside, 30, 40, 0, 1}};
    const json::value data = show_data("nat-subscribers");
    ASSERT_EQ(data.as_array().size(), 2U);
    EXPECT_EQ(data.at(0).at("inside"), "10.0.0.7");
    EXPECT_EQ(data.at(0).at("sessions"), 44);
    EXPECT_EQ(data.at(0).at("ports"), 33);
    EXPECT_EQ(data.at(1).at("blocks"), 1);
}

TEST_F(NatViewsTest, clearing_needs_a_filter_or_all) {
    EXPECT_FALSE(ask({{"verb", "clear"}, {"subject", "nat"}}).at("ok").as_bool());
    EXPECT_TRUE(dataplane->nat_asks.empty());
    const json::object all = ask({{"verb", "clear"}, {"subject", "nat"}, {"all", true}});
    ASSERT_TRUE(all.at("ok").as_bool()) << json::serialize(all);
    EXPECT_EQ(all.at("data").at("cleared"), 5);
    const json::object some =
        ask({{"verb", "clear"}, {"subject", "nat"}, {"remote", "203.0.113.9"}});
    EXPECT_TRUE(some.at("ok").as_bool());
    EXPECT_EQ(dataplane->nat_asks.back().filter.remote, kRemote);
}

TEST_F(NatViewsTest, a_busy_dataplane_is_said_to_be_busy) {
    dataplane->nat_outcome = api::NatAskOutcome::Busy;
    const json::object answer = ask_sessions({});
    EXPECT_FALSE(answer.at("ok").as_bool());
    EXPECT_THAT(std::string(answer.at("errors").at(0).as_string()),
                testing::HasSubstr("ask again"));
}

TEST_F(NatViewsTest, bindings_are_written_to_the_journal_with_the_names_of_rfc_8158) {
    NatJournal journal(directory);
    router->set_nat_journal(journal);
    api::NatBindingRecord binding;
    binding.time_ms = 1'700'000'000'123;
    binding.event = 8;
    binding.protocol = 17;
    binding.inside = kInside;
    binding.inside_port = 5353;
    binding.outside = kOutside;
    binding.outside_port = 40000;
    api::set_bounded_text(binding.rule_name, "lan-out");
    ASSERT_TRUE(dataplane->server->emit(api::EventType::NatBinding, binding));
    binding.event = 16;
    binding.block_first = 2048;
    binding.block_last = 2559;
    binding.block_step = 2;
    ASSERT_TRUE(dataplane->server->emit(api::EventType::NatBinding, binding));
    settle();
    journal.flush();
    std::ifstream file(directory + "/nat-journal.jsonl");
    std::string line;
    ASSERT_TRUE(std::getline(file, line));
    EXPECT_EQ(line, R"({"observationTimeMilliseconds":1700000000123,"natEvent":8,)"
                    R"("event":"binding-create","protocolIdentifier":17,)"
                    R"("sourceIPv4Address":"10.0.0.7","sourceTransportPort":5353,)"
                    R"("postNATSourceIPv4Address":"198.51.100.1",)"
                    R"("postNAPTSourceTransportPort":40000,"rule":"lan-out"})");
    ASSERT_TRUE(std::getline(file, line));
    const json::value block = json::parse(line);
    EXPECT_EQ(block.at("event"), "port-block-allocation");
    EXPECT_EQ(block.at("portRangeStart"), 2048);
    EXPECT_EQ(block.at("portRangeEnd"), 2559);
    EXPECT_EQ(block.at("portRangeStepSize"), 2);
    EXPECT_FALSE(block.as_object().contains("sourceTransportPort"));
    EXPECT_EQ(show_data("nat").at("journal").at("written"), 2);
    stop_router();
}

TEST(NatJournal, begins_another_file_at_its_size_and_keeps_so_many) {
    std::string pattern = testing::TempDir() + "godwit-journal-XXXXXX";
    const std::string directory = ::mkdtemp(pattern.data());
    {
        NatJournal journal(directory);
        config::NatLog limits;
        limits.file_bytes = 100;
        limits.files = 3;
        journal.set_limits(limits);
        for (int i = 0; i < 100; ++i) {
            journal.add("{\"a line of twenty\"}\n");
            journal.flush();
        }
        EXPECT_EQ(journal.written(), 100U);
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        ++files;
        EXPECT_LE(entry.file_size(), 120U) << entry.path();
        std::ifstream file(entry.path());
        std::string line;
        while (std::getline(file, line)) {
            EXPECT_EQ(line, "{\"a line of twenty\"}");
        }
    }
    EXPECT_EQ(files, 3U);
    std::filesystem::remove_all(directory);
}

TEST(NatJournal, counts_what_it_cannot_write) {
    NatJournal journal("/nowhere/at/all");
    journal.add("one\n");
    journal.add("two\n");
    journal.flush();
    EXPECT_EQ(journal.not_written(), 2U);
    EXPECT_EQ(journal.written(), 0U);
}

}  // namespace
}  // namespace godwit::control::test
