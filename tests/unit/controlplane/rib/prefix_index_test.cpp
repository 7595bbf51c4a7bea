// The ordered index against a std::map: random prefixes come and go in runs and at random places,
// so that pages split, fill to the end, empty and join. GODWIT_SEED repeats one run.
#include "controlplane/rib/prefix_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/seeds.hpp"
#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

using godwit::testing::seeds;

TEST(PrefixIndex, An_empty_index_has_nothing_and_no_first) {
    const PrefixIndex index;
    EXPECT_EQ(index.find(prefix("10.0.0.0/8")), PrefixIndex::kNone);
    EXPECT_EQ(index.following(std::nullopt), PrefixIndex::kNone);
}

TEST(PrefixIndex, The_order_is_by_address_then_length) {
    PrefixIndex index;
    index.add(prefix("10.0.0.0/16"), 2);
    index.add(prefix("10.1.0.0/16"), 3);
    index.add(prefix("10.0.0.0/8"), 1);
    EXPECT_EQ(index.following(std::nullopt), 1U);
    EXPECT_EQ(index.following(prefix("10.0.0.0/8")), 2U);
    EXPECT_EQ(index.following(prefix("10.0.0.0/24")), 3U) << "behind one that is not there";
    EXPECT_EQ(index.following(prefix("10.1.0.0/16")), PrefixIndex::kNone);
}

TEST(PrefixIndex, What_comes_in_order_fills_its_pages) {
    PrefixIndex index;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        index.add(net::Ipv4Prefix::covering(net::Ipv4Address(i << 8U), 24), i + 1);
    }
    EXPECT_LE(index.bytes(), 100'000U * 13);
}

TEST(PrefixIndexProperty, It_answers_as_an_ordered_map_does) {
    for (const std::uint64_t seed : seeds(40)) {
        std::mt19937_64 random(seed);
        const auto below = [&](std::uint32_t limit) {
            return static_cast<std::uint32_t>(random() % limit);
        };
        const auto any_prefix = [&] {
            return net::Ipv4Prefix::covering(net::Ipv4Address(below(4096) << 20U),
                                             static_cast<std::uint8_t>(8 + below(8)));
        };
        PrefixIndex index;
        std::map<net::Ipv4Prefix, PrefixIndex::Number> map;
        std::uint32_t next = 1;
        for (int step = 0; step < 12; ++step) {
            const bool grows = step % 3 != 2;
            for (std::uint32_t change = 200 + below(1500); change > 0; --change) {
                const net::Ipv4Prefix each = any_prefix();
                if (grows && map.emplace(each, next).second) {
                    index.add(each, next++);
                } else if (!grows && map.erase(each) > 0) {
                    index.remove(each);
                }
            }
            ASSERT_EQ(index.size(), map.size());
            std::optional<net::Ipv4Prefix> at;
            for (const auto& [each, number] : map) {
                ASSERT_EQ(index.find(each), number) << "GODWIT_SEED=" << seed;
                ASSERT_EQ(index.following(at), number) << "GODWIT_SEED=" << seed;
                at = each;
            }
            ASSERT_EQ(index.following(at), PrefixIndex::kNone);
            for (int question = 0; question < 200; ++question) {
                const net::Ipv4Prefix each = any_prefix();
                const auto found = map.find(each);
                ASSERT_EQ(index.find(each), found == map.end() ? PrefixIndex::kNone : found->second)
                    << "GODWIT_SEED=" << seed;
                const auto behind = map.upper_bound(each);
                ASSERT_EQ(index.following(each),
                          behind == map.end() ? PrefixIndex::kNone : behind->second)
                    << "GODWIT_SEED=" << seed;
            }
        }
        for (const auto& [each, number] : std::map(map)) {
            index.remove(each);
        }
        ASSERT_EQ(index.size(), 0U);
        ASSERT_EQ(index.following(std::nullopt), PrefixIndex::kNone);
    }
}

}  // namespace
}  // namespace godwit::control::testing
