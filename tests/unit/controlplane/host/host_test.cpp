// What the host answers, and above all what it does not (RFC 1122 3.2.2, RFC 1812 4.3.2.7).
#include "controlplane/host/host.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <set>

#include "net/ipv4_address.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control {
namespace {

using namespace std::chrono_literals;
using test::icmp;
using test::Packet;
using test::tcp;
using test::udp;
using test::Way;

const net::Ipv4Address kUs(10, 0, 0, 1);
const net::Ipv4Address kThem(10, 0, 0, 9);

class HostTest : public testing::Test {
protected:
    HostTest() {
        const std::array own{*net::Ipv4InterfaceAddress::parse("10.0.0.1/24"),
                             *net::Ipv4InterfaceAddress::parse("192.0.2.1/32")};
        host.set_links(test::one_link(own));
    }

    HostActions receive(const Packet& packet, bool group = false) {
        return host.input(packet, {interface, group}, now);
    }
    // The packet was counted as `what`, and nothing was answered.
    void expect_silence(const Packet& packet, HostCounter what, bool group = false) {
        const auto before = host.count(what);
        const HostActions actions = receive(packet, group);
        EXPECT_TRUE(actions.packets.empty());
        EXPECT_TRUE(actions.reports.empty());
        EXPECT_EQ(host.count(what), before + 1);
    }

