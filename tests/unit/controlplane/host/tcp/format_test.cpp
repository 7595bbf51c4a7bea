// Sequence numbers, options, segments, secrets, and the timeout: what stands by itself.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "controlplane/host/tcp/rtt.hpp"
#include "controlplane/host/tcp/secrets.hpp"
#include "net/tcp_options.hpp"
#include "tests/support/seeds.hpp"

namespace godwit::control::tcp {
namespace {

using net::Sequence;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Flow kFlow{net::Ipv4Address(192, 0, 2, 1), net::Ipv4Address(192, 0, 2, 2), 50000, 179};

TEST(Sequence_number, compares_across_the_wrap) {
    const Sequence before(0xfffffff0U);
    const Sequence after = before + 0x20;
    EXPECT_EQ(after.value(), 0x10U);
    EXPECT_LT(before, after);
    EXPECT_GT(after, before);
    EXPECT_EQ(after - before, 0x20);
    EXPECT_EQ(before - after, -0x20);
    EXPECT_EQ(net::bytes_between(before, after), 0x20U);
    EXPECT_EQ(net::later_of(before, after), after);
}

// rfc9293: MUST-4, MUST-5, MUST-14
TEST(Tcp_options, are_read_as_they_were_written) {
    net::TcpOptions options;
    options.maximum_segment_size = 1460;
    options.window_scale = 7;
    options.sack_permitted = true;
    options.timestamps = net::TcpTimestamps{0x01020304, 0x05060708};
    const auto bytes = options.encode();
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->size(), 20U);
    const auto again = net::TcpOptions::parse(bytes->bytes());
    EXPECT_EQ(again.maximum_segment_size, options.maximum_segment_size);
    EXPECT_EQ(again.window_scale, options.window_scale);
    EXPECT_TRUE(again.sack_permitted);
    EXPECT_EQ(again.timestamps, options.timestamps);
}

TEST(Tcp_options, hold_as_many_sack_blocks_as_fit_beside_timestamps) {
    net::TcpOptions options;
    options.timestamps = net::TcpTimestamps{1, 2};
    for (std::uint32_t i = 0; i < 6; ++i) {
        options.add_sack({Sequence(i * 100), Sequence(i * 100 + 50)});
    }
    EXPECT_EQ(options.sack().size(), 4U);
    const auto bytes = options.encode();
    ASSERT_TRUE(bytes);
    const auto again = net::TcpOptions::parse(bytes->bytes());
    ASSERT_EQ(again.sack().size(), 3U);
    EXPECT_EQ(again.sack()[2], (net::SackBlock{Sequence(200), Sequence(250)}));
}

// rfc5482: 3
TEST(Tcp_options, carry_the_user_timeout_and_a_signature) {
    const std::array<std::uint8_t, net::kMd5SignatureBytes> digest{1, 2, 3};
    net::TcpOptions options;
    options.user_timeout = net::TcpUserTimeout{true, 0x1234};
    options.md5_signature = digest;
    const auto bytes = options.encode();
    ASSERT_TRUE(bytes);
    const auto again = net::TcpOptions::parse(bytes->bytes());
    EXPECT_EQ(again.user_timeout, options.user_timeout);
    ASSERT_EQ(again.md5_signature.size(), 16U);
    EXPECT_EQ(again.md5_signature[2], 3);
}

// rfc9293: MUST-6
TEST(Tcp_options, pass_over_what_is_unknown_or_of_the_wrong_length) {
    const std::array<std::uint8_t, 16> bytes{254, 4, 1,   2,      // an unknown kind
                                             2,   3, 9,           // a segment size of one byte
                                             34,  4, 7,   7,      // fast open
                                             3,   3, 200, 1, 0};  // a scale that is too large
    const auto options = net::TcpOptions::parse(bytes);
    EXPECT_FALSE(options.maximum_segment_size);
    EXPECT_EQ(options.window_scale, std::uint8_t{14});
}

// rfc9293: MUST-7
TEST(Tcp_options, of_any_bytes_are_read_without_harm) {
    for (const std::uint64_t seed : testing::seeds(2000)) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        std::vector<std::uint8_t> bytes(random() % 41);
        for (std::uint8_t& byte : bytes) {
            byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() % 9 : random());
        }
        const auto options = net::TcpOptions::parse(bytes);
        EXPECT_LE(options.sack().size(), net::kMaxSackBlocks);
        const auto encoded = options.encode();
        if (encoded) {
            EXPECT_LE(encoded->size(), net::kMaxOptionBytes);
        }
    }
}

