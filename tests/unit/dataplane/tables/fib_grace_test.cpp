// What a reader has in its hand keeps its meaning until it has left: a reader that stands still
// between two loads, step by step, where concurrent tests would need luck to meet it.
#include <gtest/gtest.h>

#include <cstdint>

#include "dataplane/tables/fib.hpp"
#include "dataplane/tables/fib_tables.hpp"

namespace godwit::dataplane {
namespace {

using net::Ipv4Address;
using net::Ipv4Prefix;

Ipv4Prefix slash_24(std::uint32_t number) {
    return Ipv4Prefix::covering(Ipv4Address(number << 8), 24);
}
Ipv4Prefix host(std::uint32_t number) {
    return Ipv4Prefix::covering(Ipv4Address(number << 8 | 1), 32);
}

// Tables with one worker, and what that worker reads one load at a time.
class FibGrace : public testing::Test {
protected:
    void set(const Ipv4Prefix& prefix, std::uint32_t next_hop) {
        ASSERT_TRUE(tables_.set(prefix, next_hop, tables_.find(prefix)));
    }
    void remove(const Ipv4Prefix& prefix) { tables_.remove(tables_.find(prefix)); }
    // More next hops than narrow codes, on /24s from 2^16 on.
    void make_wide() {
        for (std::uint32_t i = 0; i < 300; ++i) {
            set(slash_24(0x10000 + i), 10'000 + i);
        }
        ASSERT_TRUE(is_wide());
    }
    bool is_wide() { return (tables_.view().front.load() & kFibWideFront) != 0; }
    std::uint32_t code(std::uint32_t slot) {
        const std::uintptr_t front = tables_.view().front.load();
        return is_wide() ? FibView::codes<std::uint16_t>(front)[slot]
                         : FibView::codes<std::uint8_t>(front)[slot];
    }
    std::uint32_t meaning(std::uint32_t code) { return tables_.view().next_hops[code]; }
    void worker_leaves() {
        reclaimer_.quiescent(0);
        reclaimer_.poll();
    }

    void SetUp() override { reclaimer_.online(0); }
    void TearDown() override {
        reclaimer_.offline(0);
        reclaimer_.drain();
    }

    Reclaimer reclaimer_{1};
    FibTables tables_{reclaimer_, 100'000};
};

TEST_F(FibGrace, a_code_means_the_same_next_hop_until_the_worker_has_left) {
    set(slash_24(1), 77);
    const std::uint32_t held = code(1);
    set(slash_24(1), 78);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        set(slash_24(2 + i), 100 + i);
        ASSERT_EQ(meaning(held), 77U) << "after " << i << " other next hops";
    }
    worker_leaves();
    set(slash_24(5000), 5000);
    EXPECT_EQ(code(5000), held) << "a free code was not used";
    EXPECT_EQ(meaning(held), 5000U);
}

TEST_F(FibGrace, a_code_that_is_used_again_meanwhile_is_not_given_to_another_next_hop) {
    set(slash_24(1), 77);
    const std::uint32_t held = code(1);
    remove(slash_24(1));
    set(slash_24(2), 77);
    EXPECT_EQ(code(2), held);
    worker_leaves();
    set(slash_24(3), 78);
    EXPECT_EQ(meaning(held), 77U);
    EXPECT_NE(code(3), held);
}

TEST_F(FibGrace, a_code_that_names_a_group_and_the_group_stay_until_the_worker_has_left) {
    make_wide();
    set(host(1), 7);
    const std::uint32_t held = code(1);
    const std::uint32_t found = meaning(held);
    ASSERT_FALSE(FibView::is_through_chunk(found)) << "wide codes name groups";
    remove(host(1));
    for (std::uint32_t i = 0; i < 100; ++i) {
        set(host(2 + i), 100 + i);
        ASSERT_EQ(meaning(held), found);
        ASSERT_EQ(tables_.view().exception(found, 1U << 8 | 1), kFibDefault)
            << "its group was used again";
    }
    worker_leaves();
    set(host(500), 8);
    EXPECT_EQ(code(500), held) << "a free code was not used";
    EXPECT_EQ(tables_.view().entry(500U << 8 | 1), 8U);
}

TEST_F(FibGrace, groups_of_before_are_named_once_codes_are_wide) {
    for (std::uint32_t i = 0; i < 50; ++i) {
        set(host(7 * i), 1 + i);
    }
    ASSERT_TRUE(FibView::is_through_chunk(meaning(code(7))));
    make_wide();
    for (std::uint32_t i = 0; i < 50; ++i) {
        EXPECT_FALSE(FibView::is_through_chunk(meaning(code(7 * i))));
        EXPECT_EQ(tables_.view().entry((7 * i) << 8 | 1), 1 + i);
    }
}

TEST_F(FibGrace, groups_without_a_code_of_their_own_are_found_through_chunks) {
    make_wide();
    constexpr std::uint32_t kGroups = FibCodes::kWideCodes - FibCodes::kFirstGroupCode + 100;
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        set(host(0x20000 + i), 1 + i % 50);
    }
    EXPECT_TRUE(FibView::is_through_chunk(meaning(code(0x20000 + kGroups - 1))));
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        ASSERT_EQ(tables_.view().entry((0x20000 + i) << 8 | 1), 1 + i % 50);
    }
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        remove(host(0x20000 + i));
        worker_leaves();
    }
    set(host(1), 9);
    EXPECT_FALSE(FibView::is_through_chunk(meaning(code(1))));
}

}  // namespace
}  // namespace godwit::dataplane
