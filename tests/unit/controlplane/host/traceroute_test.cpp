// A traceroute from its first probe to its end, in virtual time.
#include "controlplane/host/traceroute.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/host/host.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control {
namespace {

using namespace std::chrono_literals;
using net::UnreachableCode;
using test::icmp;
using test::Packet;

const net::Ipv4Address kUs(10, 0, 0, 1);
const net::Ipv4Address kThem(10, 9, 0, 9);
const net::Ipv4Address kFirst(10, 0, 0, 254);
const net::Ipv4Address kSecond(10, 1, 0, 254);

// RFC 792: the header and 8 bytes behind it.
Packet quote_of(const Packet& sent) {
    return {sent.begin(), sent.begin() + 28};
}
net::IcmpMessage ran_out() {
    return net::IcmpMessage::time_exceeded(net::TimeExceededCode::Transit);
}

class TracerouteTest : public testing::Test {
protected:
    TracerouteTest() {
        const std::array own{*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
        host.set_links(test::one_link(own));
        request.destination = kThem;
        request.source = kUs;
    }

    void start() { ASSERT_TRUE(host.start_traceroute(request, now).has_value()); }
    // Whatever comes out; the probes are those that were sent now.
    std::vector<Packet> advance(Instant::duration time = 0ms) {
        now += time;
        return heard(host.advance(now));
    }
    std::vector<Packet> heard(HostActions actions) {
        for (auto& hop : actions.traces.hops) {
            hops.push_back(std::move(hop.hop));
        }
        for (const auto& end : actions.traces.ended) {
            ended.push_back(end.summary);
        }
        std::vector<Packet> sent;
        for (Outgoing& each : actions.packets) {
            sent.push_back(std::move(each.packet));
        }
        return sent;
    }
    void answer(net::Ipv4Address from, const net::IcmpMessage& message, const Packet& body) {
        heard(host.input(icmp({from, kUs}, message, body), {}, now));
    }
    // All probes of the hop, 20 ms apart, each answered after `round_trip`.
    std::vector<Packet> answered_hop(net::Ipv4Address from, const net::IcmpMessage& message,
                                     Instant::duration round_trip = 5ms) {
        std::vector<Packet> probes;
        for (unsigned i = 0; i < request.probes_a_hop; ++i) {
            const std::vector<Packet> sent = advance();
            EXPECT_EQ(sent.size(), 1U);
            if (sent.empty()) {
                return probes;
            }
            probes.push_back(sent[0]);
            now += round_trip;
            answer(from, message, quote_of(sent[0]));
            now += Traceroute::kGap - round_trip;
        }
        return probes;
    }

    std::uint32_t next_random = 77;
    Host host{HostLimits{}, [this] { return next_random++; }, {}};
    TracerouteRequest request;
    Instant now{1h};
    std::vector<TracerouteHop> hops;
    std::vector<TracerouteSummary> ended;
};

// rfc1812: 10.3.2.7/g
TEST_F(TracerouteTest, names_each_router_on_the_way_and_ends_where_the_port_is_unreachable) {
    start();
    const auto first = answered_hop(kFirst, ran_out(), 5ms);
    const auto second = answered_hop(kSecond, ran_out(), 7ms);
    answered_hop(kThem, net::IcmpMessage::unreachable(UnreachableCode::Port), 9ms);

    ASSERT_EQ(hops.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(hops[i].hop, i + 1);
        ASSERT_EQ(hops[i].probes.size(), 3U);
        for (const ProbeAnswer& probe : hops[i].probes) {
            EXPECT_EQ(probe.from, (std::array{kFirst, kSecond, kThem}[i]));
            EXPECT_EQ(probe.round_trip, (std::array{5ms, 7ms, 9ms}[i]));
            EXPECT_EQ(probe.mark, "");
        }
    }
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].hops, 3);
    EXPECT_TRUE(ended[0].reached);
    EXPECT_EQ(host.traceroutes(), 0U);
    EXPECT_FALSE(host.next_deadline().has_value());
    EXPECT_EQ(host.count(HostCounter::TraceAnswer), 9U);

