// Real messages, byte by byte, and the errors of each decoder by name.
#include <gtest/gtest.h>

#include "tests/support/hex.hpp"
#include "tests/support/packet_builder.hpp"

namespace godwit::net {
namespace {

using testing::encoded;
using testing::from_hex;
using testing::Packet;
using testing::to_hex;

// Captured from Linux: a ping with 56 bytes of data, the first 16 a time.
const char* const kPing =
    "45 00 00 54 c7 fc 40 00 40 01 86 70 c0 00 02 01 c6 33 64 07"
    "08 00 c4 83 02 fe 00 01 0c 47 03 6b 00 00 00 00 58 f8 09 00 00 00 00 00"
    "10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f 20 21 22 23 24 25 26 27"
    "28 29 2a 2b 2c 2d 2e 2f 30 31 32 33 34 35 36 37";
constexpr Ipv4Address kPingSource(192, 0, 2, 1);
constexpr Ipv4Address kPingDestination(198, 51, 100, 7);

DecodeError error_of(const Result<wire::Ipv4View, DecodeError>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? DecodeError{} : result.error();
}

TEST(Vector, An_ARP_request) {
    const auto bytes = from_hex(
        "00 01 08 00 06 04 00 01 02 00 5e 10 00 01 0a 00 00 01 00 00 00 00 00 00 0a 00 00 02");
    const auto view = wire::ArpView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->operation(), ArpOperation::Request);
    EXPECT_EQ(view->sender_mac().to_string(), "02:00:5e:10:00:01");
    EXPECT_EQ(view->sender_address(), Ipv4Address(10, 0, 0, 1));
    EXPECT_TRUE(view->target_mac().is_zero());
    EXPECT_EQ(view->target_address(), Ipv4Address(10, 0, 0, 2));
    EXPECT_EQ(encoded(view->message()), bytes);
}

TEST(Vector, ARP_for_other_networks_is_refused_by_name) {
    const auto good = encoded(ArpMessage{});
    const auto fault_with = [&](std::size_t at, std::uint8_t value) {
        Packet bytes = good;
        bytes[at] = value;
        return wire::ArpView::parse(bytes).error();
    };
    EXPECT_EQ(fault_with(1, 6), (DecodeError{DecodeFault::BadHardwareType, 0, 6}));
    EXPECT_EQ(fault_with(2, 0x86), (DecodeError{DecodeFault::BadProtocolType, 2, 0x8600}));
    EXPECT_EQ(fault_with(4, 8), (DecodeError{DecodeFault::BadAddressLength, 4, 8}));
    EXPECT_EQ(fault_with(5, 16), (DecodeError{DecodeFault::BadAddressLength, 5, 16}));
}

TEST(Vector, A_tagged_frame) {
    const auto bytes = from_hex("01 00 5e 00 00 05 02 00 5e 10 00 01 81 00 60 14 08 00 45");
    const auto frame = wire::EthernetView::parse(bytes);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type(), EtherType::Vlan);
    EXPECT_TRUE(frame->destination().is_group());
    const auto tag = wire::VlanTagView::parse(frame->payload());
    ASSERT_TRUE(tag);
    EXPECT_EQ(tag->id(), 20);
    EXPECT_EQ(tag->priority(), 3);
    EXPECT_FALSE(tag->drop_eligible());
    EXPECT_EQ(tag->type(), EtherType::Ipv4);
    EXPECT_EQ(to_hex(tag->payload()), "45");
}

TEST(Vector, A_ping) {
    const auto bytes = from_hex(kPing);
    const auto packet = wire::Ipv4View::parse(bytes);
    ASSERT_TRUE(packet);
    EXPECT_TRUE(packet->has_valid_checksum());
    EXPECT_EQ(packet->protocol(), IpProtocol::Icmp);
    EXPECT_TRUE(packet->dont_fragment());
    EXPECT_FALSE(packet->is_fragment());
    EXPECT_EQ(packet->source(), kPingSource);
    EXPECT_EQ(packet->destination(), kPingDestination);
    const auto icmp = wire::IcmpView::parse(packet->payload());
    ASSERT_TRUE(icmp);
    EXPECT_TRUE(icmp->has_valid_checksum());
    EXPECT_EQ(icmp->message(), IcmpMessage::echo(766, 1));
    EXPECT_EQ(icmp->body().size(), 56U);
    EXPECT_EQ(encoded(packet->header()), Packet(bytes.begin(), bytes.begin() + 20));
}

