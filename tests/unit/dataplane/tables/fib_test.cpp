// The forwarding table against an oracle, through single changes and built at once, and at its
// limits. Readers beside the writer are in fib_concurrent_test.cpp. The seed is printed with a
// failure.
#include "dataplane/tables/fib.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "dataplane/tables/fib_codes.hpp"
#include "tests/unit/dataplane/tables/fib_oracle.hpp"

namespace godwit::dataplane {
namespace {

using net::Ipv4Address;
using net::Ipv4Prefix;

Ipv4Prefix prefix(const char* text) {
    return *Ipv4Prefix::parse(text);
}
std::uint32_t address(const char* text) {
    return Ipv4Address::parse(text)->value();
}

TEST(Fib, without_routes_answers_no_route) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    EXPECT_EQ(fib.lookup(address("192.0.2.1")), Fib::kNoRoute);
}

TEST(Fib, the_longest_prefix_wins_and_its_removal_restores_the_one_around_it) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("0.0.0.0/0"), 1);
    fib.set(prefix("10.0.0.0/8"), 2);
    fib.set(prefix("10.1.2.0/24"), 3);
    fib.set(prefix("10.1.2.128/25"), 4);
    fib.set(prefix("10.1.2.129/32"), 5);

    EXPECT_EQ(fib.lookup(address("11.0.0.1")), 1U);
    EXPECT_EQ(fib.lookup(address("10.9.9.9")), 2U);
    EXPECT_EQ(fib.lookup(address("10.1.2.1")), 3U);
    EXPECT_EQ(fib.lookup(address("10.1.2.130")), 4U);
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 5U);

    fib.remove(prefix("10.1.2.128/25"));
    EXPECT_EQ(fib.lookup(address("10.1.2.130")), 3U);
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 5U);
    fib.remove(prefix("10.1.2.0/24"));
    fib.remove(prefix("10.1.2.129/32"));
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 2U);
    fib.remove(prefix("10.0.0.0/8"));
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 1U);
    fib.remove(prefix("0.0.0.0/0"));
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), Fib::kNoRoute);
}

TEST(Fib, a_route_to_no_route_hides_the_default) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("0.0.0.0/0"), 1);
    fib.set(prefix("10.0.0.0/8"), Fib::kNoRoute);
    EXPECT_EQ(fib.lookup(address("10.0.0.1")), Fib::kNoRoute);
}

// Loose source validation (RFC 3704 2.4) asks: the default route proves nothing.
TEST(Fib, a_specific_route_is_any_but_the_default_whatever_it_leads_to) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    EXPECT_FALSE(fib.has_specific_route(address("10.0.0.1")));
    fib.set(prefix("0.0.0.0/0"), 1);
    EXPECT_FALSE(fib.has_specific_route(address("10.0.0.1")));
    fib.set(prefix("10.0.0.0/8"), 1);
    EXPECT_TRUE(fib.has_specific_route(address("10.0.0.1"))) << "the next hop is the default's";
    EXPECT_FALSE(fib.has_specific_route(address("11.0.0.1")));
    fib.set(prefix("192.0.2.8/32"), Fib::kNoRoute);
    EXPECT_TRUE(fib.has_specific_route(address("192.0.2.8")));
    EXPECT_FALSE(fib.has_specific_route(address("192.0.2.9"))) << "beside it in its group";
    fib.set(prefix("128.0.0.0/1"), 2);
    EXPECT_TRUE(fib.has_specific_route(address("192.0.2.9")));
    fib.remove(prefix("128.0.0.0/1"));
    fib.remove(prefix("192.0.2.8/32"));
    fib.remove(prefix("10.0.0.0/8"));
    for (const char* each : {"10.0.0.1", "192.0.2.8", "192.0.2.9"}) {
        EXPECT_FALSE(fib.has_specific_route(address(each))) << each;
    }
}

TEST(Fib, says_what_a_change_did_and_refuses_at_its_limit) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 2);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 1), Fib::Change::Added);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 1), Fib::Change::Unchanged);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 2), Fib::Change::Replaced);
    EXPECT_EQ(fib.set(prefix("10.0.0.1/32"), 3), Fib::Change::Added);
    EXPECT_EQ(fib.set(prefix("11.0.0.0/8"), 4), Fib::Change::TableFull);
    EXPECT_EQ(fib.lookup(address("11.0.0.1")), Fib::kNoRoute);
    EXPECT_EQ(fib.set(prefix("10.0.0.1/32"), 5), Fib::Change::Replaced);
    EXPECT_FALSE(fib.remove(prefix("11.0.0.0/8")));
    EXPECT_EQ(fib.size(), 2U);
}

TEST(Fib, the_default_route_costs_next_to_no_memory) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("0.0.0.0/0"), 7);
    EXPECT_LT(fib.memory_bytes(), 16U * 1024);
    EXPECT_EQ(fib.lookup(address("203.0.113.9")), 7U);
}

