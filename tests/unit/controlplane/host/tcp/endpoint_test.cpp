// The table of endpoints: who listens, what strangers may cost, and what stays when a connection is
// gone.
#include <random>

#include "controlplane/host/tcp/endpoint.hpp"
#include "tests/unit/controlplane/host/tcp/peer.hpp"

namespace godwit::control::tcp {
namespace {

constexpr net::Ipv4Address kRouter(192, 0, 2, 1);
constexpr net::Ipv4Address kStranger(198, 51, 100, 7);

class Tcp_endpoint : public ::testing::Test {
protected:
    void make(const Limits& limits) {
        endpoint = std::make_unique<Endpoint>(
            limits, net::SipKey{3, 4},
            [engine = std::mt19937(5)]() mutable { return static_cast<std::uint32_t>(engine()); },
            sink);
    }
    void SetUp() override { make({}); }

    static Flow flow(std::uint16_t remote_port) { return {kRouter, kStranger, 179, remote_port}; }
    static Segment syn(std::uint32_t sequence = 900'000) {
        Segment segment;
        segment.sequence = net::Sequence(sequence);
        segment.flags.syn = true;
        segment.window = 65535;
        segment.options.maximum_segment_size = 1460;
        segment.options.sack_permitted = true;
        segment.options.window_scale = 5;
        segment.options.timestamps = net::TcpTimestamps{100, 0};
        return segment;
    }
    // The third segment of a handshake, in answer to what was sent last.
    static Segment third(const Segment& answer) {
        Segment segment;
        segment.sequence = answer.acknowledgment;
        segment.acknowledgment = answer.sequence + 1;
        segment.flags.ack = true;
        segment.window = 1000;
        if (answer.options.timestamps) {
            segment.options.timestamps = net::TcpTimestamps{101, answer.options.timestamps->value};
        }
        return segment;
    }
    ListenerId listen(std::size_t backlog = 100) {
        return *endpoint->listen(net::Ipv4Address(), 179, Settings(), backlog);
    }
    Segment last() const { return sink.all.empty() ? Segment() : sink.all.back().segment; }
    void open(std::uint16_t port) {
        endpoint->input(flow(port), syn(), now);
        endpoint->input(flow(port), third(last()), now);
    }

