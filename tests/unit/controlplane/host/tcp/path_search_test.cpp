// The search for larger packets (RFC 4821): its steps alone, and in a connection.
#include "controlplane/host/tcp/path_search.hpp"

#include "tests/unit/controlplane/host/tcp/peer.hpp"

namespace godwit::control::tcp {
namespace {

constexpr Instant kNow = Instant() + hours(1);

// rfc4821: 7.3
TEST(Path_search, tries_the_link_first_and_then_halves) {
    PathSearch search(9000);
    EXPECT_FALSE(search.wanted(kNow)) << "nothing is larger than the link";
    search.fell_into_black_hole(576);
    EXPECT_EQ(search.mtu(), 576U);
    std::uint16_t passes = 1480;
    int probes = 0;
    while (const auto wanted = search.wanted(kNow)) {
        ASSERT_LT(++probes, 20);
        search.sent(*wanted, net::Sequence(1));
        EXPECT_FALSE(search.wanted(kNow)) << "one at a time";
        if (*wanted <= passes) {
            search.arrived(kNow);
        } else {
            search.was_lost(kNow);
        }
    }
    EXPECT_LE(search.mtu(), passes);
    EXPECT_GT(search.mtu() + PathSearch::kWorthIt, passes);
    // The path becomes larger, and is tried again after ten minutes.
    const auto later = search.wanted(kNow + PathSearch::kRaiseAfter);
    ASSERT_TRUE(later);
    EXPECT_EQ(*later, 9000U);
}

// rfc1191: 6.3
TEST(Path_search, believes_what_it_is_told_for_ten_minutes) {
    PathSearch search(1500);
    search.told(1400, kNow);
    EXPECT_FALSE(search.wanted(kNow + PathSearch::kRaiseAfter - seconds(1)));
    EXPECT_EQ(search.wanted(kNow + PathSearch::kRaiseAfter), std::uint16_t{1500});
}

TEST(Path_search, waits_when_an_answer_was_not_clear) {
    PathSearch search(1500);
    search.fell_into_black_hole(576);
    search.sent(*search.wanted(kNow), net::Sequence(1));
    search.was_unclear(kNow);
    EXPECT_FALSE(search.wanted(kNow + seconds(1)));
    EXPECT_TRUE(search.wanted(kNow + PathSearch::kTryAgainAfter));
}

class Tcp_path : public ConnectionTest {
protected:
    // A path of 1000 bytes, as ICMP told ten minutes ago.
    void establish_on_small_path() {
        establish(plain());
        write(2920);
        connection->path_error(PathError::PacketTooBig, kOurs + 1, 1000, now);
        acknowledge(2920);
        now += PathSearch::kRaiseAfter;
        sink.all.clear();
    }
};

// rfc4821: 7.4, 7.6
TEST_F(Tcp_path, becomes_larger_when_a_larger_segment_arrives) {
    establish_on_small_path();
    write(20'000);
    const auto lengths = sent_lengths();
    ASSERT_FALSE(lengths.empty());
    EXPECT_EQ(lengths[0], 1460U) << "the probe, before others";
    EXPECT_EQ(lengths[1], 960U);
    acknowledge(2920 + 1460);
    EXPECT_EQ(connection->info().path_mtu, 1500U);
    EXPECT_EQ(connection->info().segment_bytes, 1460U);
}

// rfc4821: 7.5
TEST_F(Tcp_path, stays_as_it_is_when_only_the_larger_segment_is_lost_and_nobody_is_to_blame) {
    establish_on_small_path();
    write(20'000);
    sink.all.clear();
    const std::uint32_t window = connection->info().congestion_window;
    const net::Sequence probe = kOurs + 1 + 2920;
    now += milliseconds(100);
    acknowledged = probe;
    for (std::uint32_t i = 1; i <= 3; ++i) {
        Segment segment = from_peer(0);
        segment.options.add_sack({probe + 1460, probe + 1460 + i * 960});
        input(segment);
    }
    const auto lengths = sent_lengths();
    ASSERT_GE(lengths.size(), 2U);
    EXPECT_EQ(connection->info().path_mtu, 1000U);
    EXPECT_EQ(connection->info().counts.recoveries, 0U);
    EXPECT_GE(connection->info().congestion_window, window);
    EXPECT_GE(connection->info().counts.retransmitted, 2U) << "in segments that pass";
}

TEST_F(Tcp_path, is_not_searched_when_it_is_told_not_to) {
    Settings settings = plain();
    settings.path_search = false;
    establish(settings);
    write(2920);
    connection->path_error(PathError::PacketTooBig, kOurs + 1, 1000, now);
    acknowledge(2920);
    now += PathSearch::kRaiseAfter;
    sink.all.clear();
    write(20'000);
    for (const std::size_t length : sent_lengths()) {
        EXPECT_EQ(length, 960U);
    }
}

}  // namespace
}  // namespace godwit::control::tcp
