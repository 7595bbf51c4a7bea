// ICMP queries and errors: RFC 5508.
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

using Icmp = NatTest;

// rfc5508: REQ-1
// rfc5508: REQ-1
TEST_F(Icmp, A_query_goes_out_and_its_answer_comes_back) {
    const Decision out = ping_out(kHost.address, 7, kRemote.address);
    EXPECT_TRANSLATED(out, (Endpoint{kOutside, 7}));
    EXPECT_TRANSLATED(ping_in(kRemote.address, out.rewrite.endpoint), (Endpoint{kHost.address, 7}));
}

// rfc5508: REQ-1
// rfc5508: REQ-1/a
TEST_F(Icmp, An_identifier_is_mapped_alike_for_all_remotes) {
    ping_out(kOtherHost.address, 7, kRemote.address);
    const Decision out = ping_out(kHost.address, 7, kRemote.address);
    EXPECT_NE(out.rewrite.endpoint.port, 7);
    EXPECT_TRANSLATED(ping_out(kHost.address, 7, kOtherRemote.address), out.rewrite.endpoint);
}

// rfc5508: REQ-2
// rfc7857: 11
// rfc5508: REQ-2, rfc7857: 11
TEST_F(Icmp, A_query_lives_a_minute_and_its_mapping_as_long) {
    ping_out(kHost.address, 7, kRemote.address);
    pass_time(60);
    EXPECT_EQ(nat().session_count(), 1U);
    pass_time(late(60) - 60);
    EXPECT_EQ(nat().session_count(), 0U);
    EXPECT_EQ(nat().mapping_count(), 0U);
}

// rfc5508: REQ-2/a
TEST_F(Icmp, A_query_lives_as_long_as_is_configured) {
    settings_.timeouts.icmp = Seconds{160};
    ping_out(kHost.address, 7, kRemote.address);
    pass_time(160);
    EXPECT_EQ(nat().session_count(), 1U);
    pass_time(late(160) - 160);
    EXPECT_EQ(nat().session_count(), 0U);
}

// rfc5508: REQ-4
// rfc5382: REQ-9
// rfc4787: REQ-12
// rfc4787: REQ-12/a, REQ-12/b, rfc5382: REQ-9, rfc5508: REQ-4/a, REQ-4/c
TEST_F(Icmp, An_error_from_outside_is_led_to_the_host_with_its_own_packet_inside) {
    for (const IpProtocol protocol : {IpProtocol::Udp, IpProtocol::Tcp}) {
        static_cast<void>(
            nat().outbound({{protocol, kOtherHost, kRemote}, {kSyn, 0, 0}}, kWan, now_));
        const Endpoint outside =
            nat().outbound({{protocol, kHost, kRemote}, {kSyn, 0, 0}}, kWan, now_).rewrite.endpoint;
        ASSERT_NE(outside.port, kHost.port);
        const QuotedDecision made = nat().translate_quoted(
            Direction::Inbound, {protocol, outside, kRemote}, kOutside, kWan);
        ASSERT_EQ(made.verdict, Verdict::Translate);
        EXPECT_EQ(made.quoted.endpoint, kHost);
        EXPECT_EQ(made.outer, kHost.address);
        EXPECT_EQ(made.outer_ip.applied_to(net::Big16::from_host(0x1234)),
                  made.quoted.ip.applied_to(net::Big16::from_host(0x1234)));
    }
}

// rfc5508: REQ-4
// rfc5508: REQ-4/a
TEST_F(Icmp, An_error_about_a_query_finds_it_by_its_identifier) {
    const Decision out = ping_out(kHost.address, 7, kRemote.address);
    const QuotedDecision made = nat().translate_quoted(
        Direction::Inbound, {IpProtocol::Icmp, out.rewrite.endpoint, {kRemote.address, 0}},
        kOutside, kWan);
    ASSERT_EQ(made.verdict, Verdict::Translate);
    EXPECT_EQ(made.quoted.endpoint, (Endpoint{kHost.address, 7}));
}

// rfc5508: REQ-5
// rfc5508: REQ-5/a, REQ-5/c
TEST_F(Icmp, An_error_from_inside_leaves_with_our_address_and_the_packet_as_it_came) {
    const Endpoint outside = udp_out(kHost, kRemote).rewrite.endpoint;
    const QuotedDecision made = nat().translate_quoted(
        Direction::Outbound, {IpProtocol::Udp, kRemote, kHost}, {10, 9, 9, 9}, kWan);
    ASSERT_EQ(made.verdict, Verdict::Translate);
    EXPECT_EQ(made.quoted.endpoint, outside);
    EXPECT_EQ(made.outer, kOutside);
}

// rfc5508: REQ-5
// rfc5508: REQ-5/c
TEST_F(Icmp, A_router_inside_with_an_outside_address_of_its_own_is_known_by_that) {
    set_.one_to_one = {{RuleId{2}, "router", prefix("10.9.9.9/32"), prefix("192.0.2.9/32"), kWan}};
    udp_out(kHost, kRemote);
    const QuotedDecision made = nat().translate_quoted(
        Direction::Outbound, {IpProtocol::Udp, kRemote, kHost}, {10, 9, 9, 9}, kWan);
    EXPECT_EQ(made.outer, (Ipv4Address{192, 0, 2, 9}));
}

