// Virtual time keeps order; real timers and posts run on the executor and can be taken back.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>
#include <vector>

#include "controlplane/runtime/executor.hpp"
#include "controlplane/runtime/virtual_clock.hpp"

namespace godwit::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(VirtualClock, runs_timers_in_the_order_of_their_deadlines) {
    VirtualClock clock;
    std::vector<int> order;
    const auto late = clock.make_timer();
    const auto early = clock.make_timer();
    const auto early_too = clock.make_timer();
    late->arm(clock.now() + seconds(2), [&] { order.push_back(3); });
    early->arm(clock.now() + seconds(1), [&] { order.push_back(1); });
    early_too->arm(clock.now() + seconds(1), [&] { order.push_back(2); });
    clock.advance(milliseconds(999));
    EXPECT_TRUE(order.empty());
    clock.advance(seconds(5));
    EXPECT_EQ(order, (std::vector{1, 2, 3}));
    EXPECT_FALSE(clock.next_deadline());
}

TEST(VirtualClock, stands_at_each_deadline_while_its_timer_runs) {
    VirtualClock clock;
    const Instant start = clock.now();
    const auto timer = clock.make_timer();
    int runs = 0;
    std::function<void()> again = [&] {
        ++runs;
        EXPECT_EQ(clock.now(), start + seconds(runs));
        timer->arm(clock.now() + seconds(1), again);
    };
    timer->arm(start + seconds(1), again);
    clock.advance(seconds(10));
    EXPECT_EQ(runs, 10);
    EXPECT_EQ(clock.now(), start + seconds(10));
}

TEST(VirtualClock, forgets_timers_that_are_cancelled_rearmed_or_gone) {
    VirtualClock clock;
    int runs = 0;
    const auto cancelled = clock.make_timer();
    cancelled->arm(clock.now() + seconds(1), [&] { ++runs; });
    cancelled->cancel();
    EXPECT_FALSE(cancelled->armed());
    const auto rearmed = clock.make_timer();
    rearmed->arm(clock.now() + seconds(1), [&] { ++runs; });
    rearmed->arm(clock.now() + seconds(100), [&] { ++runs; });
    clock.make_timer()->arm(clock.now() + seconds(1), [&] { ++runs; });  // destroyed at once
    clock.advance(seconds(50));
    EXPECT_EQ(runs, 0);
    EXPECT_TRUE(rearmed->armed());
}

TEST(Executor, runs_what_other_threads_post_until_it_is_stopped) {
    Executor executor;
    int count = 0;
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) {
            executor.post([&] { ++count; });
        }
        executor.post([&] { executor.stop(); });
    });
    executor.run();
    other.join();
    EXPECT_EQ(count, 100);
}

TEST(AsioTimer, runs_once_and_can_be_taken_back) {
    Executor executor;
    AsioTimers timers(executor);
    int runs = 0;
    auto taken = timers.make_timer();
    taken->arm(timers.now(), [&] { ++runs; });
    taken->cancel();
    auto destroyed = timers.make_timer();
    destroyed->arm(timers.now(), [&] { ++runs; });
    destroyed.reset();
    auto rearmed = timers.make_timer();
    rearmed->arm(timers.now(), [&] { runs += 100; });
    rearmed->arm(timers.now() + milliseconds(5), [&] {
        ++runs;
        executor.stop();
    });
    EXPECT_TRUE(rearmed->armed());
    executor.run();
    EXPECT_EQ(runs, 1);
    EXPECT_FALSE(rearmed->armed());
}

TEST(AsioTimer, may_be_destroyed_by_its_own_callback) {
    Executor executor;
    AsioTimers timers(executor);
    auto timer = timers.make_timer();
    timer->arm(timers.now(), [&] {
        timer.reset();
        executor.stop();
    });
    executor.run();
    EXPECT_EQ(timer, nullptr);
}

TEST(Signals, reach_their_handler_on_the_executor) {
    Executor executor;
    std::vector<int> seen;
    const Signals signals(executor, {SIGUSR1, SIGUSR2}, [&](int signal) {
        seen.push_back(signal);
        if (seen.size() == 2) {
            executor.stop();
        }
    });
    raise(SIGUSR1);
    raise(SIGUSR2);
    executor.run();
    EXPECT_EQ(seen.size(), 2U);
}

}  // namespace
}  // namespace godwit::control
