// When a program that ended is started again.
#include "deploy/supervisor/restart_policy.hpp"

#include <gtest/gtest.h>

namespace godwit::supervisor {
namespace {

using std::chrono::milliseconds;

TEST(RestartPolicy, answers_the_first_death_at_once) {
    RestartPolicy policy;
    EXPECT_EQ(policy.after_end(milliseconds(5)), milliseconds(0));
    EXPECT_EQ(policy.restarts(), 1U);
}

TEST(RestartPolicy, waits_longer_for_a_program_that_keeps_dying_up_to_two_seconds) {
    RestartPolicy policy;
    EXPECT_EQ(policy.after_end(milliseconds(10)), milliseconds(0));
    for (const int expected : {100, 200, 400, 800, 1600, 2000, 2000, 2000}) {
        EXPECT_EQ(policy.after_end(milliseconds(10)), milliseconds(expected));
    }
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(policy.after_end(milliseconds(999)), milliseconds(2000));
    }
}

TEST(RestartPolicy, forgets_early_deaths_once_a_start_was_good) {
    RestartPolicy policy;
    for (int i = 0; i < 5; ++i) {
        policy.after_end(milliseconds(10));
    }
    EXPECT_EQ(policy.after_end(milliseconds(1000)), milliseconds(0));
    EXPECT_EQ(policy.after_end(milliseconds(10)), milliseconds(0));
    EXPECT_EQ(policy.after_end(milliseconds(10)), milliseconds(100));
    EXPECT_EQ(policy.restarts(), 8U);
}

}  // namespace
}  // namespace godwit::supervisor
