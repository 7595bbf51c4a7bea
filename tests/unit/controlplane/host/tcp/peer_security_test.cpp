// Segments that are signed and judged, between two endpoints: MD5, TCP-AO with keys that roll over
// and sequence numbers that wrap, GTSM; and what a stranger without the key can do, which is
// nothing.
#include "controlplane/host/tcp/peer_security.hpp"

#include "tests/unit/controlplane/host/tcp/pair.hpp"

namespace godwit::control::tcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::vector<std::uint8_t> secret(std::string_view text) {
    return {text.begin(), text.end()};
}

SecurityScope of(net::Ipv4Address peer, std::uint16_t service = 0) {
    return {net::Ipv4Prefix::covering(peer, 32), service};
}

AoKey ao_key(std::uint8_t send, std::uint8_t receive, std::string_view master,
             AoAlgorithm algorithm = AoAlgorithm::HmacSha1_96, bool covers_options = true) {
    return {send, receive, algorithm, secret(master), covers_options};
}

class Tcp_peer_security : public ::testing::Test {
protected:
    void secure(const PeerSecurity& of_router, const PeerSecurity& of_peer) {
        ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), of_router));
        ASSERT_TRUE(pair->peer().secure(of(Pair::kRouter), of_peer));
    }
    // The router calls the peer's port 179.
    void connect() {
        listener = *pair->peer().listen(net::Ipv4Address(), 179, Settings(), 4);
        ours = *pair->router().connect({Pair::kRouter, Pair::kPeer, 0, 179}, Settings(), pair->now);
        pair->settle();
    }
    bool established() {
        const Connection* const connection = pair->router().find(ours);
        if (connection == nullptr || connection->state() != State::Established) {
            return false;
        }
        if (!theirs) {
            theirs = pair->peer().accept(listener);
        }
        return theirs.has_value();
    }
    // Both send bytes, and both get them.
    bool talks(std::size_t bytes = 5000) {
        const std::vector<std::uint8_t> sent(bytes, 7);
        pair->router().write(ours, sent, pair->now);
        pair->peer().write(*theirs, sent, pair->now);
        pair->pass(seconds(5));
        std::vector<std::uint8_t> got(2 * bytes);
        return pair->router().read(ours, got, pair->now) == bytes &&
               pair->peer().read(*theirs, got, pair->now) == bytes;
    }
    std::uint64_t dropped(SecurityDrop reason) { return pair->peer().security().dropped(reason); }

    std::unique_ptr<Pair> pair = std::make_unique<Pair>();
    ListenerId listener{};
    ConnectionId ours{};
    std::optional<ConnectionId> theirs;
};

PeerSecurity md5(std::string_view key) {
    PeerSecurity security;
    security.md5 = secret(key);
    return security;
}

PeerSecurity ao(std::vector<AoKey> keys) {
    PeerSecurity security;
    security.ao = std::move(keys);
    return security;
}

// rfc2385: 2.0
TEST_F(Tcp_peer_security, lets_two_speak_that_share_an_md5_key) {
    secure(md5("godwit"), md5("godwit"));
    connect();
    ASSERT_TRUE(established());
    EXPECT_TRUE(talks());
    pair->router().shutdown(ours, pair->now);
    pair->peer().shutdown(*theirs, pair->now);
    pair->pass(minutes(2));
    EXPECT_EQ(pair->router().find(ours)->state(), State::TimeWait);
    for (const auto reason : {SecurityDrop::Md5Missing, SecurityDrop::Md5Wrong}) {
        EXPECT_EQ(dropped(reason), 0U);
        EXPECT_EQ(pair->router().security().dropped(reason), 0U);
    }
}

// rfc2385: 2.0
TEST_F(Tcp_peer_security, says_nothing_at_all_to_a_wrong_or_missing_md5_signature) {
    secure(md5("godwit"), md5("other"));
    connect();
    EXPECT_FALSE(established());
    EXPECT_EQ(dropped(SecurityDrop::Md5Wrong), 1U);
    EXPECT_EQ(pair->peer().half_open(), 0U);
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), {}));
    pair->pass(seconds(2));
    EXPECT_EQ(dropped(SecurityDrop::Md5Missing), 1U);
    EXPECT_TRUE(pair->wire.empty());
    ASSERT_TRUE(pair->peer().secure(of(Pair::kRouter), {}));
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), md5("godwit")));
    pair->pass(seconds(3));
    EXPECT_EQ(dropped(SecurityDrop::Md5Unexpected), 1U);
    EXPECT_FALSE(established());
}

