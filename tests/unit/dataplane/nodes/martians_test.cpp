// The edges of every block that nodes/ip4/martians.hpp is about.
#include "dataplane/nodes/ip4/martians.hpp"

#include <gtest/gtest.h>

namespace godwit::dataplane {
namespace {

net::Ipv4Address address(const char* text) {
    return *net::Ipv4Address::parse(text);
}

// rfc1812: 5.3.7/a, 5.3.7/b, 5.3.7/c, 4.2.2.11/m
// rfc6890: 2.2.2
TEST(Martians, a_source_is_no_host_in_these_blocks_and_a_host_beside_them) {
    for (const char* text :
         {"0.0.0.0", "0.255.255.255", "127.0.0.0", "127.255.255.255", "192.0.0.11", "192.0.0.255",
          "192.0.0.170", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"}) {
        EXPECT_TRUE(is_martian_source(address(text))) << text;
    }
    for (const char* text : {"1.0.0.0", "126.255.255.255", "128.0.0.0", "191.255.255.255",
                             "192.0.0.0", "192.0.0.7", "192.0.0.8", "192.0.0.9", "192.0.0.10",
                             "192.0.1.0", "169.254.0.1", "192.0.2.1", "223.255.255.255"}) {
        EXPECT_FALSE(is_martian_source(address(text))) << text;
    }
}

// rfc1812: 5.3.7/d, 5.3.7/e, 5.3.7/f
// rfc6890: 2.2.2
TEST(Martians, a_destination_may_be_a_group_or_everyone_but_no_reserved_address) {
    for (const char* text : {"0.0.0.0", "0.255.255.255", "127.0.0.1", "192.0.0.8", "192.0.0.11",
                             "192.0.0.171", "240.0.0.0", "255.255.255.254"}) {
        EXPECT_TRUE(is_martian_destination(address(text))) << text;
    }
    for (const char* text : {"1.0.0.0", "128.0.0.0", "192.0.0.7", "192.0.0.9", "192.0.0.10",
                             "224.0.0.0", "239.255.255.255", "255.255.255.255", "169.254.0.1"}) {
        EXPECT_FALSE(is_martian_destination(address(text))) << text;
    }
}

// rfc3927: 7
TEST(Martians, link_local_is_169_254_and_nothing_beside_it) {
    EXPECT_TRUE(is_link_local(address("169.254.0.0")));
    EXPECT_TRUE(is_link_local(address("169.254.255.255")));
    EXPECT_FALSE(is_link_local(address("169.253.255.255")));
    EXPECT_FALSE(is_link_local(address("169.255.0.0")));
}

TEST(Martians, the_cheap_question_misses_none_of_them) {
    // Every /24, at its edges and its middle: the blocks are no finer but for 192.0.0.0/24.
    for (std::uint32_t high = 0; high < 1U << 24; ++high) {
        for (const std::uint32_t low : {0U, 11U, 255U}) {
            const net::Ipv4Address tried(high << 8 | low);
            const bool matters = is_martian_source(tried) || is_martian_destination(tried) ||
                                 is_link_local(tried) || tried.is_multicast() ||
                                 tried.is_limited_broadcast();
            ASSERT_TRUE(may_be_martian(tried) || !matters) << tried.to_string();
            ASSERT_TRUE(!may_be_martian(tried) || matters || high == 0xc00000U)
                << tried.to_string();
        }
    }
}

}  // namespace
}  // namespace godwit::dataplane
