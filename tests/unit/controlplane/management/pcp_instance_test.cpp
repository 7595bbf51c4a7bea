// PCP in the running router: a host's datagram becomes a question to the dataplane, and what that
// says a datagram to the host; what is shown of it.
#include "controlplane/management/pcp_instance.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "net/ipv4.hpp"
#include "net/udp.hpp"
#include "tests/support/hex.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"
#include "tests/unit/controlplane/management/router_fixture.hpp"

namespace godwit::control::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr net::Ipv4Address kClient(10, 0, 0, 9);
constexpr net::Ipv4Address kRouterAddress(10, 0, 0, 1);
const std::string kSource =
    "nat:\n"
    "  source: [{name: lan-out, out-interface: wan0, to: interface-address}]\n";
const std::string kPcp = "  pcp: {interfaces: [lan0], min-lifetime: 60s, max-lifetime: 1h}\n";

const std::string kClientBytes = "00000000000000000000ffff0a000009";
const std::string kNonce = "0102030405060708090a0b0c";
// UDP port 5000 for a day, as port 6000 of 198.51.100.1 and no other; from then on for port 53 of
// 192.0.2.0/24 alone.
const std::string kMap = "0201000000015180" + kClientBytes + kNonce + "11000000" + "1388" + "1770" +
                         "00000000000000000000ffffc6336401" + "02000000" +
                         "030000140000000000000000000000000000000000000000" +
                         "030000140078003500000000000000000000ffffc0000200";
constexpr std::uint64_t kEpoch = 77;
const std::string kAnnounce = "0200000000000000" + kClientBytes;

