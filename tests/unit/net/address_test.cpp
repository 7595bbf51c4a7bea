// Addresses and prefixes as text and as sets.
#include <gtest/gtest.h>

#include <random>

#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"
#include "tests/support/seeds.hpp"

namespace godwit::net {
namespace {

TEST(Ipv4Address, Parse_reverses_to_string) {
    for (const std::uint64_t seed : testing::seeds(2000)) {
        std::mt19937_64 random(seed);
        const Ipv4Address address(static_cast<std::uint32_t>(random()));
        ASSERT_EQ(Ipv4Address::parse(address.to_string()), address) << "GODWIT_SEED=" << seed;
    }
}

TEST(Ipv4Address, Refuses_what_other_programs_read_differently) {
    for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "010.0.0.1", "256.0.0.1", "1.2.3.4 ",
                             " 1.2.3.4", "1..2.3", "0x1.2.3.4", "+1.2.3.4", "1.2.3.-4", "1.2.3."}) {
        EXPECT_FALSE(Ipv4Address::parse(text)) << text;
    }
}

// rfc1812: 2.2.5.1, 2.2.5.2/a
TEST(Ipv4Prefix, Refuses_host_bits_and_bad_lengths) {
    for (const char* text : {"10.0.0.1/24", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "10.0.0.0/024",
                             "10.0.0.0/-1", "0.0.0.0/0/0"}) {
        EXPECT_FALSE(Ipv4Prefix::parse(text)) << text;
    }
    EXPECT_EQ(Ipv4Prefix::parse("0.0.0.0/0").value().length(), 0);
    EXPECT_EQ(Ipv4Prefix::parse("10.0.0.0/8").value().to_string(), "10.0.0.0/8");
}

TEST(Ipv4Prefix, Contains_exactly_the_addresses_between_its_first_and_last) {
    for (const std::uint64_t seed : testing::seeds(2000)) {
        std::mt19937_64 random(seed);
        const auto prefix = Ipv4Prefix::covering(Ipv4Address(static_cast<std::uint32_t>(random())),
                                                 static_cast<std::uint8_t>(random() % 33));
        const Ipv4Address other(static_cast<std::uint32_t>(
            random() % 2 == 0 ? random() : prefix.address().value() + random() % 256));
        ASSERT_EQ(prefix.contains(other),
                  other >= prefix.address() && other <= prefix.last_address())
            << prefix.to_string() << " " << other.to_string() << " GODWIT_SEED=" << seed;
    }
}

TEST(Ipv4InterfaceAddress, Has_a_broadcast_address_unless_31_or_32_RFC_3021) {
    const auto broadcast = [](const char* text) {
        return Ipv4InterfaceAddress::parse(text).value().broadcast();
    };
    EXPECT_EQ(broadcast("10.0.0.1/24"), Ipv4Address(10, 0, 0, 255));
    EXPECT_EQ(broadcast("10.0.0.1/30"), Ipv4Address(10, 0, 0, 3));
    EXPECT_FALSE(broadcast("10.0.0.1/31"));
    EXPECT_FALSE(broadcast("10.0.0.1/32"));
}

TEST(Ipv4Address, Classes_of_addresses_end_where_their_RFCs_say) {
    EXPECT_TRUE(Ipv4Address(224, 0, 0, 0).is_multicast());
    EXPECT_TRUE(Ipv4Address(239, 255, 255, 255).is_multicast());
    EXPECT_FALSE(Ipv4Address(223, 255, 255, 255).is_multicast());
    EXPECT_TRUE(Ipv4Address(240, 0, 0, 0).is_reserved());
    EXPECT_FALSE(Ipv4Address(255, 255, 255, 255).is_reserved());
    EXPECT_TRUE(Ipv4Address(127, 9, 9, 9).is_loopback());
    EXPECT_TRUE(Ipv4Address(0, 1, 2, 3).is_this_network());
}

TEST(MacAddress, Parse_reverses_to_string_and_refuses_other_forms) {
    EXPECT_EQ(MacAddress::parse("02:00:5E:10:00:0f").value().to_string(), "02:00:5e:10:00:0f");
    for (const char* text : {"", "02:00:5e:10:00", "02-00-5e-10-00-01",
                             "02:00:5e:10:00:01:", "02:00:5e:10:00:0g", "2:0:5e:10:0:1"}) {
        EXPECT_FALSE(MacAddress::parse(text)) << text;
    }
}

TEST(MacAddress, The_group_bit_is_the_lowest_of_the_first_byte) {
    EXPECT_TRUE(MacAddress::parse("01:00:5e:00:00:01").value().is_group());
    EXPECT_TRUE(MacAddress::broadcast().is_group());
    EXPECT_FALSE(MacAddress::parse("02:00:5e:00:00:01").value().is_group());
}

}  // namespace
}  // namespace godwit::net
