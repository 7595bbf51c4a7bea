// The rules of the RIB, one by one: choice, recursion, interfaces, views, limits.
#include "controlplane/rib/rib.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controlplane/rib/model_fib.hpp"
#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RibTest : public ::testing::Test {
protected:
    RibTest() {
        rib_.set_interface_up(kLan, true);
        rib_.set_interface_up(kWan, true);
        rib_.set(connected("10.0.0.0/24", kLan));
        rib_.set(connected("192.0.2.0/24", kWan));
        sync();
    }
    void sync() {
        const auto operations = rib_.take_download(100000);
        taken_ += operations.size();
        ASSERT_EQ(fib_.apply(operations), "");
    }
    // In these tests the operation that sets the route is the last one of a sync().
    [[nodiscard]] std::uint64_t last_operation() const { return taken_; }
    std::set<RibNextHop> hops(std::string_view to) {
        sync();
        const auto all = fib_.expanded();
        const auto found = all.find(prefix(to));
        return found == all.end() ? std::set<RibNextHop>{} : found->second;
    }
    NextHopView only_next_hop(std::string_view to) {
        return rib_.find(prefix(to)).value().routes.at(0).next_hops.at(0);
    }

    Rib rib_;
    ModelFib fib_;
    std::uint64_t taken_ = 0;
};

// ---- choice

// rfc1812: 5.2.4.4, 5.2.4.3/d
TEST_F(RibTest, The_lowest_distance_wins) {
    rib_.set(route(RouteSource::Ospf, "172.16.0.0/12", {via("10.0.0.2", kLan)}));
    rib_.set(route(RouteSource::Static, "172.16.0.0/12", {via("192.0.2.2", kWan)}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("192.0.2.2", kWan)));
}

// rfc1812: 5.2.4.3/d
TEST_F(RibTest, At_equal_distance_the_lowest_metric_wins) {
    Route far = route(RouteSource::Ospf, "172.16.0.0/12", {via("10.0.0.2", kLan)});
    far.metric = 20;
    Route near = route(RouteSource::Rip, "172.16.0.0/12", {via("10.0.0.3", kLan)});
    near.distance = far.distance;
    near.metric = 10;
    rib_.set(far);
    rib_.set(near);
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.3", kLan)));
}

TEST_F(RibTest, At_equal_distance_and_metric_the_source_decides_and_local_beats_connected) {
    rib_.set(route(RouteSource::Connected, "10.0.0.1/32", {RibNextHop::glean(kLan)}));
    rib_.set(route(RouteSource::Local, "10.0.0.1/32", {RibNextHop::receive(kLan)}));
    EXPECT_THAT(hops("10.0.0.1/32"), UnorderedElementsAre(RibNextHop::receive(kLan)));
}

TEST_F(RibTest, The_next_best_takes_over_when_the_best_is_removed) {
    rib_.set(route(RouteSource::Ospf, "172.16.0.0/12", {via("10.0.0.2", kLan)}));
    rib_.set(static_route("172.16.0.0/12", {via("192.0.2.2", kWan)}));
    EXPECT_TRUE(rib_.remove(prefix("172.16.0.0/12"), RouteSource::Static));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.2", kLan)));
    EXPECT_FALSE(rib_.remove(prefix("172.16.0.0/12"), RouteSource::Static));
}

// rfc1812: 5.3.12.3/b, 5.3.12.4/b
TEST_F(RibTest, A_route_without_an_active_next_hop_gives_way_to_a_worse_one) {
    rib_.set(static_route("172.16.0.0/12", {via("192.0.2.2", kWan)}));
    rib_.set(route(RouteSource::Ospf, "172.16.0.0/12", {via("10.0.0.2", kLan)}));
    rib_.set_interface_up(kWan, false);
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.2", kLan)));
    rib_.set_interface_up(kWan, true);
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("192.0.2.2", kWan)));
}

TEST_F(RibTest, A_blackhole_is_always_selected) {
    rib_.set(static_route("172.16.0.0/12", {RibNextHop::blackhole()}));
    rib_.set_interface_up(kLan, false);
    rib_.set_interface_up(kWan, false);
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(RibNextHop::blackhole()));
}

// ---- interfaces

