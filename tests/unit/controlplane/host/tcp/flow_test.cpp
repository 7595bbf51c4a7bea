// What is sent, and when: windows, segments, acknowledgements, retransmission, probes.
#include <numeric>

#include "tests/unit/controlplane/host/tcp/peer.hpp"

namespace godwit::control::tcp {
namespace {

using Tcp_flow = ConnectionTest;
using Lengths = std::vector<std::size_t>;

// rfc9293: MUST-16, SHLD-28
TEST_F(Tcp_flow, fills_segments_up_to_what_the_peer_takes) {
    net::TcpOptions options = usual_options();
    options.maximum_segment_size = 1000;
    establish(plain(), options);
    write(2500);
    EXPECT_EQ(sent_lengths(), (Lengths{1000, 1000}));  // the rest waits: Nagle
    acknowledge(1000);
    EXPECT_EQ(sent_lengths(), Lengths{});
    acknowledge(2000);
    EXPECT_EQ(sent_lengths(), Lengths{500});
}

// rfc9293: MUST-15
TEST_F(Tcp_flow, sends_536_bytes_to_a_peer_that_tells_no_size) {
    establish(plain(), net::TcpOptions());
    write(1000);
    EXPECT_EQ(sent_lengths(), Lengths{536});
}

// rfc9293: SHLD-27, MAY-16, SHLD-7, MUST-17
TEST_F(Tcp_flow, collects_small_writes_unless_nagle_is_off) {
    establish(plain());
    write(10);
    write(10);
    write(10);
    EXPECT_EQ(sent_lengths(), Lengths{10});
    acknowledge(10);
    EXPECT_EQ(sent_lengths(), Lengths{20});
    connection->set_nagle(false, now);
    write(5);
    write(5);
    EXPECT_EQ(sent_lengths(), (Lengths{5, 5}));
}

// rfc9293: MUST-61, MUST-60
TEST_F(Tcp_flow, pushes_the_last_byte_that_was_written) {
    establish(plain());
    write(2000);
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_FALSE(sink.all[0].segment.flags.psh);
    acknowledge(1460);
    ASSERT_EQ(sink.all.size(), 2U);
    EXPECT_TRUE(sink.all[1].segment.flags.psh);
}

// rfc6928: 2
// rfc9293: MUST-19
TEST_F(Tcp_flow, begins_with_ten_segments) {
    establish(plain());
    write(65536);
    EXPECT_EQ(sent_lengths().size(), 10U);
    acknowledge(1460);
    EXPECT_EQ(sent_lengths().size(), 2U);  // slow start (RFC 5681 3.1)
}

// rfc9293: MUST-34, SHLD-15
TEST_F(Tcp_flow, stays_inside_a_window_that_shrinks) {
    establish(plain());
    write(5000);
    sent_lengths();
    peer_window = 1000;
    acknowledge(1460);  // SND.UNA + SND.WND now stands before SND.NXT
    write(5000);
    EXPECT_EQ(sent_lengths(), Lengths{});
    peer_window = 20000;
    acknowledge(4380);
    EXPECT_FALSE(sent_lengths().empty());
}

// rfc9293: MUST-34
TEST_F(Tcp_flow, takes_the_window_along_with_an_acknowledgement_in_an_old_segment) {
    establish(plain(), usual_options(), 5000);
    write(20000);
    sent_lengths();
    acknowledge(0, 1000);  // a later segment of the peer moves SND.WL1
    peer_window = 3540;    // and one that it sends again acknowledges
    acknowledge(1460, 0);
    std::size_t sent = 0;
    for (const std::size_t length : sent_lengths()) {
        sent += length;
    }
    EXPECT_EQ(sent, 0U) << "the right edge stood where it was";
}

// rfc9293: MUST-35, MUST-36, MUST-37, SHLD-29, SHLD-30
TEST_F(Tcp_flow, probes_a_closed_window_with_a_byte_for_as_long_as_it_is_answered) {
    establish(plain());
    write(1000);
    sent_lengths();
    peer_window = 0;
    acknowledge(1000);
    write(500);
    EXPECT_EQ(sent_lengths(), Lengths{});
    Duration before{};
    for (int i = 0; i < 10; ++i) {
        const Instant from = now;
        now = connection->next_deadline();
        poll();
        EXPECT_EQ(sent_lengths(), Lengths{1});
        EXPECT_GE(now - from, std::min(before, Duration(seconds(60))));
        before = now - from;
        acknowledge(1000);  // alive, and still no room
    }
    pass(minutes(10));
    EXPECT_EQ(connection->state(), State::Closed) << "now nobody answers";
}

// rfc9293: MUST-1, REC-1
TEST_F(Tcp_flow, takes_a_window_for_an_unsigned_number_of_thirty_two_bits) {
    net::TcpOptions options = usual_options();
    options.window_scale = 14;
    establish(plain(), options);
    peer_window = 0xffff;
    acknowledge(0);
    EXPECT_EQ(connection->info().peer_window, 0xffffU << 14);
    write(5000);
    EXPECT_FALSE(sent_lengths().empty());
}

// rfc9293: MUST-38
TEST_F(Tcp_flow, does_not_fill_a_window_that_is_small_beside_the_largest_seen) {
    establish(plain(), usual_options(), 20'000);
    connection->set_nagle(false, now);
    write(2000);
    sent_lengths();
    peer_window = 100;
    acknowledge(2000);
    write(5000);
    EXPECT_EQ(sent_lengths(), Lengths{}) << "a hundred bytes are not worth a segment";
    pass(seconds(2));
    EXPECT_FALSE(sent_lengths().empty()) << "but the wait has an end (3.8.6.2.1 (4))";
}

// rfc9293: SHLD-16, MAY-7
TEST_F(Tcp_flow, sends_again_what_lies_in_a_window_that_shrank) {
    Settings settings = plain();
    settings.sack = false;
    establish(settings);
    write(5 * 1460);
    sent_lengths();
    peer_window = 2 * 1460;
    input(from_peer(0));  // the edge has moved back over what is under way
    pass(seconds(2));
    const auto lengths = sent_lengths();
    ASSERT_FALSE(lengths.empty());
    EXPECT_EQ(lengths[0], 1460U);
    acknowledge(2 * 1460);
    EXPECT_FALSE(sent_lengths().empty());
}

// rfc9293: SHLD-17, MUST-35
TEST_F(Tcp_flow, does_not_give_up_over_what_lies_beyond_a_window_that_shrank) {
    establish(plain());
    write(5 * 1460);
    peer_window = 0;
    acknowledge(1460);
    for (int i = 0; i < 20; ++i) {
        now = connection->next_deadline();
        poll();
        acknowledge(1460);  // alive, and still no room
    }
    EXPECT_EQ(connection->state(), State::Established);
    EXPECT_GT(now - (Instant() + hours(1)), minutes(5));
}

TEST_F(Tcp_flow, goes_on_at_once_when_a_closed_window_opens) {
    establish(plain());
    connection->set_nagle(false, now);
    write(1000);
    peer_window = 0;
    acknowledge(1000);
    write(500);
    pass(seconds(1));
    sent_lengths();
    peer_window = 5000;
    acknowledge(1000);
    const Lengths lengths = sent_lengths();
    EXPECT_EQ(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}), 500U);
}

// rfc9293: MAY-8, MUST-66
TEST_F(Tcp_flow, takes_acknowledgements_while_its_own_window_is_closed) {
    Settings settings = plain();
    settings.receive_buffer = 2000;
    establish(settings);
    write(100);
    data(0, 2000);
    pass(milliseconds(40));
    EXPECT_EQ(sink.all.back().segment.window, 0U);
    acknowledged = kOurs + 1 + 100;
    const auto probe = bytes_of(1);
    input(from_peer(2000, probe));
    EXPECT_EQ(connection->info().send_queue, 0U);
    EXPECT_EQ(connection->readable(), 2000U);
    EXPECT_EQ(sink.all.back().segment.acknowledgment, kTheirs + 1 + 2000);
    EXPECT_EQ(sink.all.back().segment.window, 0U);
}

// rfc9293: MUST-39, SHLD-14
TEST_F(Tcp_flow, opens_its_window_in_large_steps_and_never_takes_it_back) {
    Settings settings = plain();
    settings.receive_buffer = 8000;
    establish(settings);
    net::Sequence edge;
    const auto look = [&] {
        for (const Sent& sent : sink.take()) {
            const net::Sequence now_at = sent.segment.acknowledgment + sent.segment.window;
            EXPECT_GE(now_at - edge, edge == net::Sequence() ? INT32_MIN : 0);
            edge = now_at;
        }
    };
    for (std::uint32_t offset = 0; offset < 8000; offset += 1000) {
        data(offset, 1000);
        poll();
        look();
    }
    EXPECT_EQ(edge, kTheirs + 1 + 8000);
    read(10);
    look();
    EXPECT_EQ(edge, kTheirs + 1 + 8000) << "ten bytes are not worth a window";
    read(7000);
    look();
    EXPECT_EQ(edge, kTheirs + 1 + 15010);
}

// rfc9293: MUST-58, SHLD-18, SHLD-19, MUST-40
TEST_F(Tcp_flow, acknowledges_every_second_segment_at_once_and_one_alone_later) {
    establish(plain());
    data(0, 1460);
    poll();
    EXPECT_TRUE(sink.all.empty());
    data(1460, 1460);
    poll();
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_EQ(sink.all[0].segment.acknowledgment, kTheirs + 1 + 2920);
    data(2920, 1460);
    pass(milliseconds(39));
    EXPECT_EQ(sink.all.size(), 1U);
    pass(milliseconds(1));
    EXPECT_EQ(sink.all.size(), 2U);
}

// rfc2018: 4, rfc2883: 4
// rfc9293: SHLD-31, MAY-13
TEST_F(Tcp_flow, reports_islands_newest_first_and_duplicates_before_them) {
    establish(plain());
    data(1000, 100);
    data(3000, 100);
    auto last = sink.take().back().segment;
    ASSERT_EQ(last.options.sack().size(), 2U);
    EXPECT_EQ(last.options.sack()[0].begin, kTheirs + 1 + 3000);
    EXPECT_EQ(last.options.sack()[1].end, kTheirs + 1 + 1100);
    data(1000, 100);  // once more
    last = sink.take().back().segment;
    ASSERT_EQ(last.options.sack().size(), 3U);
    EXPECT_EQ(last.options.sack()[0].begin, kTheirs + 1 + 1000);
    EXPECT_EQ(last.options.sack()[0].end, kTheirs + 1 + 1100);
    data(0, 1000);
    poll();
    EXPECT_EQ(sink.take().back().segment.acknowledgment, kTheirs + 1 + 1100);
}

TEST_F(Tcp_flow, holds_a_bounded_number_of_islands_and_reports_four_of_them) {
    establish(plain());
    for (std::uint32_t i = 1; i <= 1000; ++i) {
        data(i * 20, 1);
    }
    EXPECT_EQ(sink.take().back().segment.options.sack().size(), 4U);
    EXPECT_EQ(connection->readable(), 0U);
    data(0, 20);
    EXPECT_EQ(connection->readable(), 21U);
}

// rfc6298: 5.1, 5.4, 5.5, rfc9293: MUST-19, SHLD-9, SHLD-10, MUST-18, MUST-20, SHLD-11
TEST_F(Tcp_flow, retransmits_with_doubled_timeouts_and_gives_up_after_the_user_timeout) {
    Settings settings = plain();
    settings.sack = false;
    establish(settings);
    write(100);
    sent_lengths();
    const Instant began = now;
    Duration before{};
    while (connection->state() == State::Established) {
        const Instant from = now;
        now = connection->next_deadline();
        poll();
        if (connection->state() == State::Established) {
            EXPECT_EQ(sent_lengths(), Lengths{100});
            if (before != Duration() && now - began < seconds(60)) {
                EXPECT_EQ(now - from, 2 * before);
            }
            before = now - from;
        }
    }
    EXPECT_EQ(now - began, seconds(120));
    EXPECT_EQ(connection->trouble(), Trouble::TimedOut);
    EXPECT_TRUE(connection->take_events().has(Event::Retrying));
}

Segment with_sack(Segment segment, net::Sequence begin, net::Sequence end) {
    segment.options.add_sack({begin, end});
    return segment;
}

// rfc8985: 6.2, rfc6675: 5, rfc3042: 2
TEST_F(Tcp_flow, sends_a_lost_segment_again_when_three_behind_it_have_arrived) {
    establish(plain());
    write(14600);
    sent_lengths();
    write(14600);
    pass(milliseconds(100));
    const net::Sequence first = kOurs + 1;
    input(with_sack(from_peer(0), first + 1460, first + 2 * 1460));
    input(with_sack(from_peer(0), first + 1460, first + 3 * 1460));
    for (const Sent& sent : sink.take()) {
        EXPECT_GE(sent.segment.sequence, first + 14600) << "new data only (limited transmit)";
    }
    input(with_sack(from_peer(0), first + 1460, first + 4 * 1460));
    const auto sent = sink.take();
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent[0].segment.sequence, first);
    EXPECT_EQ(connection->info().counts.timeouts, 0U);
}

