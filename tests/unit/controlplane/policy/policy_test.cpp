// What terms decide, change, count and tell.
#include "controlplane/policy/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/policy/policy_gate.hpp"
#include "controlplane/policy/policy_table.hpp"
#include "tests/unit/controlplane/policy/policies.hpp"

namespace godwit::control::testing {
namespace {

using config::PolicyAction;
using config::PolicyMatch;
using config::PolicySet;
using config::RouteOrigin;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Policy, Without_terms_the_default_decides) {
    EXPECT_FALSE(policy({}).evaluate(route_to("10.0.0.0/8")).accepted);
    EXPECT_TRUE(policy({}, PolicyAction::Accept).evaluate(route_to("10.0.0.0/8")).accepted);
}

TEST(Policy, The_first_term_that_applies_and_decides_ends_the_walk) {
    Policy tested =
        policy({term("no", {.prefixes = {range("10.0.0.0/8 le 32")}}, PolicyAction::Reject),
                term("rest", {}, PolicyAction::Accept)});
    EXPECT_FALSE(tested.evaluate(route_to("10.1.0.0/16")).accepted);
    EXPECT_TRUE(tested.evaluate(route_to("192.0.2.0/24")).accepted);
}

TEST(Policy, All_keys_of_a_match_must_hold_and_one_value_of_each) {
    Policy tested = policy(
        {term("both", {.sources = {RouteOrigin::Static, RouteOrigin::Connected}, .tags = {7, 3}},
              PolicyAction::Accept)});
    PolicyRoute route = route_to("10.0.0.0/8");
    EXPECT_FALSE(tested.evaluate(route).accepted);
    route.tag = 3;
    EXPECT_TRUE(tested.evaluate(route).accepted);
    route.source = RouteSource::Rip;
    EXPECT_FALSE(tested.evaluate(route).accepted);
}

TEST(Policy, A_match_reads_length_metric_interface_and_next_hop) {
    const std::vector<RibNextHop> hops = {
        RibNextHop::gateway(net::Ipv4Address(192, 0, 2, 1), kLan0),
        RibNextHop::gateway(net::Ipv4Address(198, 51, 100, 1), kWan0)};
    PolicyRoute route = route_to("10.0.0.0/16");
    route.metric = 5;
    route.next_hops = hops;
    const auto takes = [&](PolicyMatch match) {
        return policy({term("t", std::move(match), PolicyAction::Accept)}, PolicyAction::Reject,
                      {{"routers", {range("198.51.100.0/24")}}})
            .evaluate(route)
            .accepted;
    };
    EXPECT_TRUE(takes({.prefix_length = config::NumberRange{16, 24}}));
    EXPECT_FALSE(takes({.prefix_length = config::NumberRange{17, 24}}));
    EXPECT_TRUE(takes({.metric = config::NumberRange{5, 5}}));
    EXPECT_FALSE(takes({.metric = config::NumberRange{0, 4}}));
    EXPECT_TRUE(takes({.interfaces = {"wan0"}}));
    EXPECT_FALSE(takes({.interfaces = {"gone0"}})) << "an interface without a number";
    EXPECT_TRUE(takes({.next_hops = {net::Ipv4Address(192, 0, 2, 1)}}));
    EXPECT_FALSE(takes({.next_hops = {net::Ipv4Address(192, 0, 2, 2)}}));
    EXPECT_TRUE(takes({.next_hop_sets = {"routers"}}));
}

TEST(Policy, Next_lets_the_terms_behind_see_the_changes) {
    Policy tested = policy({term("mark", {}, PolicyAction::Next, {.add_metric = 10, .tag = 99}),
                            term("marked", {.tags = {99}, .metric = config::NumberRange{10, 10}},
                                 PolicyAction::Accept, {.distance = 50})});
    const PolicyResult result = tested.evaluate(route_to("10.0.0.0/8"));
    ASSERT_TRUE(result.accepted);
    EXPECT_EQ(result.route.metric, 10U);
    EXPECT_TRUE(result.route.metric_set);
    EXPECT_EQ(result.route.tag, 99U);
    EXPECT_EQ(result.route.distance, 50);
}

TEST(Policy, A_route_that_is_rejected_comes_back_as_it_was) {
    Policy tested = policy({term("mark", {}, PolicyAction::Next, {.tag = 99})});
    const PolicyResult result = tested.evaluate(route_to("10.0.0.0/8"));
    EXPECT_FALSE(result.accepted);
    EXPECT_EQ(result.route.tag, 0U);
}

TEST(Policy, A_metric_stays_within_its_numbers) {
    PolicyRoute route = route_to("10.0.0.0/8");
    route.metric = 4'294'967'290U;
    EXPECT_EQ(policy({term("t", {}, PolicyAction::Accept, {.add_metric = 10})})
                  .evaluate(route)
                  .route.metric,
              4'294'967'295U);
    route.metric = 3;
    EXPECT_EQ(policy({term("t", {}, PolicyAction::Accept, {.subtract_metric = 10})})
                  .evaluate(route)
                  .route.metric,
              0U);
}

TEST(Policy, Counters_are_kept_by_term_and_survive_an_exchange) {
    const std::vector<config::PolicyTerm> terms = {
        term("ten", {.prefixes = {range("10.0.0.0/8 le 32")}}, PolicyAction::Accept)};
    Policy first = policy(terms);
    first.evaluate(route_to("10.0.0.0/8"));
    first.evaluate(route_to("11.0.0.0/8"));
    Policy second = policy(terms, PolicyAction::Accept);
    second.take_counters(first);
    second.evaluate(route_to("10.0.0.0/8"));
    const PolicyCounters counters = second.counters();
    ASSERT_EQ(counters.terms.size(), 1U);
    EXPECT_EQ(counters.terms[0].routes, 2U);
    EXPECT_EQ(counters.by_default, 1U);
    EXPECT_EQ(counters.accepted, 2U);
    EXPECT_EQ(counters.rejected, 1U);
}

TEST(Policy, A_trace_tells_every_step_and_counts_nothing) {
    const Policy tested =
        policy({term("small", {.prefix_length = config::NumberRange{25, 32}}, PolicyAction::Reject),
                term("mark", {.sources = {RouteOrigin::Static}}, PolicyAction::Next, {.tag = 9})},
               PolicyAction::Accept);
    PolicyTrace trace;
    EXPECT_TRUE(tested.explain(route_to("10.0.0.0/8"), trace).accepted);
    EXPECT_EQ(trace.policy, "tested");
    ASSERT_EQ(trace.steps.size(), 3U);
    EXPECT_FALSE(trace.steps[0].applies);
    EXPECT_THAT(trace.steps[0].conditions, ElementsAre("prefix-length 25 to 32"));
    EXPECT_TRUE(trace.steps[1].applies);
    EXPECT_THAT(trace.steps[1].changes, ElementsAre("tag 9"));
    EXPECT_EQ(trace.steps[2].term, "") << "the default";
    EXPECT_EQ(tested.counters().accepted, 0U);
}

TEST(PolicyGate, Without_a_policy_the_rule_of_the_asker_holds_RFC_8212) {
    PolicyTrace trace;
    EXPECT_TRUE(PolicyGate(WithoutPolicy::AcceptAll).evaluate(route_to("10.0.0.0/8")).accepted);
    EXPECT_FALSE(PolicyGate(WithoutPolicy::RejectAll).evaluate(route_to("10.0.0.0/8")).accepted);
    EXPECT_FALSE(
        PolicyGate(WithoutPolicy::RejectAll).explain(route_to("10.0.0.0/8"), trace).accepted);
    EXPECT_NE(trace.rule.find("RFC 8212"), std::string::npos);
}

class Table : public ::testing::Test {
protected:
    std::vector<std::string> replace() { return table.replace(section, numbers); }

    config::PolicySection section{
        {{"ours", {range("10.0.0.0/8 le 32")}}, {"other", {range("11.0.0.0/8")}}},
        {{"by-set",
          {PolicyAction::Reject, {term("t", {.prefix_sets = {"ours"}}, PolicyAction::Accept)}}},
         {"by-interface",
          {PolicyAction::Reject, {term("t", {.interfaces = {"lan0"}}, PolicyAction::Accept)}}}}};
    std::map<std::string, net::InterfaceId, std::less<>> known;
    InterfaceNumbers numbers = [this](std::string_view name) {
        const auto found = known.find(name);
        return found == known.end() ? net::InterfaceId() : found->second;
    };
    PolicyTable table;
};

TEST_F(Table, The_same_section_again_changes_nothing) {
    EXPECT_THAT(replace(), ElementsAre("by-interface", "by-set"));
    const auto before = table.find("by-set");
    EXPECT_THAT(replace(), IsEmpty());
    EXPECT_EQ(table.find("by-set"), before);
}

TEST_F(Table, A_prefix_set_changes_only_the_policies_that_name_it) {
    replace();
    section.prefix_sets["other"].clear();
    EXPECT_THAT(replace(), IsEmpty());
    section.prefix_sets["ours"].push_back(range("12.0.0.0/8"));
    EXPECT_THAT(replace(), ElementsAre("by-set"));
    EXPECT_TRUE(table.find("by-set")->evaluate(route_to("12.0.0.0/8")).accepted);
}

TEST_F(Table, An_interface_that_gets_its_number_changes_the_policies_that_name_it) {
    replace();
    known.emplace("lan0", kLan0);
    EXPECT_THAT(replace(), ElementsAre("by-interface"));
}

TEST_F(Table, A_policy_that_is_gone_is_named_and_its_holders_keep_it) {
    replace();
    const auto held = table.find("by-set");
    section.policies.erase("by-set");
    EXPECT_THAT(replace(), ElementsAre("by-set"));
    EXPECT_EQ(table.find("by-set"), nullptr);
    EXPECT_TRUE(held->evaluate(route_to("10.0.0.0/8")).accepted);
    EXPECT_FALSE(
        table.gate("by-set", WithoutPolicy::AcceptAll).evaluate(route_to("10.0.0.0/8")).accepted)
        << "a name without a policy lets nothing pass";
}

}  // namespace
}  // namespace godwit::control::testing
