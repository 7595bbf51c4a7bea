// Opening, closing, and everything that a segment may try in between (RFC 9293 3.10.7, RFC 5961).
#include "tests/unit/controlplane/host/tcp/peer.hpp"

namespace godwit::control::tcp {
namespace {

using Tcp_connection = ConnectionTest;

// rfc9293: MAY-3, MUST-14, SHLD-5
TEST_F(Tcp_connection, opens_with_all_its_options_and_answers_with_timestamps) {
    connect(Settings());
    auto sent = sink.take();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0].segment.flags.syn);
    EXPECT_FALSE(sent[0].segment.flags.ack);
    EXPECT_EQ(sent[0].segment.options.maximum_segment_size, std::uint16_t{1460});
    EXPECT_TRUE(sent[0].segment.options.sack_permitted);
    ASSERT_TRUE(sent[0].segment.options.timestamps);

    net::TcpOptions options = usual_options();
    options.timestamps = net::TcpTimestamps{777, sent[0].segment.options.timestamps->value};
    Segment answer = syn(options);
    answer.flags.ack = true;
    answer.acknowledgment = kOurs + 1;
    input(answer);
    sent = sink.take();
    ASSERT_EQ(sent.size(), 1U);  // the third segment: it too has the timestamps (RFC 7323 3.2)
    ASSERT_TRUE(sent[0].segment.options.timestamps);
    EXPECT_EQ(sent[0].segment.options.timestamps->echo, 777U);
    EXPECT_EQ(sent[0].segment.acknowledgment, kTheirs + 1);
    EXPECT_TRUE(connection->take_events().has(Event::Connected));
}

// rfc9293: MUST-10
TEST_F(Tcp_connection, opens_from_both_sides_at_once) {
    connect(plain());
    sink.all.clear();
    input(syn(usual_options()));
    EXPECT_EQ(connection->state(), State::SynReceived);
    auto sent = sink.take();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0].segment.flags.syn && sent[0].segment.flags.ack);
    EXPECT_EQ(sent[0].segment.sequence, kOurs);
    acknowledge(0);
    EXPECT_EQ(connection->state(), State::Established);
}

TEST_F(Tcp_connection, ends_an_open_that_is_refused) {
    connect(plain());
    Segment reset;
    reset.flags.rst = reset.flags.ack = true;
    reset.acknowledgment = kOurs + 500;
    input(reset);
    EXPECT_EQ(connection->state(), State::SynSent);  // of another connection
    reset.acknowledgment = kOurs + 1;
    input(reset);
    EXPECT_EQ(connection->state(), State::Closed);
    EXPECT_EQ(connection->trouble(), Trouble::Refused);
}

// rfc9293: MUST-22, MUST-23
TEST_F(Tcp_connection, tries_to_open_for_three_minutes) {
    connect(plain());
    pass(minutes(3) - seconds(1));
    EXPECT_EQ(connection->state(), State::SynSent);
    EXPECT_TRUE(connection->take_events().has(Event::Retrying)) << "R1";
    pass(seconds(2));
    EXPECT_EQ(connection->trouble(), Trouble::TimedOut);
    EXPECT_EQ(connection->next_deadline(), Instant::max());
}

TEST_F(Tcp_connection, closes_first_and_ends_in_time_wait) {
    establish(plain());
    connection->shutdown(now);
    EXPECT_EQ(connection->state(), State::FinWait1);
    auto sent = sink.take();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0].segment.flags.fin);
    acknowledge(1);
    EXPECT_EQ(connection->state(), State::FinWait2);
    data(0, 100);  // half-close: they may go on
    EXPECT_EQ(read(1000).size(), 100U);
    Segment fin = from_peer(100);
    fin.flags.fin = true;
    sink.all.clear();
    input(fin);
    EXPECT_EQ(connection->state(), State::TimeWait);
    sent = sink.take();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].segment.acknowledgment, kTheirs + 102);
    EXPECT_TRUE(connection->at_end());
    EXPECT_EQ(connection->next_deadline(), Instant::max());
}

// rfc9293: MUST-12
TEST_F(Tcp_connection, closes_second_and_takes_a_duplicate_acknowledgement_in_last_ack) {
    establish(plain());
    Segment fin = from_peer(0);
    fin.flags.fin = true;
    input(fin);
    EXPECT_EQ(connection->state(), State::CloseWait);
    EXPECT_EQ(write(10), 10U);  // they do not write, we still may
    connection->shutdown(now);
    EXPECT_EQ(connection->state(), State::LastAck);
    acknowledge(10, 1);
    acknowledge(10, 1);
    acknowledge(10, 1);
    EXPECT_EQ(connection->state(), State::LastAck);
    acknowledge(11, 1);
    EXPECT_EQ(connection->state(), State::Closed);
    EXPECT_EQ(connection->trouble(), Trouble::None);
}

