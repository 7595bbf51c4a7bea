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
        ASSERT_TRUE(tables_.set(FibRoute(prefix, next_hop), tables_.find(prefix)));
    }
    void remove(const Ipv4Prefix& prefix) { tables_.remove(tables_.find(prefix)); }
    // A next hop that no narrow code says, on a /24 that the tests leave alone.
    void make_wide() {
        set(slash_24(0x10000), FibCodes::kNarrowLimit);
        ASSERT_EQ(form(), kFibWideFront);
    }
    // One that no code says.
    void make_mapped() {
        set(slash_24(0x10001), FibCodes::kWideLimit);
        ASSERT_EQ(form(), kFibWideFront | kFibMappedFront);
    }
    std::uintptr_t form() {
        return tables_.view().front.load() & (kFibWideFront | kFibMappedFront);
    }
    std::uint32_t code(std::uint32_t slot) {
        const std::uintptr_t front = tables_.view().front.load();
        return (front & kFibWideFront) != 0 ? FibView::codes<std::uint16_t>(front)[slot]
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
    FibTables tables_{reclaimer_, 100'000, FibWay::Loads};
};

TEST_F(FibGrace, a_code_is_its_next_hop_until_one_comes_that_no_code_says) {
    set(slash_24(1), 77);
    EXPECT_EQ(code(1), 77U);
    make_wide();
    EXPECT_EQ(code(1), 77U);
    EXPECT_EQ(code(0x10000), FibCodes::kNarrowLimit);
    make_mapped();
    EXPECT_EQ(code(1), 77U) << "what is given out stays";
    EXPECT_EQ(meaning(77), 77U);
    EXPECT_EQ(meaning(code(0x10001)), FibCodes::kWideLimit);
    for (const std::uint32_t slot : {1U, 0x10000U, 0x10001U, 2U}) {
        EXPECT_EQ(tables_.view().entry(slot << 8), slot == 1         ? 77
                                                   : slot == 0x10000 ? FibCodes::kNarrowLimit
                                                   : slot == 0x10001 ? FibCodes::kWideLimit
                                                                     : kFibDefault);
    }
}

TEST_F(FibGrace, a_route_to_no_route_is_told_from_the_default_by_a_mapped_code) {
    set(slash_24(1), 0);
    EXPECT_EQ(form(), kFibWideFront | kFibMappedFront);
    EXPECT_NE(code(1), 0U);
    EXPECT_EQ(tables_.view().entry(1U << 8), 0U);
}

TEST_F(FibGrace, a_front_that_a_worker_holds_says_what_it_said_when_it_was_replaced) {
    set(slash_24(1), 77);
    const std::uintptr_t held = tables_.view().front.load();
    make_mapped();
    for (std::uint32_t i = 0; i < 1000; ++i) {
        set(slash_24(1), 100'000 + i);
        ASSERT_EQ(FibView::codes<std::uint8_t>(held)[1], 77U);
    }
}

TEST_F(FibGrace, a_mapped_code_means_the_same_next_hop_until_the_worker_has_left) {
    make_mapped();
    set(slash_24(1), 100'077);
    const std::uint32_t held = code(1);
    set(slash_24(1), 100'078);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        set(slash_24(2 + i), 200'000 + i);
        ASSERT_EQ(meaning(held), 100'077U) << "after " << i << " other next hops";
    }
    worker_leaves();
    set(slash_24(5000), 5000);
    EXPECT_EQ(code(5000), held) << "a free code was not used";
    EXPECT_EQ(meaning(held), 5000U);
}

TEST_F(FibGrace, a_mapped_code_that_is_used_again_meanwhile_is_not_given_to_another_next_hop) {
    make_mapped();
    set(slash_24(1), 100'077);
    const std::uint32_t held = code(1);
    remove(slash_24(1));
    set(slash_24(2), 100'077);
    EXPECT_EQ(code(2), held);
    worker_leaves();
    set(slash_24(3), 100'078);
    EXPECT_EQ(meaning(held), 100'077U);
    EXPECT_NE(code(3), held);
}

TEST_F(FibGrace, a_code_that_names_a_group_and_the_group_stay_until_the_worker_has_left) {
    set(host(1), 7);
    const std::uint32_t held = code(1);
    ASSERT_EQ(held, FibCode<std::uint8_t>::kFirstGroup) << "codes name groups";
    remove(host(1));
    for (std::uint32_t i = 0; i < 60; ++i) {
        set(host(2 + i), 100 + i);
        ASSERT_NE(code(2 + i), held);
        ASSERT_EQ(tables_.view().exception<std::uint8_t>(held, 1U << 8 | 1), kFibDefault)
            << "its group was used again";
    }
    worker_leaves();
    set(host(500), 8);
    EXPECT_EQ(code(500), held) << "a free group was not used";
    EXPECT_EQ(tables_.view().entry(500U << 8 | 1), 8U);
}

TEST_F(FibGrace, groups_that_narrow_codes_cannot_name_are_named_once_codes_are_wide) {
    constexpr std::uint32_t kNamed = FibCode<std::uint8_t>::kNamedGroups;
    constexpr std::uint32_t kGroups = kNamed + 20;
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        set(host(7 * i), 1 + i);
        ASSERT_EQ(code(7 * i), i < kNamed ? FibCode<std::uint8_t>::kFirstGroup + i
                                          : FibCode<std::uint8_t>::kThroughChunk);
    }
    for (int form = 0; form < 3; ++form) {
        for (std::uint32_t i = 0; i < kGroups; ++i) {
            ASSERT_EQ(tables_.view().entry((7 * i) << 8 | 1), 1 + i);
            ASSERT_EQ(tables_.view().entry((7 * i) << 8 | 2), kFibDefault);
        }
        form == 0 ? make_wide() : make_mapped();
    }
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        EXPECT_EQ(code(7 * i), FibCode<std::uint16_t>::kFirstGroup + i);
    }
}

TEST_F(FibGrace, groups_without_a_code_of_their_own_are_found_through_chunks) {
    make_wide();
    constexpr std::uint32_t kGroups = FibCode<std::uint16_t>::kNamedGroups + 100;
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        set(host(0x20000 + i), 1 + i % 50);
    }
    EXPECT_EQ(code(0x20000 + kGroups - 1), FibCode<std::uint16_t>::kThroughChunk);
    for (std::uint32_t i = 0; i < kGroups; ++i) {
        ASSERT_EQ(tables_.view().entry((0x20000 + i) << 8 | 1), 1 + i % 50);
    }
    for (std::uint32_t i = kGroups; i > 0; --i) {
        remove(host(0x20000 + i - 1));
        worker_leaves();
    }
    set(host(1), 9);
    EXPECT_NE(code(1), FibCode<std::uint16_t>::kThroughChunk);
}

}  // namespace
}  // namespace godwit::dataplane
