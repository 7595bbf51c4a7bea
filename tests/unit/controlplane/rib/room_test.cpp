// What the dataplane has no room for: kept, shown, and installed as soon as there is room, in
// order of distance, without asking in vain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "controlplane/rib/rib.hpp"
#include "tests/unit/controlplane/rib/limited_fib.hpp"
#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

using ::testing::HasSubstr;

net::Ipv4Prefix nth(unsigned number) {
    return net::Ipv4Prefix::covering(net::Ipv4Address(0x14000000U + (number << 8U)), 24);
}
Route nth_route(unsigned number, std::vector<RibNextHop> next_hops,
                RouteSource source = RouteSource::Static) {
    return route(source, nth(number).to_string(), std::move(next_hops));
}
InstallStatus install(const Rib& rib, const net::Ipv4Prefix& prefix) {
    return rib.find(prefix).value().routes.at(0).install;
}

TEST(RibRoom, A_route_without_room_waits_with_the_reason_and_is_installed_when_one_goes) {
    Rib rib;
    LimitedFib fib(rib, {.routes = 2});
    for (unsigned i = 0; i < 3; ++i) {
        rib.set(nth_route(i, {RibNextHop::blackhole()}));
    }
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.routes().size(), 2U);
    EXPECT_EQ(install(rib, nth(2)).state, InstallState::Waiting);
    EXPECT_THAT(install(rib, nth(2)).reason, HasSubstr("table full: "));
    EXPECT_THAT(install(rib, nth(2)).reason, HasSubstr("more routes"));
    EXPECT_EQ(rib.routes_waiting(), 1U);
    EXPECT_EQ(rib.counters().refused_for_room, 1U);

    rib.remove(nth(0), RouteSource::Static);
    ASSERT_TRUE(fib.settle());
    EXPECT_TRUE(fib.routes().contains(nth(2)));
    EXPECT_EQ(install(rib, nth(2)).state, InstallState::Installed);
    EXPECT_EQ(rib.routes_waiting(), 0U);
}

TEST(RibRoom, The_lowest_distance_goes_first_when_room_returns) {
    Rib rib;
    LimitedFib fib(rib, {.routes = 1});
    rib.set(nth_route(9, {RibNextHop::blackhole()}));
    ASSERT_TRUE(fib.settle());
    rib.set(nth_route(1, {RibNextHop::blackhole()}, RouteSource::Rip));
    rib.set(nth_route(2, {RibNextHop::blackhole()}, RouteSource::Ospf));
    rib.set(nth_route(3, {RibNextHop::blackhole()}, RouteSource::Static));
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(rib.routes_waiting(), 3U);
    rib.remove(nth(9), RouteSource::Static);
    ASSERT_TRUE(fib.settle());
    EXPECT_TRUE(fib.routes().contains(nth(3)));
    rib.remove(nth(3), RouteSource::Static);
    ASSERT_TRUE(fib.settle());
    EXPECT_TRUE(fib.routes().contains(nth(2)));
}

TEST(RibRoom, A_resynchronisation_tells_the_lowest_distance_first) {
    Rib rib;
    for (unsigned i = 0; i < 100; ++i) {
        rib.set(nth_route(i, {RibNextHop::blackhole()}, RouteSource::Rip));
    }
    rib.set(nth_route(100, {RibNextHop::blackhole()}, RouteSource::Static));
    rib.begin_resync();
    LimitedFib fib(rib, {.routes = 10});
    ASSERT_TRUE(fib.settle());
    EXPECT_TRUE(fib.routes().contains(nth(100)));
    EXPECT_EQ(rib.routes_waiting(), 91U);
}

TEST(RibRoom, A_full_table_is_not_asked_again_without_cause_and_a_portion_at_most_with) {
    Rib rib;
    LimitedFib fib(rib, {.routes = 10});
    for (unsigned i = 0; i < 5000; ++i) {
        rib.set(nth_route(i, {RibNextHop::blackhole()}));
    }
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(rib.routes_waiting(), 4990U);
    const std::uint64_t before = fib.operations();
    for (int i = 0; i < 100; ++i) {
        fib.turn(1000);
    }
    EXPECT_EQ(fib.operations(), before);
    rib.remove(fib.routes().begin()->first, RouteSource::Static);
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.routes().size(), 10U);
    EXPECT_LE(fib.operations(), before + 2 * 64 + 1);
}

TEST(RibRoom, Much_room_at_once_is_filled_to_the_last_route) {
    Rib rib;
    LimitedFib fib(rib, {.routes = 10});
    for (unsigned i = 0; i < 3000; ++i) {
        rib.set(nth_route(i, {RibNextHop::blackhole()}));
    }
    ASSERT_TRUE(fib.settle());
    fib.set_room({.routes = 2500});
    fib.turn(1);
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.routes().size(), 2500U);
    EXPECT_EQ(rib.routes_waiting(), 500U);
}

TEST(RibRoom, Routes_of_a_refused_next_hop_wait_for_it_and_follow_it) {
    Rib rib;
    rib.set_interface_up(kLan, true);
    LimitedFib fib(rib, {.next_hops = 1});
    rib.set(nth_route(0, {via("10.0.0.1", kLan)}));
    ASSERT_TRUE(fib.settle());
    for (unsigned i = 1; i < 300; ++i) {
        rib.set(nth_route(i, {via("10.0.0.2", kLan)}));
    }
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.routes().size(), 1U);
    EXPECT_EQ(rib.routes_waiting(), 299U);
    EXPECT_EQ(rib.next_hops_waiting(), 1U);
    EXPECT_THAT(install(rib, nth(7)).reason, HasSubstr("more next hops"));
    rib.remove(nth(0), RouteSource::Static);
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.routes().size(), 299U);
    EXPECT_EQ(rib.routes_waiting(), 0U);
    EXPECT_EQ(rib.next_hops_waiting(), 0U);
}

