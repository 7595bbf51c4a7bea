// Random networks of routers: after every quiet time the routes equal those of Bellman and Ford,
// and no loop lives longer than the protocol's own bound.
//
// GODWIT_SEED repeats one seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "tests/sim/rip/oracle.hpp"
#include "tests/sim/rip/world.hpp"
#include "tests/support/seeds.hpp"

namespace godwit::sim::rip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A step of counting to infinity takes at most one damped triggered update (5 s) where nothing is
// lost; where packets are lost, it takes until a regular update gets through. Fifteen steps end it.
constexpr Duration kLoopBound = 15 * seconds(5) + seconds(5);
// RFC 2453 3.4.3: where reverse routes are simply not told, a router on the same network learns
// only by its timeout that the way through its neighbour now leads back.
constexpr Duration kSimpleLoopBound = seconds(180) + kLoopBound;
constexpr unsigned kLostInARow = 4;
constexpr Duration kLossyLoopBound = 15 * kLostInARow * seconds(35);

struct Shape {
    std::size_t routers = 10;
    std::size_t extra_wires = 5;
    std::size_t lans = 0;  // wires with three or four routers
    std::uint64_t most_cost = 1;
    double loss = 0;
};

void build(World& world, const Shape& shape) {
    auto& random = world.random();
    WireModel model;
    model.loss = shape.loss;
    const auto cost = [&] {
        return static_cast<control_rip::Cost>(1 + random() % shape.most_cost);
    };
    for (std::size_t i = 0; i < shape.routers; ++i) {
        world.add_router();
        if (i > 0) {  // a tree first, so that everybody is joined
            world.add_wire({{random() % i, cost()}, {i, cost()}}, model);
        }
    }
    const auto distinct = [&](std::size_t count) {
        std::vector<std::pair<RouterIndex, control_rip::Cost>> ends;
        while (ends.size() < count) {
            const RouterIndex router = random() % shape.routers;
            if (std::none_of(ends.begin(), ends.end(),
                             [&](const auto& end) { return end.first == router; })) {
                ends.emplace_back(router, cost());
            }
        }
        return ends;
    };
    for (std::size_t i = 0; i < shape.extra_wires; ++i) {
        world.add_wire(distinct(2), model);
    }
    for (std::size_t i = 0; i < shape.lans; ++i) {
        world.add_wire(distinct(3 + random() % 2), model);
    }
}

// Runs, and watches for loops: how long each network has had one.
class LoopWatch {
public:
    explicit LoopWatch(World& world) : world_(world) {}

    void run_for(Duration time, Duration interval = seconds(1)) {
        for (Duration done{}; done < time; done += interval) {
            world_.run_for(interval);
            std::map<net::Ipv4Prefix, Instant> still;
            for (const net::Ipv4Prefix& network : looping_networks(world_)) {
                const auto known = since_.find(network);
                still[network] = known == since_.end() ? world_.now() : known->second;
                longest_ = std::max(longest_, world_.now() - still[network]);
            }
            since_ = std::move(still);
        }
    }

    [[nodiscard]] Duration longest() const { return longest_; }

private:
    World& world_;
    std::map<net::Ipv4Prefix, Instant> since_;
    Duration longest_{};
};

long in_seconds(Duration time) {
    return std::chrono::duration_cast<seconds>(time).count();
}

// Until the routes are true, at most `limit`. How long it took.
Duration settle(World& world, Duration limit) {
    const Instant begin = world.now();
    while (!difference(world).empty() && world.now() - begin < limit) {
        world.run_for(seconds(5));
    }
    return world.now() - begin;
}

TEST(RipNetwork, of_any_shape_settles_and_follows_its_wires) {
    for (const std::uint64_t seed : testing::seeds(12)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        Shape shape;
        shape.routers = 3 + world.random()() % 12;
        shape.extra_wires = world.random()() % 8;
        shape.lans = world.random()() % 3;
        shape.most_cost = 1 + world.random()() % 3;
        build(world, shape);
        world.settings.max_paths = 1 + world.random()() % 4;
        world.split_horizon = static_cast<control_rip::SplitHorizon>(1 + world.random()() % 2);
        world.start();
        LoopWatch watch(world);
        watch.run_for(seconds(120));
        ASSERT_EQ(difference(world), "");
        for (int change = 0; change < 6; ++change) {
            const WireIndex wire = world.random()() % world.wires().size();
            const bool whole = world.wires()[wire].state == WireState::Whole;
            world.set_wire(wire, !whole                      ? WireState::Whole
                                 : world.random()() % 3 == 0 ? WireState::Silent
                                                             : WireState::NoCarrier);
            // A silent cut shows only by its timeout; then counting must have ended.
            watch.run_for(seconds(180) + kLoopBound + seconds(40));
            ASSERT_EQ(difference(world), "") << "after change " << change;
        }
        const bool simple = world.split_horizon == control_rip::SplitHorizon::Simple;
        EXPECT_LE(watch.longest(), simple ? kSimpleLoopBound : kLoopBound);
    }
}