    Instant now = Instant() + hours(1);
    Recorder sink;
    std::unique_ptr<Endpoint> endpoint;
};

// rfc9293: MUST-11, MUST-43
TEST_F(Tcp_endpoint, accepts_a_connection_after_three_segments) {
    const ListenerId listener = listen();
    endpoint->input(flow(4000), syn(), now);
    EXPECT_EQ(endpoint->half_open(), 1U);
    EXPECT_EQ(endpoint->connections(), 0U);
    const Segment answer = last();
    EXPECT_TRUE(answer.flags.syn && answer.flags.ack);
    EXPECT_EQ(answer.acknowledgment, net::Sequence(900'001));
    endpoint->input(flow(4000), third(answer), now);
    EXPECT_EQ(endpoint->half_open(), 0U);
    const auto id = endpoint->accept(listener);
    ASSERT_TRUE(id);
    EXPECT_EQ(endpoint->find(*id)->state(), State::Established);
    EXPECT_EQ(endpoint->find(*id)->info().peer_window, 1000U << 5);
    EXPECT_FALSE(endpoint->accept(listener));
}

// rfc6298: 2.2, 5.7, rfc6928: 2
TEST_F(Tcp_endpoint, takes_the_round_trip_of_a_handshake_and_begins_small_when_it_was_repeated) {
    const ListenerId listener = listen();
    endpoint->input(flow(4000), syn(), now);
    now += milliseconds(80);
    endpoint->input(flow(4000), third(last()), now);
    const auto id = endpoint->accept(listener);
    ASSERT_TRUE(id);
    EXPECT_EQ(endpoint->find(*id)->info().smoothed_rtt, milliseconds(80));
    EXPECT_GT(endpoint->find(*id)->info().congestion_window, 10'000U);

    endpoint->input(flow(4001), syn(), now);
    now += seconds(1);
    endpoint->poll(now);  // the SYN and ACK again
    now += milliseconds(80);
    endpoint->input(flow(4001), third(last()), now);
    const auto second = endpoint->accept(listener);
    ASSERT_TRUE(second);
    const ConnectionInfo info = endpoint->find(*second)->info();
    EXPECT_EQ(info.smoothed_rtt, Duration());
    EXPECT_EQ(info.retransmission_timeout, seconds(3));
    EXPECT_LE(info.congestion_window, 1460U);
}

TEST_F(Tcp_endpoint, refuses_where_nobody_listens_but_never_answers_a_reset) {
    endpoint->input(flow(4000), syn(), now);
    EXPECT_TRUE(last().flags.rst);
    EXPECT_EQ(last().acknowledgment, net::Sequence(900'001));
    sink.all.clear();
    Segment reset = syn();
    reset.flags = {};
    reset.flags.rst = true;
    endpoint->input(flow(4000), reset, now);
    EXPECT_TRUE(sink.all.empty());
}

TEST_F(Tcp_endpoint, limits_its_resets) {
    for (std::uint16_t port = 1; port <= 1000; ++port) {
        endpoint->input(flow(port), syn(), now);
    }
    EXPECT_EQ(sink.all.size(), Limits().resets_per_second);
    EXPECT_EQ(endpoint->counts().resets_withheld, 1000U - Limits().resets_per_second);
}

TEST_F(Tcp_endpoint, keeps_listening_whatever_a_reset_to_it_says) {
    const ListenerId listener = listen();
    Segment reset = syn();
    reset.flags = {};
    reset.flags.rst = true;
    endpoint->input(flow(4000), reset, now);
    EXPECT_TRUE(sink.all.empty());
    open(4000);
    EXPECT_TRUE(endpoint->accept(listener));
}

// rfc9293: MUST-57, MUST-63, MUST-46
TEST_F(Tcp_endpoint, has_nothing_to_do_with_addresses_of_no_single_host) {
    listen();
    for (const net::Ipv4Address source : {net::Ipv4Address(), net::Ipv4Address(224, 0, 0, 1),
                                          net::Ipv4Address(255, 255, 255, 255)}) {
        endpoint->input({kRouter, source, 179, 4000}, syn(), now);
        EXPECT_FALSE(endpoint->connect({kRouter, source, 0, 179}, Settings(), now));
    }
    endpoint->input({net::Ipv4Address(224, 0, 0, 5), kStranger, 179, 4000}, syn(), now);
    EXPECT_TRUE(sink.all.empty());
    EXPECT_EQ(endpoint->half_open(), 0U);
    EXPECT_EQ(endpoint->counts().bad_addresses, 4U);
}

// rfc9293: MUST-11
TEST_F(Tcp_endpoint, forgets_a_half_open_handshake_that_is_reset_or_never_finished) {
    listen();
    endpoint->input(flow(4000), syn(), now);
    Segment reset;
    reset.flags.rst = true;
    reset.sequence = net::Sequence(900'000);  // not the exact place
    endpoint->input(flow(4000), reset, now);
    EXPECT_EQ(endpoint->half_open(), 1U);
    reset.sequence += 1;
    endpoint->input(flow(4000), reset, now);
    EXPECT_EQ(endpoint->half_open(), 0U);

    endpoint->input(flow(4001), syn(), now);
    sink.all.clear();
    const Instant until = now + minutes(2);
    while (endpoint->next_deadline() <= until) {
        now = endpoint->next_deadline();
        endpoint->poll(now);
    }
    EXPECT_EQ(sink.all.size(), 5U);  // the SYN and ACK again
    EXPECT_EQ(endpoint->half_open(), 0U);
    EXPECT_EQ(endpoint->next_deadline(), Instant::max());
}

// rfc4987: 3.6
TEST_F(Tcp_endpoint, serves_on_by_cookies_when_its_cache_is_full) {
    Limits limits;
    limits.half_open = 10;
    make(limits);
    const ListenerId listener = listen();
    for (std::uint16_t port = 1; port <= 10; ++port) {
        endpoint->input(flow(port), syn(), now);
    }
    sink.all.clear();
    endpoint->input(flow(5000), syn(), now);
    EXPECT_EQ(endpoint->half_open(), 10U);
    EXPECT_EQ(endpoint->cookies_sent(), 1U);
    const Segment answer = last();
    now += seconds(3);
    Segment guess = third(answer);
    guess.acknowledgment += 1;
    endpoint->input(flow(5000), guess, now);
    EXPECT_FALSE(endpoint->accept(listener));
    endpoint->input(flow(5000), third(answer), now);
    const auto id = endpoint->accept(listener);
    ASSERT_TRUE(id);
    EXPECT_EQ(endpoint->find(*id)->info().peer_window, 1000U << 5) << "the scale was in the cookie";
    endpoint->input(flow(5001), third(answer), now);  // of another flow
    EXPECT_FALSE(endpoint->accept(listener));
    now += minutes(10);
    endpoint->input(flow(5002), third(answer), now);
    EXPECT_FALSE(endpoint->accept(listener));
}

TEST_F(Tcp_endpoint, bounds_the_connections_of_one_peer_and_those_that_wait) {
    Limits limits;
    limits.connections_of_peer = 3;
    make(limits);
    const ListenerId listener = listen(2);
    for (std::uint16_t port = 1; port <= 10; ++port) {
        open(port);
    }
    EXPECT_EQ(endpoint->connections(), 2U);  // the backlog
    while (endpoint->accept(listener)) {
    }
    for (std::uint16_t port = 11; port <= 20; ++port) {
        open(port);
    }
    EXPECT_EQ(endpoint->connections(), 3U);
    EXPECT_GT(endpoint->counts().refused_by_limit, 0U);
}

// rfc9293: SHLD-4, MUST-13, MAY-2, rfc1337: 3, rfc6191: 2
TEST_F(Tcp_endpoint, remembers_what_it_closed_and_opens_anew_for_a_later_syn_only) {
    const ListenerId listener = listen();
    open(4000);
    const auto id = endpoint->accept(listener);
    endpoint->shutdown(*id, now);
    const Segment fin_sent = last();
    ASSERT_TRUE(fin_sent.flags.fin);
    Segment fin;
    fin.sequence = net::Sequence(900'001);
    fin.acknowledgment = fin_sent.end();
    fin.flags.ack = fin.flags.fin = true;
    fin.options.timestamps = net::TcpTimestamps{102, 0};
    endpoint->input(flow(4000), fin, now);
    EXPECT_EQ(endpoint->find(*id)->state(), State::TimeWait);
    EXPECT_EQ(endpoint->time_wait(), 1U);
    endpoint->release(*id, now);
    EXPECT_EQ(endpoint->connections(), 0U);

    sink.all.clear();
    Segment reset = fin;
    reset.flags = {};
    reset.flags.rst = true;
    reset.sequence = fin.end();
    endpoint->input(flow(4000), reset, now);
    EXPECT_EQ(endpoint->time_wait(), 1U) << "a reset must not end it";
    EXPECT_TRUE(sink.all.empty());
    endpoint->input(flow(4000), fin, now);
    EXPECT_EQ(last().acknowledgment, fin.end());
    Segment old = syn(2'000'000);
    old.options.timestamps->value = 50;
    endpoint->input(flow(4000), old, now);
    EXPECT_FALSE(last().flags.syn);
    EXPECT_EQ(endpoint->half_open(), 0U);
    Segment later = syn(5);
    later.options.timestamps->value = 200;
    endpoint->input(flow(4000), later, now);
    EXPECT_TRUE(last().flags.syn);
    EXPECT_EQ(endpoint->time_wait(), 0U);
    EXPECT_EQ(endpoint->half_open(), 1U);
}

TEST_F(Tcp_endpoint, forgets_time_wait_after_two_segment_lifetimes) {
    const ListenerId listener = listen();
    open(4000);
    const auto id = endpoint->accept(listener);
    endpoint->shutdown(*id, now);
    Segment fin;
    fin.sequence = net::Sequence(900'001);
    fin.acknowledgment = last().end();
    fin.flags.ack = fin.flags.fin = true;
    fin.options.timestamps = net::TcpTimestamps{102, 0};
    endpoint->input(flow(4000), fin, now);
    endpoint->release(*id, now);
    const Instant until = now + TimeWaitTable::kLinger;
    while (endpoint->next_deadline() < until) {
        now = endpoint->next_deadline();
        endpoint->poll(now);
    }
    EXPECT_EQ(endpoint->time_wait(), 1U);
    endpoint->poll(until);
    EXPECT_EQ(endpoint->time_wait(), 0U);
    EXPECT_EQ(endpoint->next_deadline(), Instant::max());
}

// rfc6056: 3.3.4
TEST_F(Tcp_endpoint, chooses_ports_that_are_free_and_hard_to_guess) {
    Limits limits;
    limits.first_port = 60000;
    limits.last_port = 60019;
    make(limits);
    std::vector<std::uint16_t> ports;
    for (int i = 0; i < 20; ++i) {
        const auto id = endpoint->connect({kRouter, kStranger, 0, 179}, Settings(), now);
        ASSERT_TRUE(id) << id.error();
        ports.push_back(endpoint->find(*id)->flow().local_port);
    }
    EXPECT_NE(ports[0], 60000U);
    std::sort(ports.begin(), ports.end());
    EXPECT_EQ(std::unique(ports.begin(), ports.end()), ports.end());
    const auto none = endpoint->connect({kRouter, kStranger, 0, 179}, Settings(), now);
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().find("60000 to 60019"), std::string::npos) << none.error();
    EXPECT_TRUE(endpoint->connect({kRouter, kStranger, 0, 180}, Settings(), now))
        << "another service is another flow";
}

// rfc9293: MUST-41, MUST-42
TEST_F(Tcp_endpoint, tells_why_it_cannot_listen_twice_or_connect_twice) {
    listen();
    EXPECT_FALSE(endpoint->listen(net::Ipv4Address(), 179, Settings(), 1));
    EXPECT_TRUE(endpoint->listen(kRouter, 179, Settings(), 1));
    const Flow wanted{kRouter, kStranger, 50000, 179};
    EXPECT_TRUE(endpoint->connect(wanted, Settings(), now));
    const auto again = endpoint->connect(wanted, Settings(), now);
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().find("choose another local port"), std::string::npos);
}

TEST_F(Tcp_endpoint, resets_what_nobody_accepted_when_it_stops_listening) {
    const ListenerId listener = listen();
    open(4000);
    endpoint->input(flow(4001), syn(), now);
    sink.all.clear();
    endpoint->stop_listening(listener, now);
    EXPECT_EQ(endpoint->connections(), 0U);
    EXPECT_EQ(endpoint->half_open(), 0U);
    ASSERT_EQ(sink.all.size(), 1U);
    EXPECT_TRUE(sink.all[0].segment.flags.rst);
}

TEST_F(Tcp_endpoint, survives_segments_of_any_kind) {
    const std::uint64_t first = 1;
    for (std::uint64_t seed = first; seed < first + 200; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        Limits limits;
        limits.half_open = 4;
        limits.time_wait = 4;
        make(limits);
        const ListenerId listener = listen(4);
        std::vector<ConnectionId> ids;
        const auto bytes = bytes_of(300);
        for (int i = 0; i < 400; ++i) {
            Segment segment;
            const Segment seen = last();
            segment.flags =
                net::TcpFlags::from_bits(static_cast<std::uint8_t>(random() % 3 == 0   ? random()
                                                                   : random() % 2 == 0 ? 0x10
                                                                                       : 0x02));
            segment.sequence = (random() % 4 == 0 ? net::Sequence(900'000) : seen.acknowledgment) +
                               static_cast<std::uint32_t>(random() % 3);
            segment.acknowledgment = (random() % 4 == 0 ? seen.sequence : seen.end()) +
                                     static_cast<std::uint32_t>(random() % 3) - 1U;
            segment.window = static_cast<std::uint16_t>(random() % 3 == 0 ? 0 : random());
            segment.urgent_pointer = static_cast<std::uint16_t>(random() % 400);
            segment.payload = std::span(bytes).first(random() % 300);
            if (random() % 2 == 0) {
                segment.options.add_sack({seen.sequence, seen.end()});
                segment.options.timestamps =
                    net::TcpTimestamps{static_cast<std::uint32_t>(random() % 200), 0};
            }
            endpoint->input(flow(static_cast<std::uint16_t>(random() % 8)), segment, now);
            if (const auto id = endpoint->accept(listener)) {
                ids.push_back(*id);
            }
            if (!ids.empty()) {
                const ConnectionId id = ids[random() % ids.size()];
                std::vector<std::uint8_t> into(random() % 500);
                switch (random() % 12) {
                    case 0:
                        endpoint->shutdown(id, now);
                        break;
                    case 1:
                        endpoint->release(id, now);
                        break;
                    case 2:
                        endpoint->set_path_mtu(id, static_cast<std::uint16_t>(random() % 2000),
                                               now);
                        break;
                    default:
                        endpoint->write(id, bytes, now);
                        endpoint->read(id, into, now);
                        break;
                }
            }
            now += milliseconds(random() % 300);
            endpoint->poll(now);
            EXPECT_LE(endpoint->half_open(), 4U);
            EXPECT_LE(endpoint->time_wait(), 4U);
        }
        for (const ConnectionId id : ids) {
            endpoint->release(id, now);
        }
        endpoint->stop_listening(listener, now);
        const Instant limit = now + hours(1);
        while (endpoint->next_deadline() < limit) {
            now = std::max(now, endpoint->next_deadline());
            endpoint->poll(now);
        }
        EXPECT_EQ(endpoint->connections(), 0U);
        EXPECT_EQ(endpoint->next_deadline(), Instant::max());
    }
}

}  // namespace
}  // namespace godwit::control::tcp
