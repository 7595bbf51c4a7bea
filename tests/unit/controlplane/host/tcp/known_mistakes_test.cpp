// Mistakes that other stacks have made, each as a test that would find it here. Those about
// shrinking windows, bytes outside the window, resets to a listener, a SYN from no address, a FIN
// that is repeated in CLOSING, and duplicates in LAST-ACK stand where their rules do (flow_test,
// states_test, endpoint_test).
#include "tests/unit/controlplane/host/tcp/pair.hpp"
#include "tests/unit/controlplane/host/tcp/peer.hpp"

namespace godwit::control::tcp {
namespace {

using Tcp_mistake = ConnectionTest;

// A probe without data is not answered by a peer whose window is closed; nothing would go on.
// rfc9293: MUST-36
TEST_F(Tcp_mistake, zero_length_window_probe) {
    establish(plain());
    write(1000);
    peer_window = 0;
    acknowledge(1000);
    write(500);
    sink.all.clear();
    now = connection->next_deadline();
    poll();
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_EQ(sink.all[0].bytes.size(), 1U);
    EXPECT_EQ(sink.all[0].segment.sequence, kOurs + 1 + 1000);
}

// rfc7323: 3.2
TEST(Tcp_known_mistake, third_segment_without_timestamps) {
    Pair pair;
    const auto listener = *pair.peer().listen(net::Ipv4Address(), 179, Settings(), 1);
    static_cast<void>(
        pair.router().connect({Pair::kRouter, Pair::kPeer, 0, 179}, Settings(), pair.now));
    int checked = 0;
    pair.settle([&](OnTheWire& packet) {
        const Segment segment = Segment::from(*net::wire::TcpView::parse(packet.bytes));
        EXPECT_TRUE(segment.options.timestamps) << "ours always have them";
        if (packet.from == 0 && !segment.flags.syn) {
            ++checked;
            Segment stripped = segment;
            stripped.options = {};
            packet.bytes = stripped.encode(packet.flow);
        }
        return true;
    });
    EXPECT_EQ(checked, 1);
    EXPECT_FALSE(pair.peer().accept(listener)) << "it agreed on them: this is somebody else's";
}

// rfc9293: MUST-39
TEST_F(Tcp_mistake, silly_window_in_the_answer_to_a_probe) {
    Settings settings = plain();
    settings.receive_buffer = 4000;
    establish(settings);
    data(0, 2000);
    data(2000, 2000);
    poll();
    ASSERT_EQ(sink.all.back().segment.window, 0U);
    read(7);  // seven bytes are free
    sink.all.clear();
    data(4000, 1);
    poll();
    ASSERT_FALSE(sink.all.empty());
    EXPECT_EQ(sink.all.back().segment.window, 0U) << "seven bytes are no window";
    EXPECT_EQ(sink.all.back().segment.acknowledgment, kTheirs + 1 + 4000);
}

// rfc6298: 3
TEST_F(Tcp_mistake, round_trip_taken_when_the_owner_got_to_it) {
    establish(plain());
    const Duration before = connection->info().smoothed_rtt;
    write(1000);
    const Instant sent = now;
    // The acknowledgement arrived after 100 ms, and is looked at half a second later.
    acknowledged = kOurs + 1 + 1000;
    connection->input(from_peer(0), sent + milliseconds(100));
    connection->poll(sent + milliseconds(600));
    EXPECT_LE(connection->info().smoothed_rtt, std::max(before, Duration(milliseconds(100))));
}

// A forged segment whose acknowledgement cannot be must not make what is true look old.
// rfc7323: 4.3
TEST_F(Tcp_mistake, timestamp_taken_of_a_segment_that_is_dropped) {
    connect([] {
        Settings settings;
        settings.quick_acks = 0;
        return settings;
    }());
    net::TcpOptions options = usual_options();
    options.timestamps = net::TcpTimestamps{100, 0};
    Segment answer = syn(options);
    answer.flags.ack = true;
    answer.acknowledgment = kOurs + 1;
    input(answer);
    Segment forged = from_peer(0);
    forged.acknowledgment = kOurs + 9999;
    forged.options.timestamps = net::TcpTimestamps{200'000, 0};
    input(forged);
    const auto bytes = bytes_of(10);
    Segment data_segment = from_peer(0, bytes);
    data_segment.options.timestamps = net::TcpTimestamps{101, 0};
    input(data_segment);
    EXPECT_EQ(connection->readable(), 10U);
}

// A buffer larger than the window field can say is no reason to announce room at every read.
// rfc9293: MUST-39
TEST_F(Tcp_mistake, window_update_that_says_nothing_new) {
    Settings settings = plain();
    settings.receive_buffer = 1024 * 1024;
    establish(settings);  // the peer does not scale
    data(0, 1000);
    pass(milliseconds(50));
    sink.all.clear();
    EXPECT_EQ(read(1000).size(), 1000U);
    EXPECT_TRUE(sink.all.empty());
}

// Before any round trip is known, one report of reordering is not yet a loss.
// rfc8985: 6.2
TEST_F(Tcp_mistake, first_selective_acknowledgement_taken_for_a_loss) {
    make(plain());
    Handshake handshake;
    handshake.ours = kOurs;
    handshake.theirs = kTheirs;
    handshake.window = 65535;
    handshake.maximum_segment = 1460;
    handshake.sack = true;
    connection->accept(handshake, {}, from_peer(0), now);
    write(20'000);
    sink.all.clear();
    now += milliseconds(100);
    Segment report = from_peer(0);
    report.options.add_sack({kOurs + 1 + 1460, kOurs + 1 + 2920});
    input(report);
    for (const Sent& sent : sink.all) {
        EXPECT_GT(sent.segment.sequence, kOurs + 1) << "new data only";
    }
    EXPECT_FALSE(sink.all.empty()) << "limited transmit (RFC 3042)";
}

// More blocks than 40 bytes of options hold: nothing may be written behind them.
// rfc2018: 3
TEST_F(Tcp_mistake, selective_acknowledgements_that_overflow_the_options) {
    connect(Settings());
    net::TcpOptions options = usual_options();
    options.timestamps = net::TcpTimestamps{1, 0};
    Segment answer = syn(options);
    answer.flags.ack = true;
    answer.acknowledgment = kOurs + 1;
    input(answer);
    for (std::uint32_t i = 1; i <= 20; ++i) {
        const auto bytes = bytes_of(10);
        Segment segment = from_peer(i * 100, bytes);
        segment.options.timestamps = net::TcpTimestamps{2, 0};
        input(segment);
    }
    for (const Sent& sent : sink.all) {
        const auto bytes = sent.segment.encode(kFlow);
        ASSERT_FALSE(bytes.empty());
        const auto view = net::wire::TcpView::parse(bytes);
        ASSERT_TRUE(view);
        EXPECT_LE(view->header_bytes(), 60U);
    }
}

// rfc9293: 3.1
TEST(Tcp_known_mistake, header_length_under_twenty_bytes) {
    Segment segment;
    segment.flags.ack = true;
    std::vector<std::uint8_t> bytes = segment.encode(kFlow);
    for (unsigned words = 0; words < 16; ++words) {
        bytes[offsetof(net::wire::TcpLayout, data_offset)] = static_cast<std::uint8_t>(words << 4);
        EXPECT_EQ(net::wire::TcpView::parse(bytes).has_value(), words == 5);
    }
}

}  // namespace
}  // namespace godwit::control::tcp