TEST(RipNetwork, whose_wires_lose_and_reorder_settles_too) {
    for (const std::uint64_t seed : testing::seeds(6)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        Shape shape;
        shape.routers = 4 + world.random()() % 6;
        shape.extra_wires = 3;
        shape.lans = 1;
        shape.loss = 0.05 + 0.01 * static_cast<double>(world.random()() % 10);
        build(world, shape);
        world.start();
        LoopWatch watch(world);
        watch.run_for(seconds(300));
        for (int change = 0; change < 4; ++change) {
            const WireIndex wire = world.random()() % world.wires().size();
            const bool whole = world.wires()[wire].state == WireState::Whole;
            world.set_wire(wire, whole ? WireState::NoCarrier : WireState::Whole);
            watch.run_for(seconds(60));
            settle(world, seconds(180) + kLossyLoopBound);
            ASSERT_EQ(difference(world), "") << "after change " << change;
        }
        EXPECT_LE(watch.longest(), kLossyLoopBound);
    }
}

TEST(RipNetwork, of_a_hundred_routers_settles_and_heals) {
    for (const std::uint64_t seed : testing::seeds(1)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        Shape shape;
        shape.routers = 100;
        shape.extra_wires = 60;
        shape.lans = 5;
        build(world, shape);
        world.start();
        world.run_for(seconds(150));
        ASSERT_EQ(difference(world), "");
        std::vector<WireIndex> cut;
        for (int i = 0; i < 8; ++i) {
            cut.push_back(world.random()() % world.wires().size());
            world.set_wire(cut.back(), WireState::NoCarrier);
        }
        LoopWatch watch(world);
        watch.run_for(kLoopBound, seconds(4));
        ASSERT_EQ(difference(world), "");
        for (const WireIndex wire : cut) {
            world.set_wire(wire, WireState::Whole);
        }
        watch.run_for(seconds(60), seconds(4));
        ASSERT_EQ(difference(world), "");
        EXPECT_TRUE(looping_networks(world).empty());
    }
}

// RFC 2453 3.4.2: the picture of A, B, C and D, with the link of cost 10, and the target beyond D.
TEST(RipNetwork, of_RFC_2453_3_4_2_finds_the_expensive_way_in_the_time_of_counting) {
    for (const auto split : {control_rip::SplitHorizon::PoisonReverse,
                             control_rip::SplitHorizon::Simple, control_rip::SplitHorizon::Off}) {
        World world(7);
        const RouterIndex a = world.add_router();
        const RouterIndex b = world.add_router();
        const RouterIndex c = world.add_router();
        const RouterIndex d = world.add_router();
        world.add_wire({{a, 1}, {b, 1}}, {});
        world.add_wire({{a, 1}, {c, 1}}, {});
        world.add_wire({{b, 1}, {c, 1}}, {});
        const WireIndex b_d = world.add_wire({{b, 1}, {d, 1}}, {});
        world.add_wire({{c, 10}, {d, 10}}, {});
        world.split_horizon = split;
        world.start();
        world.run_for(seconds(60));
        ASSERT_EQ(difference(world), "");
        world.set_wire(b_d, WireState::NoCarrier);
        const Duration taken = settle(world, seconds(600));
        EXPECT_EQ(difference(world), "") << "split horizon " << static_cast<int>(split);
        EXPECT_LE(taken, kLoopBound) << in_seconds(taken);
    }
}

// A network that is gone for good: everybody counts to sixteen, and then it is over.
TEST(RipNetwork, that_is_cut_in_two_ends_counting_to_infinity) {
    for (const std::uint64_t seed : testing::seeds(8)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        for (int i = 0; i < 6; ++i) {
            world.add_router();
        }
        // Two triangles, and one wire between them.
        const WireModel model;
        for (const auto& [left, right] :
             {std::pair{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}}) {
            world.add_wire(
                {{static_cast<RouterIndex>(left), 1}, {static_cast<RouterIndex>(right), 1}}, model);
        }
        const WireIndex bridge = world.add_wire({{2, 1}, {3, 1}}, model);
        world.split_horizon = control_rip::SplitHorizon::Off;
        world.start();
        world.run_for(seconds(60));
        ASSERT_EQ(difference(world), "");
        world.set_wire(bridge, seed % 2 == 0 ? WireState::NoCarrier : WireState::Silent);
        LoopWatch watch(world);
        watch.run_for(seconds(180) + kLoopBound + seconds(40));
        EXPECT_EQ(difference(world), "");
        EXPECT_LE(watch.longest(), kLoopBound);
        for (const auto& router : world.routers()) {
            EXPECT_LE(router.packets_sent, 1000U);
        }
    }
}

}  // namespace
}  // namespace godwit::sim::rip
