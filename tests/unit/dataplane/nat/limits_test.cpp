// What happens when there is no more room: RFC 6888, RFC 5508 REQ-8, and floods.
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

class Limits : public NatTest {
protected:
    static Endpoint host(unsigned number, std::uint16_t port = 5000) {
        return {Ipv4Address(0x0a000000U + number), port};
    }
};

// rfc6888: REQ-4
// rfc6888: REQ-4, REQ-4/a
TEST_F(Limits, A_subscriber_has_so_many_ports_and_its_share_of_them_a_worker) {
    settings_.limits.ports = 5;
    settings_.place = {0, 2};
    for (std::uint16_t port = 5000; port < 5012; port = static_cast<std::uint16_t>(port + 4)) {
        EXPECT_EQ(udp_out(host(1, port), kRemote).verdict, Verdict::Translate);
    }
    EXPECT_REFUSED(udp_out(host(1, 5012), kRemote), SubscriberPorts);
    EXPECT_EQ(udp_out(host(2, 5012), kRemote).verdict, Verdict::Translate);
    EXPECT_EQ(udp_out(host(1, 5000), kOtherRemote).verdict, Verdict::Translate);  // no new port
}

// rfc6888: REQ-5
// rfc6888: REQ-5, REQ-5/a
TEST_F(Limits, A_subscriber_has_so_many_sessions) {
    settings_.limits.sessions = 2;
    udp_out(host(1), {kRemote.address, 1});
    udp_out(host(1), {kRemote.address, 2});
    EXPECT_REFUSED(udp_out(host(1), {kRemote.address, 3}), SubscriberSessions);
    pass_time(late(300));
    EXPECT_EQ(udp_out(host(1), {kRemote.address, 3}).verdict, Verdict::Translate);
}

// rfc6888: REQ-4, REQ-5
// rfc6888: REQ-4/c, REQ-5/b
TEST_F(Limits, A_subscriber_makes_so_many_sessions_a_second) {
    settings_.limits.new_sessions_per_second = 2;
    udp_out(host(1), {kRemote.address, 1});
    udp_out(host(1), {kRemote.address, 2});
    EXPECT_REFUSED(udp_out(host(1), {kRemote.address, 3}), SubscriberRate);
    wait(1);
    EXPECT_EQ(udp_out(host(1), {kRemote.address, 3}).verdict, Verdict::Translate);
}

// rfc6888: REQ-4/a, REQ-5/a
TEST_F(Limits, A_rule_with_limits_of_its_own_has_those_and_the_others_have_what_holds_for_all) {
    settings_.limits.sessions = 1;
    SourceRule guests = source_rule("192.0.2.2/32");
    guests.id = RuleId{2};
    guests.name = "guests";
    guests.from = {prefix("10.9.0.0/16")};
    guests.policy.limits = SubscriberLimits{.ports = 2, .sessions = 3};
    set_.source.insert(set_.source.begin(), guests);
    const Endpoint guest{{10, 9, 0, 1}, 5000};
    for (std::uint16_t port = 1; port <= 3; ++port) {
        EXPECT_EQ(udp_out(guest, {kRemote.address, port}).verdict, Verdict::Translate);
    }
    EXPECT_REFUSED(udp_out(guest, {kRemote.address, 4}), SubscriberSessions);
    EXPECT_EQ(udp_out(host(1), {kRemote.address, 1}).verdict, Verdict::Translate);
    EXPECT_REFUSED(udp_out(host(1), {kRemote.address, 2}), SubscriberSessions);
    const Endpoint other{{10, 9, 0, 2}, 5000};
    udp_out(other, kRemote);
    udp_out({other.address, 5001}, kRemote);
    EXPECT_REFUSED(udp_out({other.address, 5002}, kRemote), SubscriberPorts);
}

// rfc6888: REQ-11/d
TEST_F(Limits, At_the_limit_a_rule_refuses_or_displaces_as_it_says_itself) {
    settings_.max_sessions = 16;
    SourceRule guests = source_rule("192.0.2.2/32");
    guests.id = RuleId{2};
    guests.name = "guests";
    guests.from = {prefix("10.9.0.0/16")};
    guests.policy.at_limit = AtLimit::Refuse;
    set_.source.insert(set_.source.begin(), guests);
    for (unsigned number = 1; number <= 16; ++number) {
        ASSERT_EQ(tcp_out(kSyn, host(number)).verdict, Verdict::Translate);
    }
    EXPECT_REFUSED(tcp_out(kSyn, {{10, 9, 0, 1}, 700}), SessionTableFull);
    EXPECT_EQ(tcp_out(kSyn, host(17)).verdict, Verdict::Translate);
    EXPECT_EQ(nat().counters().sessions_evicted, 1U);
}

