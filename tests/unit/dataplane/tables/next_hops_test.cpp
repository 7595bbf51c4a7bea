#include "dataplane/tables/next_hops.hpp"

#include <gtest/gtest.h>

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
    return {.verdict = verdict, .reserved = 0, .interface = net::InterfaceId(1), .target = 0};
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
    for (const std::uint32_t member : members) {
        EXPECT_NEAR(hits[member], 4096 / 3, 2);
    }
    EXPECT_EQ(next_hops_.member(members[0], 12345), members[0]);
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

}  // namespace
}  // namespace godwit::dataplane
