// Options of an IPv4 header that a router fills in. What each does to a packet that is forwarded is
// in tests/packet/cases/options.yaml; here are the edges of the options themselves.
#include "net/ipv4_options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/hex.hpp"

namespace godwit::net {
namespace {

using testing::from_hex;
using testing::to_hex;
using Fault = Ipv4Options::Fault;

constexpr std::size_t kFirst = 20;

std::vector<std::uint8_t> header_with(const std::string& options) {
    return from_hex("4f 00 00 44 00 00 00 00 40 fd 00 00 0a 00 00 02 0a 01 00 09 " + options);
}
std::string options_of(const std::vector<std::uint8_t>& header) {
    return to_hex(std::span(header).subspan(kFirst));
}
std::string canonical(const std::string& hex) {
    return to_hex(from_hex(hex));
}
Ipv4Address address(const char* text) {
    return *Ipv4Address::parse(text);
}

struct Judged {
    const char* options;
    Fault fault;
    unsigned at;
};

// rfc791: 3.1
TEST(Ipv4Options, A_fault_is_named_by_the_byte_that_is_wrong) {
    const Judged cases[] = {
        {"00 00 00 00", Fault::None, 0},
        {"01 01 01 01", Fault::None, 0},
        {"07 03 04 00", Fault::None, 0},  // a record of nothing, full from the start
        {"07 07 ff 00 00 00 00 00", Fault::None, 0},
        {"07 02 01 01", Fault::Malformed, 21},
        {"07 07 00 00 00 00 00 00", Fault::Malformed, 22},
        {"07 07 03 00 00 00 00 00", Fault::Malformed, 22},
        {"07 07 05 00 00 00 00 00", Fault::NoRoom, 22},
        {"83 07 05 00 00 00 00 00", Fault::Malformed, 22},
        {"83 09 04 00 00 00 00 00 00 00 00 00", Fault::Malformed, 22},
        {"07 09 04 00 00 00 00 00 00 00 00 00", Fault::None, 0},
        {"83 03 04 89 03 04 00 00", Fault::Malformed, 23},
        {"44 03 05 00", Fault::Malformed, 21},
        {"44 04 04 00", Fault::Malformed, 22},
        {"44 04 05 00", Fault::None, 0},
        {"44 04 05 f0", Fault::NoRoom, 23},
        {"44 04 05 f3", Fault::None, 0},
        {"44 04 05 f2", Fault::None, 0},
        {"44 04 00 02", Fault::None, 0},  // of a flag that nobody knows, nothing is asked
        {"44 07 05 00 00 00 00 00", Fault::NoRoom, 22},
        {"44 04 05 00 44 04 05 00", Fault::Malformed, 24},
        {"94 03 00 00", Fault::Malformed, 21},
        {"94 05 00 00", Fault::Malformed, 21},
        {"01 01 01 94", Fault::Malformed, 23},
        {"9e 00 00 00", Fault::Malformed, 21},
    };
    for (const Judged& judged : cases) {
        const Ipv4Options found = read_ipv4_options(header_with(judged.options));
        EXPECT_EQ(found.fault, judged.fault) << judged.options;
        EXPECT_EQ(found.fault_at, judged.at) << judged.options;
    }
}

// rfc2113: 2.1
TEST(Ipv4Options, A_router_alert_of_another_value_than_0_alerts_nobody) {
    EXPECT_EQ(read_ipv4_options(header_with("94 04 00 00")).router_alert, kFirst);
    EXPECT_EQ(read_ipv4_options(header_with("94 04 00 01")).router_alert, 0);
}

// rfc1812: 4.2.2.6/b
TEST(Ipv4Options, Nothing_is_found_behind_the_end_of_the_list) {
    const Ipv4Options found = read_ipv4_options(header_with("01 00 07 07 04 00 00 00"));
    EXPECT_EQ(found.record_route, 0);
    EXPECT_EQ(found.fault, Fault::None);
}

// rfc1812: 5.3.13.5/a
TEST(Ipv4Options, A_record_is_entered_until_it_is_full) {
    auto header = header_with("07 0b 04 00 00 00 00 00 00 00 00 00");
    record_route(header, kFirst, address("192.0.2.1"));
    EXPECT_EQ(options_of(header), canonical("07 0b 08 c0 00 02 01 00 00 00 00 00"));
    record_route(header, kFirst, address("192.0.2.2"));
    const std::string full = canonical("07 0b 0c c0 00 02 01 c0 00 02 02 00");
    EXPECT_EQ(options_of(header), full);
    record_route(header, kFirst, address("192.0.2.3"));
    EXPECT_EQ(options_of(header), full);
}

// rfc791: 3.1
TEST(Ipv4Options, Stamps_that_find_no_room_are_counted_up_to_fifteen) {
    auto header = header_with("44 08 05 00 00 00 00 00");
    for (unsigned router = 0; router < 17; ++router) {
        add_timestamp(header, kFirst, address("192.0.2.1"), router + 1);
    }
    EXPECT_EQ(options_of(header), canonical("44 08 09 f0 00 00 00 01"));
    EXPECT_EQ(read_ipv4_options(header).fault, Fault::NoRoom);
}

// rfc1812: 5.3.13.6/c
TEST(Ipv4Options, Given_addresses_are_asked_one_after_the_other) {
    auto header = header_with("44 14 05 03 c0 00 02 01 00 00 00 00 c0 00 02 02 00 00 00 00");
    EXPECT_EQ(timestamp_asks(header, kFirst), address("192.0.2.1"));
    add_timestamp(header, kFirst, address("192.0.2.1"), 7);
    EXPECT_EQ(timestamp_asks(header, kFirst), address("192.0.2.2"));
    add_timestamp(header, kFirst, address("192.0.2.2"), 8);
    EXPECT_FALSE(timestamp_asks(header, kFirst).has_value());
    const std::string done =
        canonical("44 14 15 03 c0 00 02 01 00 00 00 07 c0 00 02 02 00 00 00 08");
    EXPECT_EQ(options_of(header), done);
    add_timestamp(header, kFirst, address("192.0.2.3"), 9);
    EXPECT_EQ(options_of(header), done);
}

// rfc1812: 5.2.4.1/a, 4.2.2.2/a
TEST(Ipv4Options, A_source_route_gives_its_stops_and_takes_our_address_instead) {
    auto header = header_with("83 0b 04 c0 00 02 01 c0 00 02 02 00");
    ASSERT_TRUE(is_unexpired_source_route(header, kFirst));
    EXPECT_EQ(take_source_route_hop(header, kFirst, address("10.1.0.9")), address("192.0.2.1"));
    EXPECT_EQ(take_source_route_hop(header, kFirst, address("192.0.2.1")), address("192.0.2.2"));
    EXPECT_FALSE(is_unexpired_source_route(header, kFirst));
    EXPECT_EQ(options_of(header), canonical("83 0b 0c 0a 01 00 09 c0 00 02 01 00"));
    record_source_route(header, kFirst, 1, address("10.9.9.9"));
    EXPECT_EQ(options_of(header), canonical("83 0b 0c 0a 01 00 09 0a 09 09 09 00"));
}

}  // namespace
}  // namespace godwit::net
