// The path MTU cache: what is believed, for how long, and how much of it (RFC 1191).
#include "controlplane/host/path_mtu.hpp"

#include <gtest/gtest.h>

namespace godwit::control {
namespace {

using namespace std::chrono_literals;

const net::Ipv4Address kPeer(192, 0, 2, 1);
const Instant kStart{1h};

TEST(PathMtu, is_what_the_router_told) {
    PathMtuCache cache(10);
    EXPECT_FALSE(cache.find(kPeer).has_value());
    EXPECT_TRUE(cache.learn(kPeer, 1400, 1500, kStart));
    EXPECT_EQ(cache.find(kPeer), 1400);
    EXPECT_TRUE(cache.learn(kPeer, 1300, 1400, kStart));
    EXPECT_EQ(cache.find(kPeer), 1300);
}

// RFC 1191 3: never raised by a message
TEST(PathMtu, is_never_raised_by_what_is_told) {
    PathMtuCache cache(10);
    EXPECT_TRUE(cache.learn(kPeer, 1300, 1500, kStart));
    EXPECT_FALSE(cache.learn(kPeer, 1400, 1500, kStart));
    EXPECT_FALSE(cache.learn(kPeer, 1300, 1500, kStart));
    EXPECT_EQ(cache.find(kPeer), 1300);
}

TEST(PathMtu, is_not_learned_from_a_router_that_could_have_forwarded_the_packet) {
    PathMtuCache cache(10);
    EXPECT_FALSE(cache.learn(kPeer, 1500, 1500, kStart));
    EXPECT_FALSE(cache.learn(kPeer, 1500, 1400, kStart));
    EXPECT_FALSE(cache.find(kPeer).has_value());
}

// RFC 1191 3: never below 68
TEST(PathMtu, has_a_least) {
    PathMtuCache cache(10);
    EXPECT_TRUE(cache.learn(kPeer, 1, 1500, kStart));
    EXPECT_EQ(cache.find(kPeer), 68);
    EXPECT_FALSE(cache.learn(kPeer, 0, 68, kStart));
}

// RFC 1191 7.1
TEST(PathMtu, falls_to_the_next_size_that_links_have_when_none_is_told) {
    PathMtuCache cache(10);
    EXPECT_TRUE(cache.learn(kPeer, 0, 1500, kStart));
    EXPECT_EQ(cache.find(kPeer), 1492);
    EXPECT_TRUE(cache.learn(kPeer, 0, 1492, kStart));
    EXPECT_EQ(cache.find(kPeer), 1006);
    EXPECT_TRUE(cache.learn(kPeer, 0, 70, kStart));
    EXPECT_EQ(cache.find(kPeer), 68);
}

// RFC 1191 6.3
TEST(PathMtu, is_forgotten_after_ten_minutes) {
    PathMtuCache cache(10);
    cache.learn(kPeer, 1400, 1500, kStart);
    cache.learn(kPeer, 1300, 1400, kStart + 5min);
    EXPECT_EQ(cache.next_deadline(), kStart + 10min);
    cache.expire(kStart + 10min);
    EXPECT_EQ(cache.find(kPeer), 1300);  // the later one has its own time
    EXPECT_EQ(cache.next_deadline(), kStart + 15min);
    cache.expire(kStart + 15min);
    EXPECT_FALSE(cache.find(kPeer).has_value());
    EXPECT_FALSE(cache.next_deadline().has_value());
}

TEST(PathMtu, of_the_oldest_gives_way_when_there_are_too_many) {
    PathMtuCache cache(3);
    for (std::uint32_t i = 0; i < 5; ++i) {
        cache.learn(net::Ipv4Address(kPeer.value() + i), 1400, 1500, kStart);
    }
    EXPECT_EQ(cache.size(), 3U);
    EXPECT_EQ(cache.given_way(), 2U);
    EXPECT_FALSE(cache.find(kPeer).has_value());
    EXPECT_TRUE(cache.find(net::Ipv4Address(kPeer.value() + 4)).has_value());
    // One destination alone stays, however often it is told.
    for (std::uint16_t mtu = 1000; mtu > 900; --mtu) {
        cache.learn(kPeer, mtu, 1500, kStart);
    }
    EXPECT_EQ(cache.find(kPeer), 901);
}

}  // namespace
}  // namespace godwit::control
