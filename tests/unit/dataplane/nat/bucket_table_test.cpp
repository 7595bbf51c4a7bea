// The table alone, against a map, with hashes that crowd into few buckets.
#include "dataplane/nat/bucket_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "tests/support/seeds.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

TEST(Table, Crowded_buckets_lose_nothing_and_leave_nothing_behind) {
    for (const std::uint64_t seed : godwit::testing::seeds(20)) {
        std::mt19937_64 random(seed);
        constexpr std::uint32_t kValues = 300;
        BucketTable table(kValues);
        std::map<std::uint32_t, std::uint64_t> model;
        // Few homes, one of them the last bucket, and few tags, one of them 0.
        const auto draw_hash = [&] {
            return (random() % 4 == 0 ? ~std::uint64_t{0} << 32U : random() % 3 << 56U) |
                   random() % 3;
        };
        for (int step = 0; step < 20000; ++step) {
            const auto value = static_cast<std::uint32_t>(random() % kValues);
            const auto known = model.find(value);
            if (known == model.end()) {
                model[value] = draw_hash();
                table.insert(model[value], value);
            } else if (random() % 8 != 0) {
                table.erase(known->second, value);
                model.erase(known);
            }
            const auto wanted = static_cast<std::uint32_t>(random() % kValues);
            const auto at = model.find(wanted);
            const std::uint64_t hash = at == model.end() ? draw_hash() : at->second;
            const auto is_wanted = [&](std::uint32_t found) { return found == wanted; };
            ASSERT_EQ(table.find(hash, is_wanted), at == model.end() ? kNone : wanted)
                << "step " << step << ", GODWIT_SEED=" << seed;
            ASSERT_EQ(table.size(), model.size());
        }
        for (const auto& [value, hash] : model) {
            table.erase(hash, value);
        }
        for (int step = 0; step < 1000; ++step) {
            ASSERT_EQ(table.search_length(draw_hash()), 1U) << "GODWIT_SEED=" << seed;
        }
    }
}

// What is fetched before a search should hold what the search finds.
TEST(Table, All_that_a_search_may_find_in_the_home_bucket_is_fetched) {
    constexpr std::uint32_t kValues = 2000;
    unsigned tables = 0;
    unsigned probable = 0;
    unsigned fetched = 0;
    for (const std::uint64_t seed : godwit::testing::seeds(20)) {
        std::mt19937_64 random(seed);
        BucketTable table(kValues);
        std::vector<std::uint64_t> hashes;
        for (std::uint32_t value = 0; value < kValues; ++value) {
            hashes.push_back(random());
            table.insert(hashes.back(), value);
        }
        for (std::uint32_t value = 0; value < kValues; ++value) {
            bool is_fetched = false;
            const std::uint32_t first = table.probable(
                hashes[value], [&](std::uint32_t each) { is_fetched |= each == value; });
            probable += first == value ? 1U : 0U;
            fetched += is_fetched ? 1U : 0U;
        }
        ++tables;
    }
    // One in a hundred lies outside its home bucket; one in seventy stands behind another that has
    // its tag.
    EXPECT_GT(fetched, tables * kValues / 1000 * 985);
    EXPECT_GT(probable, tables * kValues / 1000 * 970);
    EXPECT_LT(probable, fetched);
}

TEST(Table, A_value_can_take_the_place_of_another) {
    BucketTable table(10);
    table.insert(77, 1);
    table.replace(77, 1, 2);
    EXPECT_EQ(table.find(77, [](std::uint32_t) { return true; }), 2U);
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
