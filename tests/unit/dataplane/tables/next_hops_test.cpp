#include "dataplane/tables/next_hops.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <ranges>
#include <set>

namespace godwit::dataplane {
namespace {

Adjacency adjacency_to(std::uint32_t neighbor) {
    Adjacency adjacency;
    adjacency.rewrite_bytes = 14;
    adjacency.interface = net::InterfaceId(1);
    adjacency.mtu = 1500;
    adjacency.neighbor = neighbor;
    return adjacency;
}

NextHopEntry plain(Verdict verdict) {
    return {.verdict = verdict, .of_one = false, .interface = net::InterfaceId(1), .target = 0};
}

class NextHopsTest : public testing::Test {
protected:
    Reclaimer reclaimer_{1};
    NextHops next_hops_{reclaimer_, 8, 2, 2};
};

TEST_F(NextHopsTest, index_0_is_no_route_for_ever) {
    EXPECT_EQ(next_hops_.entry(0).verdict, Verdict::NoRoute);
    EXPECT_FALSE(next_hops_.set_plain(0, plain(Verdict::Blackhole)));
    EXPECT_FALSE(next_hops_.set_adjacency(0, adjacency_to(1)));
    next_hops_.release(0);
    EXPECT_EQ(next_hops_.used(), 1U);
}

TEST_F(NextHopsTest, an_entry_is_switched_from_plain_to_adjacency_and_back) {
    const auto index = next_hops_.allocate(plain(Verdict::Incomplete));
    ASSERT_TRUE(index);
    ASSERT_TRUE(next_hops_.set_adjacency(*index, adjacency_to(42)));
    const NextHopEntry entry = next_hops_.entry(*index);
    EXPECT_EQ(entry.verdict, Verdict::Adjacency);
    EXPECT_EQ(next_hops_.adjacency(entry.target).neighbor, 42U);
    ASSERT_TRUE(next_hops_.set_plain(*index, plain(Verdict::Incomplete)));
    EXPECT_EQ(next_hops_.entry(*index).verdict, Verdict::Incomplete);
}

TEST_F(NextHopsTest, hits_are_counted_by_every_worker_and_outlive_a_new_adjacency) {
    NextHops next_hops(reclaimer_, 8, 2, 2, 2);
    const auto index = next_hops.allocate(plain(Verdict::Incomplete));
    EXPECT_EQ(next_hops.hits(*index), 0U);
    ASSERT_TRUE(next_hops.set_adjacency(*index, adjacency_to(1)));
    next_hops.hit_counters(0)[next_hops.entry(*index).target].add(3);
    next_hops.hit_counters(1)[next_hops.entry(*index).target].add(4);
    EXPECT_EQ(next_hops.hits(*index), 7U);
    ASSERT_TRUE(next_hops.set_adjacency(*index, adjacency_to(2)));
    EXPECT_EQ(next_hops.hits(*index), 7U);
    next_hops.hit_counters(1)[next_hops.entry(*index).target].add(1);
    EXPECT_EQ(next_hops.hits(*index), 8U);
}

TEST_F(NextHopsTest, a_slot_that_is_used_again_begins_at_no_hits) {
    const auto first = next_hops_.allocate(plain(Verdict::Incomplete));
    ASSERT_TRUE(next_hops_.set_adjacency(*first, adjacency_to(1)));
    next_hops_.hit_counters(0)[next_hops_.entry(*first).target].add(5);
    const std::uint32_t slot = next_hops_.entry(*first).target;
    next_hops_.release(*first);
    reclaimer_.poll();
    const auto second = next_hops_.allocate(plain(Verdict::Incomplete));
    ASSERT_TRUE(next_hops_.set_adjacency(*second, adjacency_to(2)));
    ASSERT_EQ(next_hops_.entry(*second).target, slot);
    EXPECT_EQ(next_hops_.hits(*second), 0U);
}

TEST_F(NextHopsTest, a_slot_is_used_again_only_after_every_worker_was_quiescent) {
    const auto index = next_hops_.allocate(plain(Verdict::Incomplete));
    reclaimer_.online(0);
    ASSERT_TRUE(next_hops_.set_adjacency(*index, adjacency_to(1)));
    ASSERT_TRUE(next_hops_.set_adjacency(*index, adjacency_to(2)));  // frees the first slot, later
    EXPECT_FALSE(next_hops_.set_adjacency(*index, adjacency_to(3)));
    EXPECT_EQ(next_hops_.refused_at_limit(), 1U);
    EXPECT_EQ(next_hops_.adjacency(next_hops_.entry(*index).target).neighbor, 2U);

    reclaimer_.quiescent(0);
    EXPECT_TRUE(next_hops_.set_adjacency(*index, adjacency_to(3)));
    reclaimer_.offline(0);
}

TEST_F(NextHopsTest, a_released_index_waits_for_the_workers_too) {
    std::vector<std::uint32_t> all;
    while (const auto index = next_hops_.allocate(plain(Verdict::Blackhole))) {
        all.push_back(*index);
    }
    EXPECT_EQ(all.size(), 7U);
    reclaimer_.online(0);
    next_hops_.release(all.front());
    EXPECT_EQ(next_hops_.entry(all.front()).verdict, Verdict::NoRoute);
    EXPECT_FALSE(next_hops_.allocate(plain(Verdict::Blackhole)));
    reclaimer_.quiescent(0);
    EXPECT_EQ(next_hops_.allocate(plain(Verdict::Blackhole)), all.front());
    reclaimer_.offline(0);
}

TEST_F(NextHopsTest, a_group_spreads_the_hashes_evenly_over_its_members) {
    std::vector<std::uint32_t> members;
    for (int i = 0; i < 3; ++i) {
        members.push_back(*next_hops_.allocate(plain(Verdict::Incomplete)));
    }
    const std::uint32_t group = *next_hops_.allocate(plain(Verdict::NoRoute));
    ASSERT_TRUE(next_hops_.set_group(group, members));
    std::vector<int> hits(next_hops_.capacity());
    for (std::uint64_t hash = 0; hash < 1ULL << 32; hash += 1ULL << 20) {
        ++hits[next_hops_.member(group, static_cast<std::uint32_t>(hash))];
    }
    // 128 buckets over three members: 43, 43 and 42, of 32 of these hashes each.
    for (const std::uint32_t member : members) {
        EXPECT_NEAR(hits[member], 4096 / 3, 32);
    }
    EXPECT_EQ(next_hops_.member(members[0], 12345), members[0]);
}

TEST_F(NextHopsTest, a_group_of_one_is_followed_without_a_flow) {
    const auto first = *next_hops_.allocate(plain(Verdict::Blackhole));
    const auto second = *next_hops_.allocate(plain(Verdict::Receive));
    const auto group = *next_hops_.allocate(plain(Verdict::NoRoute));
    const auto reader = next_hops_.reader();

    ASSERT_TRUE(next_hops_.set_group(group, std::vector{first, second}));
    EXPECT_EQ(reader.entry(group).verdict, Verdict::Group);
    ASSERT_TRUE(next_hops_.set_group(group, std::vector{second}));
    EXPECT_EQ(reader.entry(group).verdict, Verdict::Receive);
    EXPECT_EQ(next_hops_.member(group, 0x12345678), second);
    ASSERT_TRUE(next_hops_.set_plain(second, plain(Verdict::Blackhole)));
    EXPECT_EQ(reader.entry(group).verdict, Verdict::Blackhole);
}

TEST_F(NextHopsTest, a_group_of_groups_or_of_nothing_is_refused) {
    const std::uint32_t member = *next_hops_.allocate(plain(Verdict::Blackhole));
    const std::uint32_t group = *next_hops_.allocate(plain(Verdict::NoRoute));
    EXPECT_FALSE(next_hops_.set_group(group, {}));
    ASSERT_TRUE(next_hops_.set_group(group, std::vector{member}));
    const std::uint32_t outer = *next_hops_.allocate(plain(Verdict::NoRoute));
    EXPECT_FALSE(next_hops_.set_group(outer, std::vector{group}));
    EXPECT_FALSE(next_hops_.set_group(outer, std::vector<std::uint32_t>{99}));
    EXPECT_EQ(next_hops_.entry(outer).verdict, Verdict::NoRoute);
}

// A group, and the flows of each bucket: one hash a bucket is enough, the bucket is what moves.
class GroupTest : public testing::Test {
protected:
    using Owners = std::array<std::uint32_t, kGroupBuckets>;