class PcpInstanceTest : public RouterFixture {
protected:
    void start_with_pcp() {
        start_dataplane(text());
        dataplane->nat_totals.max_sessions = 1000;
        dataplane->nat_totals.epoch = {kEpoch, 500'000};
        start_router(text());
        settle();
        pass(300);  // done with announcing
        dataplane->sent.clear();
        dataplane->nat_asks.clear();
    }
    [[nodiscard]] std::string text(const std::string& pcp = kPcp) const {
        return yaml("", "10.0.0.1/24", kSource + pcp);
    }
    // Time here and there: the epoch goes on with it.
    void pass(int seconds) {
        for (int second = 0; second < seconds; ++second) {
            dataplane->nat_totals.epoch.age_ms += 1000;
            clock.advance(1s);
            turn(10);
        }
    }
    void say(const std::string& payload) {
        dataplane->punt(udp({kClient, kRouterAddress}, 5351, godwit::testing::from_hex(payload)));
        settle();
    }
    // The payloads of the datagrams to `port` since the last look.
    std::vector<std::string> heard(std::uint16_t port) {
        std::vector<std::string> all;
        for (const auto& packet : std::exchange(dataplane->sent, {})) {
            const auto ip = net::wire::Ipv4View::parse(packet);
            if (!ip || ip->protocol() != net::IpProtocol::Udp) {
                continue;
            }
            const auto datagram = net::wire::UdpView::parse(ip->payload());
            if (datagram && datagram->destination_port() == port) {
                all.push_back(godwit::testing::to_hex(datagram->payload()));
                std::erase(all.back(), ' ');
            }
        }
        return all;
    }
    std::string answer() {
        const auto all = heard(40000);
        return all.size() == 1 ? all.front() : "nothing, or too much";
    }
    static std::string seconds(std::uint32_t value) { return fmt::format("{:08x}", value); }
};

// rfc6888: REQ-9
TEST_F(PcpInstanceTest, a_hosts_wish_reaches_the_dataplane_whole_and_its_grant_the_host) {
    start_with_pcp();
    dataplane->nat_granted = {api::NatMapOutcome::Done, 0xc6336401, 6000, 0, 3600,
                              {kEpoch, 800'000}};
    say(kMap);
    ASSERT_EQ(dataplane->nat_asks.size(), 1U);
    const api::NatAskBody& asked = dataplane->nat_asks.front();
    EXPECT_EQ(asked.kind, api::NatAskKind::Map);
    EXPECT_EQ(asked.map.inside, kClient.value());
    EXPECT_EQ(asked.map.inside_port, 5000);
    EXPECT_EQ(asked.map.suggested, 0xc6336401U);
    EXPECT_EQ(asked.map.suggested_port, 6000);
    EXPECT_EQ(asked.map.protocol, 17);
    EXPECT_EQ(asked.map.lifetime_seconds, 3600U) << "the most that the configuration allows";
    EXPECT_EQ(asked.map.flags, api::kNatMapExactly | api::kNatMapClearsFilters);
    EXPECT_EQ(asked.map.nonce,
              (std::array<std::uint8_t, 12>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
    ASSERT_EQ(asked.map.filter_count, 1);
    EXPECT_EQ(asked.map.filters[0].network, 0xc0000200U);
    EXPECT_EQ(asked.map.filters[0].length, 24);
    EXPECT_EQ(asked.map.filters[0].port, 53);
    EXPECT_THAT(answer(), StartsWith("02810000" + seconds(3600) + seconds(800) +
                                     "000000000000000000000000" + kNonce + "11000000" + "1388" +
                                     "1770" + "00000000000000000000ffffc6336401"));
}

TEST_F(PcpInstanceTest, every_outcome_has_its_result_code) {
    start_with_pcp();
    const std::map<api::NatMapOutcome, std::string> codes{
        {api::NatMapOutcome::NotAuthorized, "02"},  {api::NatMapOutcome::NotTranslated, "02"},
        {api::NatMapOutcome::NoRoom, "08"},         {api::NatMapOutcome::OverLimit, "0a"},
        {api::NatMapOutcome::NotAsSuggested, "0b"}, {api::NatMapOutcome::TooManyFilters, "0d"},
        {api::NatMapOutcome::NoPort, "08"},         {api::NatMapOutcome::RulesChange, "08"}};
    for (const auto& [outcome, code] : codes) {
        dataplane->nat_granted.outcome = outcome;
        say(kMap);
        EXPECT_THAT(answer(), StartsWith("028100" + code));
    }
    dataplane->nat_outcome = api::NatAskOutcome::Busy;
    say(kMap);
    EXPECT_THAT(answer(), StartsWith("02810008")) << "the dataplane is busy";
}

TEST_F(PcpInstanceTest, without_a_dataplane_the_host_hears_of_a_failure_that_passes) {
    start_with_pcp();
    router->channel().stop();
    settle();
    dataplane->sent.clear();
    const auto& counters = router->pcp().service().server().counters();
    EXPECT_EQ(counters.of(pcp::ResultCode::NetworkFailure), 0U);
    router->stack().arrived(udp({kClient, kRouterAddress}, 5351, godwit::testing::from_hex(kMap)),
                            {net::InterfaceId(1), false}, clock.now());
    settle();
    EXPECT_EQ(counters.of(pcp::ResultCode::NetworkFailure), 1U);
}

// RFC 6887 8.5, 14.1.
// rfc6888: REQ-9
TEST_F(PcpInstanceTest, hosts_hear_when_the_dataplane_lost_what_they_asked_for) {
    start_with_pcp();
    pass(10);
    EXPECT_TRUE(heard(5350).empty());
    dataplane->nat_totals.epoch = {kEpoch + 1, 1'000};
    advance(1s);
    const auto told = heard(5350);
    ASSERT_FALSE(told.empty());
    EXPECT_THAT(told.front(), StartsWith("0280000000000000" + seconds(1)));
    say(kAnnounce);
    EXPECT_THAT(answer(), StartsWith("0280000000000000" + seconds(1)));
}

TEST_F(PcpInstanceTest, where_nothing_is_translated_any_more_hosts_hear_it_as_one_loss) {
    start_with_pcp();
    dataplane->nat_totals.epoch = {};
    for (int second = 0; second < 300; ++second) {
        advance(1s);
    }
    EXPECT_EQ(heard(5350).size(), 10U);
}

// An answer that waited, here or there, is as old as its question; and what the dataplane's clock
// says does not matter as long as the epoch is the same.
TEST_F(PcpInstanceTest, a_slow_answer_does_not_make_it_seem_that_anything_is_lost) {
    start_with_pcp();
    dataplane->nat_totals.epoch.age_ms -= 5000;
    pass(10);
    EXPECT_TRUE(heard(5350).empty());
    say(kAnnounce);
    EXPECT_THAT(answer(), StartsWith("0280000000000000" + seconds(810)));
    dataplane->nat_totals.epoch = {kEpoch + 1, 60'000};
    clock.advance(1s);  // the question is on its way,
    executor.poll();
    clock.advance(4s);
    settle();  // and its answer is heard late
    dataplane->sent.clear();
    say(kAnnounce);
    EXPECT_THAT(answer(), StartsWith("0280000000000000" + seconds(64)));
}

TEST_F(PcpInstanceTest, an_answer_may_come_when_the_router_has_ended) {
    start_with_pcp();
    dataplane->punt(udp({kClient, kRouterAddress}, 5351, godwit::testing::from_hex(kMap)));
    for (int round = 0; round < 20 && dataplane->nat_asks.empty(); ++round) {
        executor.poll();
        dataplane->turn();
    }
    ASSERT_FALSE(dataplane->nat_asks.empty());
    stop_router();
    turn(10);
}

TEST_F(PcpInstanceTest, it_serves_nobody_unless_it_is_asked_to_and_ends_when_it_is_told) {
    start(text(""));
    say(kAnnounce);
    EXPECT_TRUE(heard(40000).empty());
    EXPECT_TRUE(show_data("nat").at("pcp").is_null());
    EXPECT_FALSE(router->pcp().is_on());

    ASSERT_TRUE(apply(text()).at("ok").as_bool());
    settle();
    say(kAnnounce);
    EXPECT_THAT(answer(), StartsWith("02800000"));
    EXPECT_EQ(show_data("nat").at("pcp").at("answers").at("success"), 1);

    ASSERT_TRUE(apply(text("")).at("ok").as_bool());
    say(kAnnounce);
    EXPECT_TRUE(heard(40000).empty());
    std::vector<std::string> texts;
    for (const RouterEvent& event : router->events().of(EventTopic::Nat)) {
        texts.push_back(event.text);
    }
    EXPECT_THAT(
        texts, ::testing::ElementsAre(HasSubstr("pcp serves on lan0"), HasSubstr("pcp has ended")));
}

TEST_F(PcpInstanceTest, what_a_filter_names_is_ended_by_order) {
    start_with_pcp();
    dataplane->nat_sessions.resize(3);  // so many it says that it ended
    dataplane->nat_asks.clear();
    const json::object answer =
        ask({{"verb", "clear"}, {"subject", "nat-mappings"}, {"inside", "10.0.0.9"}});
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    EXPECT_EQ(answer.at("data").at("cleared"), 3);
    ASSERT_EQ(dataplane->nat_asks.size(), 1U);
    EXPECT_EQ(dataplane->nat_asks[0].kind, api::NatAskKind::ClearMappings);
    EXPECT_EQ(dataplane->nat_asks[0].filter.inside, kClient.value());
    EXPECT_FALSE(ask({{"verb", "clear"}, {"subject", "nat-mappings"}}).at("ok").as_bool());
    EXPECT_FALSE(ask({{"verb", "clear"}, {"subject", "nat-mappings"}, {"state", "closing"}})
                     .at("ok")
                     .as_bool())
        << "of sessions alone";
}

TEST_F(PcpInstanceTest, what_hosts_have_and_what_they_were_answered_is_shown) {
    start_with_pcp();
    dataplane->nat_totals.requested = 3;
    dataplane->nat_totals.max_requested = 2048;
    dataplane->nat_totals.requests_expired = 7;
    dataplane->nat_totals
        .requests_refused[static_cast<std::size_t>(api::NatMapOutcome::OverLimit)] = 5;
    api::NatRuleRecord rule;
    rule.rule = 4;
    rule.kind = api::NatRuleKind::Source;
    api::set_bounded_text(rule.name, "lan-out");
    dataplane->nat_rules = {rule};
    api::NatMappingRecord mapping;
    mapping.inside = kClient.value();
    mapping.inside_port = 5000;
    mapping.outside = 0xc6336401;
    mapping.outside_port = 6000;
    mapping.rule = 4;
    mapping.protocol = 17;
    mapping.sessions = 2;
    mapping.seconds_left = 1234;
    mapping.filter_count = 1;
    mapping.filters[0] = {0xc0000200, 53, 24, 0};
    dataplane->nat_mappings = {mapping, {}};

    const json::value shown = show_data("nat");
    EXPECT_EQ(shown.at("requested").at("mappings"), 3);
    EXPECT_EQ(shown.at("requested").at("max-mappings"), 2048);
    EXPECT_EQ(shown.at("requested").at("ended").at("expired"), 7);
    EXPECT_EQ(shown.at("requested").at("refused").at("over-limit"), 5);
    const json::object answer = ask({{"verb", "show"}, {"subject", "nat-mappings"}, {"limit", 1}});
    ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    ASSERT_EQ(answer.at("data").as_array().size(), 1U);
    EXPECT_EQ(json::serialize(answer.at("data").as_array().front()),
              R"({"protocol":"udp","inside":"10.0.0.9:5000","outside":"198.51.100.1:6000",)"
              R"("rule":"lan-out","sessions":2,"expires-in-seconds":1234,)"
              R"("filters":[{"remote":"192.0.2.0/24","port":53}],"worker":0})");
}

}  // namespace
}  // namespace godwit::control::test