// rfc5681: 3.2, rfc6582: 3.2
TEST_F(Tcp_flow, recovers_without_sack_by_duplicates_and_partial_acknowledgements) {
    Settings settings = plain();
    settings.sack = false;
    establish(settings);
    write(14600);
    sink.all.clear();
    pass(milliseconds(50));
    for (int i = 0; i < 3; ++i) {
        acknowledge(0);
    }
    auto sent = sink.take();
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent[0].segment.sequence, kOurs + 1);
    acknowledge(2 * 1460);  // partial: the third was lost too
    sent = sink.take();
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent[0].segment.sequence, kOurs + 1 + 2 * 1460);
    acknowledge(14600);
    EXPECT_EQ(connection->info().counts.recoveries, 1U);
    EXPECT_LE(connection->info().congestion_window, 14600U * 7 / 10 + 1460);
}

// rfc8985: 7.3
TEST_F(Tcp_flow, probes_for_a_lost_tail_after_two_round_trips) {
    establish(plain());
    write(2920);
    sink.all.clear();
    pass(milliseconds(199));
    EXPECT_EQ(sent_lengths(), Lengths{});
    pass(milliseconds(2));
    const auto sent = sink.take();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].segment.sequence, kOurs + 1 + 1460);
    EXPECT_EQ(connection->info().counts.timeouts, 0U);
}