    GroupTest() {
        group_ = *next_hops_.allocate(plain(Verdict::NoRoute));
        for (std::size_t i = 0; i < 2 * api::kMaxGroupMembers; ++i) {
            pool_.push_back(*next_hops_.allocate(plain(Verdict::Incomplete)));
        }
    }

    [[nodiscard]] std::vector<std::uint32_t> first(std::size_t count) const {
        return {pool_.begin(), pool_.begin() + static_cast<std::ptrdiff_t>(count)};
    }
    [[nodiscard]] Owners owners() const {
        Owners owners{};
        for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
            owners[bucket] =
                next_hops_.member(group_, static_cast<std::uint32_t>(bucket << 25 | 0x1234));
        }
        return owners;
    }
    static std::map<std::uint32_t, int> loads(const Owners& owners) {
        std::map<std::uint32_t, int> loads;
        for (const std::uint32_t owner : owners) {
            ++loads[owner];
        }
        return loads;
    }
    static int moved(const Owners& before, const Owners& after) {
        int count = 0;
        for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
            count += before[bucket] == after[bucket] ? 0 : 1;
        }
        return count;
    }

    Reclaimer reclaimer_{1};
    NextHops next_hops_{reclaimer_, 256, 2, 2};
    std::uint32_t group_ = 0;
    std::vector<std::uint32_t> pool_;
};

