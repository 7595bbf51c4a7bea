// The straight path and the nodes forward alike: whatever comes in, the same frames go out, the
// same reasons are counted, and the same packets reach the control plane and the table owner,
// whether plain packets took the short way or every packet went through the graph.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>

#include "dataplane/api/node_id.hpp"
#include "tests/packet/frame_mutator.hpp"
#include "tests/packet/testbed.hpp"

namespace godwit::packet_test {
namespace {

std::uint64_t seed_of_run() {
    const char* given = std::getenv("GODWIT_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// A port that spreads flows by software keeps off the straight path; one worker has them all.
Topology topology(bool straight, FrameMutator::Subject subject) {
    Topology result =
        subject == FrameMutator::Subject::Nat ? translated_topology() : fuzzed_topology();
    result.workers = 1;
    result.standing_time = true;
    result.icmp_errors_per_second = 1'000'000;  // who is told must not depend on who came first
    for (TestInterface& interface : result.interfaces) {
        interface.software_rss = !straight;
        interface.partial_checksums = false;
    }
    return result;
}

// As text: so a failure shows them as they are.
using FramesByPort = std::vector<std::vector<std::string>>;

bool is_own_error(const Frame& frame) {
    const std::size_t header = frame.size() > 18 && frame[12] == 0x81 ? 18 : 14;
    return frame.size() > header + 20 && frame[header + 1] >= 0xc0 && frame[header + 9] == 1;
}

bool is_fragment(const Frame& frame) {
    const std::size_t header = frame.size() > 18 && frame[12] == 0x81 ? 18 : 14;
    return frame.size() > header + 20 && ((frame[header + 6] & 0x3fU) | frame[header + 7]) != 0;
}

enum class OwnErrors : std::uint8_t { Counted, LeftOut };

// What was sent since the last call, by port, in the order of the bytes.
FramesByPort sent(Testbed& bed, OwnErrors errors = OwnErrors::Counted) {
    FramesByPort result;
    for (const char* port : {"lan0", "wan0"}) {
        std::vector<std::string>& frames = result.emplace_back();
        for (const Frame& frame : bed.sent(port)) {
            if (errors == OwnErrors::Counted || !is_own_error(frame)) {
                frames.push_back(hex_of(frame));
            }
        }
        std::sort(frames.begin(), frames.end());
    }
    return result;
}

// What NAT has counted; nothing where there is none.
dataplane::nat::Counters nat_counters(Testbed& bed) {
    const dataplane::nat::Translator* translator = bed.nat().seat(0).translator();
    return translator == nullptr ? dataplane::nat::Counters{} : translator->counters();
}

// By their state.
std::vector<std::uint32_t> nat_sessions(Testbed& bed) {
    std::vector<std::uint32_t> result;
    if (const auto* translator = bed.nat().seat(0).translator(); translator != nullptr) {
        std::vector<dataplane::nat::SessionView> views(translator->session_count());
        std::uint32_t cursor = 0;
        const std::size_t count = translator->read_sessions(cursor, 1'000'000, {}, views);
        result.resize(9);
        for (const dataplane::nat::SessionView& view : std::span(views).first(count)) {
            ++result.at(static_cast<std::size_t>(view.tcp));
        }
    }
    return result;
}

std::uint64_t forwarded_straight(Testbed& bed) {
    return bed.counters(0)
        .nodes[static_cast<std::size_t>(api::NodeId::StraightPath)]
        .packets.read();
}

// In chains of small buffers, too, as a device that scatters delivers them.
bool receive(Testbed& bed, const std::string& port, const Frame& frame, std::size_t segment) {
    return segment == 0 ? bed.receive(port, frame) : bed.receive_chained(port, frame, segment);
}

class StraightPathTest : public testing::TestWithParam<FrameMutator::Subject> {
protected:
    static void SetUpTestSuite() { eal_ = std::make_unique<TestEal>(); }
    static void TearDownTestSuite() { eal_.reset(); }

    void give_both(std::size_t frames) {
        for (; frames > 0; --frames) {
            give(makes_no_flows_ ? next_of_open_flow() : mutator_.next());
        }
        straight_.run();
        nodes_.run();
    }
    void give(const Frame& frame) {
        const bool for_wan = frame.size() > 4 && frame[4] == 2;
        const std::string port = (mutator_.below(8) == 0) != for_wan ? "wan0" : "lan0";
        const std::size_t segment =
            !frame.empty() && mutator_.below(16) == 0 ? 16 + mutator_.below(200) : 0;
        ASSERT_EQ(receive(straight_, port, frame, segment), receive(nodes_, port, frame, segment));
    }
    // Fragments of one identification wait for each other, and so depend on the order, too.
    Frame next_of_open_flow() {
        Frame frame = mutator_.next_valid();
        while (is_fragment(frame)) {
            frame = mutator_.next_valid();
        }
        return frame;
    }
    // Within a burst new flows come in another order, and so do the ports that they get: all flows
    // are there before, in one order.
    void open_flows() {
        for (const Frame& frame : mutator_.corpus()) {
            give(frame);
            straight_.run();
            nodes_.run();
        }
        straight_.discard_sent();
        nodes_.discard_sent();
        makes_no_flows_ = true;
    }
    void expect_same_counters() {
        // Until no fragment is in flight any more.
        straight_.pass(std::chrono::seconds(61));
        straight_.run();
        nodes_.run();
        EXPECT_EQ(straight_.drops(), nodes_.drops());
        EXPECT_EQ(straight_.punted(), nodes_.punted());
        EXPECT_EQ(straight_.given_to_owner(), nodes_.given_to_owner());
        EXPECT_TRUE(nat_counters(straight_) == nat_counters(nodes_))
            << nat_counters(straight_).translated[0] << " and "
            << nat_counters(nodes_).translated[0] << " out, "
            << nat_counters(straight_).translated[1] << " and "
            << nat_counters(nodes_).translated[1] << " in";
        for (std::size_t id = 0; id < 4; ++id) {
            const auto& here = straight_.counters(0).interfaces[id];
            const auto& there = nodes_.counters(0).interfaces[id];
            EXPECT_EQ(here.rx_packets.read(), there.rx_packets.read()) << "interface " << id;
            EXPECT_EQ(here.rx_bytes.read(), there.rx_bytes.read()) << "interface " << id;
        }
        EXPECT_EQ(straight_.faults(), std::vector<std::string>{});
        EXPECT_EQ(nodes_.faults(), std::vector<std::string>{});
        EXPECT_GT(forwarded_straight(straight_), 0U);
        EXPECT_EQ(forwarded_straight(nodes_), 0U);
    }

    static inline std::unique_ptr<TestEal> eal_;
    std::uint64_t seed_ = seed_of_run();
    FrameMutator mutator_{seed_, GetParam()};
    bool makes_no_flows_ = false;
    Testbed straight_{topology(true, GetParam()), eal_->pool()};
    Testbed nodes_{topology(false, GetParam()), eal_->pool()};
};

INSTANTIATE_TEST_SUITE_P(Of, StraightPathTest,
                         testing::Values(FrameMutator::Subject::Forwarding,
                                         FrameMutator::Subject::Nat),
                         [](const auto& subject) {
                             return subject.param == FrameMutator::Subject::Nat ? "nat"
                                                                                : "forwarding";
                         });

TEST_P(StraightPathTest, does_with_each_frame_what_the_nodes_do) {
    SCOPED_TRACE(fmt::format("GODWIT_SEED={}", seed_));

    for (unsigned frame = 0; frame < 20'000; ++frame) {
        give_both(1);
        ASSERT_EQ(sent(straight_), sent(nodes_)) << "frame " << frame;
        ASSERT_EQ(nat_sessions(straight_), nat_sessions(nodes_)) << "frame " << frame;
    }

    expect_same_counters();
    for (std::size_t id = 0; id < 4; ++id) {
        const auto& here = straight_.counters(0).interfaces[id];
        const auto& there = nodes_.counters(0).interfaces[id];
        EXPECT_EQ(here.in_sent.read(), there.in_sent.read()) << "interface " << id;
        EXPECT_EQ(here.in_dropped.read(), there.in_dropped.read()) << "interface " << id;
        EXPECT_EQ(here.tx_packets.read(), there.tx_packets.read()) << "interface " << id;
        EXPECT_EQ(here.tx_bytes.read(), there.tx_bytes.read()) << "interface " << id;
    }
}

// A stranger outside who speaks with a host's address makes sessions with it; the host's own
// packets to an outside address are translated at both ends all the same.
TEST_P(StraightPathTest, keeps_hairpin_from_the_sessions_of_a_stranger) {
    constexpr std::size_t kPort =
        4;  // the octet of the destination's MAC that tells our ports apart
    std::size_t strangers = 0;
    for (const Frame& frame : mutator_.corpus()) {
        if (frame.size() <= kPort || frame[kPort] == 2) {
            continue;
        }
        Frame strange = frame;
        strange[kPort] = 2;
        for (int times = 0; times < 3; ++times) {
            ASSERT_EQ(straight_.receive("wan0", strange), nodes_.receive("wan0", strange));
            straight_.run();
            nodes_.run();
        }
        straight_.discard_sent();
        nodes_.discard_sent();
        ASSERT_EQ(straight_.receive("lan0", frame), nodes_.receive("lan0", frame));
        straight_.run();
        nodes_.run();
        ASSERT_EQ(sent(straight_), sent(nodes_)) << "frame " << hex_of(frame);
        ++strangers;
    }
    EXPECT_GT(strangers, 0U);
}

// Within a burst, what leaves the straight path comes after what does not. So it is open which of
// several errors that are due at once is the one that the rate limit lets pass.
TEST_P(StraightPathTest, does_with_bursts_what_the_nodes_do) {
    SCOPED_TRACE(fmt::format("GODWIT_SEED={}", seed_));

    if (GetParam() == FrameMutator::Subject::Nat) {
        open_flows();
    }
    for (unsigned burst = 0; burst < 3'000; ++burst) {
        give_both(1 + mutator_.below(160));
        ASSERT_EQ(sent(straight_, OwnErrors::LeftOut), sent(nodes_, OwnErrors::LeftOut))
            << "burst " << burst;
    }

    expect_same_counters();
}

}  // namespace
}  // namespace godwit::packet_test
