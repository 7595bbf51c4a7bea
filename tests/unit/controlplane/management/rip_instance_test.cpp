// RIP in the running router: two of them on one wire, each with its own stack and RIB, from the
// configuration's text to the routes.
#include "controlplane/management/rip_instance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "controlplane/management/rip_settings.hpp"
#include "controlplane/management/rip_view.hpp"
#include "tests/unit/controlplane/management/small_rip_router.hpp"

namespace godwit::control {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

using test::kEth0;
using test::SmallRouter;

class RipInRouter : public ::testing::Test {
protected:
    void pass(Duration time) {
        for (Duration done{}; done < time; done += seconds(1)) {
            clock.advance(seconds(1));
            for (int i = 0; i < 10; ++i) {
                carry(left, right);
                carry(right, left);
            }
        }
    }
    static void carry(SmallRouter& from, SmallRouter& to) {
        while (!from.sent.empty()) {
            const Outgoing packet = from.sent.front();
            from.sent.pop_front();
            if (packet.egress == kEth0) {
                to.arrived(kEth0, packet.packet);
            }
        }
    }

    VirtualClock clock;
    SmallRouter left{clock, 1};
    SmallRouter right{clock, 2};
};

constexpr const char* kPlain = "rip: {interfaces: {eth0: {}, eth1: {passive: true}}}\n";

TEST_F(RipInRouter, learns_from_a_neighbour_through_its_own_stack) {
    left.adopt(kPlain);
    right.adopt(kPlain);
    pass(seconds(10));
    EXPECT_EQ(left.metric_of("10.0.2.0/24"), 2U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
    const auto neighbors = boost::json::serialize(rip_neighbors_json(*left.rip, {{kEth0, "eth0"}}));
    EXPECT_THAT(neighbors, HasSubstr(R"("neighbor":"10.0.0.2","interface":"eth0","state":"up")"));
    EXPECT_FALSE(left.converged);
    pass(seconds(40));
    EXPECT_TRUE(left.begun && left.converged);
}

TEST_F(RipInRouter, tells_what_is_redistributed_and_ends_it_with_its_configuration) {
    const std::string with = std::string(
        "rip: {interfaces: {eth0: {}}, redistribute: "
        "[{from: static, metric: 4}, {from: connected}]}\n");
    left.adopt(with);
    right.adopt("rip: {interfaces: {eth0: {}}}\n");
    right.rib.replace_source(RouteSource::Static, {});
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 5U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
    left.adopt("rip: {interfaces: {eth0: {}}, redistribute: [{from: connected}]}\n");
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 0U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
}

TEST_F(RipInRouter, its_policies_are_those_of_the_router_and_count_there) {
    const char* const policed =
        "policy:\n"
        "  policies:\n"
        "    told:\n"
        "      terms:\n"
        "        - {name: lan, match: {interface: eth1}, then: reject}\n"
        "        - {name: rest, set: {tag: 7}, then: accept}\n"
        "    given:\n"
        "      terms: [{name: holes, match: {source: static}, set: {metric: 5}, then: accept}]\n"
        "rip: {interfaces: {eth0: {export: told}, eth1: {passive: true}},\n"
        "      redistribute: [{from: static, policy: given}]}\n";
    left.adopt(policed);
    right.adopt("rip: {interfaces: {eth0: {}}}\n");
    right.rib.replace_source(RouteSource::Static, {});
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 6U);
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 0U) << "rejected by the term of its interface";
    const auto routes = [&](const char* policy, std::size_t term) {
        return left.policies.find(policy)->counters().terms[term].routes;
    };
    EXPECT_EQ(routes("given", 0), 1U);
    EXPECT_GT(routes("told", 0), 0U);
    EXPECT_GT(routes("told", 1), 0U);
    // The policies that stay go on counting through a change beside them.
    const std::uint64_t before = routes("told", 1);
    std::string changed = policed;
    changed.replace(changed.find("metric: 5"), 9, "metric: 6");
    left.adopt(changed);
    pass(seconds(40));
    EXPECT_EQ(right.metric_of("10.99.0.0/16"), 7U);
    EXPECT_EQ(routes("given", 0), 2U) << "the new one has gone on from the old one's count";
    EXPECT_GT(routes("told", 1), before);
}

TEST_F(RipInRouter, tells_as_events_who_is_lost_and_which_limit_is_met) {
    left.adopt("rip: {interfaces: {eth0: {max-routes: 1}}}\n");
    right.adopt(
        "rip: {interfaces: {eth0: {}, eth1: {passive: true}}, redistribute: [{from: static}]}\n");
    pass(seconds(10));
    const auto told = [&](EventLevel level, const char* text) {
        const auto& events = left.events.of(EventTopic::Rip);
        return std::count_if(events.begin(), events.end(), [&](const RouterEvent& event) {
            return event.level == level && event.text.find(text) != std::string::npos;
        });
    };
    EXPECT_EQ(told(EventLevel::Info, "rip hears 10.0.0.2 on eth0"), 1);
    EXPECT_EQ(told(EventLevel::Warning, "10.0.0.2 on eth0 tells more than 1 routes"), 1);
    right.adopt("");
    right.sent.clear();
    pass(seconds(400));
    EXPECT_EQ(told(EventLevel::Warning, "rip hears 10.0.0.2 on eth0 no more"), 1);
    EXPECT_EQ(left.rip->events().size(), left.events.of(EventTopic::Rip).size());
}

TEST_F(RipInRouter, withdraws_everything_and_says_so_when_it_ends) {
    left.adopt(kPlain);
    right.adopt(kPlain);
    pass(seconds(10));
    left.adopt("");
    EXPECT_EQ(left.metric_of("10.0.2.0/24"), 0U);
    EXPECT_EQ(left.rip->service(), nullptr);
    pass(seconds(2));
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 0U);
    left.adopt(kPlain);
    pass(seconds(10));
    EXPECT_EQ(right.metric_of("10.0.1.0/24"), 2U);
}

TEST_F(RipInRouter, reads_its_secrets_and_shows_where_one_is_missing) {
    ASSERT_EQ(::setenv("GODWIT_TEST_RIP_KEY", "s3cret", 1), 0);
    const std::string keyed =
        "rip: {interfaces: {eth0: {authentication: {hmac-sha-256: {key: {env: "
        "GODWIT_TEST_RIP_KEY}}}}, eth1: {passive: true}}}\n";
    left.adopt(keyed);
    right.adopt(keyed);
    pass(seconds(10));
    EXPECT_EQ(left.metric_of("10.0.2.0/24"), 2U);
    left.adopt("rip: {interfaces: {eth0: {authentication: {md5: {key: {file: /nowhere/key}}}}}}\n");
    ASSERT_EQ(left.rip->problems().size(), 1U);
    EXPECT_THAT(left.rip->problems()[0], HasSubstr("rip on eth0: the secret /nowhere/key"));
    left.sent.clear();
    pass(seconds(1));
    EXPECT_THAT(boost::json::serialize(rip_interfaces_json(*left.rip)),
                HasSubstr(R"("authentication":"unreadable")"));
    EXPECT_TRUE(left.sent.empty());
}

}  // namespace
}  // namespace godwit::control
