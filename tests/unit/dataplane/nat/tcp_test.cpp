// TCP: RFC 5382, the states and resets of RFC 7857 2, and SYNs that nobody asked for.
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

class Tcp : public NatTest {
protected:
    TcpState state() {
        std::uint32_t cursor = 0;
        SessionView view;
        return nat().read_sessions(cursor, 2000, {}, {&view, 1}) == 1 ? view.tcp : TcpState::None;
    }
    void establish() {
        tcp_out(kSyn, kHost, kRemote, 100);
        tcp_in(kSynAck, kRemote, {kOutside, kHost.port}, 500, 101);
        tcp_out(kAck, kHost, kRemote, 101, 501);
        ASSERT_EQ(state(), TcpState::Established);
    }
    bool is_alive() { return nat().session_count() == 1; }
};

// rfc5382: REQ-1
// rfc5382: REQ-1
TEST_F(Tcp, One_inside_endpoint_has_one_outside_endpoint_for_all_remotes) {
    const Decision first = tcp_out(kSyn);
    EXPECT_TRANSLATED(tcp_out(kSyn, kHost, kOtherRemote), first.rewrite.endpoint);
    EXPECT_EQ(nat().mapping_count(), 1U);
}

// rfc5382: REQ-2
// rfc7857: 2
// rfc5382: REQ-2, rfc7857: 2
TEST_F(Tcp, A_connection_from_inside_is_opened_used_and_closed) {
    tcp_out(kSyn);
    EXPECT_EQ(state(), TcpState::InsideSyn);
    EXPECT_TRANSLATED(tcp_in(kSynAck), kHost);
    EXPECT_EQ(state(), TcpState::Established);
    tcp_out(kFin);
    EXPECT_EQ(state(), TcpState::InsideFin);
    tcp_in(kFin);
    EXPECT_EQ(state(), TcpState::BothFin);
    EXPECT_TRANSLATED(tcp_out(kAck), (Endpoint{kOutside, kHost.port}));
    pass_time(240);
    EXPECT_TRUE(is_alive());
    pass_time(late(240) - 240);
    EXPECT_FALSE(is_alive());
}

// rfc5382: REQ-2, REQ-3
// rfc5382: REQ-2, REQ-3
TEST_F(Tcp, A_connection_from_outside_is_opened_where_the_filter_lets_it_in) {
    tcp_out(kSyn, kHost, kOtherRemote);
    EXPECT_TRANSLATED(tcp_in(kSyn), kHost);
    EXPECT_EQ(nat().session_count(AgeClass::TcpOpeningInward), 1U);
    EXPECT_TRANSLATED(tcp_out(kSynAck), (Endpoint{kOutside, kHost.port}));
    EXPECT_EQ(nat().session_count(AgeClass::TcpEstablished), 1U);
}

// rfc5382: REQ-2
// rfc5382: REQ-2/a
TEST_F(Tcp, A_simultaneous_open_is_established_by_the_second_syn) {
    settings_.filtering = Filtering::AddressAndPortDependent;
    tcp_out(kSyn);
    EXPECT_TRANSLATED(tcp_in(kSyn), kHost);
    EXPECT_EQ(state(), TcpState::Established);
    EXPECT_EQ(tcp_out(kSynAck).verdict, Verdict::Translate);
    EXPECT_EQ(tcp_in(kSynAck).verdict, Verdict::Translate);
    EXPECT_EQ(state(), TcpState::Established);
}

// rfc5382: REQ-4
// rfc5382: REQ-4, REQ-4/a
TEST_F(Tcp, A_syn_that_nobody_asked_for_is_answered_after_six_seconds_and_not_before) {
    ASSERT_EQ(tcp_in(kSyn).verdict, Verdict::Unsolicited);
    const auto ticket = nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 40000}}, now_);
    ASSERT_TRUE(ticket);
    wait(6);
    EXPECT_FALSE(nat().take_due_syn(now_));
    wait(1);
    const auto due = nat().take_due_syn(now_);
    ASSERT_TRUE(due);
    EXPECT_TRUE(due->is_answered);
    EXPECT_EQ(due->ticket, *ticket);
    EXPECT_FALSE(nat().take_due_syn(now_));
}

