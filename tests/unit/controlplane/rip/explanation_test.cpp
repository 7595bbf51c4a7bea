// What the core says of a prefix: who told it, what the import policy made of it, which interfaces
// are told of it, and why the others are not.
#include "controlplane/rip/explanation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "controlplane/rip/core.hpp"
#include "tests/unit/controlplane/rip/message_text.hpp"

namespace godwit::control::rip {
namespace {

using std::chrono::seconds;

const net::InterfaceId kEth0(1);
const net::InterfaceId kEth1(2);

net::Ipv4Address address(const char* text) {
    return net::Ipv4Address::parse(text).value();
}

net::Ipv4Prefix prefix(const char* text) {
    return net::Ipv4Prefix::parse(text).value();
}

// 10.0.0.1/24 on eth0 and 10.0.1.1/24 on eth1.
class RipExplanation : public ::testing::Test {
protected:
    RipExplanation() {
        settings.interfaces["eth0"];
        settings.interfaces["eth1"];
        settings.interfaces["eth1"].cost = 2;
    }

    void start() {
        core = std::make_unique<Core>(
            Surroundings{[] { return 0x80000000U; },
                         [] { return WallTime(std::chrono::seconds(1'000'000'000)); }},
            settings, now);
        set_links();
    }
    void set_links(bool eth1_up = true, const char* eth0 = "10.0.0.1/24") {
        core->set_links(
            {{"eth0", kEth0, true, {net::Ipv4InterfaceAddress::parse(eth0).value()}},
             {"eth1", kEth1, eth1_up, {net::Ipv4InterfaceAddress::parse("10.0.1.1/24").value()}}},
            now);
        core->advance(now);
    }
    void configure() {
        core->configure(settings, now);
        core->advance(now);
    }
    void hear(const char* source, const std::string& response) {
        const std::vector<std::uint8_t> payload = encode(message_of("response 2: " + response));
        Datagram datagram;
        datagram.source = address(source);
        datagram.interface = prefix("10.0.1.0/24").contains(datagram.source) ? kEth1 : kEth0;
        datagram.destination = kAllRouters;
        datagram.payload = payload;
        core->receive(datagram, now);
        core->advance(now);
    }
    void pass(Duration time) {
        const Instant end = now + time;
        for (auto next = core->next_deadline(); next && *next <= end;
             next = core->next_deadline()) {
            now = std::max(now, *next);
            core->advance(now);
        }
        now = end;
    }
    // Refuses what lies inside a prefix, but for the tag 99; `passing` counts the routes that pass
    // for real.
    RoutePolicy refusing(const char* inside) {
        RoutePolicy policy{std::string("not-") + inside, 1, {}};
        policy.evaluate = [this, refused = prefix(inside)](
                              const PolicyInput& input,
                              Asking asking) -> std::optional<PolicyOutput> {
            passing += asking == Asking::Passing ? 1 : 0;
            return refused.contains(input.prefix) && input.tag != 99
                       ? std::nullopt
                       : std::optional(PolicyOutput{input.metric + 1, input.tag + 1});
        };
        return policy;
    }

    PrefixExplanation explain(const char* what) { return core->explain(prefix(what), now); }
    // What is told out of an interface, to its first target.
    ExportExplanation exported(const char* what, const char* interface) {
        for (const ExportExplanation& one : explain(what).exports) {
            if (one.interface == interface) {
                return one;
            }
        }
        ADD_FAILURE() << what << " has nothing to do with " << interface;
        return {};
    }

    Settings settings;
    std::unique_ptr<Core> core;
    Instant now = Instant(std::chrono::hours(1));
    int passing = 0;
};

TEST_F(RipExplanation, of_a_route_in_use_says_what_was_told_and_what_became_of_it) {
    settings.interfaces["eth1"].import = refusing("10.8.0.0/16");
    start();
    hear("10.0.1.2", "10.9.0.0/16 metric 3 tag 5 next-hop 10.0.1.9");
    now += seconds(4);
    const auto imports = explain("10.9.0.0/16").imports;
    ASSERT_EQ(imports.size(), 1U);
    EXPECT_EQ(imports[0].interface, "eth1");
    EXPECT_EQ(imports[0].neighbor, address("10.0.1.2"));
    EXPECT_EQ(imports[0].told.metric, 3U);
    EXPECT_EQ(imports[0].told.tag, 5U);
    EXPECT_EQ(imports[0].told.next_hop, address("10.0.1.9"));
    EXPECT_EQ(imports[0].told.interface, kEth1);
    EXPECT_EQ(imports[0].heard, seconds(4));
    EXPECT_EQ(imports[0].metric, Metric::of(6)) << "one of the policy, two of the network";
    EXPECT_EQ(imports[0].tag, 6);
    EXPECT_EQ(imports[0].policy, "not-10.8.0.0/16");
    EXPECT_TRUE(explain("10.7.0.0/16").is_empty());
    // Heard again, told otherwise.
    hear("10.0.1.2", "10.9.0.0/16 metric 4 tag 8 next-hop 10.0.1.9");
    EXPECT_EQ(explain("10.9.0.0/16").imports.at(0).told.metric, 4U);
    EXPECT_EQ(explain("10.9.0.0/16").imports.at(0).told.tag, 8U);
    EXPECT_EQ(explain("10.9.0.0/16").imports.at(0).heard, seconds(0));
}

TEST_F(RipExplanation, of_a_refused_route_says_what_was_told_and_by_whom) {
    settings.interfaces["eth1"].import = refusing("10.9.0.0/16");
    start();
    hear("10.0.1.2", "10.9.0.0/16 metric 3 tag 5");
    hear("10.0.0.2", "10.9.0.0/16 metric 7");
    const PrefixExplanation explained = explain("10.9.0.0/16");
    ASSERT_EQ(explained.imports.size(), 2U);
    EXPECT_EQ(explained.imports[0].metric, Metric::of(8));
    EXPECT_EQ(explained.imports[1].neighbor, address("10.0.1.2"));
    EXPECT_EQ(explained.imports[1].metric, std::nullopt);
    EXPECT_EQ(explained.imports[1].told.metric, 3U);
    EXPECT_EQ(explained.imports[1].told.tag, 5U);
    EXPECT_EQ(explained.imports[1].policy, "not-10.9.0.0/16");
}

TEST_F(RipExplanation, a_refusal_is_forgotten_when_it_holds_no_more) {
    settings.interfaces["eth0"].import = refusing("10.9.0.0/16");
    start();
    const auto refused = [&] { return explain("10.9.0.0/16").imports.size(); };
    const auto refuse = [&] {
        hear("10.0.0.2", "10.9.0.0/16 metric 3");
        ASSERT_EQ(refused(), 1U);
    };
    refuse();
    hear("10.0.0.2", "10.9.0.0/16 metric 16");
    EXPECT_EQ(refused(), 0U) << "told as unreachable";
    refuse();
    core->clear(NeighborId{kEth0, address("10.0.0.2")}, now);
    EXPECT_EQ(refused(), 0U) << "the neighbour is cleared";
    refuse();
    set_links(true, "10.0.5.1/24");
    EXPECT_EQ(refused(), 0U) << "the neighbour is out of reach";
    set_links();
    refuse();
    core->set_links({}, now);
    EXPECT_EQ(refused(), 0U) << "the interface is down";
    set_links();
    refuse();
    settings.interfaces["eth0"].import = {};
    configure();
    EXPECT_EQ(refused(), 0U) << "the policy is gone";
    settings.interfaces["eth0"].import = refusing("10.9.0.0/16");
    configure();
    refuse();
    hear("10.0.0.2", "10.9.0.0/16 metric 3 tag 99");
    EXPECT_EQ(core->refused().count(), 0U) << "it passes";
    ASSERT_EQ(refused(), 1U);
    EXPECT_TRUE(explain("10.9.0.0/16").imports[0].metric);
}

TEST_F(RipExplanation, a_refusal_that_is_not_heard_again_is_forgotten_after_the_timeout) {
    settings.interfaces["eth0"].import = refusing("10.9.0.0/16");
    start();
    hear("10.0.0.2", "10.9.0.0/16 metric 3");
    pass(seconds(100));
    hear("10.0.0.2", "10.9.0.0/16 metric 3");
    pass(seconds(179));
    EXPECT_EQ(core->refused().count(), 1U);
    pass(settings.update + seconds(1));
    EXPECT_EQ(core->refused().count(), 0U);
}

TEST_F(RipExplanation, refusals_are_limited_and_what_is_beyond_is_counted) {
    settings.interfaces["eth0"].import = refusing("10.0.0.0/8");
    settings.max_routes = 2;
    start();
    hear("10.0.0.2", "10.7.0.0/16 metric 3, 10.8.0.0/16 metric 3, 10.9.0.0/16 metric 3");
    EXPECT_EQ(core->refused().count(), 2U);
    EXPECT_EQ(core->refused().over_limit(), 1U);
    EXPECT_TRUE(explain("10.9.0.0/16").is_empty());
}

// RFC 2453 3.4.3.
TEST_F(RipExplanation, split_horizon_is_the_reason_where_a_route_was_learned) {
    start();
    hear("10.0.0.2", "10.9.0.0/16 metric 3");
    ExportExplanation told = exported("10.9.0.0/16", "eth0");
    EXPECT_EQ(told.reason, TellingReason::Poisoned);
    ASSERT_TRUE(told.told);
    EXPECT_TRUE(told.told->metric.is_infinite());
    told = exported("10.9.0.0/16", "eth1");
    EXPECT_EQ(told.reason, TellingReason::AsItIs);
    EXPECT_EQ(told.to, kAllRouters);
    ASSERT_TRUE(told.told);
    EXPECT_EQ(told.told->metric, Metric::of(4));
    EXPECT_EQ(told.told->next_hop, std::nullopt);
    EXPECT_EQ(exported("10.0.0.0/24", "eth0").reason, TellingReason::OwnNetwork);
    EXPECT_FALSE(exported("10.0.0.0/24", "eth0").told);

    settings.interfaces["eth0"].split_horizon = SplitHorizon::Simple;
    configure();
    EXPECT_EQ(exported("10.9.0.0/16", "eth0").reason, TellingReason::Ending);
    EXPECT_TRUE(exported("10.9.0.0/16", "eth0").told->metric.is_infinite());
    pass(settings.garbage_collect + seconds(1));
    hear("10.0.0.2", "10.9.0.0/16 metric 3 next-hop 10.0.0.9");
    EXPECT_EQ(exported("10.9.0.0/16", "eth0").reason, TellingReason::SplitHorizon);
    EXPECT_FALSE(exported("10.9.0.0/16", "eth0").told);

    settings.interfaces["eth0"].split_horizon = SplitHorizon::Off;
    configure();
    told = exported("10.9.0.0/16", "eth0");
    EXPECT_EQ(told.reason, TellingReason::AsItIs);
    EXPECT_EQ(told.told->next_hop, address("10.0.0.9")) << "RFC 2453 4.4";
}

TEST_F(RipExplanation, the_export_policy_is_asked_and_nothing_is_counted) {
    settings.interfaces["eth1"].exported = refusing("10.9.0.0/16");
    start();
    hear("10.0.0.2", "10.8.0.0/16 metric 3 tag 5, 10.9.0.0/16 metric 3");
    const int before = passing;
    ExportExplanation told = exported("10.8.0.0/16", "eth1");
    ASSERT_TRUE(told.told);
    EXPECT_EQ(told.told->metric, Metric::of(5));
    EXPECT_EQ(told.told->tag, 6);
    ASSERT_TRUE(told.asked);
    EXPECT_EQ(told.asked->metric, 4U);
    EXPECT_EQ(told.asked->source, RouteSource::Rip);
    EXPECT_EQ(told.asked->interface, kEth0);
    EXPECT_EQ(told.asked->next_hop, address("10.0.0.2"));
    told = exported("10.9.0.0/16", "eth1");
    EXPECT_EQ(told.reason, TellingReason::Policy);
    EXPECT_FALSE(told.told);
    EXPECT_TRUE(told.asked);
    EXPECT_EQ(told.policy, "not-10.9.0.0/16");
    EXPECT_EQ(passing, before);

    // What passed a moment ago is told as unreachable for a while.
    settings.interfaces["eth1"].exported = refusing("10.8.0.0/16");
    configure();
    EXPECT_EQ(exported("10.8.0.0/16", "eth1").reason, TellingReason::Ending);
    EXPECT_TRUE(exported("10.8.0.0/16", "eth1").told->metric.is_infinite());
}

TEST_F(RipExplanation, says_where_nobody_is_told_anything) {
    settings.interfaces["eth0"].passive = true;
    settings.interfaces["eth1"].neighbors = {address("10.0.1.9")};
    start();
    hear("10.0.1.2", "10.9.0.0/16 metric 3");
    EXPECT_EQ(exported("10.9.0.0/16", "eth0").reason, TellingReason::Passive);
    EXPECT_EQ(exported("10.9.0.0/16", "eth0").to, std::nullopt);
    const auto exports = explain("10.9.0.0/16").exports;
    ASSERT_EQ(exports.size(), 3U);
    EXPECT_EQ(exports[1].to, kAllRouters);
    EXPECT_EQ(exports[2].to, address("10.0.1.9")) << "told by unicast as well";
    set_links(false);
    EXPECT_EQ(exported("10.0.0.0/24", "eth1").reason, TellingReason::InterfaceDown);
    // RFC 2453 3.8: the route was lost with the interface.
    settings.interfaces["eth0"].passive = false;
    configure();
    EXPECT_EQ(exported("10.9.0.0/16", "eth0").reason, TellingReason::Deleted);
    EXPECT_TRUE(exported("10.9.0.0/16", "eth0").told->metric.is_infinite());
    EXPECT_TRUE(explain("10.9.0.0/16").imports.empty());
}

// RFC 2453 3.7 and 4.3.
TEST_F(RipExplanation, says_what_routers_without_masks_are_told_instead) {
    settings.interfaces["eth1"].send = SendForm::Version1;
    start();
    hear("10.0.0.2",
         "10.9.9.128/25 metric 3, 172.16.3.0/24 metric 5 tag 9, 172.16.2.0/24 metric 3, "
         "192.0.2.0/24 metric 2");
    EXPECT_EQ(exported("10.9.9.128/25", "eth1").reason, TellingReason::Misread);
    EXPECT_FALSE(exported("10.9.9.128/25", "eth1").told);
    const ExportExplanation whole = exported("172.16.3.0/24", "eth1");
    EXPECT_EQ(whole.reason, TellingReason::Whole);
    ASSERT_TRUE(whole.told);
    EXPECT_EQ(whole.told->prefix, prefix("172.16.0.0/16"));
    EXPECT_EQ(whole.told->metric, Metric::of(4)) << "of the nearest of its parts";
    EXPECT_EQ(whole.told->tag, 0) << "version 1 has none";
    ASSERT_TRUE(whole.asked);
    EXPECT_EQ(whole.asked->metric, 6U) << "the policy is asked of the part";
}

}  // namespace
}  // namespace godwit::control::rip
