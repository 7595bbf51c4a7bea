// What a protocol is given of the routes of others, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "controlplane/rib/rib.hpp"
#include "tests/support/seeds.hpp"
#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

using config::PolicyAction;
using godwit::testing::seeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

PolicyGate only(const char* range, std::optional<std::uint32_t> metric = std::nullopt) {
    config::RoutePolicy definition;
    definition.terms.push_back({"t",
                                {.prefixes = {net::Ipv4PrefixRange::parse(range).value()}},
                                {.metric = metric},
                                PolicyAction::Accept});
    return PolicyGate(std::make_shared<Policy>(
        "only", definition, std::map<std::string, std::vector<net::Ipv4PrefixRange>>(),
        [](std::string_view) { return net::InterfaceId(); }));
}

RedistributionRequest request(std::vector<RedistributionRule> rules) {
    return {RouteSource::Rip, std::move(rules), {}};
}

class RedistributionTest : public ::testing::Test {
protected:
    RedistributionTest() {
        rib.set_interface_up(kLan, true);
        rib.set_interface_up(kWan, true);
    }

    // "10.0.0.0/8 static 0", "10.0.0.0/8 gone".
    std::vector<std::string> news() {
        std::vector<std::string> texts;
        do {
            for (const RedistributionChange& change : rib.redistribution().take(id, 3)) {
                texts.push_back(change.prefix.to_string() +
                                (change.route ? " " + std::string(name_of(change.route->source)) +
                                                    " " + std::to_string(change.route->metric)
                                              : " gone"));
            }
        } while (!rib.redistribution().in_step(id));
        return texts;
    }

    Rib rib;
    SubscriptionId id{};
};

TEST_F(RedistributionTest, First_comes_everything_then_changes) {
    rib.set(connected("192.0.2.0/24", kLan));
    rib.set(static_route("10.0.0.0/8", {via("192.0.2.1")}));
    id = rib.redistribution().subscribe(
        request({{RouteSource::Connected, PolicyGate(WithoutPolicy::AcceptAll)},
                 {RouteSource::Static, PolicyGate(WithoutPolicy::AcceptAll)}}));
    EXPECT_FALSE(rib.redistribution().in_step(id));
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 static 0", "192.0.2.0/24 connected 0"));
    rib.set(static_route("11.0.0.0/8", {via("192.0.2.1")}));
    rib.remove(prefix("10.0.0.0/8"), RouteSource::Static);
    EXPECT_THAT(news(), ElementsAre("11.0.0.0/8 static 0", "10.0.0.0/8 gone"));
    EXPECT_EQ(rib.redistribution().handed_over(id), 2U);
}

TEST_F(RedistributionTest, A_route_that_comes_and_goes_between_two_looks_is_never_seen) {
    rib.set(connected("192.0.2.0/24", kLan));
    id = rib.redistribution().subscribe(
        request({{RouteSource::Static, PolicyGate(WithoutPolicy::AcceptAll)}}));
    news();
    rib.set(static_route("10.0.0.0/8", {via("192.0.2.1")}));
    rib.remove(prefix("10.0.0.0/8"), RouteSource::Static);
    EXPECT_THAT(news(), IsEmpty());
}

TEST_F(RedistributionTest, An_equal_route_again_says_nothing_and_another_metric_does) {
    rib.set(connected("192.0.2.0/24", kLan));
    id = rib.redistribution().subscribe(
        request({{RouteSource::Static, PolicyGate(WithoutPolicy::AcceptAll)}}));
    Route route = static_route("10.0.0.0/8", {via("192.0.2.1")});
    rib.set(route);
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 static 0"));
    rib.set(route);
    EXPECT_THAT(news(), IsEmpty());
    route.metric = 5;
    rib.set(route);
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 static 5"));
}

