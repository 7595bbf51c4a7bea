#include "dataplane/tables/reclaimer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace godwit::dataplane {
namespace {

TEST(Reclaimer, without_a_worker_online_everything_is_due_at_once) {
    Reclaimer reclaimer(4);
    int released = 0;
    reclaimer.defer([&released] { ++released; });
    EXPECT_EQ(released, 0);
    EXPECT_EQ(reclaimer.poll(), 1U);
    EXPECT_EQ(released, 1);
}

TEST(Reclaimer, waits_for_each_worker_that_is_online) {
    Reclaimer reclaimer(2);
    reclaimer.online(0);
    reclaimer.online(1);
    int released = 0;
    reclaimer.defer([&released] { ++released; });
    reclaimer.quiescent(0);
    EXPECT_EQ(reclaimer.poll(), 0U);
    reclaimer.offline(1);  // a worker that sleeps holds nothing
    EXPECT_EQ(reclaimer.poll(), 1U);
    EXPECT_EQ(released, 1);
    reclaimer.offline(0);
}

TEST(Reclaimer, a_quiescent_state_before_the_change_does_not_count) {
    Reclaimer reclaimer(1);
    reclaimer.online(0);
    reclaimer.quiescent(0);
    reclaimer.defer([] {});
    EXPECT_EQ(reclaimer.poll(), 0U);
    reclaimer.quiescent(0);
    EXPECT_EQ(reclaimer.poll(), 1U);
    reclaimer.offline(0);
}

TEST(Reclaimer, releases_in_order_and_a_release_may_defer_again) {
    Reclaimer reclaimer(1);
    std::vector<int> order;
    reclaimer.defer([&] {
        order.push_back(1);
        reclaimer.defer([&order] { order.push_back(3); });
    });
    reclaimer.defer([&order] { order.push_back(2); });
    reclaimer.drain();
    EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(Reclaimer, at_its_limit_it_makes_room_and_counts_it) {
    std::size_t released = 0;  // outlives the reclaimer, which runs the last release
    Reclaimer reclaimer(1);
    for (std::size_t i = 0; i < Reclaimer::kMaxPending + 1; ++i) {
        reclaimer.defer([&released] { ++released; });
    }
    EXPECT_EQ(reclaimer.waits_at_limit(), 1U);
    EXPECT_EQ(released, Reclaimer::kMaxPending);
    EXPECT_EQ(reclaimer.pending(), 1U);
}

}  // namespace
}  // namespace godwit::dataplane