// rfc5925: 7.4, 7.5
TEST_F(Tcp_peer_security, lets_two_speak_by_tcp_ao_with_either_algorithm_and_options_or_not) {
    for (const auto algorithm : {AoAlgorithm::HmacSha1_96, AoAlgorithm::AesCmac128_96}) {
        for (const bool covers_options : {true, false}) {
            pair = std::make_unique<Pair>(2);
            theirs.reset();
            secure(ao({ao_key(61, 84, "testvector", algorithm, covers_options)}),
                   ao({ao_key(84, 61, "testvector", algorithm, covers_options)}));
            connect();
            ASSERT_TRUE(established());
            EXPECT_TRUE(talks(50'000));
            for (std::size_t i = 0; i < static_cast<std::size_t>(SecurityDrop::kCount); ++i) {
                EXPECT_EQ(dropped(static_cast<SecurityDrop>(i)), 0U)
                    << name_of(static_cast<SecurityDrop>(i));
            }
        }
    }
}

// rfc5925: 7.3, 7.5
TEST_F(Tcp_peer_security, drops_what_is_not_signed_by_a_key_of_the_peer) {
    secure(ao({ao_key(1, 1, "one")}), ao({ao_key(1, 1, "two")}));
    connect();
    EXPECT_EQ(dropped(SecurityDrop::AoWrong), 1U);
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), ao({ao_key(9, 9, "two")})));
    pair->pass(milliseconds(1100));
    EXPECT_EQ(dropped(SecurityDrop::AoUnknownKey), 1U);
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), {}));
    pair->pass(seconds(2));
    EXPECT_EQ(dropped(SecurityDrop::AoMissing), 1U);
    EXPECT_EQ(pair->peer().half_open(), 0U);
}

// rfc5925: 6.1
TEST_F(Tcp_peer_security, rolls_keys_over_without_losing_a_segment) {
    secure(ao({ao_key(1, 1, "old")}), ao({ao_key(1, 1, "old")}));
    connect();
    ASSERT_TRUE(established());
    EXPECT_TRUE(talks());
    // The new key comes to one side first; nothing happens until the other has it and asks.
    const auto both = ao({ao_key(1, 1, "old"), ao_key(2, 2, "new")});
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), both));
    EXPECT_FALSE(pair->peer().prefer_ao_key(*theirs, 2));
    ASSERT_TRUE(pair->peer().secure(of(Pair::kRouter), both));
    EXPECT_TRUE(talks());
    EXPECT_TRUE(pair->peer().prefer_ao_key(*theirs, 2));
    EXPECT_TRUE(pair->router().prefer_ao_key(ours, 2));
    EXPECT_TRUE(talks());
    const auto status = pair->peer().security().ao_status(pair->peer().find(*theirs)->flow());
    ASSERT_TRUE(status);
    EXPECT_EQ(status->current_send_id, 2U);
    EXPECT_EQ(status->last_key_id, std::uint8_t{2});
    const auto only_new = ao({ao_key(2, 2, "new")});
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), only_new));
    ASSERT_TRUE(pair->peer().secure(of(Pair::kRouter), only_new));
    EXPECT_TRUE(talks());
    EXPECT_EQ(dropped(SecurityDrop::AoUnknownKey), 0U);
    EXPECT_EQ(dropped(SecurityDrop::AoWrong), 0U);
}

