// The way back of source-routed packets, byte by byte; and no options at all make it write where it
// must not.
#include "dataplane/nodes/icmp/reply_options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

namespace godwit::dataplane {
namespace {

using net::Ipv4Address;
using Bytes = std::vector<std::uint8_t>;

constexpr Ipv4Address kSource(10, 9, 0, 1);

InterfaceSnapshot router() {
    InterfaceSnapshot snapshot;
    snapshot.entries.resize(2);
    snapshot.entries[1].id = net::InterfaceId(1);
    snapshot.entries[1].addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
    snapshot.impossible_sources.rebuild(snapshot.entries);
    return snapshot;
}

Bytes bytes_of(const net::HeaderOptions& options) {
    return {options.bytes().begin(), options.bytes().end()};
}

// A loose source route that was gone through: three routers recorded themselves.
const Bytes kRoute{131, 15, 16, 10, 1, 0, 1, 10, 2, 0, 1, 10, 3, 0, 1, 0};
const Bytes kRouteBack{131, 15, 4, 10, 2, 0, 1, 10, 1, 0, 1, 10, 9, 0, 1, 0};

// rfc1122: 3.2.2.6
// rfc1812: 4.3.3.6/i, 4.3.3.8/f
TEST(ReplyOptions, a_reply_takes_the_route_of_its_request_backwards) {
    Bytes options = kRoute;
    EXPECT_EQ(turn_source_route(router(), options, kSource), Ipv4Address(10, 3, 0, 1));
    EXPECT_EQ(options, kRouteBack);
}

TEST(ReplyOptions, a_strict_route_stays_strict_and_what_stands_beside_it_stays) {
    Bytes options{1, 137, 7, 8, 10, 1, 0, 1, 68, 4, 5, 0};
    EXPECT_EQ(turn_source_route(router(), options, kSource), Ipv4Address(10, 1, 0, 1));
    EXPECT_EQ(options, (Bytes{1, 137, 7, 4, 10, 9, 0, 1, 68, 4, 5, 0}));
}

TEST(ReplyOptions, only_what_was_recorded_is_a_way_back) {
    // Two of three places are used up.
    Bytes options{131, 15, 12, 10, 1, 0, 1, 10, 2, 0, 1, 10, 3, 0, 1, 0};
    EXPECT_EQ(turn_source_route(router(), options, kSource), Ipv4Address(10, 2, 0, 1));
    EXPECT_EQ(options, (Bytes{131, 11, 4, 10, 1, 0, 1, 10, 9, 0, 1, 1, 1, 1, 1, 0}));
}

TEST(ReplyOptions, a_route_on_which_nobody_was_is_not_sent_back) {
    Bytes options{131, 7, 4, 10, 1, 0, 1, 0};
    EXPECT_EQ(turn_source_route(router(), options, kSource), kSource);
    EXPECT_EQ(options, (Bytes{1, 1, 1, 1, 1, 1, 1, 0}));
}

TEST(ReplyOptions, other_options_come_back_as_they_are) {
    Bytes options{7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0};
    const Bytes before = options;
    EXPECT_EQ(turn_source_route(router(), options, kSource), kSource);
    EXPECT_EQ(options, before);
    EXPECT_FALSE(has_source_route(options));
    EXPECT_TRUE(has_source_route(kRoute));
}

// rfc1812: 4.3.2.6
TEST(ReplyOptions, an_error_carries_the_route_back_and_nothing_else) {
    Bytes options{148, 4, 0, 0};
    options.insert(options.end(), kRoute.begin(), kRoute.end());
    const auto back = route_back(router(), options, kSource);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->first_hop, Ipv4Address(10, 3, 0, 1));
    EXPECT_EQ(bytes_of(back->options), kRouteBack);
    EXPECT_FALSE(route_back(router(), Bytes{148, 4, 0, 0}, kSource));
}

TEST(ReplyOptions, what_this_router_recorded_itself_is_left_out) {
    const Bytes options{131, 15, 16, 10, 1, 0, 1, 10, 2, 0, 1, 10, 0, 0, 1, 0};
    const auto back = route_back(router(), options, kSource);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->first_hop, Ipv4Address(10, 2, 0, 1));
    EXPECT_EQ(bytes_of(back->options), (Bytes{131, 11, 4, 10, 1, 0, 1, 10, 9, 0, 1, 0}));
    EXPECT_FALSE(route_back(router(), Bytes{131, 7, 8, 10, 0, 0, 1, 0}, kSource));
}

// RFC 1122 3.2.1.8 (c): {S, G1, G2, ... >>} is wrong, and receivers are to expect it.
// rfc1122: 3.2.1.8
// rfc1812: 4.2.2.1/j
TEST(ReplyOptions, a_record_that_wrongly_begins_with_its_source_does_not_end_there_twice) {
    const Bytes wrong{131, 15, 16, 10, 9, 0, 1, 10, 1, 0, 1, 10, 2, 0, 1, 0};
    Bytes options = wrong;
    EXPECT_EQ(turn_source_route(router(), options, kSource), Ipv4Address(10, 2, 0, 1));
    EXPECT_EQ(options, (Bytes{131, 11, 4, 10, 1, 0, 1, 10, 9, 0, 1, 1, 1, 1, 1, 0}));

    const auto back = route_back(router(), wrong, kSource);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->first_hop, Ipv4Address(10, 2, 0, 1));
    EXPECT_EQ(bytes_of(back->options), (Bytes{131, 11, 4, 10, 1, 0, 1, 10, 9, 0, 1, 0}));

    Bytes alone{131, 7, 8, 10, 9, 0, 1, 0};
    EXPECT_FALSE(route_back(router(), alone, kSource)) << "nobody but the source was on the way";
    EXPECT_EQ(turn_source_route(router(), alone, kSource), kSource);
    EXPECT_EQ(alone, (Bytes{1, 1, 1, 1, 1, 1, 1, 0}));
}

TEST(ReplyOptions, no_options_make_it_write_beside_them_or_change_their_length) {
    const char* given = std::getenv("GODWIT_SEED");
    const auto seed =
        given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
    SCOPED_TRACE("GODWIT_SEED=" + std::to_string(seed));
    std::mt19937 random(seed);
    const InterfaceSnapshot snapshot = router();
    for (unsigned round = 0; round < 200'000; ++round) {
        Bytes room(48, 0xee);
        const std::size_t size = 4 * (random() % 11);
        for (std::size_t i = 0; i < size; ++i) {
            const auto kind = random() % 6;
            const auto any = static_cast<std::uint8_t>(random() % 44);
            room[4 + i] = kind == 0 ? 131 : kind == 1 ? 137 : any;
        }
        const std::span<std::uint8_t> options = std::span(room).subspan(4, size);
        const bool routed = has_source_route(options);
        const auto back = route_back(snapshot, options, kSource);
        const Ipv4Address first = turn_source_route(snapshot, options, kSource);
        ASSERT_EQ(first != kSource || back.has_value(), back.has_value());
        ASSERT_LE(back ? back->options.size() : 0U, size);
        ASSERT_TRUE(routed || !back);
        net::OptionWalker walker(options);
        while (walker.next()) {
        }
        for (std::size_t i = 0; i < 4; ++i) {
            ASSERT_EQ(room[i], 0xee);
            ASSERT_EQ(room[4 + size + i], 0xee);
        }
    }
}

}  // namespace
}  // namespace godwit::dataplane