// rfc4787: REQ-2
// rfc7857: 4
// rfc5508: REQ-8
// rfc6888: REQ-11
// rfc6888: REQ-11/a, REQ-11/c, REQ-11/d, rfc7857: 4/a
TEST_F(Limits, Without_a_port_the_new_mapping_is_refused_and_told_and_never_on_another_address) {
    set_.source[0].pool = {prefix("192.0.2.0/30")};
    set_.source[0].ports = {2000, 2003};
    std::uint32_t made = 0;
    std::optional<Decision> last;
    for (std::uint16_t port = 3000; port < 3010; ++port) {
        last = udp_out(host(1, port), kRemote);
        made += static_cast<std::uint32_t>(last->verdict == Verdict::Translate);
    }
    EXPECT_EQ(made, 4U);
    EXPECT_REFUSED(*last, PortsExhausted);
    EXPECT_TRUE(is_shortage(last->reason));
    EXPECT_EQ(nat().counters().refused[static_cast<std::size_t>(Reason::PortsExhausted)], 6U);
    EXPECT_EQ(nat().session_count(), 4U);  // nothing was deleted for them
    const auto told = events();
    EXPECT_EQ(std::ranges::count(told, NatEvent::PortsExhausted, &BindingEvent::event), 1);
}

// rfc6888: REQ-11
// rfc6888: REQ-11/a, REQ-11/d
TEST_F(Limits, A_full_table_refuses_and_deletes_nothing_where_the_rule_is_so) {
    settings_.max_sessions = 16;
    settings_.at_limit = AtLimit::Refuse;
    for (unsigned number = 1; number <= 16; ++number) {
        ASSERT_EQ(tcp_out(kSyn, host(number)).verdict, Verdict::Translate);
    }
    EXPECT_REFUSED(tcp_out(kSyn, host(17)), SessionTableFull);
    EXPECT_EQ(nat().session_count(), 16U);
}

TEST_F(Limits, A_full_table_lets_the_oldest_transitory_session_go_and_no_other) {
    settings_.max_sessions = 16;
    for (unsigned number = 1; number <= 14; ++number) {
        ASSERT_EQ(udp_out(host(number), kRemote).verdict, Verdict::Translate);
    }
    tcp_out(kSyn, host(20, 700));
    wait(1);
    tcp_out(kSyn, host(21, 710));
    EXPECT_EQ(udp_out(host(30, 9000), kRemote).verdict, Verdict::Translate);
    EXPECT_EQ(nat().counters().sessions_evicted, 1U);
    EXPECT_EQ(tcp_in(kSynAck, kRemote, {kOutside, 700}).verdict, Verdict::Unmapped);
    EXPECT_EQ(tcp_in(kSynAck, kRemote, {kOutside, 710}).verdict, Verdict::Translate);
    EXPECT_REFUSED(udp_out(host(31, 9100), kRemote), SessionTableFull);  // all are established
}

TEST_F(Limits, The_session_that_makes_room_may_be_the_last_of_the_same_mapping) {
    settings_.max_sessions = 16;
    for (unsigned number = 2; number <= 16; ++number) {
        ASSERT_EQ(udp_out(host(number, 7000), kRemote).verdict, Verdict::Translate);
    }
    for (std::uint16_t port = 1; port <= 40; ++port) {
        EXPECT_TRANSLATED(tcp_out(kSyn, host(1), {kRemote.address, port}),
                          (Endpoint{kOutside, 5000}));
    }
    EXPECT_EQ(nat().counters().mappings_made, 16U);
    EXPECT_EQ(nat().ports_out(kOutside, IpProtocol::Tcp), 1U);
    EXPECT_EQ(nat().session_count(), 16U);
}