// rfc8985: 7.2
TEST_F(Tcp_flow, probes_for_no_tail_that_is_reported_as_there) {
    establish(plain());
    write(5 * 1460);
    sink.all.clear();
    now += milliseconds(50);
    const net::Sequence last = kOurs + 1 + 4 * 1460;
    input(with_sack(from_peer(0), last, last + 1460));
    pass(milliseconds(260));
    for (const Sent& sent : sink.all) {
        EXPECT_NE(sent.segment.sequence, last);
    }
    EXPECT_EQ(connection->info().counts.probes, 0U);
    EXPECT_EQ(connection->info().counts.recoveries, 1U) << "RACK has found the others";
}

// rfc8985: 7.2
TEST_F(Tcp_flow, probes_in_place_of_the_first_timeout) {
    establish(plain());  // a round trip of 100 ms: a timeout of 300, a probe for one segment at 400
    write(100);
    sink.all.clear();
    pass(milliseconds(301));
    EXPECT_EQ(sent_lengths(), Lengths{100});
    EXPECT_EQ(connection->info().counts.probes, 1U);
    EXPECT_EQ(connection->info().counts.timeouts, 0U);
    pass(milliseconds(300));
    EXPECT_EQ(connection->info().counts.timeouts, 1U);
}

// rfc9293: MUST-67
TEST_F(Tcp_flow, sends_smaller_segments_when_the_path_asks_for_it) {
    establish(plain());
    write(2920);
    sent_lengths();
    connection->path_error(PathError::PacketTooBig, kOurs + 1, 1000, now);
    const Lengths lengths = sent_lengths();
    ASSERT_FALSE(lengths.empty());
    for (const std::size_t length : lengths) {
        EXPECT_LE(length, 960U);
    }
    connection->path_error(PathError::PacketTooBig, kOurs + 1, 20, now);
    EXPECT_GE(connection->info().segment_bytes, 256U);
}

// rfc5681: 4.1
TEST_F(Tcp_flow, begins_anew_after_an_idle_time) {
    establish(plain());
    std::uint32_t acked = 0;
    for (int round = 0; round < 5; ++round) {
        write(58400);
        for (int i = 0; i < 40; ++i) {
            sent_lengths();
            acked += 1460;
            acknowledge(std::min(acked, std::uint32_t(round + 1) * 58400));
        }
        acked = static_cast<std::uint32_t>(round + 1) * 58400;
        acknowledge(acked);
    }
    EXPECT_GT(connection->info().congestion_window, 20000U);
    pass(minutes(1));
    sent_lengths();
    write(58400);
    EXPECT_EQ(sent_lengths().size(), 10U);
}

TEST_F(Tcp_flow, holds_no_buffer_while_it_is_idle) {
    establish(plain());
    EXPECT_LE(sizeof(Connection) + sizeof(std::max_align_t) * 8, 1024U);
    EXPECT_EQ(connection->next_deadline(), Instant::max());
}

}  // namespace
}  // namespace godwit::control::tcp