// rfc5925: 6.2
TEST_F(Tcp_peer_security, extends_sequence_numbers_that_wrap) {
    // The guard alone, with numbers of its own: a stream of 2^33 bytes would be long.
    const FlowSecrets secrets(net::SipKey{1, 2});
    PeerGuard ours_guard(secrets);
    PeerGuard theirs_guard(secrets);
    ASSERT_TRUE(ours_guard.set(of(Pair::kPeer), ao({ao_key(1, 1, "key")})));
    ASSERT_TRUE(theirs_guard.set(of(Pair::kRouter), ao({ao_key(1, 1, "key")})));
    const Flow out{Pair::kRouter, Pair::kPeer, 50'000, 179};
    const Flow in{Pair::kPeer, Pair::kRouter, 179, 50'000};
    std::vector<std::uint8_t> bytes;
    const auto carry = [&](PeerGuard& from, const Flow& flow, PeerGuard& to, const Flow& back,
                           Segment segment) {
        EXPECT_FALSE(from.prepare(flow, segment));
        bytes = segment.encode(flow);
        return to.judge(back, Segment::from(*net::wire::TcpView::parse(bytes)));
    };
    Segment syn;
    syn.flags.syn = true;
    syn.sequence = net::Sequence(0xffff0000U);
    EXPECT_FALSE(carry(ours_guard, out, theirs_guard, in, syn));
    Segment answer;
    answer.flags.syn = answer.flags.ack = true;
    answer.sequence = net::Sequence(5);
    answer.acknowledgment = syn.sequence + 1;
    EXPECT_FALSE(carry(theirs_guard, in, ours_guard, out, answer));
    Segment data;
    data.flags.ack = true;
    data.acknowledgment = answer.sequence + 1;
    net::Sequence place = syn.sequence + 1;
    std::vector<std::uint8_t> first_turn;
    for (int step = 0; step < 20; ++step) {  // more than two turns of the circle
        data.sequence = place;
        EXPECT_FALSE(carry(ours_guard, out, theirs_guard, in, data)) << step;
        if (step == 0) {
            first_turn = bytes;
        }
        place += 0x20000000U;
    }
    data.sequence = place - 0x20000000U - 5000U;  // sent again, out of order
    EXPECT_FALSE(carry(ours_guard, out, theirs_guard, in, data));
    while (place != syn.sequence + 1) {
        place += 0x1fffffffU < net::bytes_between(place, syn.sequence + 1)
                     ? 0x1fffffffU
                     : net::bytes_between(place, syn.sequence + 1);
        data.sequence = place;
        EXPECT_FALSE(carry(ours_guard, out, theirs_guard, in, data));
    }
    // The same bytes as three turns before: a replay.
    EXPECT_EQ(theirs_guard.judge(in, Segment::from(*net::wire::TcpView::parse(first_turn))),
              SecurityDrop::AoWrong);
}

// rfc5082: 3
TEST_F(Tcp_peer_security, hears_neighbours_only_where_it_is_told_to) {
    PeerSecurity neighbour;
    neighbour.least_ttl = 255;
    ASSERT_TRUE(pair->peer().secure(of(Pair::kRouter), neighbour));
    connect();
    EXPECT_EQ(dropped(SecurityDrop::TooManyHops), 1U);
    EXPECT_TRUE(pair->wire.empty());
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), neighbour));
    pair->pass(seconds(2));
    EXPECT_TRUE(established());
    EXPECT_TRUE(talks());
    // From two hops away, however good the rest is.
    const std::vector<std::uint8_t> bytes(10);
    pair->router().write(ours, bytes, pair->now);
    OnTheWire far = pair->wire.front();
    pair->wire.clear();
    far.marks.ttl = 254;
    pair->deliver(far);
    EXPECT_EQ(pair->peer().find(*theirs)->readable(), 0U);
}

// rfc5925: 7.7, rfc2385: 2.0
TEST_F(Tcp_peer_security, is_not_reset_by_one_who_knows_everything_but_the_key) {
    secure(ao({ao_key(1, 1, "key")}), ao({ao_key(1, 1, "key")}));
    connect();
    ASSERT_TRUE(established());
    ASSERT_TRUE(talks());
    const LastWords place = pair->router().find(ours)->last_words();
    const Flow flow = pair->router().find(ours)->flow();
    Segment reset;
    reset.flags.rst = reset.flags.ack = true;
    reset.sequence = place.next;
    reset.acknowledgment = place.expected;
    pair->deliver({0, flow, reset.encode(flow), {}});
    EXPECT_EQ(dropped(SecurityDrop::AoMissing), 1U);
    EXPECT_TRUE(talks());
}