// rfc9293: MUST-64, MUST-68, MUST-69
TEST(Tcp_options, have_lengths_stand_anywhere_and_are_padded_with_zeros) {
    const std::array<std::uint8_t, 12> bytes{1, 2, 4, 5, 0xb4, 8, 10, 0, 0, 0, 7, 0};
    const std::array<std::uint8_t, 2> rest{0, 9};
    std::vector<std::uint8_t> all(bytes.begin(), bytes.end());
    all.insert(all.end(), {0, 0});
    all.insert(all.end(), rest.begin(), rest.end());
    const auto options = net::TcpOptions::parse(all);  // at odd places
    EXPECT_EQ(options.maximum_segment_size, std::uint16_t{0x5b4});
    ASSERT_TRUE(options.timestamps);
    EXPECT_EQ(options.timestamps->value, 7U);

    const std::array<std::uint8_t, 3> scale{3, 3, 7};
    const auto padded = net::HeaderOptions::from(scale);
    ASSERT_TRUE(padded);
    ASSERT_EQ(padded->size(), 4U);
    EXPECT_EQ(padded->bytes()[3], 0);

    net::TcpOptions everything;
    everything.maximum_segment_size = 1460;
    everything.sack_permitted = true;
    everything.timestamps = net::TcpTimestamps{1, 2};
    everything.window_scale = 7;
    everything.user_timeout = net::TcpUserTimeout{false, 100};
    const auto encoded = everything.encode();
    ASSERT_TRUE(encoded);
    net::OptionWalker walker(encoded->bytes());
    std::size_t count = 0;
    while (const auto option = walker.next()) {
        EXPECT_EQ(encoded->bytes()[option->offset + 1], option->data.size() + 2);
        ++count;
    }
    EXPECT_FALSE(walker.malformed());
    EXPECT_EQ(count, 5U);
}

// rfc9293: MUST-2, MUST-3
TEST(Tcp_segment, has_a_checksum_that_one_wrong_bit_breaks) {
    const std::array<std::uint8_t, 5> payload{1, 2, 3, 4, 5};
    Segment segment;
    segment.flags.ack = true;
    segment.payload = payload;
    segment.options.timestamps = net::TcpTimestamps{1, 2};
    std::vector<std::uint8_t> bytes = segment.encode(kFlow);
    const auto valid = [&] {
        const auto view = net::wire::TcpView::parse(bytes);  // or options that do not fit any more
        return view && view->has_valid_checksum(kFlow.local, kFlow.remote);
    };
    EXPECT_TRUE(valid());
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        if (bit / 8 == offsetof(net::wire::TcpLayout, data_offset)) {
            continue;  // another header length, another segment
        }
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1U << bit % 8);
        EXPECT_FALSE(valid()) << bit;
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1U << bit % 8);
    }
}

// rfc9293: MUST-8, SHLD-1, MUST-9
TEST(Initial_sequence_number, follows_the_clock_of_its_flow_and_hides_that_of_others) {
    const FlowSecrets secrets(net::SipKey{1, 2});
    const Instant now = Instant() + seconds(1000);
    const Sequence first = secrets.initial_sequence(kFlow, now);
    EXPECT_EQ(secrets.initial_sequence(kFlow, now + microseconds(400)) - first, 100);
    Flow other = kFlow;
    other.local_port = 50001;
    EXPECT_NE(secrets.initial_sequence(other, now), first);
    EXPECT_NE(FlowSecrets(net::SipKey{1, 3}).initial_sequence(kFlow, now), first);
}

// rfc6298: 2.1, 2.2, 2.3
TEST(Retransmission_timeout, follows_the_round_trips) {
    RttEstimator rtt;
    const Instant now = Instant() + seconds(10);
    EXPECT_EQ(rtt.timeout(), seconds(1));
    rtt.sample(milliseconds(400), 1, now);
    EXPECT_EQ(rtt.smoothed(), milliseconds(400));
    EXPECT_EQ(rtt.variance(), milliseconds(200));
    EXPECT_EQ(rtt.timeout(), milliseconds(400 + 4 * 200));
    rtt.sample(milliseconds(480), 1, now);
    EXPECT_EQ(rtt.smoothed(), milliseconds(410));
    EXPECT_EQ(rtt.variance(), milliseconds(170));
}

// rfc6298: 2.4, 2.5, 5.5
TEST(Retransmission_timeout, has_a_least_and_a_largest_and_doubles) {
    RttEstimator rtt;
    rtt.sample(milliseconds(1), 1, Instant() + seconds(10));
    EXPECT_EQ(rtt.timeout(), milliseconds(201));
    rtt.back_off();
    EXPECT_EQ(rtt.timeout(), milliseconds(402));
    for (int i = 0; i < 40; ++i) {
        rtt.back_off();
    }
    EXPECT_EQ(rtt.timeout(), seconds(60));
    rtt.sample(milliseconds(1), 1, Instant() + seconds(20));
    EXPECT_LT(rtt.timeout(), milliseconds(202));
}

}  // namespace
}  // namespace godwit::control::tcp
