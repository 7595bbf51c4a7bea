// A ping from its first request to its summary, in virtual time.
#include "controlplane/host/ping.hpp"

#include <gtest/gtest.h>

#include "controlplane/host/host.hpp"
#include "tests/unit/controlplane/host/host_packets.hpp"

namespace godwit::control {
namespace {

using namespace std::chrono_literals;
using test::icmp;
using test::Packet;

const net::Ipv4Address kUs(10, 0, 0, 1);
const net::Ipv4Address kThem(10, 0, 0, 9);
const net::Ipv4Address kRouter(10, 0, 0, 254);

class PingTest : public testing::Test {
protected:
    PingTest() {
        const std::array own{*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
        host.set_links(test::one_link(own));
        request.destination = kThem;
        request.source = kUs;
        request.count = 3;
        request.interval = 1000ms;
        request.timeout = 2000ms;
    }

    void start() { ASSERT_TRUE(host.start_ping(request, now).has_value()); }
    Packet sent_now() {
        HostActions actions = host.advance(now);
        EXPECT_EQ(actions.packets.size(), 1U);
        return actions.packets.empty() ? Packet() : actions.packets[0].packet;
    }
    // The reply of the one who was asked, to what was sent.
    static Packet reply_to(const Packet& sent, net::Ipv4Address from = kThem) {
        const auto view = net::wire::Ipv4View::parse(sent);
        const auto echo = net::wire::IcmpView::parse(view->payload());
        const Packet body(echo->body().begin(), echo->body().end());
        return icmp(
            {from, kUs, 61},
            net::IcmpMessage::echo_reply(echo->message().identifier(), echo->message().sequence()),
            body);
    }
    HostActions receive(const Packet& packet) { return host.input(packet, {}, now); }

    std::uint32_t next_random = 77;
    Host host{HostLimits{}, [this] { return next_random++; }, {}};
    PingRequest request;
    Instant now{1h};
};

// rfc1812: 4.2.2.9/d, 10.3.2.7/d, 10.3.2.7/e
TEST_F(PingTest, a_request_is_an_echo_with_the_size_and_ttl_that_were_asked_for) {
    request.size = 100;
    request.ttl = 5;
    start();
    const Packet sent = sent_now();
    const auto view = net::wire::Ipv4View::parse(sent);
    ASSERT_TRUE(view && view->has_valid_checksum());
    EXPECT_EQ(view->ttl_hops(), 5);
    EXPECT_EQ(view->source(), kUs);
    EXPECT_EQ(view->destination(), kThem);
    const auto echo = net::wire::IcmpView::parse(view->payload());
    ASSERT_TRUE(echo && echo->has_valid_checksum());
    EXPECT_EQ(echo->type(), net::IcmpType::Echo);
    EXPECT_EQ(echo->message().sequence(), 1);
    EXPECT_EQ(echo->body().size(), 100U);
}

// rfc1812: 4.3.3.6/f
TEST_F(PingTest, all_answered_ends_with_the_round_trip_times) {
    start();
    std::vector<HostActions::PingEnd> ended;
    for (const auto round_trip : {10ms, 30ms, 20ms}) {
        const Packet sent = sent_now();
        now += round_trip;
        const HostActions actions = receive(reply_to(sent));
        ASSERT_EQ(actions.reports.size(), 1U);
        const PingEvent& event = actions.reports[0].event;
        EXPECT_EQ(event.outcome, PingOutcome::Reply);
        EXPECT_EQ(event.from, kThem);
        EXPECT_EQ(event.ttl, 61);
        EXPECT_EQ(event.bytes, 64);
        EXPECT_EQ(event.round_trip, round_trip);
        ended = actions.ended;
        now += 1000ms - round_trip;
    }
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].summary.sent, 3U);
    EXPECT_EQ(ended[0].summary.received, 3U);
    EXPECT_EQ(ended[0].summary.minimum, 10ms);
    EXPECT_EQ(ended[0].summary.average, 20ms);
    EXPECT_EQ(ended[0].summary.maximum, 30ms);
    EXPECT_EQ(host.pings(), 0U);
    EXPECT_FALSE(host.next_deadline().has_value());
}

TEST_F(PingTest, requests_leave_at_the_interval_and_not_before) {
    start();
    EXPECT_EQ(host.next_deadline(), now);
    sent_now();
    EXPECT_EQ(host.next_deadline(), now + 1000ms);
    now += 999ms;
    EXPECT_TRUE(host.advance(now).packets.empty());
    now += 1ms;
    sent_now();
}

TEST_F(PingTest, a_program_that_was_held_up_does_not_send_a_burst) {
    start();
    sent_now();
    now += 10s;
    EXPECT_EQ(host.advance(now).packets.size(), 1U);
    EXPECT_TRUE(host.advance(now).packets.empty());
}

TEST_F(PingTest, silence_is_reported_as_lost_after_the_timeout) {
    request.count = 1;
    start();
    sent_now();
    now += 1999ms;
    EXPECT_TRUE(host.advance(now).reports.empty());
    now += 1ms;
    const HostActions actions = host.advance(now);
    ASSERT_EQ(actions.reports.size(), 1U);
    EXPECT_EQ(actions.reports[0].event.outcome, PingOutcome::Lost);
    EXPECT_EQ(actions.reports[0].event.sequence, 1);
    ASSERT_EQ(actions.ended.size(), 1U);
    EXPECT_EQ(actions.ended[0].summary.received, 0U);
}

TEST_F(PingTest, a_reply_after_the_timeout_belongs_to_nothing) {
    start();
    const Packet sent = sent_now();
    now += 2000ms;
    host.advance(now);
    EXPECT_TRUE(receive(reply_to(sent)).reports.empty());
    EXPECT_EQ(host.count(HostCounter::IcmpNotForUs), 1U);
}

TEST_F(PingTest, a_second_reply_is_a_duplicate) {
    start();
    const Packet sent = sent_now();
    receive(reply_to(sent));
    const HostActions again = receive(reply_to(sent));
    ASSERT_EQ(again.reports.size(), 1U);
    EXPECT_EQ(again.reports[0].event.outcome, PingOutcome::Duplicate);
}

// rfc1812: 4.3.3.4/c
TEST_F(PingTest, a_router_that_says_the_time_to_live_ran_out_is_named) {
    request.count = 1;
    start();
    const Packet sent = sent_now();
    const Packet quote(sent.begin(), sent.begin() + 28);  // RFC 792: header and 8 bytes
    const HostActions actions = receive(icmp(
        {kRouter, kUs}, net::IcmpMessage::time_exceeded(net::TimeExceededCode::Transit), quote));
    ASSERT_EQ(actions.reports.size(), 1U);
    EXPECT_EQ(actions.reports[0].event.outcome, PingOutcome::Error);
    EXPECT_EQ(actions.reports[0].event.from, kRouter);
    EXPECT_EQ(actions.reports[0].event.error, "time to live exceeded");
    ASSERT_EQ(actions.ended.size(), 1U);
    EXPECT_EQ(actions.ended[0].summary.received, 0U);
}

// rfc1191: 4
TEST_F(PingTest, that_must_not_be_fragmented_tells_the_mtu_that_fits) {
    request.size = 1472;
    request.dont_fragment = true;
    request.count = 2;
    start();
    Packet sent = sent_now();
    EXPECT_TRUE(net::wire::Ipv4View::parse(sent)->dont_fragment());
    const auto told = [&](std::uint16_t mtu) {
        const HostActions actions =
            receive(icmp({kRouter, kUs}, net::IcmpMessage::fragmentation_needed(mtu),
                         Packet(sent.begin(), sent.begin() + 28)));
        EXPECT_EQ(actions.reports.size(), 1U);
        return actions.reports.empty() ? PingEvent() : actions.reports[0].event;
    };
    const PingEvent event = told(1400);
    EXPECT_EQ(event.outcome, PingOutcome::Error);
    EXPECT_EQ(event.from, kRouter);
    EXPECT_EQ(event.mtu, 1400);
    EXPECT_EQ(event.error, "fragmentation needed, next MTU is 1400");

    now += 1s;
    sent = sent_now();
    const PingEvent old_router = told(0);
    EXPECT_EQ(old_router.mtu, 0);
    EXPECT_EQ(old_router.error, "fragmentation needed, the next MTU is not said");
}

// rfc1812: 4.3.3.6/f
// rfc791: 3.1
TEST_F(PingTest, may_be_as_long_as_ipv4_can_say_and_no_longer) {
    request.size = Ping::kMaxSize;
    start();
    const Packet sent = sent_now();
    EXPECT_EQ(sent.size(), 65'535U);
    EXPECT_FALSE(net::wire::Ipv4View::parse(sent)->dont_fragment());
    const HostActions actions = receive(reply_to(sent));
    ASSERT_EQ(actions.reports.size(), 1U);
    EXPECT_EQ(actions.reports[0].event.outcome, PingOutcome::Reply);
    EXPECT_EQ(actions.reports[0].event.bytes, 65'515);
    ++request.size;
    EXPECT_TRUE(Ping::check(request).has_value());
}

TEST_F(PingTest, an_error_about_another_packet_is_not_believed) {
    start();
    sent_now();
    const Packet other = icmp({kUs, kRouter}, net::IcmpMessage::echo(77, 1), Packet(8));
    for (const Packet& quote :
         {other, test::udp({kUs, kThem}, 53),
          icmp({kUs, kThem}, net::IcmpMessage::echo_reply(78, 1), Packet(8))}) {
        EXPECT_TRUE(receive(icmp({kRouter, kUs},
                                 net::IcmpMessage::unreachable(net::UnreachableCode::Host), quote))
                        .reports.empty());
    }
}

TEST_F(PingTest, a_forged_reply_is_not_believed) {
    start();
    const Packet sent = sent_now();
    EXPECT_TRUE(receive(reply_to(sent, kRouter)).reports.empty());  // from another address
    Packet changed = sent;
    changed[28] ^= 1;  // another secret in the data
    EXPECT_TRUE(receive(reply_to(changed)).reports.empty());
    Packet longer = sent;
    longer.resize(sent.size() - 4);
    longer[3] = static_cast<std::uint8_t>(longer.size());
    EXPECT_TRUE(receive(reply_to(longer)).reports.empty());
    EXPECT_EQ(receive(reply_to(sent)).reports.size(), 1U);
}

TEST_F(PingTest, identifiers_of_two_pings_differ_even_when_the_dice_do_not) {
    Host stuck(HostLimits{}, [] { return 5U; }, {});
    ASSERT_TRUE(stuck.start_ping(request, now).has_value());
    ASSERT_TRUE(stuck.start_ping(request, now).has_value());
    EXPECT_EQ(stuck.pings(), 2U);
    EXPECT_EQ(stuck.advance(now).packets.size(), 2U);
}

TEST_F(PingTest, more_pings_than_allowed_are_refused) {
    for (std::size_t i = 0; i < HostLimits{}.max_pings; ++i) {
        ASSERT_TRUE(host.start_ping(request, now).has_value());
    }
    const auto refused = host.start_ping(request, now);
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().find("64 pings run already"), std::string::npos);
}

TEST_F(PingTest, a_cancelled_ping_is_forgotten) {
    const auto id = host.start_ping(request, now);
    const Packet sent = sent_now();
    host.cancel_ping(*id);
    EXPECT_EQ(host.pings(), 0U);
    EXPECT_TRUE(receive(reply_to(sent)).reports.empty());
}

TEST_F(PingTest, requests_out_of_range_are_refused_with_the_range) {
    const auto refusal = [this](auto change) {
        PingRequest changed = request;
        change(changed);
        const auto result = host.start_ping(changed, now);
        return result ? std::string() : result.error();
    };
    EXPECT_NE(refusal([](auto& r) { r.count = 0; }), "");
    EXPECT_NE(refusal([](auto& r) { r.count = 65536; }), "");
    EXPECT_NE(refusal([](auto& r) { r.size = 65508; }), "");
    EXPECT_NE(refusal([](auto& r) { r.ttl = 0; }), "");
    EXPECT_NE(refusal([](auto& r) { r.interval = 9ms; }), "");
    EXPECT_NE(refusal([](auto& r) { r.timeout = 0ms; }), "");
    EXPECT_NE(refusal([](auto& r) { r.destination = net::Ipv4Address(224, 0, 0, 1); }), "");
    EXPECT_EQ(refusal([](auto&) {}), "");
}

}  // namespace
}  // namespace godwit::control
