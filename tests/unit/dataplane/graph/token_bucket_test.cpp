#include "dataplane/graph/token_bucket.hpp"

#include <gtest/gtest.h>

namespace godwit::dataplane {
namespace {

constexpr std::uint64_t kHz = 1'000'000;

unsigned take_all(TokenBucket& bucket, std::uint64_t now) {
    unsigned taken = 0;
    while (bucket.take(now)) {
        ++taken;
    }
    return taken;
}

TEST(TokenBucket, gives_its_burst_at_once_and_then_its_rate) {
    TokenBucket bucket(1000, 50, kHz);
    EXPECT_EQ(take_all(bucket, 0), 50U);
    EXPECT_EQ(take_all(bucket, 999), 0U);
    EXPECT_EQ(take_all(bucket, 1000), 1U);
    EXPECT_EQ(take_all(bucket, 11'000), 10U);
}

TEST(TokenBucket, saves_no_more_than_its_burst) {
    TokenBucket bucket(1000, 50, kHz);
    take_all(bucket, 0);
    EXPECT_EQ(take_all(bucket, 3600 * kHz), 50U);
}

TEST(TokenBucket, keeps_its_rate_over_many_small_steps) {
    TokenBucket bucket(1000, 1, kHz);
    take_all(bucket, 0);
    unsigned taken = 0;
    for (std::uint64_t now = 1; now <= kHz; now += 7) {
        taken += bucket.take(now) ? 1U : 0U;
    }
    EXPECT_NEAR(taken, 1000, 10);
}

TEST(TokenBucket, a_clock_that_steps_back_gives_nothing) {
    TokenBucket bucket(1000, 10, kHz);
    take_all(bucket, 5000);
    EXPECT_FALSE(bucket.take(10));
    EXPECT_FALSE(bucket.take(5999));
    EXPECT_TRUE(bucket.take(6000));
}

}  // namespace
}  // namespace godwit::dataplane
