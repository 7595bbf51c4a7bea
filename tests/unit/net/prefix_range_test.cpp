// Prefix ranges as text and as sets.
#include "net/ipv4_prefix_range.hpp"

#include <gtest/gtest.h>

namespace godwit::net::testing {
namespace {

Ipv4PrefixRange range(const char* text) {
    return Ipv4PrefixRange::parse(text).value();
}
bool matches(const char* text, const char* prefix) {
    return range(text).matches(Ipv4Prefix::parse(prefix).value());
}

TEST(PrefixRange, A_prefix_alone_is_only_itself) {
    EXPECT_TRUE(matches("10.0.0.0/8", "10.0.0.0/8"));
    EXPECT_FALSE(matches("10.0.0.0/8", "10.0.0.0/9"));
    EXPECT_FALSE(matches("10.0.0.0/8", "0.0.0.0/0"));
}

TEST(PrefixRange, Le_takes_everything_inside_down_to_that_length) {
    EXPECT_TRUE(matches("10.0.0.0/8 le 24", "10.0.0.0/8"));
    EXPECT_TRUE(matches("10.0.0.0/8 le 24", "10.1.2.0/24"));
    EXPECT_FALSE(matches("10.0.0.0/8 le 24", "10.1.2.0/25"));
    EXPECT_FALSE(matches("10.0.0.0/8 le 24", "11.1.2.0/24"));
}

TEST(PrefixRange, Ge_takes_what_is_longer_and_both_what_is_between) {
    EXPECT_TRUE(matches("0.0.0.0/0 ge 25", "192.0.2.128/25"));
    EXPECT_FALSE(matches("0.0.0.0/0 ge 25", "192.0.2.0/24"));
    EXPECT_TRUE(matches("10.0.0.0/8 ge 16 le 24", "10.1.0.0/16"));
    EXPECT_FALSE(matches("10.0.0.0/8 ge 16 le 24", "10.0.0.0/8"));
    EXPECT_FALSE(matches("10.0.0.0/8 ge 16 le 24", "10.0.0.0/25"));
}

TEST(PrefixRange, Text_that_says_nothing_sensible_is_refused) {
    for (const char* text :
         {"", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/8 ", "10.0.0.0/8 le", "10.0.0.0/8 le 7",
          "10.0.0.0/8 ge 7", "10.0.0.0/8 le 33", "10.0.0.0/8 ge 24 le 16", "10.0.0.0/8 le 24 ge 16",
          "10.0.0.0/8  le 24", "10.0.0.0/8 le 024", "10.0.0.0/8 le 2x", "10.0.0.0/8 eq 24"}) {
        EXPECT_FALSE(Ipv4PrefixRange::parse(text)) << text;
    }
}

TEST(PrefixRange, The_text_of_a_range_gives_the_same_range) {
    for (const char* text : {"10.0.0.0/8", "10.0.0.0/8 le 24", "10.0.0.0/8 le 32",
                             "10.0.0.0/8 ge 16", "10.0.0.0/8 ge 16 le 24", "0.0.0.0/0 le 32"}) {
        EXPECT_EQ(range(text).to_string(), text);
    }
    EXPECT_EQ(range("10.0.0.0/8 ge 8").to_string(), "10.0.0.0/8 le 32");
    EXPECT_EQ(range("10.0.0.0/8 ge 9 le 32").to_string(), "10.0.0.0/8 ge 9");
    EXPECT_EQ(range("192.0.2.1/32 ge 32").to_string(), "192.0.2.1/32");
}

}  // namespace
}  // namespace godwit::net::testing