    std::uint32_t next_random = 0x1234;
    Host host{HostLimits{}, [this] { return next_random++; }, {}};
    net::InterfaceId interface { 1 };
    Instant now{1h};
};

net::wire::Ipv4View view_of(const Packet& packet) {
    const auto view = net::wire::Ipv4View::parse(packet);
    EXPECT_TRUE(view.has_value());
    EXPECT_TRUE(view->has_valid_checksum());
    return *view;
}

// The one answer is an ICMP error of `code` about `offender`.
void expect_unreachable(const HostActions& actions, const Packet& offender,
                        net::UnreachableCode code) {
    ASSERT_EQ(actions.packets.size(), 1U);
    const auto answer = view_of(actions.packets[0].packet);
    EXPECT_EQ(answer.source(), kUs);
    EXPECT_EQ(answer.destination(), kThem);
    EXPECT_EQ(answer.type_of_service(), 0xc0);  // RFC 1812 4.3.2.5
    const auto error = net::wire::IcmpView::parse(answer.payload());
    ASSERT_TRUE(error.has_value());
    EXPECT_TRUE(error->has_valid_checksum());
    EXPECT_EQ(error->message(), net::IcmpMessage::unreachable(code));
    const Packet quote(error->body().begin(), error->body().end());
    const Packet start(offender.begin(),
                       offender.begin() + static_cast<std::ptrdiff_t>(
                                              std::min(offender.size(), net::kIcmpQuoteMaxBytes)));
    EXPECT_EQ(quote, start);
    EXPECT_LE(actions.packets[0].packet.size(), net::kIcmpErrorMaxDatagramBytes);
}

// rfc1812: 5.2.7.1/b
// rfc1122-udp: 4.1.3.1
TEST_F(HostTest, udp_to_a_port_without_listener_gets_port_unreachable) {
    const Packet probe = udp({}, 33434);
    expect_unreachable(receive(probe), probe, net::UnreachableCode::Port);
    EXPECT_EQ(host.count(HostCounter::PortUnreachableSent), 1U);
}

TEST_F(HostTest, udp_without_a_checksum_is_answered_too) {
    Packet probe = udp({}, 33434);
    probe[26] = 0;
    probe[27] = 0;
    expect_unreachable(receive(probe), probe, net::UnreachableCode::Port);
}

// rfc1812: 4.3.2.3/a, 4.3.2.3/b
TEST_F(HostTest, an_error_quotes_no_more_than_fits_576_bytes) {
    const Packet probe = udp({}, 33434, Packet(1400, 0x55));
    expect_unreachable(receive(probe), probe, net::UnreachableCode::Port);
}

// rfc1812: 5.2.7.1/b
// rfc1122: 3.2.2.1
TEST_F(HostTest, an_unknown_protocol_gets_protocol_unreachable) {
    const Packet probe = test::packet({}, net::IpProtocol{99}, {1, 2, 3, 4});
    expect_unreachable(receive(probe), probe, net::UnreachableCode::Protocol);
}

// rfc1812: 4.3.3.6/a, 4.3.3.6/g, 4.3.3.6/h
TEST_F(HostTest, an_echo_request_is_answered_from_the_address_that_was_asked) {
    const Packet data(100, 0x42);
    const auto actions =
        receive(icmp({kThem, net::Ipv4Address(192, 0, 2, 1)}, net::IcmpMessage::echo(7, 3), data));
    ASSERT_EQ(actions.packets.size(), 1U);
    const auto answer = view_of(actions.packets[0].packet);
    EXPECT_EQ(answer.source(), net::Ipv4Address(192, 0, 2, 1));
    EXPECT_EQ(answer.destination(), kThem);
    const auto reply = net::wire::IcmpView::parse(answer.payload());
    ASSERT_TRUE(reply.has_value());
    EXPECT_TRUE(reply->has_valid_checksum());
    EXPECT_EQ(reply->message(), net::IcmpMessage::echo_reply(7, 3));
    EXPECT_EQ(Packet(reply->body().begin(), reply->body().end()), data);
}

struct Reset {
    net::TcpHeader header;
    bool valid = false;
};

Reset reset_in(const HostActions& actions) {
    EXPECT_EQ(actions.packets.size(), 1U);
    if (actions.packets.size() != 1) {
        return {};
    }
    const auto answer = view_of(actions.packets[0].packet);
    const auto segment = net::wire::TcpView::parse(answer.payload());
    EXPECT_TRUE(segment.has_value());
    return {segment->header(), segment->has_valid_checksum(kUs, kThem)};
}

TEST_F(HostTest, a_syn_to_a_closed_port_gets_a_reset_that_acknowledges_it) {
    net::TcpHeader syn;
    syn.source_port = 5000;
    syn.destination_port = 179;
    syn.sequence = 1000;
    syn.flags.syn = true;
    const Reset reset = reset_in(receive(tcp({}, syn)));
    EXPECT_TRUE(reset.valid);
    EXPECT_EQ(reset.header.source_port, 179);
    EXPECT_EQ(reset.header.destination_port, 5000);
    EXPECT_EQ(reset.header.sequence, 0U);
    EXPECT_EQ(reset.header.acknowledgment, 1001U);
    EXPECT_TRUE(reset.header.flags.rst);
    EXPECT_TRUE(reset.header.flags.ack);
    EXPECT_FALSE(reset.header.flags.syn);
}

TEST_F(HostTest, data_and_fin_count_in_the_acknowledgment_of_a_reset) {
    net::TcpHeader segment;
    segment.sequence = 0xffffffff;
    segment.flags.fin = true;
    const Reset reset = reset_in(receive(tcp({}, segment, {1, 2, 3})));
    EXPECT_EQ(reset.header.acknowledgment, 3U);  // 0xffffffff + 3 + 1
}

TEST_F(HostTest, a_segment_with_ack_gets_a_reset_at_its_acknowledgment) {
    net::TcpHeader segment;
    segment.sequence = 1;
    segment.acknowledgment = 777;
    segment.flags.ack = true;
    const Reset reset = reset_in(receive(tcp({}, segment, {1})));
    EXPECT_EQ(reset.header.sequence, 777U);
    EXPECT_TRUE(reset.header.flags.rst);
    EXPECT_FALSE(reset.header.flags.ack);
}

TEST_F(HostTest, a_reset_is_never_answered) {
    net::TcpHeader segment;
    segment.flags.rst = true;
    expect_silence(tcp({}, segment), HostCounter::ResetIgnored);
    segment.flags.ack = true;
    expect_silence(tcp({}, segment), HostCounter::ResetIgnored);
}

// rfc1812: 4.3.2.7/c, 4.3.3.6/c
// rfc1812: 4.3.2.7/d
// rfc1122: 3.2.2
TEST_F(HostTest, nothing_to_a_group_is_answered) {
    const net::Ipv4Address everybody(255, 255, 255, 255);
    const net::Ipv4Address subnet(10, 0, 0, 255);
    const net::Ipv4Address multicast(224, 0, 0, 1);
    net::TcpHeader syn;
    syn.flags.syn = true;
    for (const auto to : {everybody, subnet, multicast}) {
        expect_silence(udp({kThem, to}, 1), HostCounter::GroupIgnored);
        expect_silence(tcp({kThem, to}, syn), HostCounter::GroupIgnored);
        expect_silence(icmp({kThem, to}, net::IcmpMessage::echo(1, 1), {}),
                       HostCounter::GroupIgnored);
        expect_silence(test::packet({kThem, to}, net::IpProtocol{99}, {}),
                       HostCounter::GroupIgnored);
    }
    // As a link-layer broadcast, whatever its address says.
    expect_silence(udp({}, 1), HostCounter::GroupIgnored, true);
}

// rfc1812: 4.3.2.7/e, 4.2.2.11/c
TEST_F(HostTest, a_source_that_is_no_single_host_is_not_answered) {
    for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "255.255.255.255",
                               "240.0.0.1", "10.0.0.255"}) {
        const Way way{*net::Ipv4Address::parse(source), kUs};
        expect_silence(udp(way, 1), HostCounter::BadSourceIgnored);
        expect_silence(icmp(way, net::IcmpMessage::echo(1, 1), {}), HostCounter::BadSourceIgnored);
    }
}