TEST_F(RedistributionTest, Only_the_best_route_is_offered) {
    rib.set(connected("192.0.2.0/24", kLan));
    rib.set(static_route("10.0.0.0/8", {via("192.0.2.1")}));
    id = rib.redistribution().subscribe(
        request({{RouteSource::Ospf, PolicyGate(WithoutPolicy::AcceptAll)}}));
    rib.set(route(RouteSource::Ospf, "10.0.0.0/8", {via("192.0.2.2", kLan)}));
    EXPECT_THAT(news(), IsEmpty()) << "the static one is better";
    rib.remove(prefix("10.0.0.0/8"), RouteSource::Static);
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 ospf 0"));
}

TEST_F(RedistributionTest, A_consumer_never_gets_its_own_routes_back) {
    id = rib.redistribution().subscribe(
        request({{RouteSource::Rip, PolicyGate(WithoutPolicy::AcceptAll)},
                 {RouteSource::Static, PolicyGate(WithoutPolicy::AcceptAll)}}));
    rib.set(route(RouteSource::Rip, "10.0.0.0/8", {via("192.0.2.2", kLan)}));
    EXPECT_THAT(news(), IsEmpty());
    rib.set(route(RouteSource::Static, "10.0.0.0/8", {via("192.0.2.3", kLan)}));
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 static 0"));
    rib.remove(prefix("10.0.0.0/8"), RouteSource::Static);
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 gone")) << "its own is the best now";
}

TEST_F(RedistributionTest, A_route_with_a_refused_tag_stays_away) {
    RedistributionRequest wanted =
        request({{RouteSource::Ospf, PolicyGate(WithoutPolicy::AcceptAll)}});
    wanted.refused_tags = {120};
    id = rib.redistribution().subscribe(wanted);
    Route marked = route(RouteSource::Ospf, "10.0.0.0/8", {via("192.0.2.2", kLan)});
    marked.tag = 120;
    rib.set(marked);
    EXPECT_THAT(news(), IsEmpty());
    marked.tag = 0;
    rib.set(marked);
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 ospf 0"));
}

TEST_F(RedistributionTest, Another_policy_withdraws_and_announces_exactly_what_differs) {
    for (const char* to : {"10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"}) {
        rib.set(static_route(to, {via("192.0.2.1", kLan)}));
    }
    id = rib.redistribution().subscribe(request({{RouteSource::Static, only("10.0.0.0/7 le 8")}}));
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 static 0", "11.0.0.0/8 static 0"));
    rib.redistribution().change(id, request({{RouteSource::Static, only("10.0.0.0/8")}}));
    EXPECT_THAT(news(), ElementsAre("11.0.0.0/8 gone"));
    rib.redistribution().change(id, request({{RouteSource::Static, only("10.0.0.0/8", 4)}}));
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 static 4"));
    rib.redistribution().change(id, request({}));
    EXPECT_THAT(news(), ElementsAre("10.0.0.0/8 gone"));
}

TEST_F(RedistributionTest, A_next_hop_that_moves_is_told_with_the_route) {
    rib.set(connected("192.0.2.0/24", kLan));
    rib.set(connected("198.51.100.0/24", kWan));
    rib.set(static_route("203.0.113.1/32", {via("192.0.2.1")}));
    rib.set(static_route("10.0.0.0/8", {via("203.0.113.1")}));
    id = rib.redistribution().subscribe(request({{RouteSource::Static, only("10.0.0.0/8")}}));
    auto changes = rib.redistribution().take(id, 100);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].route->next_hop, via("192.0.2.1", kLan));
    rib.set(static_route("203.0.113.1/32", {via("198.51.100.1")}));
    changes = rib.redistribution().take(id, 100);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].route->next_hop, via("198.51.100.1", kWan));
}

TEST_F(RedistributionTest, An_interface_that_goes_down_withdraws_its_routes) {
    rib.set(connected("192.0.2.0/24", kLan));
    id = rib.redistribution().subscribe(
        request({{RouteSource::Connected, PolicyGate(WithoutPolicy::AcceptAll)}}));
    EXPECT_THAT(news(), ElementsAre("192.0.2.0/24 connected 0"));
    rib.set_interface_up(kLan, false);
    EXPECT_THAT(news(), ElementsAre("192.0.2.0/24 gone"));
}