    // The time to live goes up by hop, the port by probe; the source port stays.
    const auto a = net::wire::Ipv4View::parse(first[1]);
    const auto b = net::wire::Ipv4View::parse(second[0]);
    ASSERT_TRUE(a && b && a->has_valid_checksum());
    EXPECT_EQ(a->ttl_hops(), 1);
    EXPECT_EQ(b->ttl_hops(), 2);
    EXPECT_FALSE(a->dont_fragment());
    const auto udp_a = net::wire::UdpView::parse(a->payload());
    const auto udp_b = net::wire::UdpView::parse(b->payload());
    ASSERT_TRUE(udp_a && udp_b);
    EXPECT_TRUE(udp_a->has_valid_checksum(kUs, kThem));
    EXPECT_EQ(udp_a->destination_port(), 33'435);
    EXPECT_EQ(udp_b->destination_port(), 33'437);
    EXPECT_EQ(udp_a->source_port(), udp_b->source_port());
    EXPECT_EQ(udp_a->payload().size(), 32U);
}

TEST_F(TracerouteTest, by_icmp_ends_with_the_echo_reply) {
    request.kind = ProbeKind::Echo;
    request.probes_a_hop = 1;
    start();
    answered_hop(kFirst, ran_out());
    const std::vector<Packet> sent = advance();
    ASSERT_EQ(sent.size(), 1U);
    const auto view = net::wire::Ipv4View::parse(sent[0]);
    const auto echo = net::wire::IcmpView::parse(view->payload());
    ASSERT_TRUE(echo && echo->has_valid_checksum());
    EXPECT_EQ(echo->type(), net::IcmpType::Echo);
    const Packet body(echo->body().begin(), echo->body().end());
    const auto reply =
        net::IcmpMessage::echo_reply(echo->message().identifier(), echo->message().sequence());
    Packet forged = body;
    forged[0] ^= 1;
    answer(kThem, reply, forged);
    EXPECT_EQ(hops.size(), 1U) << "a stranger that guessed the identifier was believed";
    answer(kThem, reply, body);
    ASSERT_EQ(hops.size(), 2U);
    EXPECT_EQ(hops[1].probes[0].from, kThem);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_TRUE(ended[0].reached);
}

TEST_F(TracerouteTest, a_silent_router_is_left_after_the_timeout_and_not_before) {
    request.timeout = 500ms;
    start();
    EXPECT_EQ(advance().size(), 1U);
    EXPECT_TRUE(advance(19ms).empty()) << "probes of a hop leave 20 ms apart";
    EXPECT_EQ(advance(1ms).size(), 1U);
    EXPECT_EQ(advance(20ms).size(), 1U);
    EXPECT_EQ(host.next_deadline(), Instant(1h) + 500ms);
    EXPECT_TRUE(advance(499ms).empty());
    EXPECT_TRUE(hops.empty());
    advance(1ms);
    ASSERT_EQ(hops.size(), 1U);
    for (const ProbeAnswer& probe : hops[0].probes) {
        EXPECT_FALSE(probe.from.has_value());
    }
    answered_hop(kSecond, ran_out());
    ASSERT_EQ(hops.size(), 2U);
    EXPECT_EQ(hops[1].hop, 2);
    EXPECT_EQ(hops[1].probes[2].from, kSecond);
}

TEST_F(TracerouteTest, an_answer_after_its_hop_belongs_to_nothing) {
    request.probes_a_hop = 1;
    start();
    const std::vector<Packet> late = advance();
    advance(2s);
    ASSERT_EQ(hops.size(), 1U);
    advance();
    answer(kFirst, ran_out(), quote_of(late[0]));
    EXPECT_EQ(hops.size(), 1U);
    EXPECT_EQ(host.count(HostCounter::TraceAnswer), 0U);
}

TEST_F(TracerouteTest, ends_at_the_last_hop_that_was_asked_for) {
    request.max_hops = 2;
    start();
    answered_hop(kFirst, ran_out());
    answered_hop(kSecond, ran_out());
    EXPECT_TRUE(advance(1s).empty());
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].hops, 2);
    EXPECT_FALSE(ended[0].reached);
}

TEST_F(TracerouteTest, a_router_that_ends_the_way_is_marked_with_its_reason) {
    const std::vector<std::pair<net::IcmpMessage, const char*>> marks{
        {net::IcmpMessage::unreachable(UnreachableCode::Network), "!N"},
        {net::IcmpMessage::unreachable(UnreachableCode::Host), "!H"},
        {net::IcmpMessage::unreachable(UnreachableCode::Protocol), "!P"},
        {net::IcmpMessage::fragmentation_needed(1400), "!F-1400"},
        {net::IcmpMessage::fragmentation_needed(0), "!F"},
        {net::IcmpMessage::unreachable(UnreachableCode::SourceRouteFailed), "!S"},
        {net::IcmpMessage::unreachable(UnreachableCode::Prohibited), "!X"},
        {net::IcmpMessage::unreachable(UnreachableCode::HostPrecedence), "!V"},
        {net::IcmpMessage::unreachable(UnreachableCode::PrecedenceCutoff), "!C"},
        {net::IcmpMessage::unreachable(UnreachableCode::HostForService), "!<12>"},
        {net::IcmpMessage::parameter_problem(0), "!?"},
    };
    request.dont_fragment = true;
    for (const auto& [message, mark] : marks) {
        hops.clear();
        ended.clear();
        start();
        answered_hop(kFirst, message);
        ASSERT_EQ(hops.size(), 1U) << mark;
        EXPECT_EQ(hops[0].probes[0].mark, mark);
        ASSERT_EQ(ended.size(), 1U) << mark;
        EXPECT_FALSE(ended[0].reached);
    }
}