// rfc1812: 4.3.2.7/a
// rfc1812: 4.3.3.2, 4.3.3.3/b
TEST_F(HostTest, an_icmp_error_is_never_answered) {
    const Packet about = udp({kUs, kThem}, 53);
    for (const auto& error : {net::IcmpMessage::unreachable(net::UnreachableCode::Port),
                              net::IcmpMessage::time_exceeded(net::TimeExceededCode::Transit),
                              net::IcmpMessage::parameter_problem(1)}) {
        expect_silence(icmp({}, error, about), HostCounter::IcmpNotForUs);
    }
    expect_silence(icmp({}, net::IcmpMessage::redirect(net::RedirectCode::Host, kThem), about),
                   HostCounter::IcmpIgnored);
    expect_silence(icmp({}, net::IcmpMessage{net::IcmpType::SourceQuench, 0, 0}, about),
                   HostCounter::IcmpIgnored);
}

// rfc1812: 4.3.2.1
// rfc1122: 3.2.2
TEST_F(HostTest, an_unknown_icmp_type_is_ignored) {
    expect_silence(icmp({}, net::IcmpMessage{net::IcmpType{200}, 0, 0}, {}),
                   HostCounter::IcmpIgnored);
    expect_silence(icmp({}, net::IcmpMessage{net::IcmpType::Timestamp, 0, 0}, Packet(12)),
                   HostCounter::IcmpIgnored);
}

// rfc1812: 4.3.2.7/f
TEST_F(HostTest, fragments_end_here) {
    Way way;
    way.more_fragments = true;
    expect_silence(udp(way, 1), HostCounter::FragmentIgnored);
    way.more_fragments = false;
    way.fragment_units = 10;
    expect_silence(udp(way, 1), HostCounter::FragmentIgnored);
}

TEST_F(HostTest, an_address_that_was_removed_is_not_ours) {
    host.set_links({});
    expect_silence(udp({}, 1), HostCounter::NotOurs);
}