// Captured from Linux; the checksum, which its loopback leaves to be made later, is Scapy's.
TEST(Vector, A_DNS_query_over_UDP) {
    const auto bytes = from_hex(
        "9c 40 00 35 00 24 2d 0b 12 34 01 00 00 01 00 00 00 00 00 00 06 72 6f 75 74 65 72"
        "03 6c 61 6e 00 00 01 00 01 00");
    const auto view = wire::UdpView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->source_port(), 40000);
    EXPECT_EQ(view->destination_port(), 53);
    EXPECT_EQ(view->payload().size(), 28U) << "the byte behind its length is not part of it";
    EXPECT_TRUE(view->has_valid_checksum(kPingSource, kPingDestination));
    EXPECT_FALSE(view->has_valid_checksum(kPingSource, Ipv4Address(198, 51, 100, 8)));
    Packet again(36);
    ByteWriter writer(again);
    view->header().encode_datagram(writer, kPingSource, kPingDestination, view->payload());
    EXPECT_EQ(again, Packet(bytes.begin(), bytes.end() - 1));
}

TEST(Vector, A_UDP_datagram_without_a_checksum_is_valid_RFC_1122_4_1_3_4) {
    const auto bytes = encoded(UdpHeader{1, 2, 0});
    const auto view = wire::UdpView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->has_checksum());
    EXPECT_TRUE(view->has_valid_checksum(kPingSource, kPingDestination));
}

TEST(Vector, A_UDP_length_that_lies_is_refused) {
    Packet bytes = encoded(UdpHeader{1, 2, 0});
    bytes[5] = 7;
    EXPECT_EQ(wire::UdpView::parse(bytes).error(),
              (DecodeError{DecodeFault::BadTotalLength, 4, 7}));
    bytes[5] = 9;
    EXPECT_EQ(wire::UdpView::parse(bytes).error(),
              (DecodeError{DecodeFault::BadTotalLength, 4, 9}));
}

// Captured from Linux, the checksum by Scapy.
TEST(Vector, A_TCP_SYN_with_the_options_of_Linux) {
    const auto bytes = from_hex(
        "9c 41 00 50 65 44 58 03 00 00 00 00 a0 02 ff d7 20 77 00 00"
        "02 04 ff d7 04 02 08 0a 46 5b a1 19 00 00 00 00 01 03 03 0a");
    const auto view = wire::TcpView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->header_bytes(), 40U);
    EXPECT_EQ(view->flags(), (TcpFlags{.syn = true}));
    EXPECT_TRUE(view->payload().empty());
    OptionWalker options(view->options());
    std::vector<TcpOptionKind> kinds;
    while (const auto option = options.next()) {
        kinds.push_back(TcpOptionKind{option->kind});
    }
    EXPECT_FALSE(options.malformed());
    EXPECT_EQ(kinds, (std::vector{TcpOptionKind::MaximumSegmentSize, TcpOptionKind::SackPermitted,
                                  TcpOptionKind::Timestamps, TcpOptionKind::WindowScale}));
    EXPECT_TRUE(view->has_valid_checksum(kPingSource, kPingDestination));
    Packet again(bytes.size());
    ByteWriter writer(again);
    view->header().encode_segment(writer, kPingSource, kPingDestination, {});
    EXPECT_EQ(again, bytes);
}

TEST(Vector, TCP_options_that_lie_are_refused) {
    Packet bytes =
        encoded(TcpHeader{.options = HeaderOptions::from(from_hex("02 04 05 b4")).value()});
    bytes[21] = 0;  // RFC 9293 3.1: "an illegal option length (e.g., zero)"
    EXPECT_EQ(wire::TcpView::parse(bytes).error(), (DecodeError{DecodeFault::BadOptions, 20, 2}));
    bytes[21] = 5;
    EXPECT_EQ(wire::TcpView::parse(bytes).error(), (DecodeError{DecodeFault::BadOptions, 20, 2}));
    bytes[12] = 0x40;
    EXPECT_EQ(wire::TcpView::parse(bytes).error(),
              (DecodeError{DecodeFault::BadHeaderLength, 12, 16}));
    bytes[12] = 0xf0;
    EXPECT_EQ(wire::TcpView::parse(bytes).error(),
              (DecodeError{DecodeFault::BadHeaderLength, 12, 60}));
}

