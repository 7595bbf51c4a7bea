// In which order the dataplane is told.
#include "controlplane/rib/route_queue.hpp"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

class Queue : public ::testing::Test {
protected:
    RouteNumber add(const char* to, std::uint8_t rank) {
        const RouteNumber route = table.add_entry(prefix(to));
        table[route].slot.rank = rank;
        queue.add(route);
        return route;
    }

    RouteTable table;
    RouteQueue queue{table};
};

TEST_F(Queue, The_lowest_rank_goes_first_and_equal_ones_in_the_order_in_which_they_came) {
    const RouteNumber bulk = add("10.0.0.0/8", 20);
    const RouteNumber connected = add("11.0.0.0/8", 0);
    const RouteNumber second = add("9.0.0.0/8", 0);
    EXPECT_EQ(queue.take(), connected);
    EXPECT_EQ(queue.take(), second);
    EXPECT_EQ(queue.take(), bulk);
    EXPECT_TRUE(queue.empty());
}

TEST_F(Queue, One_turn_in_eight_belongs_to_the_last_in_line) {
    const RouteNumber bulk = add("10.0.0.0/8", 200);
    RouteNumber flapping = add("11.0.0.0/8", 0);
    for (int turn = 1; turn < 8; ++turn) {
        ASSERT_EQ(queue.take(), flapping);
        queue.add(flapping);
    }
    EXPECT_EQ(queue.take(), bulk);
}

TEST_F(Queue, A_route_is_in_it_once_and_can_leave_it_anywhere) {
    const RouteNumber first = add("10.0.0.0/8", 5);
    const RouteNumber middle = add("11.0.0.0/8", 5);
    const RouteNumber last = add("12.0.0.0/8", 5);
    queue.add(middle);
    EXPECT_EQ(queue.size(), 3U);
    queue.remove(middle);
    EXPECT_EQ(queue.take(), first);
    queue.remove(last);
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(table[middle].slot.queued);
}

}  // namespace
}  // namespace godwit::control::testing