// rfc5925: 7.8
TEST_F(Tcp_peer_security, does_not_believe_icmp_about_a_signed_connection_unless_told_to) {
    secure(ao({ao_key(1, 1, "key")}), ao({ao_key(1, 1, "key")}));
    connect();
    ASSERT_TRUE(established());
    const std::vector<std::uint8_t> bytes(3000);
    pair->router().write(ours, bytes, pair->now);
    const Flow flow = pair->router().find(ours)->flow();
    const net::Sequence quoted = pair->router().find(ours)->last_words().next - 1U;
    const std::uint32_t before = pair->router().find(ours)->info().segment_bytes;
    pair->router().path_error(flow, PathError::PacketTooBig, quoted, 600, pair->now);
    EXPECT_EQ(pair->router().find(ours)->info().segment_bytes, before);
    PeerSecurity open = ao({ao_key(1, 1, "key")});
    open.icmp_reaches_signed = true;
    ASSERT_TRUE(pair->router().secure(of(Pair::kPeer), open));
    pair->router().path_error(flow, PathError::PacketTooBig, quoted, 600, pair->now);
    EXPECT_LT(pair->router().find(ours)->info().segment_bytes, before);
}

TEST_F(Tcp_peer_security, serves_by_cookies_those_who_sign) {
    Limits limits;
    limits.half_open = 1;

    pair = std::make_unique<Pair>(3, limits);
    secure(ao({ao_key(1, 1, "key")}), ao({ao_key(1, 1, "key")}));
    listener = *pair->peer().listen(net::Ipv4Address(), 179, Settings(), 4);
    static_cast<void>(
        pair->router().connect({Pair::kRouter, Pair::kPeer, 1111, 179}, Settings(), pair->now));
    pair->settle([&](const OnTheWire& packet) { return packet.from == 0; });  // stays half open
    ours = *pair->router().connect({Pair::kRouter, Pair::kPeer, 2222, 179}, Settings(), pair->now);
    pair->settle();
    EXPECT_EQ(pair->peer().cookies_sent(), 1U);
    ASSERT_TRUE(established());
    EXPECT_TRUE(talks());
}

TEST_F(Tcp_peer_security, keeps_no_session_of_what_is_over) {
    secure(ao({ao_key(1, 1, "key")}), ao({ao_key(1, 1, "key")}));
    listener = *pair->peer().listen(net::Ipv4Address(), 179, Settings(), 4);
    for (int i = 0; i < 500; ++i) {
        ours = *pair->router().connect({Pair::kRouter, Pair::kPeer, 0, 179}, Settings(), pair->now);
        pair->settle();
        ASSERT_TRUE(established()) << i;
        pair->router().abort(ours, pair->now);
        pair->router().release(ours, pair->now);
        pair->peer().release(*theirs, pair->now);
        theirs.reset();
        pair->pass(seconds(1));
    }
    EXPECT_LE(pair->router().security().sessions(), 70U);
    EXPECT_LE(pair->peer().security().sessions(), 70U);
}

TEST_F(Tcp_peer_security, finds_the_rule_of_the_longest_prefix_and_refuses_rules_that_cannot_be) {
    Endpoint& router = pair->router();
    const auto prefix = [](std::string_view text) { return *net::Ipv4Prefix::parse(text); };
    ASSERT_TRUE(router.secure({prefix("192.0.0.0/16"), 0}, md5("wide")));
    ASSERT_TRUE(router.secure({prefix("192.0.2.0/24"), 179}, md5("narrow")));
    const auto rule = [&](net::Ipv4Address peer, std::uint16_t local, std::uint16_t remote) {
        const PeerSecurity* const found =
            router.security().rule_for({Pair::kRouter, peer, local, remote});
        return found == nullptr ? std::string() : std::string(found->md5.begin(), found->md5.end());
    };
    EXPECT_EQ(rule(Pair::kPeer, 179, 5000), "narrow");
    EXPECT_EQ(rule(Pair::kPeer, 5000, 179), "narrow");
    EXPECT_EQ(rule(Pair::kPeer, 5000, 80), "wide");
    EXPECT_EQ(rule(net::Ipv4Address(198, 51, 100, 1), 179, 80), "");
    PeerSecurity both = md5("a");
    both.ao.push_back(ao_key(1, 1, "b"));
    EXPECT_NE(router.secure({prefix("192.0.2.9/32"), 179}, both).error().find("at once"),
              std::string::npos);
    EXPECT_FALSE(
        router.secure({prefix("192.0.2.9/32"), 179}, ao({ao_key(1, 1, "a"), ao_key(1, 2, "b")})));
    EXPECT_FALSE(router.secure({prefix("192.0.2.9/32"), 179}, ao({ao_key(1, 1, "")})));
}

}  // namespace
}  // namespace godwit::control::tcp