TEST(Fib, walks_in_prefix_order_from_where_it_is_told) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("10.2.0.0/16"), 3);
    fib.set(prefix("10.0.0.0/8"), 1);
    fib.set(prefix("10.1.0.0/16"), 2);
    std::vector<std::uint32_t> seen;
    fib.walk(prefix("10.1.0.0/16"), [&seen](const Fib::Route& route) {
        seen.push_back(route.next_hop);
        return true;
    });
    EXPECT_EQ(seen, (std::vector<std::uint32_t>{2, 3}));
}

TEST(Fib, keeps_a_mark_of_the_owner_at_a_route_and_shows_it_to_nobody_else) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 0xffffff, 3), Fib::Change::Added);
    EXPECT_EQ(fib.set(prefix("10.1.2.3/32"), 1, 2), Fib::Change::Added);
    EXPECT_EQ(fib.find_route(prefix("10.0.0.0/8"))->mark, 3);
    EXPECT_EQ(fib.lookup(address("10.9.9.9")), 0xffffffU);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 0xffffff, 1), Fib::Change::Unchanged);
    EXPECT_EQ(fib.find_route(prefix("10.0.0.0/8"))->mark, 1);
    EXPECT_EQ(fib.find(prefix("10.0.0.0/8")), 0xffffffU);
    fib.unmark();
    fib.walk(Ipv4Prefix(), [](const Fib::Route& route) {
        EXPECT_EQ(route.mark, 0);
        return true;
    });
    EXPECT_EQ(fib.lookup(address("10.1.2.3")), 1U);
    EXPECT_EQ(fib.size(), 2U);
}

TEST(Fib, the_group_of_a_removed_long_prefix_is_used_again_only_after_the_workers_left_it) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    reclaimer.online(0);
    fib.set(prefix("10.1.2.129/32"), 1);
    fib.remove(prefix("10.1.2.129/32"));
    const std::size_t with_one_group = fib.memory_bytes();

    fib.set(prefix("10.1.3.129/32"), 2);
    EXPECT_GT(fib.memory_bytes(), with_one_group + 1000) << "the group was taken from its readers";
    reclaimer.quiescent(0);
    const std::size_t with_two_groups = fib.memory_bytes();
    fib.set(prefix("10.1.4.129/32"), 3);
    EXPECT_LT(fib.memory_bytes(), with_two_groups + 1000) << "the free group was not used";
    reclaimer.offline(0);
}

// A burst of every count, with addresses beside and far from the routes.
void expect_agreement(const Fib& fib, const Oracle& oracle, Neighborhood& around, int rounds) {
    std::array<std::uint32_t, 300> addresses;
    std::array<std::uint32_t, 301> found;
    for (int round = 0; round < rounds; ++round) {
        const auto count = static_cast<unsigned>(round % 301);
        for (unsigned i = 0; i < count; ++i) {
            addresses[i] =
                around.number(8) == 0 ? around.far_prefix(32).address().value() : around.address();
        }
        found[count] = 0xabcdef01;
        fib.lookup_burst(addresses.data(), found.data(), count);
        ASSERT_EQ(found[count], 0xabcdef01) << "a burst of " << count << " wrote too much";
        for (unsigned i = 0; i < count; ++i) {
            const std::uint32_t right = oracle.lookup(addresses[i]);
            ASSERT_EQ(found[i], right) << Ipv4Address(addresses[i]).to_string() << " at " << i
                                       << " of a burst of " << count;
            ASSERT_EQ(fib.lookup(addresses[i]), right) << Ipv4Address(addresses[i]).to_string();
            ASSERT_EQ(fib.has_specific_route(addresses[i]), oracle.has_specific_route(addresses[i]))
                << Ipv4Address(addresses[i]).to_string();
        }
    }
}

void expect_same_routes(const Fib& fib, const Oracle& oracle) {
    ASSERT_EQ(fib.size(), oracle.routes().size());
    auto expected = oracle.routes().begin();
    fib.walk(Ipv4Prefix(), [&](const Fib::Route& route) {
        EXPECT_EQ(route.prefix, expected->first);
        EXPECT_EQ(route.next_hop, expected->second);
        ++expected;
        return true;
    });
    EXPECT_EQ(expected, oracle.routes().end());
}

// Which next hops routes have decides what codes are like: those of few are narrow, and of more
// wide; with "no route" or numbers beyond any code among them they are mapped.
struct Form {
    const char* name;
    std::uint32_t first_hop;
    std::uint32_t hops;
    FibWay way;
};

class FibOfForm : public testing::TestWithParam<Form> {
protected:
    std::uint32_t any_hop(Neighborhood& around) {
        return GetParam().first_hop + around.number(GetParam().hops);
    }
};