TEST(RibRoom, A_rejection_of_a_next_hop_is_not_taken_for_one_of_the_default_route) {
    Rib rib;
    rib.set_interface_up(kLan, true);
    LimitedFib fib(rib, {.next_hops = 1});
    rib.set(static_route("0.0.0.0/0", {via("10.0.0.1", kLan)}));
    ASSERT_TRUE(fib.settle());
    rib.set(nth_route(1, {via("10.0.0.2", kLan)}));
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(install(rib, prefix("0.0.0.0/0")).state, InstallState::Installed);
}

TEST(RibRoom, A_group_without_room_leads_to_one_member_until_there_is_room) {
    Rib rib;
    rib.set_interface_up(kLan, true);
    LimitedFib fib(rib, {.groups = 1});
    rib.set(nth_route(0, {via("10.0.0.1", kLan), via("10.0.0.2", kLan)}));
    ASSERT_TRUE(fib.settle());
    rib.set(nth_route(1, {via("10.0.0.3", kLan), via("10.0.0.4", kLan)}));
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.leads_to(nth(1)).size(), 1U);
    EXPECT_EQ(install(rib, nth(1)).state, InstallState::Installed);
    EXPECT_EQ(rib.next_hops_waiting(), 1U);
    rib.remove(nth(0), RouteSource::Static);
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.leads_to(nth(1)).size(), 2U);
    EXPECT_EQ(rib.next_hops_waiting(), 0U);
}

// ---- any sequence

class RibRoomProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(RibRoomProperty, Installed_is_the_smaller_of_limit_and_wanted_and_nothing_is_forgotten) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()));
    std::mt19937 bits(GetParam());
    const auto random = [&bits] { return static_cast<unsigned>(bits()); };
    Rib rib;
    std::size_t limit = 1 + random() % 150;
    LimitedFib fib(rib, {.routes = limit});
    std::set<unsigned> wanted;
    for (int step = 0; step < 4000; ++step) {
        const unsigned number = random() % 200;
        if (random() % 2 == 0) {
            rib.set(nth_route(number, {RibNextHop::blackhole()},
                              random() % 2 == 0 ? RouteSource::Static : RouteSource::Ospf));
            wanted.insert(number);
        } else {
            rib.remove(nth(number), RouteSource::Static);
            rib.remove(nth(number), RouteSource::Ospf);
            wanted.erase(number);
        }
        if (random() % 3 == 0) {
            fib.turn(random() % 20);
        }
        if (random() % 100 == 0) {
            ASSERT_TRUE(fib.settle());
            ASSERT_EQ(fib.problem(), "");
            ASSERT_EQ(fib.routes().size(), std::min(limit, wanted.size())) << "step " << step;
            ASSERT_EQ(rib.routes_waiting(), wanted.size() - fib.routes().size());
            for (const unsigned each : wanted) {
                ASSERT_EQ(install(rib, nth(each)).state, fib.routes().contains(nth(each))
                                                             ? InstallState::Installed
                                                             : InstallState::Waiting);
            }
        }
        if (random() % 500 == 0) {
            limit += random() % 20;
            fib.set_room({.routes = limit});
        }
    }
}

TEST_P(RibRoomProperty, With_every_limit_at_once_nothing_that_would_fit_is_left_waiting) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()));
    std::mt19937 bits(GetParam());
    const auto random = [&bits] { return static_cast<unsigned>(bits()); };
    Rib rib;
    rib.set_interface_up(kLan, true);
    const Room tight{
        .routes = 40 + random() % 40, .next_hops = 6 + random() % 20, .groups = 1 + random() % 4};
    LimitedFib fib(rib, tight);
    const auto some_hop = [&] {
        return RibNextHop::gateway(net::Ipv4Address(0x0a000001U + random() % 30), kLan);
    };
    std::set<unsigned> wanted;
    for (int step = 0; step < 3000; ++step) {
        const unsigned number = random() % 100;
        if (random() % 3 != 0) {
            std::vector<RibNextHop> hops{some_hop()};
            for (auto more = random() % 4; more > 1; --more) {
                hops.push_back(some_hop());
            }
            rib.set(nth_route(number, hops));
            wanted.insert(number);
        } else {
            rib.remove(nth(number), RouteSource::Static);
            wanted.erase(number);
        }
        if (random() % 3 == 0) {
            fib.turn(random() % 20);
        }
    }
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.problem(), "");
    std::size_t installed = 0;
    for (const unsigned each : wanted) {
        const InstallState state = install(rib, nth(each)).state;
        installed += state == InstallState::Installed ? 1U : 0U;
        EXPECT_EQ(state,
                  fib.is_installed(nth(each)) ? InstallState::Installed : InstallState::Waiting);
    }
    EXPECT_GT(installed, 0U);
    // With room for everything, everything is there, and whole.
    fib.set_room({});
    fib.turn(1);
    ASSERT_TRUE(fib.settle());
    EXPECT_EQ(fib.routes().size(), wanted.size());
    EXPECT_EQ(rib.routes_waiting(), 0U);
    EXPECT_EQ(rib.next_hops_waiting(), 0U);
    for (const unsigned each : wanted) {
        const auto view = rib.find(nth(each)).value();
        EXPECT_EQ(fib.leads_to(nth(each)).size(), view.routes.at(0).next_hops.size())
            << nth(each).to_string();
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RibRoomProperty, ::testing::Range(1U, 31U));

}  // namespace
}  // namespace godwit::control::testing
