// The compiled prefix set against a scan of its entries: random sets that nest and touch, asked at
// and around every edge. GODWIT_SEED repeats one run.
#include "controlplane/policy/prefix_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/seeds.hpp"
#include "tests/unit/controlplane/policy/policies.hpp"

namespace godwit::control::testing {
namespace {

using godwit::testing::seeds;

TEST(PrefixSet, Nothing_is_in_an_empty_set) {
    EXPECT_FALSE(PrefixSet().contains(net::Ipv4Prefix()));
    EXPECT_FALSE(PrefixSet().covers(net::Ipv4Address(192, 0, 2, 1)));
}

TEST(PrefixSet, A_host_of_a_prefix_is_covered_by_it) {
    const std::vector entries = {range("192.0.2.0/24")};
    EXPECT_TRUE(PrefixSet(entries).covers(net::Ipv4Address(192, 0, 2, 255)));
    EXPECT_FALSE(PrefixSet(entries).covers(net::Ipv4Address(192, 0, 3, 0)));
}

TEST(PrefixSet, The_whole_address_space_has_an_end) {
    const std::vector entries = {range("0.0.0.0/0 ge 25"), range("255.255.255.255/32")};
    const PrefixSet set(entries);
    EXPECT_TRUE(set.contains(net::Ipv4Prefix::covering(net::Ipv4Address(~0U), 25)));
    EXPECT_FALSE(set.contains(net::Ipv4Prefix::covering(net::Ipv4Address(~0U), 24)));
    EXPECT_FALSE(set.contains(net::Ipv4Prefix()));
}

TEST(PrefixSet, A_thousand_entries_are_no_more_than_their_edges) {
    std::vector<net::Ipv4PrefixRange> entries;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        entries.push_back(net::Ipv4PrefixRange::exactly(
            net::Ipv4Prefix::covering(net::Ipv4Address(0x0a000000U + (i << 9)), 24)));
    }
    EXPECT_LE(PrefixSet(entries).segments(), 2000U);
}

class Scenario {
public:
    explicit Scenario(std::uint64_t seed) : random_(seed) {}

    // Few addresses, so that entries nest and meet; some at the end of the address space.
    net::Ipv4Prefix any_prefix() {
        const auto length = static_cast<std::uint8_t>(below(33));
        const std::uint32_t base = below(4) == 0 ? 0xfffffff0U : 0x0a000000U;
        return net::Ipv4Prefix::covering(net::Ipv4Address(base ^ below(16) ^ below(4) << 22U),
                                         length);
    }
    net::Ipv4PrefixRange any_range() {
        const net::Ipv4Prefix prefix = any_prefix();
        const auto up = [&](std::uint8_t from) {
            return static_cast<std::uint8_t>(from + below(33U - from));
        };
        const std::uint8_t least = up(prefix.length());
        return {prefix, least, up(least)};
    }
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }

private:
    std::mt19937_64 random_;
};

TEST(PrefixSetProperty, It_answers_what_a_scan_of_its_entries_answers) {
    for (const std::uint64_t seed : seeds(300)) {
        Scenario scenario(seed);
        std::vector<net::Ipv4PrefixRange> entries;
        for (std::uint32_t count = scenario.below(12); count > 0; --count) {
            entries.push_back(scenario.any_range());
        }
        const PrefixSet set(entries);
        for (int question = 0; question < 200; ++question) {
            const net::Ipv4Prefix prefix = scenario.any_prefix();
            const bool expected = std::any_of(entries.begin(), entries.end(),
                                              [&](const auto& one) { return one.matches(prefix); });
            ASSERT_EQ(set.contains(prefix), expected)
                << prefix.to_string() << ", GODWIT_SEED=" << seed;
            const bool covered = std::any_of(entries.begin(), entries.end(), [&](const auto& one) {
                return one.prefix.contains(prefix.address());
            });
            ASSERT_EQ(set.covers(prefix.address()), covered) << "GODWIT_SEED=" << seed;
        }
    }
}

}  // namespace
}  // namespace godwit::control::testing