TEST_P(FibOfForm, agrees_with_the_oracle_through_random_changes) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Neighborhood around(seed);
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 100'000, GetParam().way);
    Oracle oracle;

    for (int batch = 0; batch < 12; ++batch) {
        for (int change = 0; change < 400; ++change) {
            const Ipv4Prefix at = around.prefix();
            if (around.number(5) < 2) {
                ASSERT_EQ(fib.remove(at), oracle.remove(at)) << at.to_string();
            } else {
                const std::uint32_t next_hop = any_hop(around);
                ASSERT_NE(fib.set(at, next_hop), Fib::Change::TableFull);
                oracle.set(at, next_hop);
            }
        }
        reclaimer.poll();
        expect_same_routes(fib, oracle);
        expect_agreement(fib, oracle, around, 602);
    }
    // And empty again: nothing of a removed route stays.
    const auto routes = oracle.routes();
    for (const auto& [at, next_hop] : routes) {
        EXPECT_EQ(fib.find(at), next_hop);
        EXPECT_TRUE(fib.remove(at));
    }
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_EQ(fib.lookup(around.address()), Fib::kNoRoute);
    }
}

// Large enough for huge pages and for every level of the ordered routes to split and merge.
TEST_P(FibOfForm, agrees_with_the_oracle_while_it_grows_large_and_shrinks) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Neighborhood around(seed);
    Reclaimer reclaimer(1);
    constexpr std::size_t kRoutes = 20'000;
    Fib fib(reclaimer, kRoutes, GetParam().way);
    Oracle oracle;
    std::vector<Ipv4Prefix> order;
    while (oracle.routes().size() < kRoutes) {
        const Ipv4Prefix at = around.number(3) == 0 ? around.prefix() : around.far_prefix(14);
        const std::uint32_t next_hop = any_hop(around);
        const bool known = fib.find(at).has_value();
        const auto change = fib.set(at, next_hop);
        ASSERT_TRUE(change == (known ? Fib::Change::Replaced : Fib::Change::Added) ||
                    change == Fib::Change::Unchanged);
        oracle.set(at, next_hop);
        if (!known) {
            order.push_back(at);
        }
    }
    expect_same_routes(fib, oracle);
    expect_agreement(fib, oracle, around, 301);
    EXPECT_LE(fib.memory_bytes(), Fib::memory_bound(kRoutes));

    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
    while (order.size() > 300) {
        ASSERT_TRUE(fib.remove(order.back()));
        oracle.remove(order.back());
        order.pop_back();
    }
    reclaimer.poll();
    expect_same_routes(fib, oracle);
    expect_agreement(fib, oracle, around, 301);
}

TEST_P(FibOfForm, built_at_once_is_as_if_set_one_by_one_and_replaces_what_was_there) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Neighborhood around(seed);
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 20'000, GetParam().way);
    for (const std::size_t count : {3U, 1500U, 12'000U, 0U, 700U}) {
        Oracle oracle;
        while (oracle.routes().size() < count) {
            oracle.set(around.number(2) == 0 ? around.prefix() : around.far_prefix(8),
                       any_hop(around));
        }
        std::vector<Fib::Route> routes;
        for (const auto& [at, next_hop] : oracle.routes()) {
            routes.push_back({at, next_hop});
        }
        ASSERT_EQ(fib.build(routes), Fib::Built::Done);
        expect_same_routes(fib, oracle);
        expect_agreement(fib, oracle, around, 301);
        // And it goes on from there.
        for (int change = 0; change < 500; ++change) {
            const Ipv4Prefix at = around.prefix();
            if (around.number(2) == 0) {
                ASSERT_EQ(fib.remove(at), oracle.remove(at)) << at.to_string();
            } else {
                const std::uint32_t next_hop = any_hop(around);
                fib.set(at, next_hop);
                oracle.set(at, next_hop);
            }
        }
        expect_same_routes(fib, oracle);
        expect_agreement(fib, oracle, around, 301);
        reclaimer.poll();
    }
}