// rfc5382: REQ-4
// rfc5382: REQ-4
TEST_F(Tcp, A_held_syn_is_dropped_in_silence_when_the_inside_opens_the_same_connection) {
    ASSERT_TRUE(nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 40000}}, now_));
    ASSERT_TRUE(nat().hold_syn({IpProtocol::Tcp, kOtherRemote, {kOutside, 40000}}, now_));
    wait(5);
    tcp_out(kSyn);
    const auto due = nat().take_due_syn(now_);
    ASSERT_TRUE(due);
    EXPECT_FALSE(due->is_answered);
    EXPECT_FALSE(nat().take_due_syn(now_));  // the other one still waits
    wait(2);
    EXPECT_TRUE(nat().take_due_syn(now_)->is_answered);
}

// rfc5382: REQ-4
TEST_F(Tcp, A_syn_is_not_held_where_that_is_forbidden_or_there_is_no_room) {
    settings_.unsolicited_syn = UnsolicitedSyn::Drop;
    EXPECT_FALSE(nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 40000}}, now_));
    settings_.unsolicited_syn = UnsolicitedSyn::Hold;
    settings_.max_held_syns = 2;
    start();
    EXPECT_TRUE(nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 1}}, now_));
    EXPECT_FALSE(nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 1}}, now_));
    EXPECT_TRUE(nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 2}}, now_));
    EXPECT_FALSE(nat().hold_syn({IpProtocol::Tcp, kRemote, {kOutside, 3}}, now_));
    EXPECT_EQ(nat().counters().refused[static_cast<std::size_t>(Reason::UnsolicitedSyn)], 2U);
}

// rfc5382: REQ-5
// rfc5382: REQ-5
TEST_F(Tcp, An_established_connection_may_idle_two_hours_and_four_minutes) {
    establish();
    pass_time(7440);
    EXPECT_EQ(state(), TcpState::Established);
    EXPECT_TRANSLATED(tcp_in(kAck), kHost);
    pass_time(7440);
    EXPECT_EQ(state(), TcpState::Established);
}

// rfc7857: 2
// rfc7857: 2
TEST_F(Tcp, Idle_beyond_that_it_has_the_transitory_time_to_show_that_it_lives) {
    establish();
    pass_time(late(7440));
    EXPECT_EQ(state(), TcpState::Transitory);
    tcp_in(kAck);
    EXPECT_EQ(state(), TcpState::Established);
    pass_time(late(7440));
    pass_time(240);
    EXPECT_TRUE(is_alive());
    pass_time(late(240) - 240);
    EXPECT_FALSE(is_alive());
}

// rfc5382: REQ-5
// rfc5382: REQ-5, rfc7857: 2.1/c
TEST_F(Tcp, A_half_open_connection_ends_after_the_transitory_time_and_not_before) {
    tcp_out(kSyn);
    pass_time(240);
    EXPECT_TRUE(is_alive());
    pass_time(late(240) - 240);
    EXPECT_FALSE(is_alive());
}

// rfc7857: 2.1
// rfc7857: 2.1/a, 2.1/b
TEST_F(Tcp, Opening_and_closing_have_times_of_their_own) {
    settings_.timeouts.tcp_opening = Seconds{32};
    settings_.timeouts.tcp_closing = Seconds{480};
    settings_.timeouts.port_quarantine = Seconds{0};
    tcp_out(kSyn);
    pass_time(late(32));
    EXPECT_FALSE(is_alive());
    establish();
    tcp_in(kFin);
    tcp_out(kFin);
    pass_time(480);
    EXPECT_TRUE(is_alive());
}

// rfc7857: 2
// rfc5382: REQ-2, rfc7857: 2
TEST_F(Tcp, A_half_closed_connection_lives_as_long_as_an_open_one) {
    establish();
    tcp_out(kFin);
    for (int round = 0; round < 3; ++round) {
        pass_time(7000);
        EXPECT_TRANSLATED(tcp_in(kAck), kHost);
    }
    EXPECT_EQ(state(), TcpState::InsideFin);
}

