// Who the first synchronisation waits for, and for how long.
#include "controlplane/management/convergence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/runtime/virtual_clock.hpp"

namespace godwit::control {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

class ConvergenceTest : public ::testing::Test {
protected:
    VirtualClock clock;
    int done = 0;
    Convergence convergence{clock, [this] { ++done; }};
};

TEST_F(ConvergenceTest, Nobody_is_waited_for_unless_expected) {
    EXPECT_FALSE(convergence.pending());
}

TEST_F(ConvergenceTest, It_is_done_when_the_last_of_all_protocols_is) {
    const auto rip = convergence.expect("rip", seconds(40));
    const auto ospf = convergence.expect("ospf", seconds(60));
    EXPECT_THAT(convergence.waiting_for(), ElementsAre("rip", "ospf"));
    convergence.reached(rip);
    EXPECT_TRUE(convergence.pending());
    EXPECT_EQ(done, 0);
    convergence.reached(ospf);
    EXPECT_FALSE(convergence.pending());
    EXPECT_EQ(done, 1);
    convergence.reached(ospf);
    EXPECT_EQ(done, 1) << "saying so twice does nothing";
}

TEST_F(ConvergenceTest, No_protocol_is_waited_for_longer_than_its_patience) {
    convergence.expect("rip", seconds(40));
    convergence.expect("ospf", seconds(60));
    clock.advance(seconds(41));
    EXPECT_THAT(convergence.waiting_for(), ElementsAre("ospf"));
    EXPECT_EQ(convergence.given_up(), 1U);
    EXPECT_EQ(done, 0);
    clock.advance(seconds(20));
    EXPECT_FALSE(convergence.pending());
    EXPECT_EQ(done, 1);
    EXPECT_EQ(convergence.given_up(), 2U);
}

TEST_F(ConvergenceTest, One_that_has_converged_is_not_given_up_later) {
    const auto rip = convergence.expect("rip", seconds(40));
    convergence.reached(rip);
    clock.advance(seconds(100));
    EXPECT_EQ(convergence.given_up(), 0U);
    EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace godwit::control