TEST_F(GroupTest, losing_a_member_moves_only_its_flows) {
    for (std::size_t count = 2; count <= api::kMaxGroupMembers; ++count) {
        ASSERT_TRUE(next_hops_.set_plain(group_, plain(Verdict::NoRoute)));
        ASSERT_TRUE(next_hops_.set_group(group_, first(count)));
        const Owners before = owners();
        std::vector<std::uint32_t> rest = first(count);
        const std::uint32_t lost = rest[count / 2];
        std::erase(rest, lost);
        ASSERT_TRUE(next_hops_.set_group(group_, rest));
        EXPECT_EQ(moved(before, owners()), loads(before)[lost]) << count;
    }
}

TEST_F(GroupTest, a_member_that_returns_takes_its_share_and_no_more) {
    for (std::size_t count = 2; count <= api::kMaxGroupMembers; ++count) {
        ASSERT_TRUE(next_hops_.set_plain(group_, plain(Verdict::NoRoute)));
        ASSERT_TRUE(next_hops_.set_group(group_, first(count - 1)));
        const Owners before = owners();
        ASSERT_TRUE(next_hops_.set_group(group_, first(count)));
        const int share = static_cast<int>(kGroupBuckets / count);
        EXPECT_EQ(moved(before, owners()), share) << count;
        EXPECT_EQ(loads(owners())[pool_[count - 1]], share) << count;
    }
}

TEST_F(GroupTest, a_member_that_replaces_another_takes_over_its_flows_and_no_others) {
    ASSERT_TRUE(next_hops_.set_group(group_, std::vector{pool_[0], pool_[1], pool_[2]}));
    const Owners before = owners();
    ASSERT_TRUE(next_hops_.set_group(group_, std::vector{pool_[0], pool_[9], pool_[2]}));
    const Owners after = owners();
    for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
        EXPECT_EQ(after[bucket], before[bucket] == pool_[1] ? pool_[9] : before[bucket]);
    }
}