TEST_F(HostTest, malformed_packets_are_counted_by_reason) {
    Packet bad = udp({}, 1);
    bad[10] ^= 0xff;
    expect_silence(bad, HostCounter::BadIpv4Header);
    expect_silence({}, HostCounter::BadIpv4Header);

    expect_silence(test::packet({}, net::IpProtocol::Icmp, {8, 0, 0}), HostCounter::BadIcmp);
    bad = icmp({}, net::IcmpMessage::echo(1, 1), {1, 2, 3, 4});
    bad.back() ^= 1;
    expect_silence(bad, HostCounter::BadIcmpChecksum);

    expect_silence(test::packet({}, net::IpProtocol::Udp, {0, 1}), HostCounter::BadUdp);
    bad = udp({}, 1);
    bad.back() ^= 1;
    expect_silence(bad, HostCounter::BadUdpChecksum);

    expect_silence(test::packet({}, net::IpProtocol::Tcp, Packet(19)), HostCounter::BadTcp);
    bad = tcp({}, net::TcpHeader{}, {1});
    bad.back() ^= 1;
    expect_silence(bad, HostCounter::BadTcpChecksum);

    expect_silence(icmp({}, net::IcmpMessage::unreachable(net::UnreachableCode::Port), {0x45}),
                   HostCounter::BadIcmpQuote);
    Packet quote = icmp({kUs, kThem}, net::IcmpMessage::echo(1, 1), {});
    quote.resize(22);  // RFC 792: 8 bytes of the datagram at least
    expect_silence(icmp({}, net::IcmpMessage::unreachable(net::UnreachableCode::Port), quote),
                   HostCounter::BadIcmpQuote);
}

// rfc1812: 4.3.2.8/b
// rfc1812: 4.3.2.8/c
TEST_F(HostTest, errors_are_limited_for_each_interface_and_resets_by_a_rate_of_their_own) {
    host.set_error_rate(400);
    const auto probes_answered = [this](unsigned probes) {
        unsigned answered = 0;
        for (unsigned i = 0; i < probes; ++i) {
            const Way way{net::Ipv4Address(10, 0, static_cast<std::uint8_t>(i >> 8),
                                           static_cast<std::uint8_t>(1 + i % 200)),
                          kUs};
            answered += static_cast<unsigned>(receive(udp(way, 1)).packets.size());
        }
        return answered;
    };
    unsigned answered = 0;
    for (int tenth = 0; tenth < 100; ++tenth) {
        answered += probes_answered(200);
        now += 100ms;
    }
    EXPECT_LE(answered, 4000U);  // ten seconds
    EXPECT_GE(answered, 2000U);  // a budget is at least half of the rate
    EXPECT_EQ(host.count(HostCounter::PortUnreachableSent), answered);
    EXPECT_EQ(host.count(HostCounter::ErrorOverRate) + host.count(HostCounter::ErrorOverShare),
              20000U - answered);

    probes_answered(1000);
    const Packet one_more = udp({}, 1);
    EXPECT_TRUE(receive(one_more).packets.empty());
    interface = net::InterfaceId(2);
    EXPECT_EQ(receive(one_more).packets.size(), 1U);  // silent on one side only

    net::TcpHeader syn;
    syn.flags.syn = true;
    EXPECT_EQ(receive(tcp({}, syn)).packets.size(), 1U);
    for (unsigned i = 0; i < tcp::Limits{}.resets_per_second; ++i) {
        receive(tcp({}, syn));
    }
    expect_silence(tcp({}, syn), HostCounter::ResetOverRate);
}

TEST_F(HostTest, one_noisy_source_does_not_silence_the_host_for_another) {
    for (unsigned i = 0; i < 10'000; ++i) {
        receive(udp({}, 1));
    }
    EXPECT_GT(host.count(HostCounter::ErrorOverShare), 0U);
    EXPECT_EQ(host.count(HostCounter::ErrorOverRate), 0U);
    EXPECT_EQ(receive(udp({net::Ipv4Address(10, 0, 0, 77), kUs}, 1)).packets.size(), 1U);
}