TEST_F(Limits, In_a_full_table_a_syn_from_outside_displaces_none_from_inside) {
    settings_.max_sessions = 32;
    for (unsigned number = 1; number <= 31; ++number) {
        ASSERT_EQ(tcp_out(kSyn, host(number)).verdict, Verdict::Translate);
    }
    wait(1);
    for (std::uint16_t port = 1; port <= 100; ++port) {
        EXPECT_EQ(tcp_in(kSyn, {kOtherRemote.address, port}, {kOutside, 5000}).verdict,
                  Verdict::Translate);
    }
    EXPECT_EQ(nat().session_count(AgeClass::TcpOpening), 31U);
    EXPECT_EQ(nat().session_count(AgeClass::TcpOpeningInward), 1U);
}

TEST_F(Limits, A_flood_of_syns_from_outside_displaces_only_itself) {
    settings_.max_sessions = 64;
    set_.forward = {{RuleId{3}, "web", IpProtocol::Tcp, kOutside, {443, 443}, {10, 0, 0, 99}, 443}};
    for (unsigned number = 1; number <= 30; ++number) {
        ASSERT_EQ(tcp_out(kSyn, host(number)).verdict, Verdict::Translate);
    }
    for (std::uint16_t port = 1; port <= 5000; ++port) {
        const Decision made = tcp_in(kSyn, {kRemote.address, port}, {kOutside, 443});
        ASSERT_NE(made.verdict, Verdict::Untouched);
    }
    EXPECT_EQ(nat().session_count(AgeClass::TcpOpening), 30U);
    EXPECT_EQ(nat().session_count(AgeClass::TcpOpeningInward), 16U);
}

TEST_F(Limits, A_flood_of_syns_leaves_a_subscriber_sessions_to_open) {
    settings_.limits.sessions = 8;
    settings_.limits.new_sessions_per_second = 3;
    tcp_out(kSyn, host(1));
    for (std::uint16_t port = 1; port <= 50; ++port) {
        static_cast<void>(tcp_in(kSyn, {kOtherRemote.address, port}, {kOutside, 5000}));
    }
    EXPECT_EQ(nat().session_count(), 6U);
    EXPECT_EQ(udp_out(host(1), kRemote).verdict, Verdict::Translate);
    EXPECT_EQ(udp_out(host(1), kOtherRemote).verdict, Verdict::Translate);
    EXPECT_REFUSED(udp_out(host(1), {kRemote.address, 9}), SubscriberSessions);
}

TEST_F(Limits, Expiry_does_so_much_a_call_and_leaves_no_class_waiting) {
    for (unsigned number = 1; number <= 50; ++number) {
        udp_out(host(number), kRemote);
        ping_out(host(number).address, 9, kRemote.address);
    }
    wait(1000);
    EXPECT_EQ(nat().expire(now_, 10), 10U);
    EXPECT_EQ(nat().session_count(), 90U);
    EXPECT_EQ(nat().expire(now_, 10), 10U);
    EXPECT_EQ(nat().session_count(AgeClass::Udp), 40U);
    EXPECT_EQ(nat().session_count(AgeClass::Icmp), 40U);
    EXPECT_EQ(nat().expire(now_, 1000), 80U);
    EXPECT_EQ(nat().expire(now_, 1000), 0U);
    EXPECT_EQ(nat().subscriber_count(), 0U);
}

// rfc6888: REQ-10
TEST_F(Limits, Views_are_read_and_cleared_in_pages) {
    for (unsigned number = 1; number <= 50; ++number) {
        udp_out(host(number % 5 + 1, static_cast<std::uint16_t>(5000 + number)), kRemote);
    }
    std::uint32_t cursor = 0;
    std::size_t seen = 0;
    std::array<SessionView, 7> page;
    while (cursor != kNone) {
        seen += nat().read_sessions(cursor, 100, {.inside = host(2).address}, page);
    }
    EXPECT_EQ(seen, 10U);
    std::array<Subscriber, 64> subscribers;
    cursor = 0;
    EXPECT_EQ(nat().read_subscribers(cursor, 1000, subscribers), 5U);
    EXPECT_EQ(subscribers[0].ports, 10U);
    cursor = 0;
    EXPECT_EQ(nat().clear_sessions(cursor, 5000, {.inside = host(2).address}, now_), 10U);
    EXPECT_EQ(nat().session_count(), 40U);
    EXPECT_EQ(nat().ports_out(kOutside, IpProtocol::Udp), 40U);
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