// rfc1812: 5.3.12.3/a
TEST_F(RibTest, An_interface_that_goes_down_takes_its_connected_route_and_next_hops_with_it) {
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.2", kLan), via("192.0.2.2", kWan)}));
    rib_.set_interface_up(kLan, false);
    EXPECT_THAT(hops("10.0.0.0/24"), IsEmpty());
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("192.0.2.2", kWan)));
    EXPECT_EQ(only_next_hop("172.16.0.0/12").problem, NextHopProblem::InterfaceDown);
}

TEST_F(RibTest, An_interface_never_heard_of_is_down) {
    rib_.set(static_route("172.16.0.0/12", {via("10.9.0.2", net::InterfaceId(77))}));
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
}

// ---- recursion

TEST_F(RibTest, A_recursive_next_hop_on_a_connected_subnet_becomes_a_neighbour_there) {
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.7")}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.7", kLan)));
    EXPECT_EQ(only_next_hop("172.16.0.0/12").resolved_through, prefix("10.0.0.0/24"));
}

TEST_F(RibTest, A_recursive_next_hop_takes_over_the_gateway_of_the_route_it_resolves_through) {
    rib_.set(static_route("198.51.100.0/24", {via("192.0.2.9", kWan)}));
    rib_.set(static_route("172.16.0.0/12", {via("198.51.100.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("192.0.2.9", kWan)));
}

// rfc1812: 5.2.4.3/b
TEST_F(RibTest, The_longest_match_resolves_and_a_shorter_one_when_it_leads_nowhere) {
    rib_.set(static_route("198.51.0.0/16", {via("10.0.0.2", kLan)}));
    rib_.set(static_route("198.51.100.0/24", {via("192.0.2.9", kWan)}));
    rib_.set(static_route("172.16.0.0/12", {via("198.51.100.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("192.0.2.9", kWan)));
    rib_.set_interface_up(kWan, false);
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.2", kLan)));
}

TEST_F(RibTest, The_default_route_resolves_no_next_hop) {
    rib_.set(static_route("0.0.0.0/0", {via("192.0.2.1", kWan)}));
    rib_.set(static_route("172.16.0.0/12", {via("203.0.113.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
    EXPECT_EQ(only_next_hop("172.16.0.0/12").problem, NextHopProblem::NoRoute);
}

TEST_F(RibTest, A_route_is_never_resolved_through_itself) {
    rib_.set(static_route("172.16.0.0/12", {via("172.16.0.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
    EXPECT_EQ(only_next_hop("172.16.0.0/12").problem, NextHopProblem::Loop);
}

TEST_F(RibTest, A_next_hop_inside_its_own_prefix_resolves_through_a_longer_one) {
    rib_.set(static_route("10.0.0.0/8", {via("10.0.0.1")}));
    EXPECT_THAT(hops("10.0.0.0/8"), UnorderedElementsAre(via("10.0.0.1", kLan)));
}

TEST_F(RibTest, Routes_that_resolve_through_each_other_are_both_unresolved) {
    rib_.set(static_route("20.0.0.0/8", {via("30.0.0.1")}));
    rib_.set(static_route("30.0.0.0/8", {via("20.0.0.1")}));
    EXPECT_THAT(hops("20.0.0.0/8"), IsEmpty());
    EXPECT_THAT(hops("30.0.0.0/8"), IsEmpty());
}

TEST_F(RibTest, A_loop_does_not_fall_through_to_a_shorter_prefix_but_a_bystander_does) {
    rib_.set(static_route("0.0.0.0/1", {via("10.0.0.2", kLan)}));
    rib_.set(static_route("20.0.0.0/8", {via("30.0.0.1")}));
    rib_.set(static_route("30.0.0.0/8", {via("20.0.0.1")}));
    rib_.set(static_route("172.16.0.0/12", {via("20.0.0.5")}));
    EXPECT_THAT(hops("20.0.0.0/8"), IsEmpty());
    EXPECT_THAT(hops("30.0.0.0/8"), IsEmpty());
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.2", kLan)));
}

TEST_F(RibTest, A_loop_that_is_broken_resolves_again) {
    rib_.set(static_route("20.0.0.0/8", {via("30.0.0.1")}));
    rib_.set(static_route("30.0.0.0/8", {via("20.0.0.1")}));
    rib_.set(static_route("30.0.0.0/8", {via("10.0.0.2", kLan)}));
    EXPECT_THAT(hops("20.0.0.0/8"), UnorderedElementsAre(via("10.0.0.2", kLan)));
}

TEST_F(RibTest, Eight_routes_in_a_row_resolve_and_nine_do_not) {
    // 21/8 leads to 22/8 and so on; 28/8 leads to the connected subnet, the eighth of the chain.
    for (int first = 21; first <= 27; ++first) {
        rib_.set(static_route(std::to_string(first) + ".0.0.0/8",
                              {via(std::to_string(first + 1) + ".0.0.1")}));
    }
    rib_.set(static_route("28.0.0.0/8", {via("10.0.0.2")}));
    EXPECT_THAT(hops("21.0.0.0/8"), UnorderedElementsAre(via("10.0.0.2", kLan)));
    rib_.set(static_route("20.0.0.0/8", {via("21.0.0.1")}));
    EXPECT_THAT(hops("20.0.0.0/8"), IsEmpty());
    EXPECT_EQ(only_next_hop("20.0.0.0/8").problem, NextHopProblem::TooDeep);
}

TEST_F(RibTest, An_address_of_ours_is_no_gateway) {
    rib_.set(route(RouteSource::Local, "10.0.0.1/32", {RibNextHop::receive(kLan)}));
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
    EXPECT_EQ(only_next_hop("172.16.0.0/12").problem, NextHopProblem::OwnAddress);
}

TEST_F(RibTest, A_next_hop_behind_a_blackhole_is_a_blackhole) {
    rib_.set(static_route("198.51.100.0/24", {RibNextHop::blackhole()}));
    rib_.set(static_route("172.16.0.0/12", {via("198.51.100.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(RibNextHop::blackhole()));
}

TEST_F(RibTest, A_recursive_route_follows_its_next_hop_to_another_interface) {
    rib_.set(static_route("172.16.0.0/12", {via("198.51.100.1")}));
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
    rib_.set(static_route("198.51.100.0/24", {via("192.0.2.9", kWan)}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("192.0.2.9", kWan)));
    rib_.set(static_route("198.51.100.0/24", {via("10.0.0.9", kLan)}));
    EXPECT_THAT(hops("172.16.0.0/12"), UnorderedElementsAre(via("10.0.0.9", kLan)));
    rib_.remove(prefix("198.51.100.0/24"), RouteSource::Static);
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
}

// ---- download

TEST_F(RibTest, A_resolution_that_changes_rewrites_one_group_and_no_route) {
    rib_.set(static_route("198.51.100.0/24", {via("192.0.2.9", kWan)}));
    for (int third = 0; third < 100; ++third) {
        rib_.set(static_route("172.16." + std::to_string(third) + ".0/24", {via("198.51.100.1")}));
    }
    sync();
    rib_.set(static_route("198.51.100.0/24", {via("10.0.0.9", kLan)}));
    std::size_t route_records = 0;
    std::size_t group_records = 0;
    for (const DownloadOp& op : rib_.take_download(1000)) {
        route_records += std::holds_alternative<SetRoute>(op) ? 1 : 0;
        group_records += std::holds_alternative<SetGroup>(op) ? 1 : 0;
        ASSERT_EQ(fib_.apply(op), "");
    }
    EXPECT_EQ(route_records, 1U);  // 198.51.100.0/24 itself
    EXPECT_EQ(group_records, 1U);
    EXPECT_THAT(hops("172.16.77.0/24"), UnorderedElementsAre(via("10.0.0.9", kLan)));
}

TEST_F(RibTest, A_prefix_that_loses_one_of_its_next_hops_keeps_its_group) {
    const RibNextHop kept = via("10.0.0.2", kLan);
    const RibNextHop lost = via("192.0.2.2", kWan);
    rib_.set(static_route("172.16.0.0/24", {kept, lost, via("10.0.0.3", kLan)}));
    sync();
    const std::uint32_t group = fib_.routes().at(prefix("172.16.0.0/24"));
    rib_.set(static_route("172.16.0.0/24", {kept, via("10.0.0.3", kLan)}));
    for (const DownloadOp& op : rib_.take_download(1000)) {
        EXPECT_FALSE(std::holds_alternative<SetRoute>(op));
        ASSERT_EQ(fib_.apply(op), "");
    }
    EXPECT_EQ(fib_.routes().at(prefix("172.16.0.0/24")), group);
    EXPECT_THAT(hops("172.16.0.0/24"), UnorderedElementsAre(kept, via("10.0.0.3", kLan)));
}

TEST_F(RibTest, A_group_that_others_use_stays_theirs) {
    const std::vector<RibNextHop> before{via("10.0.0.2", kLan), via("192.0.2.2", kWan)};
    rib_.set(static_route("172.16.0.0/24", before));
    rib_.set(static_route("172.17.0.0/24", before));
    rib_.set(static_route("172.16.0.0/24", {via("10.0.0.2", kLan), via("10.0.0.3", kLan)}));
    EXPECT_THAT(hops("172.17.0.0/24"), ::testing::UnorderedElementsAreArray(before));
    EXPECT_THAT(hops("172.16.0.0/24"),
                UnorderedElementsAre(via("10.0.0.2", kLan), via("10.0.0.3", kLan)));
}

TEST_F(RibTest, Routes_with_the_same_next_hop_share_one_number) {
    rib_.set(static_route("172.16.0.0/24", {via("10.0.0.2", kLan)}));
    rib_.set(route(RouteSource::Ospf, "172.17.0.0/24", {via("10.0.0.2", kLan)}));
    sync();
    EXPECT_EQ(fib_.routes().at(prefix("172.16.0.0/24")), fib_.routes().at(prefix("172.17.0.0/24")));
}

TEST_F(RibTest, Replacing_a_source_by_the_same_routes_emits_nothing) {
    const std::vector<Route> routes{
        static_route("172.16.0.0/12", {via("10.0.0.2", kLan), via("192.0.2.2", kWan)}),
        static_route("198.51.100.0/24", {via("10.0.0.3")})};
    rib_.replace_source(RouteSource::Static, routes);
    sync();
    std::vector<Route> again = routes;
    std::swap(again[0].next_hops[0], again[0].next_hops[1]);
    rib_.replace_source(RouteSource::Static, again);
    EXPECT_THAT(rib_.take_download(100), IsEmpty());
}

TEST_F(RibTest, Replacing_a_source_leaves_the_other_sources_alone) {
    rib_.replace_source(RouteSource::Static, {static_route("172.16.0.0/12", {via("10.0.0.2")})});
    rib_.replace_source(RouteSource::Static, {static_route("172.17.0.0/16", {via("10.0.0.2")})});
    EXPECT_THAT(hops("172.16.0.0/12"), IsEmpty());
    EXPECT_THAT(hops("172.17.0.0/16"), UnorderedElementsAre(via("10.0.0.2", kLan)));
    EXPECT_EQ(rib_.size(RouteSource::Connected), 2U);
    EXPECT_EQ(rib_.size(RouteSource::Static), 1U);
    EXPECT_EQ(rib_.size(), 3U);
    EXPECT_EQ(rib_.selected_size(), 3U);
}

TEST_F(RibTest, Two_routes_of_one_source_to_one_prefix_are_taken_together) {
    rib_.replace_source(RouteSource::Connected,
                        {connected("10.0.0.0/24", kLan), connected("10.0.0.0/24", kWan)});
    EXPECT_THAT(hops("10.0.0.0/24"),
                UnorderedElementsAre(RibNextHop::glean(kLan), RibNextHop::glean(kWan)));
}

TEST_F(RibTest, Of_more_than_64_equal_cost_next_hops_the_first_64_are_used_and_the_rest_counted) {
    std::vector<RibNextHop> many;
    for (std::uint8_t last = 1; last <= 70; ++last) {
        many.push_back(RibNextHop::gateway(net::Ipv4Address(10, 0, 0, last), kLan));
    }
    rib_.set(static_route("172.16.0.0/12", many));
    const auto used = hops("172.16.0.0/12");
    EXPECT_EQ(used.size(), 64U);
    EXPECT_TRUE(used.contains(many.front()));
    EXPECT_FALSE(used.contains(many.back()));
    EXPECT_EQ(rib_.counters().group_members_dropped, 6U);
}

TEST_F(RibTest, A_resync_says_everything_again_and_deletes_nothing) {
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.2"), via("192.0.2.2")}));
    sync();
    const auto before = fib_.expanded();
    rib_.remove(prefix("192.0.2.0/24"), RouteSource::Connected);
    rib_.set(connected("192.0.2.0/24", kWan));
    rib_.begin_resync();
    ModelFib fresh;
    for (const DownloadOp& op : rib_.take_download(1000)) {
        EXPECT_FALSE(std::holds_alternative<DeleteNextHop>(op));
        EXPECT_FALSE(std::holds_alternative<DeleteRoute>(op));
        ASSERT_EQ(fresh.apply(op), "");
    }
    EXPECT_EQ(fresh.expanded(), before);
}

// ---- installation

TEST_F(RibTest, A_route_is_pending_until_its_operation_is_acknowledged) {
    rib_.begin_resync();
    const std::size_t operations = rib_.take_download(1000).size();
    const auto state = [&] {
        return rib_.find(prefix("192.0.2.0/24")).value().routes.at(0).install.state;
    };
    EXPECT_EQ(state(), InstallState::Pending);
    rib_.acknowledged(operations - 1);
    EXPECT_EQ(state(), InstallState::Pending);
    rib_.acknowledged(operations);
    EXPECT_EQ(state(), InstallState::Installed);
}

TEST_F(RibTest, An_acknowledgement_of_more_than_was_taken_proves_nothing) {
    rib_.acknowledged(1'000'000);
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.2", kLan)}));
    rib_.take_download(100);
    EXPECT_EQ(rib_.find(prefix("172.16.0.0/12")).value().routes.at(0).install.state,
              InstallState::Pending);
}

TEST_F(RibTest, A_rejected_route_shows_the_reason_and_is_sent_again_by_a_resync) {
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.2", kLan)}));
    sync();
    rib_.acknowledged(1000);
    rib_.rejected(last_operation(), prefix("172.16.0.0/12"),
                  fib_.routes().at(prefix("172.16.0.0/12")), {"the record is broken", {}, false});
    const auto install = [&] {
        return rib_.find(prefix("172.16.0.0/12")).value().routes.at(0).install;
    };
    EXPECT_EQ(install(), (InstallStatus{InstallState::Rejected, "the record is broken"}));
    rib_.begin_resync();
    EXPECT_EQ(install().state, InstallState::Pending);
    EXPECT_EQ(rib_.selected_size(), 3U);
}

TEST_F(RibTest, A_rejection_of_what_has_changed_since_is_void) {
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.2", kLan)}));
    sync();
    const std::uint32_t old_number = fib_.routes().at(prefix("172.16.0.0/12"));
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.3", kLan)}));
    rib_.rejected(last_operation(), prefix("172.16.0.0/12"), old_number,
                  {"the table is full", Shortage::Routes, false});
    EXPECT_EQ(rib_.find(prefix("172.16.0.0/12")).value().routes.at(0).install.state,
              InstallState::Pending);
}

// ---- limits

TEST(RibLimit, A_route_beyond_the_limit_is_refused_and_counted_and_a_replacement_is_not) {
    Rib rib(RibLimits{.max_routes = 2});
    EXPECT_TRUE(rib.set(static_route("10.0.0.0/24", {RibNextHop::blackhole()})));
    EXPECT_TRUE(rib.set(static_route("10.0.1.0/24", {RibNextHop::blackhole()})));
    EXPECT_FALSE(rib.set(static_route("10.0.2.0/24", {RibNextHop::blackhole()})));
    EXPECT_TRUE(rib.set(static_route("10.0.1.0/24", {via("10.0.0.1", kLan)})));
    EXPECT_EQ(rib.counters().routes_refused, 1U);
    EXPECT_EQ(rib.replace_source(RouteSource::Static,
                                 {static_route("10.7.0.0/24", {RibNextHop::blackhole()}),
                                  static_route("10.8.0.0/24", {RibNextHop::blackhole()})}),
              0U);
}

TEST(RibLimit, A_route_without_a_free_number_is_shown_rejected_and_installed_when_one_comes_free) {
    Rib rib(RibLimits{.max_next_hops = 1});
    rib.set_interface_up(kLan, true);
    ModelFib fib;
    rib.set(static_route("10.1.0.0/24", {via("10.0.0.1", kLan)}));
    rib.set(static_route("10.2.0.0/24", {via("10.0.0.2", kLan)}));
    ASSERT_EQ(fib.apply(rib.take_download(100)), "");
    EXPECT_EQ(fib.routes().size(), 1U);
    EXPECT_EQ(rib.find(prefix("10.2.0.0/24")).value().routes.at(0).install.state,
              InstallState::Rejected);
    EXPECT_GE(rib.counters().next_hops_refused, 1U);

    rib.remove(prefix("10.1.0.0/24"), RouteSource::Static);
    while (rib.has_download()) {
        ASSERT_EQ(fib.apply(rib.take_download(100)), "");
    }
    EXPECT_EQ(fib.expanded().at(prefix("10.2.0.0/24")),
              (std::set<RibNextHop>{via("10.0.0.2", kLan)}));
}

// ---- views

TEST_F(RibTest, Pages_give_every_prefix_once_and_in_order) {
    for (int third = 0; third < 25; ++third) {
        rib_.set(static_route("172.16." + std::to_string(third) + ".0/24", {via("10.0.0.2")}));
    }
    std::vector<net::Ipv4Prefix> seen;
    std::optional<net::Ipv4Prefix> cursor;
    for (;;) {
        const auto page = rib_.page(cursor, 10);
        for (const PrefixView& view : page) {
            seen.push_back(view.prefix);
        }
        if (page.size() < 10) {
            break;
        }
        cursor = page.back().prefix;
    }
    EXPECT_EQ(seen.size(), 27U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 27U);
}

TEST_F(RibTest, A_view_shows_all_candidates_best_first_and_marks_the_selected_one) {
    rib_.set(route(RouteSource::Ospf, "172.16.0.0/12", {via("10.0.0.2", kLan)}));
    rib_.set(static_route("172.16.0.0/12", {via("203.0.113.1")}));
    const PrefixView view = rib_.find(prefix("172.16.0.0/12")).value();
    ASSERT_EQ(view.routes.size(), 2U);
    EXPECT_EQ(view.routes[0].source, RouteSource::Static);
    EXPECT_FALSE(view.routes[0].selected);
    EXPECT_EQ(view.routes[0].install.state, InstallState::NotSelected);
    EXPECT_TRUE(view.routes[1].selected);
    EXPECT_EQ(view.routes[1].install.state, InstallState::Pending);
}

// rfc1812: 5.2.4.3/b
TEST_F(RibTest, Lookup_gives_the_longest_selected_match) {
    rib_.set(static_route("10.0.0.128/25", {via("203.0.113.1")}));  // unresolved
    EXPECT_EQ(rib_.lookup(address("10.0.0.200")).value().prefix, prefix("10.0.0.0/24"));
    EXPECT_FALSE(rib_.lookup(address("8.8.8.8")).has_value());
}

TEST_F(RibTest, A_packet_goes_to_the_first_active_next_hop_of_the_longest_match) {
    const auto toward = [this](std::string_view to) { return rib_.toward(address(to)); };
    rib_.set(static_route("10.0.0.128/25", {via("203.0.113.1")}));  // unresolved
    EXPECT_EQ(toward("10.0.0.200")->prefix, prefix("10.0.0.0/24"));
    EXPECT_EQ(toward("10.0.0.200")->next_hop, RibNextHop::glean(kLan));
    EXPECT_FALSE(toward("8.8.8.8").has_value());

    rib_.set(static_route("172.16.0.0/12", {via("192.0.2.9")}));
    EXPECT_EQ(toward("172.16.0.1")->next_hop, via("192.0.2.9", kWan)) << "resolved";
    rib_.set(static_route("172.16.0.0/12", {via("10.0.0.2", kLan), via("192.0.2.9", kWan)}));
    rib_.set_interface_up(kLan, false);
    EXPECT_EQ(toward("172.16.0.1")->next_hop, via("192.0.2.9", kWan));
    rib_.set(static_route("198.51.100.0/24", {RibNextHop::blackhole()}));
    EXPECT_EQ(toward("198.51.100.1")->next_hop, RibNextHop::blackhole());
}

// What a view shows, and no more than a page of it at a time.
std::vector<std::string> shown(const Rib& rib, const RouteFilter& filter, std::size_t looked_at) {
    std::vector<std::string> texts;
    std::optional<net::Ipv4Prefix> behind;
    do {
        const RoutePage page = rib.page(filter, behind, looked_at);
        for (const PrefixView& view : page.prefixes) {
            for (const RouteView& route : view.routes) {
                texts.push_back(view.prefix.to_string() + " " + std::string(name_of(route.source)));
            }
        }
        behind = page.behind;
    } while (behind);
    return texts;
}

TEST(RibViews, A_filter_narrows_to_a_source_to_a_prefix_and_to_what_is_inside_it) {
    Rib rib;
    rib.set_interface_up(kLan, true);
    for (const char* to : {"9.0.0.0/8", "10.0.0.0/7", "10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"}) {
        rib.set(static_route(to, {via("192.0.2.1", kLan)}));
    }
    rib.set(route(RouteSource::Rip, "10.1.0.0/16", {via("192.0.2.2", kLan)}));
    for (const std::size_t looked_at : {1U, 2U, 100U}) {
        EXPECT_THAT(shown(rib, {RouteSource::Rip, {}, false}, looked_at),
                    ElementsAre("10.1.0.0/16 rip"));
        EXPECT_THAT(shown(rib, {{}, prefix("10.0.0.0/8"), false}, looked_at),
                    ElementsAre("10.0.0.0/8 static"));
        EXPECT_THAT(shown(rib, {{}, prefix("10.0.0.0/8"), true}, looked_at),
                    ElementsAre("10.0.0.0/8 static", "10.1.0.0/16 static", "10.1.0.0/16 rip"));
        EXPECT_THAT(shown(rib, {{}, prefix("10.0.0.0/9"), true}, looked_at),
                    ElementsAre("10.1.0.0/16 static", "10.1.0.0/16 rip"));
        EXPECT_THAT(shown(rib, {{}, prefix("12.0.0.0/8"), true}, looked_at), IsEmpty());
        EXPECT_EQ(shown(rib, {}, looked_at).size(), 6U);
    }
}

// ---- an interface with many routes

class ManyRoutes : public ::testing::Test {
protected:
    static constexpr std::size_t kVisits = 50;
    static constexpr std::size_t kMany = 1000;

    ManyRoutes() {
        rib_.set_interface_up(kLan, true);
        rib_.set_interface_up(kWan, true);
        for (std::size_t i = 0; i < kMany; ++i) {
            const net::Ipv4Address network(20, static_cast<std::uint8_t>(i / 256),
                                           static_cast<std::uint8_t>(i % 256), 0);
            Route far = route(RouteSource::ExternalBgp, "0.0.0.0/0", {via("10.0.0.2", kLan)});
            far.prefix = net::Ipv4Prefix::covering(network, 24);
            rib_.set(far);
            far.source = RouteSource::InternalBgp;
            far.distance = distance_of(far.source);
            far.next_hops = {via("192.0.2.2", kWan)};
            rib_.set(far);
        }
        rib_.set(connected("10.0.0.0/24", kLan));
        take();
    }
    std::size_t take() {
        const auto operations = rib_.take_download(100000);
        EXPECT_EQ(fib_.apply(operations), "");
        return operations.size();
    }
    std::size_t leading_to(const RibNextHop& next_hop) const {
        std::size_t count = 0;
        for (const auto& [prefix, hops] : fib_.expanded()) {
            count += hops == ModelFib::Hops{next_hop} ? 1 : 0;
        }
        return count;
    }

    Rib rib_{RibLimits{.visits_a_turn = kVisits}};
    ModelFib fib_;
};

TEST_F(ManyRoutes, follow_an_interface_in_portions_and_those_of_the_interior_go_first) {
    rib_.set_interface_up(kLan, false);
    EXPECT_TRUE(rib_.is_settling());
    take();
    EXPECT_FALSE(fib_.routes().contains(prefix("10.0.0.0/24"))) << "in the first portion";
    EXPECT_EQ(leading_to(via("192.0.2.2", kWan)), kVisits - 1);
    std::size_t turns = 1;
    for (bool more = true; more; ++turns) {
        more = rib_.settle_more();
        EXPECT_LE(take(), kVisits + 2) << "with the next hops";
    }
    EXPECT_EQ(turns, (kMany + 1 + kVisits - 1) / kVisits);
    EXPECT_EQ(leading_to(via("192.0.2.2", kWan)), kMany);
    EXPECT_FALSE(rib_.has_download());
}

TEST_F(ManyRoutes, come_back_when_the_interface_does_before_all_have_gone) {
    rib_.set_interface_up(kLan, false);
    rib_.settle_more();
    rib_.set_interface_up(kLan, true);
    while (rib_.settle_more()) {
    }
    take();
    EXPECT_EQ(leading_to(via("10.0.0.2", kLan)), kMany);
    EXPECT_TRUE(fib_.routes().contains(prefix("10.0.0.0/24")));
}

TEST_F(ManyRoutes, are_shown_and_looked_up_as_they_will_be_before_their_turn) {
    rib_.set_interface_up(kLan, false);
    std::size_t pending = 0;
    for (const PrefixView& view : rib_.page(prefix("20.0.0.0/8"), kMany)) {
        ASSERT_TRUE(view.routes.at(1).selected) << view.prefix.to_string();
        EXPECT_FALSE(view.routes.at(0).next_hops.at(0).active);
        pending += view.routes.at(1).install.state == InstallState::Pending ? 1 : 0;
    }
    EXPECT_EQ(pending, kMany);
    EXPECT_TRUE(rib_.lookup(address("20.0.0.1"))->routes.at(1).selected);
    EXPECT_EQ(rib_.toward(address("20.0.0.1"))->next_hop, via("192.0.2.2", kWan));
    EXPECT_FALSE(rib_.toward(address("10.0.0.1")));
    EXPECT_FALSE(rib_.lookup(address("10.0.0.1")));
}

TEST_F(ManyRoutes, are_told_again_after_a_walk_in_portions_and_by_rank_from_the_first_on) {
    rib_.begin_resync();
    fib_ = ModelFib();
    EXPECT_EQ(rib_.find(prefix("20.0.0.0/24"))->routes.at(0).install.state, InstallState::Pending);
    std::size_t takes = 1;
    for (; fib_.routes().empty(); ++takes) {
        ASSERT_TRUE(rib_.has_download());
        EXPECT_EQ(fib_.apply(rib_.take_download(1)), "");
    }
    EXPECT_GT(takes, kMany / kVisits);
    EXPECT_TRUE(fib_.routes().contains(prefix("10.0.0.0/24"))) << "connected";
    while (rib_.has_download()) {
        take();
    }
    EXPECT_EQ(leading_to(via("10.0.0.2", kLan)), kMany);
}

TEST_F(ManyRoutes, may_change_and_go_while_the_dataplane_is_told_anew) {
    rib_.begin_resync();
    fib_ = ModelFib();
    take();
    rib_.replace_source(RouteSource::ExternalBgp, {});
    rib_.begin_resync();
    fib_ = ModelFib();
    take();
    rib_.replace_source(RouteSource::InternalBgp, {});
    while (rib_.has_download()) {
        take();
    }
    EXPECT_EQ(fib_.routes().size(), 1U) << "the connected one";
    for (int times = 0; times < 600; ++times) {
        rib_.begin_resync();  // more than there are epochs
        rib_.take_download(1);
    }
    fib_ = ModelFib();
    rib_.begin_resync();
    while (rib_.has_download()) {
        take();
    }
    EXPECT_EQ(fib_.routes().size(), 1U);
}

TEST_F(ManyRoutes, may_go_before_their_turn) {
    rib_.set_interface_up(kLan, false);
    rib_.replace_source(RouteSource::ExternalBgp, {});
    EXPECT_EQ(rib_.size(RouteSource::ExternalBgp), 0U);
    while (rib_.settle_more()) {
    }
    take();
    EXPECT_EQ(leading_to(via("192.0.2.2", kWan)), kMany);
    rib_.replace_source(RouteSource::InternalBgp, {});
    rib_.replace_source(RouteSource::Connected, {});
    take();
    EXPECT_EQ(fib_.object_count(), 0U);
}

}  // namespace
}  // namespace godwit::control::testing