// rfc1812: 5.2.2/a, 5.2.2/b, 5.2.2/c, 5.2.2/d, 5.2.2/e
TEST(Ipv4Check, Each_check_of_RFC_1812_5_2_2_refuses_by_name) {
    const auto good = from_hex(kPing);
    const auto error_with = [&](std::size_t at, std::uint8_t value) {
        Packet bytes = good;
        bytes[at] = value;
        return error_of(wire::Ipv4View::parse(bytes));
    };
    EXPECT_EQ(error_of(wire::Ipv4View::parse(std::span(good).first(19))),
              (DecodeError{DecodeFault::Truncated, 0, 19}));
    EXPECT_EQ(error_with(0, 0x65), (DecodeError{DecodeFault::BadVersion, 0, 6}));
    EXPECT_EQ(error_with(0, 0x44), (DecodeError{DecodeFault::BadHeaderLength, 0, 16}));
    EXPECT_EQ(error_with(3, 19), (DecodeError{DecodeFault::BadTotalLength, 2, 19}));
    EXPECT_EQ(error_with(3, 85), (DecodeError{DecodeFault::BadTotalLength, 2, 85}));
}

TEST(Ipv4Check, An_option_that_lies_is_refused_with_its_place) {
    Ipv4Header header;
    header.options = HeaderOptions::from(from_hex("01 07 03 04")).value();
    Packet bytes = testing::ipv4_packet(header, {});
    EXPECT_TRUE(wire::Ipv4View::parse(bytes));
    bytes[22] = 4;
    EXPECT_EQ(error_of(wire::Ipv4View::parse(bytes)),
              (DecodeError{DecodeFault::BadOptions, 21, 7}));
    bytes[22] = 1;
    EXPECT_EQ(error_of(wire::Ipv4View::parse(bytes)),
              (DecodeError{DecodeFault::BadOptions, 21, 7}));
}

TEST(Ipv4Check, A_quoted_packet_may_end_early_but_not_inside_its_header) {
    const auto bytes = from_hex(kPing);
    const auto quoted = wire::Ipv4View::parse_quoted(std::span(bytes).first(28));
    ASSERT_TRUE(quoted);
    EXPECT_EQ(quoted->payload().size(), 8U);
    EXPECT_EQ(quoted->total_bytes(), 84);
    EXPECT_FALSE(wire::Ipv4View::parse(std::span(bytes).first(28)));
    EXPECT_FALSE(wire::Ipv4View::parse_quoted(std::span(bytes).first(19)));
}

TEST(Ipv4Encode, A_value_that_does_not_fit_its_fields_fails_the_writer) {
    Packet buffer(20);
    ByteWriter too_long(buffer);
    Ipv4Header{.payload_bytes = 65535}.encode(too_long);
    EXPECT_FALSE(too_long.ok());
    ByteWriter too_far(buffer);
    Ipv4Header{.fragment_units = 8192}.encode(too_far);
    EXPECT_FALSE(too_far.ok());
}

TEST(Icmp, The_fields_of_the_second_word_are_where_RFC_792_and_1191_put_them) {
    const auto bytes_of = [](const IcmpMessage& message) {
        Packet bytes(8);
        ByteWriter writer(bytes);
        message.encode(writer);
        return to_hex(bytes);
    };
    EXPECT_EQ(bytes_of(IcmpMessage::fragmentation_needed(1400)), "03 04 f7 83 00 00 05 78");
    EXPECT_EQ(bytes_of(IcmpMessage::parameter_problem(20)), "0c 00 df ff 14 00 00 00");
    EXPECT_EQ(bytes_of(IcmpMessage::redirect(RedirectCode::Host, Ipv4Address(10, 0, 0, 2))),
              "05 01 f0 fc 0a 00 00 02");
    EXPECT_TRUE(is_icmp_error(IcmpType::TimeExceeded));
    EXPECT_FALSE(is_icmp_error(IcmpType::EchoReply));
    EXPECT_FALSE(is_icmp_error(IcmpType{200}));
}

// rfc1812: 4.3.2.3/a
TEST(Icmp, An_error_with_the_longest_quote_is_576_bytes_RFC_1812_4_3_2_3) {
    EXPECT_EQ(kIpv4MinHeaderBytes + kIcmpHeaderBytes + kIcmpQuoteMaxBytes, 576U);
}

TEST(DecodeError, Says_what_is_wrong_and_where) {
    EXPECT_EQ((DecodeError{DecodeFault::BadVersion, 0, 6}).to_string(),
              "wrong version 6 at byte 0");
    EXPECT_EQ((DecodeError{DecodeFault::Truncated, 0, 19}).to_string(),
              "too short: ends after 19 bytes, at byte 0");
}

}  // namespace
}  // namespace godwit::net
