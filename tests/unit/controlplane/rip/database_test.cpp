// The database of RIP: limits, local against learned routes, ECMP, and a model that forgets
// nothing.
#include "controlplane/rip/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/seeds.hpp"

namespace godwit::control::rip {
namespace {

using std::chrono::seconds;
using Learning = Database::Learning;

constexpr std::size_t kNoLimit = 1'000'000;
const net::InterfaceId kEth0(1);
const net::InterfaceId kEth1(2);

Instant at(int second) {
    return Instant(std::chrono::hours(1)) + seconds(second);
}

net::Ipv4Prefix prefix(const char* text) {
    return net::Ipv4Prefix::parse(text).value();
}

NeighborId neighbor(std::uint8_t last, net::InterfaceId interface = kEth0) {
    return {interface, net::Ipv4Address(10, 0, 0, last)};
}

Learned says(const NeighborId& who, const char* destination, std::uint32_t metric) {
    return {prefix(destination), Metric::of(metric), 0, who, who.address};
}

class RipDatabase : public ::testing::Test {
protected:
    explicit RipDatabase(std::size_t max_paths = 1) { limit(max_paths, 1000); }

    void limit(std::size_t max_paths, std::size_t max_routes) {
        DatabaseLimits limits;
        limits.max_paths = max_paths;
        limits.max_routes = max_routes;
        database.set_limits(limits, at(0));
    }
    const DatabaseEntry& entry(const char* destination) {
        const DatabaseEntry* const found = database.find(prefix(destination));
        EXPECT_NE(found, nullptr) << destination;
        static const DatabaseEntry none;
        return found == nullptr ? none : *found;
    }