// CVE-2020-25705: who counts the errors that he gets learns nothing of those that others got.
TEST_F(HostTest, how_many_errors_an_interval_has_is_never_the_same_for_long) {
    std::set<std::uint64_t> budgets;
    for (int tenth = 0; tenth < 50; ++tenth) {
        const std::uint64_t before = host.count(HostCounter::PortUnreachableSent);
        for (unsigned i = 0; i < 400; ++i) {
            receive(
                udp({net::Ipv4Address(10, 1, 0, static_cast<std::uint8_t>(1 + i % 200)), kUs}, 1));
        }
        budgets.insert(host.count(HostCounter::PortUnreachableSent) - before);
        now += 100ms;
    }
    EXPECT_GT(budgets.size(), 10U);
    EXPECT_GE(*budgets.begin(), 50U);  // half of a tenth of a thousand
    EXPECT_LE(*budgets.rbegin(), 100U);
}

// rfc1812: 4.3.2.5/a, 4.3.2.5/e
TEST_F(HostTest, an_error_has_the_type_of_service_of_its_packet_and_precedence_of_control) {
    Packet probe = udp({}, 33434);
    probe[1] = 0xff;  // precedence 7, all types of service, congestion experienced
    probe[10] = probe[11] = 0;
    const net::Big16 sum = net::internet_checksum(std::span(probe).first(20));
    std::memcpy(&probe[10], &sum, sizeof sum);
    const HostActions actions = receive(probe);
    ASSERT_EQ(actions.packets.size(), 1U);
    EXPECT_EQ(view_of(actions.packets[0].packet).type_of_service(), 0xdc);
}

// Every packet counts once, nothing crashes, and an answer is only ever one packet.
TEST_F(HostTest, survives_mutated_packets_and_counts_each_once) {
    const char* const given = std::getenv("GODWIT_TEST_SEED");
    const unsigned seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                                           : std::random_device()();
    std::cout << "seed " << seed << '\n';
    std::mt19937 random(seed);
    net::TcpHeader syn;
    syn.flags.syn = true;
    const std::vector<Packet> originals{
        udp({}, 1), tcp({}, syn), icmp({}, net::IcmpMessage::echo(1, 1), {1, 2, 3}),
        icmp({}, net::IcmpMessage::time_exceeded(net::TimeExceededCode::Transit),
             icmp({kUs, kThem}, net::IcmpMessage::echo(0x1235, 1), Packet(20)))};
    constexpr std::uint64_t kRounds = 20000;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
        Packet packet = originals[random() % originals.size()];
        for (unsigned flips = random() % 4; flips > 0; --flips) {
            packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
        }
        packet.resize(random() % 3 == 0 ? random() % (packet.size() + 1) : packet.size());
        now += 1ms;
        interface = net::InterfaceId(static_cast<std::uint16_t>(random()));
        EXPECT_LE(receive(packet, random() % 8 == 0).packets.size(), 1U);
    }
    std::uint64_t counted = 0;
    for (const auto& text : kHostCounters) {
        counted += host.count(text.counter);
    }
    EXPECT_EQ(counted, kRounds);
}

TEST(TokenBucketTest, a_fraction_of_a_token_is_not_lost) {
    TokenBucket bucket(3, 1);
    Instant now{1h};
    EXPECT_TRUE(bucket.take(now));
    unsigned taken = 0;
    for (int i = 0; i < 3000; ++i) {
        now += 10ms;
        taken += static_cast<unsigned>(bucket.take(now));
    }
    EXPECT_NEAR(taken, 90U, 3);  // 30 s of three a second, asked every 10 ms
}

TEST(TokenBucketTest, time_that_stands_or_runs_back_fills_nothing) {
    TokenBucket bucket(1000, 2);
    Instant now{1h};
    EXPECT_TRUE(bucket.take(now));
    EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now - 10min));
    EXPECT_FALSE(bucket.take(now));
    EXPECT_TRUE(bucket.take(now + 1000h));
}

}  // namespace
}  // namespace godwit::control
