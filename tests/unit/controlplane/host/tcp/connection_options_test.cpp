// What is told beside the stream: congestion marks (RFC 3168), the user timeout (RFC 5482), and the
// fields of the IP header that an application chooses.
#include "tests/unit/controlplane/host/tcp/pair.hpp"
#include "tests/unit/controlplane/host/tcp/peer.hpp"

namespace godwit::control::tcp {
namespace {

class Tcp_ecn : public ConnectionTest {
protected:
    static Settings with_ecn() {
        Settings settings = plain();
        settings.ecn = true;
        return settings;
    }
    void establish_with_ecn(bool agrees = true) {
        connect(with_ecn());
        Segment answer = syn(usual_options());
        answer.flags.ack = true;
        answer.flags.ece = agrees;
        answer.acknowledgment = kOurs + 1;
        now += milliseconds(100);
        connection->input(answer, now);
    }
    void echo(std::uint32_t bytes) {
        acknowledged = kOurs + 1 + bytes;
        Segment segment = from_peer(0);
        segment.flags.ece = true;
        input(segment);
    }
};

// rfc3168: 6.1.1, rfc9293: SHLD-8
TEST_F(Tcp_ecn, is_asked_for_in_the_first_syn_only_and_used_when_the_peer_agrees) {
    establish_with_ecn();
    const auto sent = sink.take();
    EXPECT_TRUE(sent[0].segment.flags.ece && sent[0].segment.flags.cwr);
    EXPECT_EQ(sent[0].segment.marks.ecn, Ecn::NotCapable);
    EXPECT_TRUE(connection->info().ecn);
    EXPECT_EQ(sent[1].segment.marks.ecn, Ecn::NotCapable) << "a pure acknowledgement";
    write(100);
    EXPECT_EQ(sink.all.back().segment.marks.ecn, Ecn::Capable0);

    establish_with_ecn(false);
    sink.all.clear();
    write(100);
    EXPECT_EQ(sink.all.back().segment.marks.ecn, Ecn::NotCapable);

    connect(with_ecn());
    sink.all.clear();
    pass(seconds(1));
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_FALSE(sink.all[0].segment.flags.ece) << "perhaps the flags were what was dropped";
}

// rfc3168: 6.1.3
TEST_F(Tcp_ecn, tells_of_a_mark_until_the_peer_says_that_it_slowed_down) {
    establish_with_ecn();
    const auto bytes = bytes_of(1460);
    const auto receive = [&](std::uint32_t offset, Ecn mark, bool reduced) {
        Segment segment = from_peer(offset, bytes);
        segment.marks.ecn = mark;
        segment.flags.cwr = reduced;
        sink.all.clear();
        input(segment);
        pass(milliseconds(50));
        EXPECT_FALSE(sink.all.empty());
        return !sink.all.empty() && sink.all.back().segment.flags.ece;
    };
    EXPECT_FALSE(receive(0, Ecn::Capable0, false));
    EXPECT_TRUE(receive(1460, Ecn::Congested, false));
    EXPECT_TRUE(receive(2920, Ecn::Capable0, false));
    EXPECT_FALSE(receive(4380, Ecn::Capable0, true));
    EXPECT_TRUE(receive(5840, Ecn::Congested, true)) << "marked anew";
}

// rfc3168: 6.1.2, 6.1.5
TEST_F(Tcp_ecn, slows_down_once_a_window_and_says_so_with_new_data) {
    establish_with_ecn();
    write(60'000);
    const std::uint32_t before = connection->info().congestion_window;
    sink.all.clear();
    echo(1460);
    const std::uint32_t after = connection->info().congestion_window;
    EXPECT_LT(after, before);
    echo(2920);
    EXPECT_GE(connection->info().congestion_window, after) << "of the same window";
    for (std::uint32_t bytes = 4380; bytes <= 14'600; bytes += 1460) {
        acknowledge(bytes);
    }
    std::size_t said = 0;
    for (const Sent& one : sink.all) {
        said += one.segment.flags.cwr ? 1 : 0;
    }
    EXPECT_EQ(said, 1U);
    EXPECT_EQ(connection->info().counts.retransmitted, 0U);
    const net::Sequence end = sink.all.back().segment.sequence;
    sink.all.clear();
    pass(seconds(3));
    std::size_t sent_again = 0;
    for (const Sent& one : sink.all) {
        if (one.segment.sequence < end) {
            ++sent_again;
            EXPECT_EQ(one.segment.marks.ecn, Ecn::NotCapable);
        }
    }
    EXPECT_NE(sent_again, 0U);
}

class Tcp_user_timeout : public ::testing::Test {
protected:
    void connect(const Settings& ours, const Settings& theirs) {
        const auto listener = *pair.peer().listen(net::Ipv4Address(), 179, theirs, 1);
        id = *pair.router().connect({Pair::kRouter, Pair::kPeer, 0, 179}, ours, pair.now);
        pair.settle();
        peer_id = *pair.peer().accept(listener);
    }
    static Settings telling(Duration timeout) {
        Settings settings;
        settings.user_timeout_option = true;
        settings.user_timeout = timeout;
        return settings;
    }
    ConnectionInfo info() { return pair.router().find(id)->info(); }
    ConnectionInfo peer_info() { return pair.peer().find(peer_id)->info(); }

    Pair pair;
    ConnectionId id{};
    ConnectionId peer_id{};
};

// rfc5482: 3, 3.1
TEST_F(Tcp_user_timeout, is_told_by_both_and_the_longer_one_is_used) {
    connect(telling(seconds(200)), telling(minutes(10)));
    EXPECT_EQ(peer_info().peer_user_timeout, seconds(200));
    EXPECT_EQ(peer_info().user_timeout, minutes(10));
    EXPECT_EQ(info().peer_user_timeout, minutes(10));
    EXPECT_EQ(info().user_timeout, minutes(10));
}

// rfc5482: 3.1
TEST_F(Tcp_user_timeout, is_kept_between_limits) {
    connect(telling(seconds(3)), telling(hours(100)));
    EXPECT_EQ(info().user_timeout, hours(1));
    EXPECT_EQ(peer_info().peer_user_timeout, seconds(3));
}

// rfc5482: 3, rfc9293: MUST-21
TEST_F(Tcp_user_timeout, that_the_application_sets_is_not_changed_by_the_peer) {
    connect(telling(seconds(200)), telling(minutes(10)));
    pair.router().set_user_timeout(id, seconds(150));
    const std::vector<std::uint8_t> bytes(10);
    pair.router().write(id, bytes, pair.now);  // carries it
    pair.peer().set_user_timeout(peer_id, minutes(20));
    pair.peer().write(peer_id, bytes, pair.now);
    pair.pass(seconds(1));
    EXPECT_EQ(info().user_timeout, seconds(150));
    EXPECT_EQ(info().peer_user_timeout, minutes(20)) << "though it is known";
    EXPECT_EQ(peer_info().peer_user_timeout, seconds(150));
    // And it is what ends the connection.
    pair.router().write(id, bytes, pair.now);
    const Instant began = pair.now;
    while (pair.router().find(id)->state() == State::Established) {
        pair.wire.clear();
        pair.now = pair.router().next_deadline();
        pair.router().poll(pair.now);
    }
    EXPECT_EQ(pair.now - began, seconds(150));
    EXPECT_EQ(pair.router().find(id)->trouble(), Trouble::TimedOut);
}

TEST_F(Tcp_user_timeout, is_neither_told_nor_heard_unless_asked_for) {
    connect(Settings(), telling(minutes(10)));
    EXPECT_EQ(info().user_timeout, Settings().user_timeout);
    EXPECT_EQ(peer_info().peer_user_timeout, Duration());
}

// rfc9293: MUST-48, MUST-49, SHLD-21, SHLD-22
TEST(Tcp_marks, of_the_ip_header_are_those_that_the_application_chose) {
    Pair pair;
    Settings settings;
    settings.ttl = 7;
    settings.dscp = 48;
    const auto listener = *pair.peer().listen(net::Ipv4Address(), 179, settings, 1);
    const auto id =
        *pair.router().connect({Pair::kRouter, Pair::kPeer, 0, 179}, settings, pair.now);
    int seen = 0;
    const auto expect = [&](std::uint8_t ttl, std::uint8_t dscp) {
        pair.settle([&, ttl, dscp](const OnTheWire& packet) {
            ++seen;
            EXPECT_EQ(packet.marks.ttl, packet.from == 0 ? ttl : 7);
            EXPECT_EQ(packet.marks.dscp, packet.from == 0 ? dscp : 48);
            return true;
        });
    };
    expect(7, 48);
    EXPECT_EQ(seen, 3);
    EXPECT_TRUE(pair.peer().accept(listener));
    pair.router().set_marks(id, 9, 10);
    pair.router().write(id, std::vector<std::uint8_t>(5000), pair.now);
    expect(9, 10);
    EXPECT_GT(seen, 6);
}

}  // namespace
}  // namespace godwit::control::tcp