// rfc7857: 2.2
// rfc7857: 2.2/a, 2.2/b
TEST_F(Tcp, A_reset_is_translated_and_the_session_stays_four_minutes) {
    establish();
    EXPECT_TRANSLATED(tcp_in(kRst, kRemote, {kOutside, kHost.port}, 501), kHost);
    EXPECT_EQ(state(), TcpState::Transitory);
    pass_time(240);
    EXPECT_TRUE(is_alive());
    pass_time(late(240) - 240);
    EXPECT_FALSE(is_alive());
}

// rfc7857: 2.2, 7.1
// rfc7857: 7.1
TEST_F(Tcp, Resets_keep_nothing_alive) {
    establish();
    tcp_in(kRst, kRemote, {kOutside, kHost.port}, 501);
    for (int round = 0; round < 26; ++round) {
        pass_time(10);
        static_cast<void>(tcp_out(kRst));
        static_cast<void>(tcp_in(kRst));
    }
    EXPECT_FALSE(is_alive());
}

// rfc7857: 2.2
// rfc7857: 2.2/c
TEST_F(Tcp, A_reset_that_cannot_belong_to_the_connection_passes_and_changes_nothing) {
    establish();
    for (const std::uint32_t sequence : {501U + (1U << 21U), 501U - 100U, 0x80000000U}) {
        EXPECT_TRANSLATED(tcp_in(kRst, kRemote, {kOutside, kHost.port}, sequence), kHost);
    }
    EXPECT_EQ(state(), TcpState::Established);
    EXPECT_EQ(nat().counters().resets_doubted, 3U);
}

// rfc7857: 2
// rfc7857: 2
TEST_F(Tcp, Data_after_a_reset_makes_it_established_again) {
    establish();
    tcp_in(kRst, kRemote, {kOutside, kHost.port}, 501);
    tcp_out(kAck);
    EXPECT_EQ(state(), TcpState::Established);
}

// rfc5382: REQ-2
TEST_F(Tcp, A_closed_connection_can_be_opened_again_by_the_same_ports) {
    establish();
    tcp_out(kFin);
    tcp_in(kFin);
    tcp_out(kSyn, kHost, kRemote, 900000000);
    EXPECT_EQ(state(), TcpState::InsideSyn);
    tcp_in(kSynAck);
    EXPECT_EQ(state(), TcpState::Established);
    EXPECT_EQ(nat().counters().sessions_made, 1U);
}

TEST_F(Tcp, A_connection_older_than_our_state_is_picked_up_and_trusted_when_answered) {
    EXPECT_TRANSLATED(tcp_out(kAck), (Endpoint{kOutside, kHost.port}));
    EXPECT_EQ(state(), TcpState::PickedUp);
    tcp_out(kAck);
    EXPECT_EQ(nat().session_count(AgeClass::TcpOpening), 1U);
    tcp_in(kAck);
    EXPECT_EQ(state(), TcpState::Established);
}

TEST_F(Tcp, A_reset_without_a_connection_makes_nothing) {
    EXPECT_REFUSED(tcp_out(kRst), StrayReset);
    EXPECT_EQ(nat().session_count(), 0U);
}

// rfc7857: 7
// rfc7857: 7/b
TEST_F(Tcp, A_segment_from_outside_that_opens_nothing_makes_no_session) {
    tcp_out(kSyn, kHost, kOtherRemote);
    EXPECT_TRANSLATED(tcp_in(kAck), kHost);
    EXPECT_EQ(nat().session_count(), 1U);
}

// rfc5382: REQ-3
// rfc5382: REQ-3, REQ-3/a, REQ-4
TEST_F(Tcp, A_filtered_syn_is_held_too_for_its_open_may_be_simultaneous) {
    settings_.filtering = Filtering::AddressDependent;
    tcp_out(kSyn, kHost, kOtherRemote);
    EXPECT_EQ(tcp_in(kSyn).verdict, Verdict::Unsolicited);
    EXPECT_REFUSED(tcp_in(kAck), Filtered);
    EXPECT_TRANSLATED(tcp_in(kSyn, {kOtherRemote.address, 9}), kHost);
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