TEST_F(TracerouteTest, a_host_with_something_at_the_port_is_reached_by_what_that_says) {
    request.probes_a_hop = 1;
    start();
    const std::vector<Packet> sent = advance();
    const auto probe =
        net::wire::UdpView::parse(net::wire::Ipv4View::parse(sent[0])->payload())->header();
    net::UdpHeader header;
    header.source_port = probe.destination_port;
    header.destination_port = probe.source_port;
    Packet payload(net::kUdpHeaderBytes);
    net::ByteWriter writer(payload);
    header.encode_datagram(writer, kThem, kUs, {});
    const HostActions actions =
        host.input(test::packet({kThem, kUs}, net::IpProtocol::Udp, payload), {}, now);
    EXPECT_TRUE(actions.packets.empty());
    ASSERT_EQ(actions.traces.ended.size(), 1U);
    EXPECT_TRUE(actions.traces.ended[0].summary.reached);
}

TEST_F(TracerouteTest, an_error_about_another_packet_is_not_believed) {
    start();
    const Packet sent = advance()[0];
    Packet other_destination = quote_of(sent);
    other_destination[19] ^= 1;
    Packet other_source_port = quote_of(sent);
    other_source_port[21] ^= 1;
    Packet never_sent = quote_of(sent);
    never_sent[23] ^= 0x40;
    Packet cut = quote_of(sent);
    cut.resize(24);
    for (const Packet& quote : {other_destination, other_source_port, never_sent, cut}) {
        answer(kFirst, ran_out(), quote);
    }
    EXPECT_EQ(host.count(HostCounter::TraceAnswer), 0U);
    answer(kFirst, ran_out(), quote_of(sent));
    EXPECT_EQ(host.count(HostCounter::TraceAnswer), 1U);
    answer(kSecond, ran_out(), quote_of(sent));
    EXPECT_EQ(host.count(HostCounter::TraceAnswer), 1U) << "the second answer to one probe";
}

TEST_F(TracerouteTest, two_at_once_do_not_mix_even_when_the_dice_do) {
    Host stuck(HostLimits{}, [] { return 5U; }, {});
    ASSERT_TRUE(stuck.start_traceroute(request, now).has_value());
    ASSERT_TRUE(stuck.start_traceroute(request, now).has_value());
    const HostActions actions = stuck.advance(now);
    ASSERT_EQ(actions.packets.size(), 2U);
    EXPECT_NE(actions.packets[0].packet[21], actions.packets[1].packet[21])
        << "the same source port";
}

TEST_F(TracerouteTest, more_than_allowed_are_refused_and_a_cancelled_one_is_forgotten) {
    std::optional<TraceId> last;
    for (std::size_t i = 0; i < HostLimits{}.max_traceroutes; ++i) {
        const auto started = host.start_traceroute(request, now);
        ASSERT_TRUE(started.has_value());
        last = *started;
    }
    const auto refused = host.start_traceroute(request, now);
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().find("16 traceroutes run already"), std::string::npos);
    host.cancel_traceroute(*last);
    EXPECT_EQ(host.traceroutes(), 15U);
    EXPECT_EQ(advance().size(), 15U);
}

TEST_F(TracerouteTest, requests_out_of_range_are_refused_with_the_range) {
    const auto refusal = [this](auto change) {
        TracerouteRequest changed = request;
        change(changed);
        return Traceroute::check(changed).value_or("");
    };
    EXPECT_NE(refusal([](auto& r) { r.max_hops = 0; }), "");
    EXPECT_NE(refusal([](auto& r) { r.probes_a_hop = 0; }), "");
    EXPECT_NE(refusal([](auto& r) { r.probes_a_hop = 11; }), "");
    EXPECT_NE(refusal([](auto& r) { r.timeout = 0ms; }), "");
    EXPECT_NE(refusal([](auto& r) { r.size = 65'508; }), "");
    EXPECT_NE(refusal([](auto& r) { r.destination = net::Ipv4Address(224, 0, 0, 1); }), "");
    EXPECT_EQ(refusal([](auto& r) { r.port = 65'500; }),
              "port 65500 leaves no ports for 90 probes; give 1 to 65446");
    EXPECT_EQ(refusal([](auto& r) { r.port = 65'446; }), "");
    EXPECT_EQ(refusal([](auto&) {}), "");
}

}  // namespace
}  // namespace godwit::control