// By every way of looking up that this CPU has.
std::vector<Form> forms() {
    std::vector<Form> all{{"narrow", 1, 191, FibWay::Loads},
                          {"wide", 1, 49'151, FibWay::Loads},
                          {"mapped", 0, 1U << 24, FibWay::Loads}};
    if (can_gather()) {
        all.push_back({"narrow_by_gathers", 1, 191, FibWay::Gathers});
        all.push_back({"wide_by_gathers", 1, 49'151, FibWay::Gathers});
        all.push_back({"mapped_by_gathers", 0, 1U << 24, FibWay::Gathers});
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Codes, FibOfForm, testing::ValuesIn(forms()),
                         [](const auto& form) { return form.param.name; });

TEST(Fib, refuses_to_be_built_from_what_is_not_in_order_or_too_much) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 2);
    fib.set(prefix("192.0.2.0/24"), 9);
    const std::vector<Fib::Route> unsorted{{prefix("10.1.0.0/16"), 1}, {prefix("10.0.0.0/8"), 2}};
    const std::vector<Fib::Route> twice{{prefix("10.0.0.0/8"), 1}, {prefix("10.0.0.0/8"), 2}};
    const std::vector<Fib::Route> many{
        {prefix("10.0.0.0/8"), 1}, {prefix("11.0.0.0/8"), 2}, {prefix("12.0.0.0/8"), 3}};
    EXPECT_EQ(fib.build(unsorted), Fib::Built::NotSorted);
    EXPECT_EQ(fib.build(twice), Fib::Built::NotSorted);
    EXPECT_EQ(fib.build(many), Fib::Built::TableFull);
    EXPECT_EQ(fib.refused_at_limit(), 1U);
    EXPECT_EQ(fib.size(), 1U);
    EXPECT_EQ(fib.lookup(address("192.0.2.1")), 9U);
    EXPECT_EQ(fib.lookup(address("10.0.0.1")), Fib::kNoRoute);
}

// 49,151 codes: all but the default route's and those of exceptions.
TEST(Fib, refuses_a_next_hop_for_which_no_code_is_left_and_takes_it_when_one_is) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 100'000);
    const auto nth = [](std::uint32_t n) { return Ipv4Prefix::covering(Ipv4Address(n << 8), 24); };
    constexpr std::uint32_t kCodes = FibCodes::kWideLimit - 1;
    ASSERT_EQ(kCodes, 49'151U);
    for (std::uint32_t n = 0; n < kCodes; ++n) {
        ASSERT_EQ(fib.set(nth(n), n + 1), Fib::Change::Added);
    }
    EXPECT_EQ(fib.set(nth(kCodes), kCodes + 1), Fib::Change::TableFull);
    EXPECT_EQ(fib.set(nth(7), kCodes + 1), Fib::Change::TableFull);
    EXPECT_EQ(fib.refused_at_limit(), 2U);
    EXPECT_EQ(fib.lookup(7U << 8), 8U) << "a refused change changed something";
    EXPECT_EQ(fib.set(prefix("200.1.2.3/32"), kCodes + 1), Fib::Change::Added)
        << "long prefixes need no code";
    EXPECT_EQ(fib.set(nth(kCodes), 5), Fib::Change::Added) << "its code is there";

    EXPECT_TRUE(fib.remove(nth(7)));
    EXPECT_EQ(fib.set(nth(7), kCodes + 1), Fib::Change::Added);
    for (std::uint32_t n = 0; n < kCodes; ++n) {
        ASSERT_EQ(fib.lookup(n << 8), n == 7 ? kCodes + 1 : n + 1);
    }
}

// The next hops of a router are few at a time, and their numbers are used again; those of this one
// only go on.
TEST(Fib, with_one_next_hop_at_a_time_any_number_of_them_has_a_code) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 1000);
    reclaimer.online(0);
    for (std::uint32_t next_hop = 1; next_hop <= 200'000; ++next_hop) {
        ASSERT_NE(fib.set(prefix("10.0.0.0/24"), next_hop), Fib::Change::TableFull) << next_hop;
        reclaimer.quiescent(0);
    }
    EXPECT_EQ(fib.lookup(address("10.0.0.1")), 200'000U);
    EXPECT_LE(fib.memory_bytes(), Fib::memory_bound(1000));
    reclaimer.offline(0);
}

TEST(Fib, never_takes_more_than_it_said_before_the_start) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Neighborhood around(seed);
    constexpr std::size_t kRoutes = 4000;
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, kRoutes);
    // Each alone in its /24, and left over where others were removed: the worst for groups and
    // leaves.
    std::vector<Ipv4Prefix> there;
    for (int change = 0; change < 40'000; ++change) {
        if (there.size() == kRoutes) {
            for (std::size_t i = 0; i < there.size(); ++i) {
                if (i % 24 != 0) {
                    fib.remove(there[i]);
                }
            }
            there.clear();
            fib.walk(Ipv4Prefix(), [&there](const Fib::Route& route) {
                there.push_back(route.prefix);
                return true;
            });
            reclaimer.poll();
        }
        const Ipv4Prefix at = around.far_prefix(25);
        if (fib.set(at, around.number(1U << 24)) == Fib::Change::Added) {
            there.insert(std::upper_bound(there.begin(), there.end(), at), at);
        }
    }
    EXPECT_LE(fib.memory_bytes(), Fib::memory_bound(kRoutes));
    EXPECT_EQ(fib.refused_at_limit(), 0U);
}

}  // namespace
}  // namespace godwit::dataplane