TEST_F(Tcp_connection, that_both_close_at_once_answers_a_repeated_fin_in_closing) {
    establish(plain());
    connection->shutdown(now);
    Segment fin = from_peer(0);
    fin.flags.fin = true;
    input(fin);
    EXPECT_EQ(connection->state(), State::Closing);
    sink.all.clear();
    input(fin);
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_EQ(sink.all[0].segment.acknowledgment, kTheirs + 2);
    EXPECT_EQ(connection->state(), State::Closing);
    acknowledge(1, 1);
    EXPECT_EQ(connection->state(), State::TimeWait);
}

// rfc9293: MAY-1, SHLD-3
TEST_F(Tcp_connection, resets_when_it_is_closed_over_unread_data) {
    establish(plain());
    data(0, 10);
    sink.all.clear();
    connection->close(now);
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_TRUE(sink.all[0].segment.flags.rst);
    EXPECT_EQ(connection->state(), State::Closed);
}

TEST_F(Tcp_connection, does_not_wait_for_ever_in_fin_wait_2) {
    establish(plain());
    connection->close(now);
    acknowledge(1);
    EXPECT_EQ(connection->state(), State::FinWait2);
    pass(seconds(61));
    EXPECT_EQ(connection->state(), State::Closed);
}

// rfc5961: 3.2, rfc9293: MUST-12
TEST_F(Tcp_connection, is_reset_at_the_exact_place_only_and_asks_otherwise) {
    establish(plain());
    Segment reset = from_peer(1);
    reset.flags.rst = true;
    input(reset);
    EXPECT_EQ(connection->state(), State::Established);
    ASSERT_EQ(sink.all.size(), 1U);  // the challenge
    EXPECT_EQ(sink.all[0].segment.acknowledgment, kTheirs + 1);
    sink.all.clear();
    reset.sequence = kTheirs + 1 + 100'000;  // outside the window: not even that
    input(reset);
    EXPECT_TRUE(sink.all.empty());
    reset.sequence = kTheirs + 1;
    input(reset);
    EXPECT_EQ(connection->state(), State::Closed);
    EXPECT_EQ(connection->trouble(), Trouble::Reset);
}

// rfc9293: SHLD-2
TEST_F(Tcp_connection, is_reset_by_a_reset_that_carries_words) {
    establish(plain());
    const auto words = bytes_of(30);
    Segment reset = from_peer(0, words);
    reset.flags.rst = true;
    input(reset);
    EXPECT_EQ(connection->trouble(), Trouble::Reset);
    EXPECT_EQ(connection->readable(), 0U);
}

// rfc5961: 4.2, 7
TEST_F(Tcp_connection, challenges_a_syn_but_not_without_limit) {
    establish(plain());
    for (int i = 0; i < 100; ++i) {
        input(syn(usual_options()));
    }
    EXPECT_EQ(sink.all.size(), 10U);
    EXPECT_EQ(connection->state(), State::Established);
    pass(seconds(5));
    sink.all.clear();
    input(syn(usual_options()));
    EXPECT_EQ(sink.all.size(), 1U);
}

// rfc5961: 5.2
// rfc9293: MAY-12
TEST_F(Tcp_connection, ignores_data_with_an_acknowledgement_that_cannot_be) {
    establish(plain());
    const auto bytes = bytes_of(10);
    Segment forged = from_peer(0, bytes);
    forged.acknowledgment = kOurs + 100;  // never sent
    input(forged);
    EXPECT_EQ(connection->readable(), 0U);
    forged.acknowledgment = kOurs - 100'000;  // older than any window
    input(forged);
    EXPECT_EQ(connection->readable(), 0U);
}

TEST_F(Tcp_connection, ignores_bytes_outside_the_window) {
    Settings settings = plain();
    settings.receive_buffer = 4000;
    establish(settings);
    data(0, 1000);
    data(3500, 1000);  // half of it is beyond
    data(5000, 1000);  // all of it is beyond
    EXPECT_EQ(connection->readable(), 1000U);
    data(1000, 2500);
    EXPECT_EQ(connection->readable(), 4000U);
}