    Database database;
};

TEST_F(RipDatabase, takes_no_further_routes_of_a_neighbour_at_its_limit_but_refreshes_the_known) {
    EXPECT_EQ(database.learn(says(neighbor(2), "10.1.0.0/16", 2), 2, at(0)), Learning::Taken);
    EXPECT_EQ(database.learn(says(neighbor(2), "10.2.0.0/16", 2), 2, at(0)), Learning::Taken);
    EXPECT_EQ(database.learn(says(neighbor(2), "10.3.0.0/16", 2), 2, at(0)),
              Learning::OverNeighborLimit);
    EXPECT_EQ(database.learn(says(neighbor(2), "10.2.0.0/16", 5), 2, at(1)), Learning::Taken);
    EXPECT_EQ(database.learn(says(neighbor(3), "10.3.0.0/16", 2), 2, at(1)), Learning::Taken);
    EXPECT_EQ(entry("10.2.0.0/16").metric(), Metric::of(5));
    EXPECT_EQ(database.paths_of(neighbor(2)), 2U);
}

TEST_F(RipDatabase, takes_no_more_destinations_than_its_limit) {
    limit(1, 2);
    database.learn(says(neighbor(2), "10.1.0.0/16", 2), kNoLimit, at(0));
    database.learn(says(neighbor(2), "10.2.0.0/16", 2), kNoLimit, at(0));
    EXPECT_EQ(database.learn(says(neighbor(3), "10.3.0.0/16", 2), kNoLimit, at(0)),
              Learning::OverLimit);
    EXPECT_EQ(database.learned_count(), 2U);
    database.learn(says(neighbor(2), "10.1.0.0/16", 16), kNoLimit, at(1));
    EXPECT_EQ(database.learn(says(neighbor(3), "10.3.0.0/16", 2), kNoLimit, at(1)),
              Learning::Taken);
}

TEST_F(RipDatabase, keeps_learned_routes_out_where_a_trusted_local_one_is) {
    LocalRoute local;
    local.distance = 1;
    local.metric = Metric::of(5);
    database.learn(says(neighbor(2), "10.1.0.0/16", 2), kNoLimit, at(0));
    EXPECT_TRUE(database.take_updates().at(0).route);
    database.set_local(prefix("10.1.0.0/16"), local, at(1));
    EXPECT_EQ(entry("10.1.0.0/16").metric(), Metric::of(5));
    EXPECT_TRUE(entry("10.1.0.0/16").paths.empty());
    EXPECT_EQ(database.learn(says(neighbor(2), "10.1.0.0/16", 2), kNoLimit, at(2)),
              Learning::Ignored);
    const auto updates = database.take_updates();
    ASSERT_EQ(updates.size(), 1U);
    EXPECT_FALSE(updates[0].route);
}

TEST_F(RipDatabase, keeps_a_learned_route_beside_a_local_one_that_is_trusted_less) {
    LocalRoute backup;
    backup.distance = 200;
    database.set_local(prefix("10.1.0.0/16"), backup, at(0));
    EXPECT_EQ(database.learn(says(neighbor(2), "10.1.0.0/16", 4), kNoLimit, at(1)),
              Learning::Taken);
    database.remove_local(prefix("10.1.0.0/16"), at(2));  // the RIB prefers what was learned
    EXPECT_EQ(entry("10.1.0.0/16").metric(), Metric::of(4));
    EXPECT_FALSE(entry("10.1.0.0/16").deleting_since);
}

TEST_F(RipDatabase, tells_of_a_local_route_that_has_gone_until_it_is_collected) {
    database.set_local(prefix("10.1.0.0/16"), {}, at(0));
    database.remove_local(prefix("10.1.0.0/16"), at(5));
    EXPECT_TRUE(entry("10.1.0.0/16").metric().is_infinite());
    database.advance(at(124));
    EXPECT_NE(database.find(prefix("10.1.0.0/16")), nullptr);
    database.advance(at(125));
    EXPECT_EQ(database.find(prefix("10.1.0.0/16")), nullptr);
    EXPECT_FALSE(database.next_deadline());
}

class RipDatabaseWithTwoPaths : public RipDatabase {
protected:
    RipDatabaseWithTwoPaths() : RipDatabase(2) {}
};

TEST_F(RipDatabaseWithTwoPaths, shares_a_destination_among_equally_good_neighbours) {
    database.learn(says(neighbor(2), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(3), "10.1.0.0/16", 3), kNoLimit, at(1));
    database.learn(says(neighbor(4), "10.1.0.0/16", 3), kNoLimit, at(2));
    EXPECT_EQ(entry("10.1.0.0/16").paths.size(), 2U);
    const auto updates = database.take_updates();
    ASSERT_EQ(updates.size(), 1U);
    EXPECT_EQ(updates[0].route->next_hops.size(), 2U);
}

TEST_F(RipDatabaseWithTwoPaths, loses_the_path_that_got_worse_and_keeps_the_other) {
    database.learn(says(neighbor(2), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(3), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(2), "10.1.0.0/16", 4), kNoLimit, at(1));
    ASSERT_EQ(entry("10.1.0.0/16").paths.size(), 1U);
    EXPECT_EQ(entry("10.1.0.0/16").paths[0].neighbor, neighbor(3));
    EXPECT_EQ(entry("10.1.0.0/16").metric(), Metric::of(3));
}

TEST_F(RipDatabaseWithTwoPaths, keeps_only_the_path_that_got_better) {
    database.learn(says(neighbor(2), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(3), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(2), "10.1.0.0/16", 2), kNoLimit, at(1));
    ASSERT_EQ(entry("10.1.0.0/16").paths.size(), 1U);
    EXPECT_EQ(entry("10.1.0.0/16").paths[0].neighbor, neighbor(2));
}

TEST_F(RipDatabaseWithTwoPaths, times_out_each_path_by_itself) {
    database.learn(says(neighbor(2), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(3), "10.1.0.0/16", 3), kNoLimit, at(50));
    database.advance(at(180));
    ASSERT_EQ(entry("10.1.0.0/16").paths.size(), 1U);
    EXPECT_EQ(entry("10.1.0.0/16").metric(), Metric::of(3));
    database.advance(at(230));
    EXPECT_TRUE(entry("10.1.0.0/16").metric().is_infinite());
}

TEST_F(RipDatabaseWithTwoPaths, forgets_what_came_over_an_interface) {
    database.learn(says(neighbor(2), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(3, kEth1), "10.1.0.0/16", 3), kNoLimit, at(0));
    database.learn(says(neighbor(2), "10.2.0.0/16", 3), kNoLimit, at(0));
    database.forget(kEth0, at(1));
    EXPECT_EQ(entry("10.1.0.0/16").paths.size(), 1U);
    EXPECT_TRUE(entry("10.2.0.0/16").metric().is_infinite());
    EXPECT_EQ(database.paths_of(neighbor(2)), 0U);
}

// Against a model that looks at everything at every step.
TEST(RipDatabaseModel, agrees_on_paths_counts_and_what_the_RIB_is_told) {
    for (const std::uint64_t seed : testing::seeds(30)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        Database database;
        DatabaseLimits limits;
        limits.max_paths = 1 + random() % 3;
        limits.max_routes = 6;
        database.set_limits(limits, at(0));
        std::map<net::Ipv4Prefix, Route> rib;
        int now = 0;
        for (int step = 0; step < 400; ++step) {
            now += static_cast<int>(random() % 20);
            database.advance(at(now));
            const auto destination = net::Ipv4Prefix::covering(
                net::Ipv4Address(10, static_cast<std::uint8_t>(random() % 8), 0, 0), 16);
            const NeighborId who = neighbor(static_cast<std::uint8_t>(2 + random() % 4),
                                            random() % 2 != 0 ? kEth0 : kEth1);
            switch (random() % 8) {
                case 0: {
                    LocalRoute local;
                    local.distance = random() % 2 != 0 ? 1 : 200;
                    database.set_local(destination, local, at(now));
                    break;
                }
                case 1:
                    database.remove_local(destination, at(now));
                    break;
                case 2:
                    database.forget(who, at(now));
                    break;
                default:
                    database.learn(
                        {destination, Metric::of(1 + random() % 16), 0, who, who.address}, 4,
                        at(now));
            }
            for (RouteUpdate& update : database.take_updates()) {
                if (update.route) {
                    rib.insert_or_assign(update.prefix, *update.route);
                } else {
                    rib.erase(update.prefix);
                }
            }
            std::size_t learned = 0;
            std::map<NeighborId, std::size_t> paths;
            for (const auto& [prefix, entry] : database.entries()) {
                const bool has_paths = !entry.paths.empty();
                learned += has_paths;
                ASSERT_EQ(rib.contains(prefix), has_paths) << prefix.to_string();
                ASSERT_LE(entry.paths.size(), limits.max_paths);
                ASSERT_TRUE(has_paths || entry.local || entry.deleting_since);
                ASSERT_EQ(entry.learned_metric.is_infinite(), !has_paths);
                if (has_paths) {
                    ASSERT_EQ(rib.at(prefix).metric, entry.learned_metric.value());
                    ASSERT_EQ(rib.at(prefix).next_hops.size(), entry.paths.size());
                }
                for (const Path& path : entry.paths) {
                    ++paths[path.neighbor];
                    ASSERT_GT(path.heard + limits.timeout, at(now));
                }
            }
            ASSERT_EQ(database.learned_count(), learned);
            ASSERT_LE(learned, limits.max_routes);
            for (const auto& [id, count] : paths) {
                ASSERT_EQ(database.paths_of(id), count);
                ASSERT_LE(count, 4U);
            }
        }
    }
}

}  // namespace
}  // namespace godwit::control::rip