TEST_F(GroupTest, the_order_of_the_members_moves_nothing) {
    ASSERT_TRUE(next_hops_.set_group(group_, first(7)));
    const Owners before = owners();
    std::vector<std::uint32_t> reversed = first(7);
    std::ranges::reverse(reversed);
    ASSERT_TRUE(next_hops_.set_group(group_, reversed));
    EXPECT_EQ(owners(), before);
}

TEST_F(GroupTest, a_member_that_is_given_three_times_gets_three_shares) {
    ASSERT_TRUE(next_hops_.set_group(group_, std::vector{pool_[0], pool_[1], pool_[0], pool_[0]}));
    EXPECT_EQ(loads(owners())[pool_[0]], 96);
    EXPECT_EQ(loads(owners())[pool_[1]], 32);
    const Owners before = owners();
    ASSERT_TRUE(next_hops_.set_group(group_, std::vector{pool_[0], pool_[1]}));
    EXPECT_EQ(loads(owners())[pool_[0]], 64);
    EXPECT_EQ(moved(before, owners()), 32);
}

TEST_F(GroupTest, readers_of_the_group_before_see_it_unchanged_until_they_are_quiescent) {
    ASSERT_TRUE(next_hops_.set_group(group_, first(4)));
    const NextHopGroup& held = next_hops_.group(next_hops_.entry(group_).target);
    const NextHopGroup copy = held;
    reclaimer_.online(0);
    ASSERT_TRUE(next_hops_.set_group(group_, first(3)));
    EXPECT_FALSE(next_hops_.set_group(group_, first(2)));  // the third table is not free yet
    EXPECT_EQ(held.buckets, copy.buckets);
    reclaimer_.quiescent(0);
    EXPECT_TRUE(next_hops_.set_group(group_, first(2)));
    reclaimer_.offline(0);
}

// Joins and leaves at random. Flows whose member stayed do not move when members only leave; when
// members join, the flows that move go to those; the buckets of any two members differ by at most
// one, and no more of them move than balance asks for.
TEST_F(GroupTest, random_joins_and_leaves_move_no_flow_without_need) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t end) { return random() % end; };
    std::set<std::uint32_t> members{pool_[0]};
    ASSERT_TRUE(next_hops_.set_group(group_, first(1)));
    for (int step = 0; step < 4000; ++step) {
        const std::set<std::uint32_t> old = members;
        for (std::size_t leaves = below(3); leaves > 0 && members.size() > 1; --leaves) {
            members.erase(
                std::next(members.begin(), static_cast<std::ptrdiff_t>(below(members.size()))));
        }
        for (std::size_t joins = below(3); joins > 0; --joins) {
            if (members.size() < api::kMaxGroupMembers) {
                members.insert(pool_[below(pool_.size())]);
            }
        }
        std::vector<std::uint32_t> given(members.begin(), members.end());
        std::ranges::shuffle(given, random);
        const Owners before = owners();
        ASSERT_TRUE(next_hops_.set_group(group_, given));
        const Owners after = owners();

        int orphans = 0;
        int moved_from_stayers = 0;
        for (std::size_t bucket = 0; bucket < kGroupBuckets; ++bucket) {
            ASSERT_TRUE(members.contains(after[bucket])) << "step " << step;
            if (!members.contains(before[bucket])) {
                ++orphans;
            } else if (before[bucket] != after[bucket]) {
                ++moved_from_stayers;
                ASSERT_FALSE(old.contains(after[bucket])) << "from stayer to stayer, step " << step;
            }
        }
        int joined_buckets = 0;
        const auto load = loads(after);
        ASSERT_EQ(load.size(), members.size()) << "step " << step;
        for (const auto& [member, buckets] : load) {
            joined_buckets += old.contains(member) ? 0 : buckets;
        }
        const auto [least, most] = std::ranges::minmax(load | std::views::values);
        ASSERT_LE(most - least, 1) << "step " << step;
        // Orphans go to who joined before anything is taken from who stayed.
        ASSERT_LE(moved_from_stayers, std::max(0, joined_buckets - orphans)) << "step " << step;
    }
}

}  // namespace
}  // namespace godwit::dataplane
