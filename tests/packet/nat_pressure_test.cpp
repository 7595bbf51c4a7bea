// Sessions that are counted run on while somebody scans from inside, floods from outside, or uses
// up all ports: they lose nothing, and every limit that is hit is counted.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/packet/frame_mutator.hpp"
#include "tests/packet/testbed.hpp"

namespace godwit::packet_test {
namespace {

namespace nat = dataplane::nat;

constexpr unsigned kCounted = 20;
const char* const kLan = "eth dst=02:00:00:00:01:01 src=02:00:00:00:01:02 / ip ";
const char* const kWan = "eth dst=02:00:00:00:02:01 src=02:00:00:00:02:02 / ip ";

class NatPressure : public testing::Test {
protected:
    static void SetUpTestSuite() { eal_ = std::make_unique<TestEal>(); }
    static void TearDownTestSuite() { eal_.reset(); }

    NatPressure() : topology_(translated_topology()) {
        topology_.standing_time = true;
        topology_.nat->settings.max_sessions = 512;
    }

    Testbed& bed() {
        if (!bed_) {
            bed_ = std::make_unique<Testbed>(topology_, eal_->pool());
        }
        return *bed_;
    }
    void send(const char* port, const char* link, const std::string& text) {
        const FrameNames names;
        ASSERT_TRUE(bed().receive(port, frame_from_text(link + text, names)));
        if (++waiting_ == 32) {
            bed().run();
            waiting_ = 0;
        }
    }
    void from_inside(const std::string& text) { send("lan0", kLan, text); }
    void from_outside(const std::string& text) { send("wan0", kWan, text); }

    void open_counted() {
        for (unsigned each = 0; each < kCounted; ++each) {
            from_inside(fmt::format("src=10.0.0.2 dst=198.51.100.5 / tcp sport={} dport=80 flags=2",
                                    20000 + each));
            bed().run();
            from_outside(fmt::format(
                "src=198.51.100.5 dst=10.0.1.1 / tcp sport=80 dport={} flags=18", 20000 + each));
            bed().run();
        }
        bed().discard_sent();
    }
    // A segment each way of every counted session; how many came through.
    unsigned exchange_counted() {
        bed().run();
        bed().discard_sent();
        for (unsigned each = 0; each < kCounted; ++each) {
            from_inside(fmt::format(
                "src=10.0.0.2 dst=198.51.100.5 / tcp sport={} dport=80 / data 8", 20000 + each));
            from_outside(fmt::format(
                "src=198.51.100.5 dst=10.0.1.1 / tcp sport=80 dport={} / data 8", 20000 + each));
        }
        bed().run();
        return static_cast<unsigned>(bed().sent("lan0").size() + bed().sent("wan0").size());
    }
    void expect_all_well() {
        bed().pass(std::chrono::seconds(61));
        bed().run();
        bed().discard_sent();
        EXPECT_EQ(bed().faults(), std::vector<std::string>{});
    }

    static inline std::unique_ptr<TestEal> eal_;
    Topology topology_;
    std::unique_ptr<Testbed> bed_;
    unsigned waiting_ = 0;
};

TEST_F(NatPressure, A_scan_from_inside_displaces_no_established_session) {
    open_counted();

    for (unsigned round = 0; round < 20; ++round) {
        for (unsigned probe = 0; probe < 200; ++probe) {
            from_inside(
                fmt::format("src=10.0.0.3 dst=198.51.100.{} / tcp sport=30000 dport={} "
                            "flags=2",
                            1 + probe, 1 + round));
        }
        ASSERT_EQ(exchange_counted(), 2 * kCounted) << "round " << round;
    }

    EXPECT_EQ(bed().dropped_for(api::DropReason::NatSessionsFull), 0U);
    expect_all_well();
}

TEST_F(NatPressure, A_scan_ends_at_the_limit_of_who_scans) {
    topology_.nat->settings.limits.sessions = 100;
    open_counted();

    for (unsigned probe = 0; probe < 1000; ++probe) {
        from_inside(fmt::format("src=10.0.0.3 dst=198.51.100.7 / udp sport=30000 dport={} / data 8",
                                1 + probe));
    }

    EXPECT_EQ(exchange_counted(), 2 * kCounted);
    EXPECT_GE(bed().dropped_for(api::DropReason::NatSubscriberSessions), 898U);
    expect_all_well();
}

TEST_F(NatPressure, A_flood_of_connections_from_outside_takes_nothing_from_sessions) {
    open_counted();

    for (unsigned round = 0; round < 20; ++round) {
        for (unsigned probe = 0; probe < 200; ++probe) {
            const unsigned source = round * 200 + probe;
            from_outside(fmt::format("src=192.0.2.{} dst=10.0.1.1 / tcp sport={} dport={} flags=2",
                                     1 + source % 250, 1024 + source,
                                     source % 2 == 0 ? 443 : 6000 + source));
        }
        ASSERT_EQ(exchange_counted(), 2 * kCounted) << "round " << round;
    }

    EXPECT_GT(bed().dropped_for(api::DropReason::NatUnsolicitedSyn), 0U);
    expect_all_well();
}

TEST_F(NatPressure, Who_finds_no_port_left_hurts_nobody_who_has_one) {
    topology_.nat->rules.source.front().ports = {20000, 20063};
    open_counted();

    for (unsigned probe = 0; probe < 500; ++probe) {
        from_inside(fmt::format("src=10.0.0.3 dst=198.51.100.7 / udp sport={} dport=53 / data 8",
                                2000 + probe));
        from_inside(fmt::format("src=10.0.0.3 dst=198.51.100.7 / tcp sport={} dport=53 flags=2",
                                2000 + probe));
    }

    EXPECT_EQ(exchange_counted(), 2 * kCounted);
    EXPECT_GT(bed().dropped_for(api::DropReason::NatPortsExhausted), 500U);
    expect_all_well();
}

TEST_F(NatPressure, Other_rules_end_the_sessions_that_they_must_and_no_others) {
    open_counted();
    from_inside("src=10.0.0.3 dst=198.51.100.5 / udp sport=5000 dport=53 / data 8");
    bed().run();

    TestNat next = *topology_.nat;
    next.rules.exclusions = {{*net::Ipv4Prefix::parse("10.0.0.3/32"),
                              *net::Ipv4Prefix::parse("0.0.0.0/0"), std::nullopt}};
    bed().want_nat(next);
    bed().run();
    std::uint64_t sessions = 0;
    for (unsigned worker = 0; worker < 2; ++worker) {
        sessions += bed().nat().seat(worker).translator()->session_count();
    }

    EXPECT_EQ(sessions, kCounted);
    EXPECT_EQ(exchange_counted(), 2 * kCounted);
    expect_all_well();
}

TEST_F(NatPressure, Without_NAT_all_that_waits_is_given_back) {
    from_outside("src=192.0.2.1 dst=10.0.1.1 / tcp sport=4000 dport=6000 flags=2");
    bed().run();

    bed().want_nat(std::nullopt);
    bed().run();

    EXPECT_EQ(bed().dropped_for(api::DropReason::NatUnsolicitedSyn), 1U);
    expect_all_well();
}

}  // namespace
}  // namespace godwit::packet_test