// rfc7323: 5.3
TEST_F(Tcp_connection, drops_an_old_segment_by_its_timestamp) {
    connect([] {
        Settings settings;
        settings.quick_acks = 0;
        return settings;
    }());
    net::TcpOptions options = usual_options();
    options.timestamps = net::TcpTimestamps{5000, 0};
    Segment answer = syn(options);
    answer.flags.ack = true;
    answer.acknowledgment = kOurs + 1;
    input(answer);
    const auto bytes = bytes_of(10);
    Segment old = from_peer(0, bytes);
    old.options.timestamps = net::TcpTimestamps{4999, 0};
    sink.all.clear();
    input(old);
    EXPECT_EQ(connection->readable(), 0U);
    EXPECT_EQ(sink.all.size(), 1U);
    old.options.timestamps.reset();  // RFC 7323 3.2: not ours
    input(old);
    EXPECT_EQ(connection->readable(), 0U);
    old.options.timestamps = net::TcpTimestamps{5000, 0};
    input(old);
    EXPECT_EQ(connection->readable(), 10U);
}

// rfc9293: MUST-30, MUST-31, MUST-32, MUST-33, MUST-62
TEST_F(Tcp_connection, tells_of_urgent_data_and_sends_it_in_the_stream) {
    establish(plain());
    const auto bytes = bytes_of(10);
    Segment urgent = from_peer(0, bytes);
    urgent.flags.urg = true;
    urgent.urgent_pointer = 7;
    static_cast<void>(connection->take_events());
    input(urgent);
    EXPECT_TRUE(connection->take_events().has(Event::Urgent));
    EXPECT_EQ(connection->urgent_ahead(), 7U);
    EXPECT_EQ(read(5).size(), 5U);
    EXPECT_EQ(connection->urgent_ahead(), 2U);
    EXPECT_EQ(read(5).size(), 5U);
    EXPECT_FALSE(connection->urgent_ahead());

    sink.all.clear();
    connection->write_urgent(bytes_of(20), now);
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_TRUE(sink.all[0].segment.flags.urg);
    EXPECT_EQ(sink.all[0].segment.urgent_pointer, 20U);
}

// rfc9293: MUST-65
TEST_F(Tcp_connection, tells_its_segment_size_in_no_segment_but_the_syn) {
    establish(plain());
    data(0, 3000);
    write(5000);
    acknowledge(5000);
    connection->shutdown(now);
    pass(seconds(10));
    EXPECT_GT(sink.all.size(), 3U);
    for (const Sent& sent : sink.all) {
        EXPECT_FALSE(sent.segment.options.maximum_segment_size);
    }
}

// rfc9293: MUST-47, MUST-54, MUST-56, SHLD-25
TEST_F(Tcp_connection, survives_what_icmp_says_but_not_while_it_opens) {
    establish(plain());
    write(100);
    static_cast<void>(connection->take_events());
    connection->path_error(PathError::HostUnreachable, kOurs + 5000, 0, now);
    EXPECT_TRUE(connection->take_events().empty());  // RFC 5927 4.1: nothing of ours
    connection->path_error(PathError::PortUnreachable, kOurs + 1, 0, now);
    EXPECT_TRUE(connection->take_events().has(Event::Retrying));
    EXPECT_EQ(connection->state(), State::Established);

    connect(plain());
    connection->path_error(PathError::HostUnreachable, kOurs, 0, now);
    EXPECT_EQ(connection->state(), State::SynSent);
    connection->path_error(PathError::PortUnreachable, kOurs, 0, now);
    EXPECT_EQ(connection->trouble(), Trouble::Unreachable);
}

// rfc9293: MAY-5, MUST-24, MUST-25, MUST-26, MUST-27, MUST-28, MUST-29, SHLD-12
TEST_F(Tcp_connection, keeps_alive_only_when_asked_and_gives_up_after_nine_probes) {
    establish(plain());
    EXPECT_EQ(connection->next_deadline(), Instant::max());
    connection->set_keep_alive(true, now);
    EXPECT_EQ(connection->next_deadline(), now + hours(2));
    pass(hours(2));
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_EQ(sink.all[0].segment.sequence, kOurs);
    EXPECT_TRUE(sink.all[0].bytes.empty());
    pass(seconds(75 * 5));
    EXPECT_EQ(connection->state(), State::Established);
    acknowledge(0);  // one answer, and all is well
    pass(hours(2) + seconds(75 * 8));
    EXPECT_EQ(connection->state(), State::Established);
    pass(seconds(75));
    EXPECT_EQ(connection->trouble(), Trouble::TimedOut);
}

}  // namespace
}  // namespace godwit::control::tcp