TEST_F(RedistributionTest, It_explains_why_a_route_is_handed_over_or_not) {
    rib.set(static_route("10.0.0.0/8", {via("192.0.2.1", kLan)}));
    rib.redistribution().subscribe(request({{RouteSource::Static, only("10.0.0.0/8")}}));
    rib.redistribution().subscribe(
        request({{RouteSource::Connected, PolicyGate(WithoutPolicy::AcceptAll)}}));
    const auto traces = rib.redistribution().explain(prefix("10.0.0.0/8"));
    ASSERT_EQ(traces.size(), 2U);
    EXPECT_TRUE(traces[0].route.has_value());
    EXPECT_EQ(traces[0].policy.policy, "only");
    EXPECT_EQ(traces[1].refused, "it takes no static routes");
}

// Random changes of routes, rules and interfaces, taken in random portions: what the consumer has
// built up is in the end what the best routes and the rules say.
TEST(RedistributionProperty, What_is_handed_over_equals_the_best_routes_that_pass) {
    for (const std::uint64_t seed : seeds(60)) {
        std::mt19937_64 random(seed);
        const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
        constexpr std::array kSources{RouteSource::Connected, RouteSource::Static,
                                      RouteSource::Ospf, RouteSource::Rip};
        Rib rib;
        rib.set_interface_up(kLan, true);
        std::vector<RedistributionRule> rules{{RouteSource::Static, only("0.0.0.0/0 le 32")}};
        const SubscriptionId id = rib.redistribution().subscribe(request(rules));
        std::map<net::Ipv4Prefix, RedistributedRoute> held;
        const auto take = [&](std::size_t limit) {
            for (const RedistributionChange& change : rib.redistribution().take(id, limit)) {
                if (change.route) {
                    held.insert_or_assign(change.prefix, *change.route);
                } else {
                    ASSERT_EQ(held.erase(change.prefix), 1U) << "GODWIT_SEED=" << seed;
                }
            }
        };
        for (int step = 0; step < 200; ++step) {
            const net::Ipv4Prefix to =
                net::Ipv4Prefix::covering(net::Ipv4Address(0x0a000000U + (below(12) << 20U)), 12);
            const RouteSource source = kSources[below(4)];
            if (below(30) == 0) {
                rib.set_interface_up(kWan, below(2) == 0);
            } else if (below(20) == 0) {
                rules.clear();
                for (const RouteSource from : kSources) {
                    if (below(2) == 0) {
                        rules.push_back({from, below(2) == 0
                                                   ? only("10.0.0.0/9 le 32")
                                                   : PolicyGate(WithoutPolicy::AcceptAll)});
                    }
                }
                rib.redistribution().change(id, request(rules));
            } else if (below(3) == 0) {
                rib.remove(to, source);
            } else {
                Route made =
                    route(source, to.to_string(), {via("192.0.2.1", below(2) == 0 ? kLan : kWan)});
                made.metric = below(2);
                rib.set(made);
            }
            if (below(3) == 0) {
                take(below(4));
            }
        }
        while (!rib.redistribution().in_step(id)) {
            take(2);
        }
        std::map<net::Ipv4Prefix, RouteSource> expected;
        for (const PrefixView& view : rib.page({}, 1000)) {
            for (const RouteView& candidate : view.routes) {
                const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& one) {
                    return one.from == candidate.source;
                });
                if (candidate.selected && candidate.source != RouteSource::Rip &&
                    rule != rules.end() &&
                    (rule->policy.policy() == nullptr ||
                     view.prefix.address().value() >> 23U == 0x14U)) {
                    expected.emplace(view.prefix, candidate.source);
                }
            }
        }
        std::map<net::Ipv4Prefix, RouteSource> got;
        for (const auto& [to, route] : held) {
            got.emplace(to, route.source);
        }
        ASSERT_EQ(got, expected) << "GODWIT_SEED=" << seed;
        ASSERT_EQ(rib.redistribution().handed_over(id), held.size());
    }
}

}  // namespace
}  // namespace godwit::control::testing