// rfc5508: REQ-5
TEST_F(Icmp, An_error_about_a_packet_that_made_no_session_finds_the_mapping) {
    const Endpoint outside = udp_out(kHost, kRemote).rewrite.endpoint;
    ASSERT_EQ(udp_in(kOtherRemote, outside).verdict, Verdict::Translate);
    const QuotedDecision made = nat().translate_quoted(
        Direction::Outbound, {IpProtocol::Udp, kOtherRemote, kHost}, kHost.address, kWan);
    ASSERT_EQ(made.verdict, Verdict::Translate);
    EXPECT_EQ(made.quoted.endpoint, outside);
}

// rfc5508: REQ-4, REQ-5
// rfc5508: REQ-4, REQ-5
TEST_F(Icmp, An_error_about_nothing_of_ours_is_dropped) {
    for (const IpProtocol protocol :
         {IpProtocol::Udp, IpProtocol::Tcp, IpProtocol::Icmp, IpProtocol::Gre, IpProtocol{132}}) {
        EXPECT_EQ(nat()
                      .translate_quoted(Direction::Inbound, {protocol, {kOutside, 0}, kRemote},
                                        kOutside, kWan)
                      .reason,
                  Reason::UnknownQuote);
        EXPECT_EQ(nat()
                      .translate_quoted(Direction::Outbound, {protocol, kRemote, kHost},
                                        kHost.address, kWan)
                      .reason,
                  Reason::UnknownQuote);
    }
}

// rfc5508: REQ-6
// rfc4787: REQ-12
// rfc5382: REQ-10
// rfc4787: REQ-12, rfc5382: REQ-10, rfc5508: REQ-6
TEST_F(Icmp, An_error_neither_ends_nor_refreshes_what_it_is_about) {
    const Endpoint outside = udp_out(kHost, kRemote).rewrite.endpoint;
    for (std::uint32_t waited = 0; waited < 300; waited += 30) {
        pass_time(30);
        EXPECT_EQ(nat()
                      .translate_quoted(Direction::Inbound, {IpProtocol::Udp, outside, kRemote},
                                        kOutside, kWan)
                      .verdict,
                  Verdict::Translate);
    }
    EXPECT_EQ(nat().session_count(), 1U);
    pass_time(late(300) - 300);
    EXPECT_EQ(nat().session_count(), 0U);
}

// rfc5508: REQ-7
// rfc5508: REQ-7, REQ-7/a, rfc7857: 12/b
TEST_F(Icmp, An_error_about_a_hairpinned_packet_comes_back_to_its_sender) {
    const Endpoint to = udp_out(kOtherHost, kRemote).rewrite.endpoint;
    const Endpoint from = udp_out(kHost, to).rewrite.endpoint;
    EXPECT_TRANSLATED(udp_in(from, to), kOtherHost);
    // The other host refuses the packet from -> other host.
    const QuotedDecision out = nat().translate_quoted(
        Direction::Outbound, {IpProtocol::Udp, from, kOtherHost}, kOtherHost.address, kWan);
    ASSERT_EQ(out.verdict, Verdict::Translate);
    EXPECT_EQ(out.quoted.endpoint, to);
    EXPECT_EQ(out.outer, kOutside);
    const QuotedDecision in =
        nat().translate_quoted(Direction::Inbound, {IpProtocol::Udp, from, to}, kOutside, kWan);
    ASSERT_EQ(in.verdict, Verdict::Translate);
    EXPECT_EQ(in.quoted.endpoint, kHost);
    EXPECT_EQ(in.outer, kHost.address);
}

// rfc5508: REQ-7
// rfc7857: 12
// rfc5508: REQ-7, rfc7857: 12/a
TEST_F(Icmp, A_query_passes_by_one_to_one_addresses_in_both_directions_and_by_hairpin) {
    set_.one_to_one = {
        {RuleId{2}, "servers", prefix("10.1.0.0/24"), prefix("192.0.2.128/25"), kWan}};
    set_.one_to_one[0].inside = prefix("10.1.0.0/25");
    const Ipv4Address server{10, 1, 0, 3};
    const Ipv4Address outside{192, 0, 2, 131};
    EXPECT_TRANSLATED(ping_in(kRemote.address, {outside, 9}), (Endpoint{server, 9}));
    EXPECT_TRANSLATED(ping_out(server, 9, kRemote.address), (Endpoint{outside, 9}));
    const Decision out = ping_out(kHost.address, 9, outside);
    EXPECT_TRUE(out.is_hairpin);
    EXPECT_TRANSLATED(ping_in(kOutside, {outside, out.rewrite.endpoint.port}),
                      (Endpoint{server, out.rewrite.endpoint.port}));
    EXPECT_EQ(nat().session_count(), 1U);  // one-to-one keeps no state
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
