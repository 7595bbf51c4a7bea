// What a case in YAML cannot say about a worker: limits of its rings and pool, chained buffers,
// packets from the table owner, and the loop with its own thread.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet.hpp"
#include "dataplane/nodes/arp/arp_policer.hpp"
#include "dataplane/nodes/ip4/identification.hpp"
#include "net/icmp.hpp"
#include "tests/packet/testbed.hpp"

namespace godwit::packet_test {
namespace {

using api::DropReason;

net::MacAddress mac(const char* text) {
    return *net::MacAddress::parse(text);
}
net::Ipv4Address address(const char* text) {
    return *net::Ipv4Address::parse(text);
}

Topology two_ports() {
    Topology topology;
    TestInterface lan;
    lan.name = "lan0";
    lan.mac = mac("02:00:00:00:01:01");
    lan.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
    TestInterface wan;
    wan.name = "wan0";
    wan.mac = mac("02:00:00:00:02:01");
    wan.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.1.1/24")};
    topology.interfaces = {lan, wan};
    topology.neighbors = {{address("10.0.0.2"), "lan0", mac("02:00:00:00:01:02")},
                          {address("10.0.1.2"), "wan0", mac("02:00:00:00:02:02")}};
    return topology;
}

const char* const kFromLan = "eth dst=02:00:00:00:01:01 src=02:00:00:00:01:02 / ";
const char* const kToWan = "eth dst=02:00:00:00:02:02 src=02:00:00:00:02:01 / ";

Frame frame(const std::string& text) {
    return frame_from_text(text, {});
}
Frame from_lan(const std::string& rest) {
    return frame(kFromLan + rest);
}

class WorkerTest : public testing::Test {
protected:
    static void SetUpTestSuite() { eal_ = std::make_unique<TestEal>(); }
    static void TearDownTestSuite() { eal_.reset(); }
    void SetUp() override { in_use_before_ = eal_->packets_in_use(); }
    void TearDown() override {
        EXPECT_EQ(eal_->packets_in_use(), in_use_before_) << "buffers were lost";
    }
    static void expect_balanced(const Testbed& testbed) {
        for (const std::string& fault : testbed.faults()) {
            ADD_FAILURE() << fault;
        }
    }

    // An IPv4 packet of the control plane, as the owner gives it.
    static rte_mbuf* packet(const std::string& text, api::NodeId resume) {
        const Frame whole = from_lan(text);
        rte_mbuf* made = rte_pktmbuf_alloc(eal_->pool());
        const std::size_t bytes = whole.size() - 14;
        std::memcpy(rte_pktmbuf_append(made, static_cast<std::uint16_t>(bytes)), &whole[14], bytes);
        dataplane::reset_meta(made);
        dataplane::meta(made).resume = resume;
        dataplane::meta(made).local_source = 1;
        return made;
    }

    static std::unique_ptr<TestEal> eal_;
    unsigned in_use_before_ = 0;
};
std::unique_ptr<TestEal> WorkerTest::eal_;

TEST_F(WorkerTest, a_device_that_takes_no_more_costs_its_packets_and_nothing_else) {
    Testbed testbed(two_ports(), eal_->pool());
    const Frame packet = from_lan("ip src=10.0.0.2 dst=10.0.1.2 / udp sport=1 dport=2");
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 1000; ++i) {
            ASSERT_TRUE(testbed.receive("lan0", packet));
        }
        testbed.run();  // nobody takes anything out of wan0, which has room for 1024
    }
    EXPECT_EQ(testbed.total(&api::CounterBlock::sent), 1024U);
    EXPECT_EQ(testbed.dropped_for(DropReason::TransmitQueueFull), 2000U - 1024U);
    EXPECT_EQ(testbed.counters(0).interfaces[2].tx_dropped.read(), 2000U - 1024U);
    EXPECT_EQ(testbed.counters(0).interfaces[2].tx_packets.read(), 1024U);
    expect_balanced(testbed);
}

// Worker 0 alone runs, and nobody takes anything out of the ring that it fills.
void overfill(Testbed& testbed, const Frame& frame) {
    for (unsigned round = 0; round < dataplane::Links::kRingPackets / 64 + 2; ++round) {
        for (int i = 0; i < 64; ++i) {
            ASSERT_TRUE(testbed.receive("lan0", frame));
        }
        testbed.worker(0).run_once();
    }
}

TEST_F(WorkerTest, packets_that_leave_are_hits_of_their_neighbor_on_either_way) {
    Topology topology = two_ports();
    topology.neighbors.push_back({address("10.0.1.3"), "wan0", mac("02:00:00:00:02:03")});
    Testbed testbed(topology, eal_->pool());
    for (int i = 0; i < 20; ++i) {
        testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.2 / udp sport=1 dport=2"));
        if (i % 4 == 0) {
            testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.3 / data 4"));
        }
    }
    testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.3 opts=01010100 / data 4"));
    testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.3 ttl=1 / data 4"));
    testbed.run();
    const auto hits = [&testbed](const char* neighbor) {
        return testbed.next_hops().hits(testbed.next_hop_of(address(neighbor)));
    };
    EXPECT_EQ(hits("10.0.1.2"), 20U);
    EXPECT_EQ(hits("10.0.1.3"), 6U);
    expect_balanced(testbed);
}

TEST_F(WorkerTest, a_ring_to_the_owner_that_is_full_drops_and_counts) {
    Testbed testbed(two_ports(), eal_->pool());
    overfill(testbed, frame("eth dst=ff:ff:ff:ff:ff:ff src=02:00:00:00:01:02 / arp op=2 "
                            "smac=02:00:00:00:01:02 sip=10.0.0.2 tip=10.0.0.1"));
    // More than its policer lets through in no time does not even come to the ring.
    const unsigned sent = dataplane::Links::kRingPackets + 128;
    const auto kind = static_cast<std::size_t>(dataplane::ArpKind::Known);
    EXPECT_EQ(testbed.dropped_for(DropReason::ArpQueueFull),
              sent - dataplane::ArpPolicer::kRates[kind].burst);
    testbed.run();
    overfill(testbed, from_lan("ip src=10.0.0.2 dst=10.0.1.77 / data 4"));
    EXPECT_EQ(testbed.dropped_for(DropReason::OwnerRingFull), 128U);
    testbed.run();
    expect_balanced(testbed);
}

// A scan through the router makes more packets to resolve than the owner takes; the answers of
// those that are there come through all the same.
TEST_F(WorkerTest, a_scan_that_fills_the_ring_to_the_owner_costs_no_arp_reply) {
    Testbed testbed(two_ports(), eal_->pool());
    overfill(testbed, from_lan("ip src=10.0.0.2 dst=10.0.1.77 / data 4"));
    ASSERT_EQ(testbed.dropped_for(DropReason::OwnerRingFull), 128U);
    testbed.receive("lan0", frame("eth dst=02:00:00:00:01:01 src=02:00:00:00:01:78 / arp op=2 "
                                  "smac=02:00:00:00:01:78 sip=10.0.0.78 tip=10.0.0.1"));
    testbed.worker(0).run_once();
    EXPECT_EQ(testbed.dropped_for(DropReason::ArpQueueFull), 0U);
    testbed.run();
    EXPECT_EQ(testbed.given_to_owner(),
              (std::map<std::string, unsigned>{{"arp-input", 1},
                                               {"arp-resolve", dataplane::Links::kRingPackets}}));
    expect_balanced(testbed);
}

// A flood with random senders takes neither the ring nor the owner's time from a packet that waits
// for its neighbour, nor from the answer that it waits for, nor from a neighbour that moved.
TEST_F(WorkerTest, a_flood_of_arp_leaves_the_owner_to_those_who_need_it) {
    Testbed testbed(two_ports(), eal_->pool());
    const auto ask = [&](unsigned sender) {
        return frame(
            "eth dst=ff:ff:ff:ff:ff:ff src=02:00:00:00:01:77 / arp op=1 "
            "smac=02:00:00:00:01:77 tip=10.0.0.1 sip=10.0.0." +
            std::to_string(3 + sender % 250));
    };
    for (unsigned round = 0; round < 2 * dataplane::Links::kRingPackets / 60; ++round) {
        for (unsigned i = 0; i < 60; ++i) {
            ASSERT_TRUE(testbed.receive("lan0", ask(round * 60 + i)));
        }
        testbed.worker(0).run_once();
        testbed.discard_sent();  // the answers: every request gets one
    }
    const auto request = static_cast<std::size_t>(dataplane::ArpKind::Request);
    const std::uint64_t flooded = 2 * dataplane::Links::kRingPackets / 60 * 60;
    EXPECT_EQ(testbed.dropped_for(DropReason::ArpQueueFull),
              flooded - dataplane::ArpPolicer::kRates[request].burst);
    EXPECT_EQ(testbed.total(&api::CounterBlock::originated), flooded);

    testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.77 / data 4"));
    testbed.receive("lan0", frame("eth dst=02:00:00:00:01:01 src=02:00:00:00:01:78 / arp op=2 "
                                  "smac=02:00:00:00:01:78 sip=10.0.0.78 tip=10.0.0.1"));
    testbed.receive("lan0", frame("eth dst=ff:ff:ff:ff:ff:ff src=02:00:00:00:01:79 / arp op=1 "
                                  "smac=02:00:00:00:01:79 sip=10.0.0.2 tip=10.0.0.1"));
    testbed.run();
    EXPECT_EQ(
        testbed.given_to_owner(),
        (std::map<std::string, unsigned>{
            {"arp-input", dataplane::ArpPolicer::kRates[request].burst + 2}, {"arp-resolve", 1}}));
    expect_balanced(testbed);
}

TEST_F(WorkerTest, a_full_ring_to_another_worker_drops_and_counts) {
    Topology topology = two_ports();
    topology.workers = 2;
    topology.interfaces[0].software_rss = true;
    Testbed testbed(topology, eal_->pool());
    Frame packet;
    std::uint32_t hash = 0;
    for (int port = 1; dataplane::worker_of_flow(hash, 2) != 1; ++port) {
        packet =
            from_lan("ip src=10.0.0.2 dst=10.0.1.2 / udp dport=9 sport=" + std::to_string(port));
        hash = dataplane::flow_hash(std::span(packet).subspan(14));
    }
    overfill(testbed, packet);
    EXPECT_EQ(testbed.dropped_for(DropReason::HandoffFull), 128U);
    testbed.run();
    expect_balanced(testbed);
}

TEST_F(WorkerTest, without_buffers_there_are_no_answers_but_forwarding_goes_on) {
    Testbed testbed(two_ports(), eal_->pool());
    testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=172.16.0.1 / data 4"));
    testbed.receive("lan0", frame("eth dst=ff:ff:ff:ff:ff:ff src=02:00:00:00:01:02 / arp op=1 "
                                  "smac=02:00:00:00:01:02 sip=10.0.0.2 tip=10.0.0.1"));
    testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.2 / data 4"));
    std::vector<rte_mbuf*> all;
    while (rte_mbuf* packet = rte_pktmbuf_alloc(eal_->pool())) {
        all.push_back(packet);
    }
    testbed.run();
    rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));

    EXPECT_EQ(testbed.icmp_silences(), (std::map<std::string, std::uint64_t>{{"no-buffer", 1}}));
    EXPECT_EQ(testbed.total(&api::CounterBlock::originated), 0U);
    EXPECT_EQ(testbed.sent("wan0").size(), 1U);
    EXPECT_TRUE(testbed.sent("lan0").empty());
    expect_balanced(testbed);
}

TEST_F(WorkerTest, a_chain_of_buffers_is_forwarded_trimmed_answered_and_quoted_as_one_packet) {
    Testbed testbed(two_ports(), eal_->pool());
    const std::string udp = "ip src=10.0.0.2 dst=10.0.1.2 ttl=64 / udp sport=1 dport=2 / data 333";
    testbed.receive_chained("lan0", from_lan(udp + " / pad 700"), 100);
    testbed.receive_chained("lan0",
                            from_lan("ip src=10.0.0.2 dst=10.0.0.1 / icmp rest=7 / data 201"), 51);
    const Frame expires = from_lan("ip src=10.0.0.2 dst=10.0.1.2 ttl=1 / data 900");
    testbed.receive_chained("lan0", expires, 64);
    testbed.run();

    const std::vector<Frame> forwarded = testbed.sent("wan0");
    ASSERT_EQ(forwarded.size(), 1U);
    EXPECT_EQ(hex_of(forwarded[0]),
              hex_of(frame(kToWan + std::string("ip src=10.0.0.2 dst=10.0.1.2 ttl=63 / udp sport=1 "
                                                "dport=2 / data 333"))));
    const std::vector<Frame> answers = testbed.sent("lan0");
    ASSERT_EQ(answers.size(), 2U);
    const char* const back = "eth dst=02:00:00:00:01:02 src=02:00:00:00:01:01 / ";
    EXPECT_EQ(hex_of(answers[0]),
              hex_of(frame(back + std::string("ip src=10.0.0.1 dst=10.0.0.2 / icmp "
                                              "type=0 rest=7 / data 201"))));
    FrameNames names;
    names.inputs.push_back(expires);
    // rfc6864: the first number of this triple in the space of worker 0, beside the owner's.
    dataplane::Identification identification(Testbed::kRandomKey, 0,
                                             dataplane::identification_counters(1));
    const std::uint16_t number =
        identification.next(address("10.0.0.1"), address("10.0.0.2"), net::IpProtocol::Icmp);
    EXPECT_EQ(
        hex_of(answers[1]),
        hex_of(frame_from_text(back + std::string("ip src=10.0.0.1 dst=10.0.0.2 tos=0xc0 id=") +
                                   std::to_string(number) + " / icmp type=11 / quote 0",
                               names)));
    expect_balanced(testbed);
}

TEST_F(WorkerTest, headers_that_are_split_over_buffers_are_dropped_as_truncated) {
    Testbed testbed(two_ports(), eal_->pool());
    testbed.receive_chained("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.2 / data 100"), 13);
    testbed.receive_chained("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.2 / data 100"), 30);
    testbed.run();
    EXPECT_EQ(testbed.dropped_for(DropReason::FrameTruncated), 1U);
    EXPECT_EQ(testbed.dropped_for(DropReason::Ip4Truncated), 1U);
    expect_balanced(testbed);
}

TEST_F(WorkerTest, an_injected_packet_is_looked_up_and_keeps_its_time_to_live) {
    Testbed testbed(two_ports(), eal_->pool());
    const std::string text = "ip src=10.0.1.1 dst=10.0.1.2 ttl=1 / tcp sport=179 dport=9";
    testbed.give_worker(0, packet(text, api::NodeId::Ip4Lookup));
    testbed.run();
    const std::vector<Frame> sent = testbed.sent("wan0");
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(hex_of(sent[0]), hex_of(frame(kToWan + text)));
    expect_balanced(testbed);
}

TEST_F(WorkerTest, no_error_is_sent_about_an_injected_packet) {
    Testbed testbed(two_ports(), eal_->pool());
    testbed.give_worker(0,
                        packet("ip src=10.0.1.1 dst=172.16.0.1 / data 4", api::NodeId::Ip4Lookup));
    testbed.run();
    EXPECT_EQ(testbed.dropped_for(DropReason::Ip4NoRoute), 1U);
    EXPECT_EQ(testbed.total(&api::CounterBlock::originated), 0U);
    expect_balanced(testbed);
}

TEST_F(WorkerTest, an_echo_of_the_control_plane_to_our_own_address_comes_back_to_it) {
    Testbed testbed(two_ports(), eal_->pool());
    testbed.give_worker(
        0, packet("ip src=10.0.0.1 dst=10.0.1.1 / icmp rest=1 / data 9", api::NodeId::Ip4Lookup));
    testbed.run();
    EXPECT_EQ(testbed.punted(), (std::map<std::string, unsigned>{{"icmp", 1}}));
    expect_balanced(testbed);
}

TEST_F(WorkerTest, a_held_packet_whose_neighbour_is_gone_again_goes_back_to_be_asked_for) {
    Testbed testbed(two_ports(), eal_->pool());
    const std::uint32_t next_hop = testbed.next_hop_of(address("10.0.1.2"));
    rte_mbuf* held = packet("ip src=10.0.1.1 dst=10.0.1.2 / data 4", api::NodeId::Ip4Rewrite);
    dataplane::meta(held).next_hop = next_hop;
    testbed.next_hops().set_plain(next_hop, {.verdict = dataplane::Verdict::Incomplete,
                                             .of_one = false,
                                             .interface = net::InterfaceId(2),
                                             .target = 0});
    testbed.give_worker(0, held);
    testbed.run();
    EXPECT_EQ(testbed.given_to_owner(), (std::map<std::string, unsigned>{{"arp-resolve", 1}}));

    rte_mbuf* late = packet("ip src=10.0.1.1 dst=10.0.1.2 / data 4", api::NodeId::Ip4Rewrite);
    dataplane::meta(late).next_hop = next_hop;
    testbed.next_hops().release(next_hop);
    testbed.give_worker(0, late);
    testbed.run();
    EXPECT_EQ(testbed.dropped_for(DropReason::Ip4NoAdjacency), 1U);
    expect_balanced(testbed);
}

TEST_F(WorkerTest, a_whole_frame_leaves_by_the_interface_that_it_names) {
    Testbed testbed(two_ports(), eal_->pool());
    rte_mbuf* request = packet("ip / data 4", api::NodeId::InterfaceOutput);
    dataplane::meta(request).egress = net::InterfaceId(2);
    testbed.give_worker(0, request);
    rte_mbuf* nowhere = packet("ip / data 4", api::NodeId::InterfaceOutput);
    dataplane::meta(nowhere).egress = net::InterfaceId(9);
    testbed.give_worker(0, nowhere);
    rte_mbuf* jumbo = packet("ip / data 1600", api::NodeId::InterfaceOutput);
    dataplane::meta(jumbo).egress = net::InterfaceId(2);
    testbed.give_worker(0, jumbo);
    testbed.run();
    EXPECT_EQ(testbed.sent("wan0").size(), 1U);
    EXPECT_EQ(testbed.dropped_for(DropReason::TransmitInterfaceDown), 1U);
    EXPECT_EQ(testbed.dropped_for(DropReason::TransmitTooLong), 1U);
    expect_balanced(testbed);
}

// What the control plane does not take in time is the rest, never a Hello or an echo: the worker
// answers the one itself and has a ring for the other.
TEST_F(WorkerTest, a_flood_of_the_rest_never_delays_a_routing_protocol_or_an_echo_to_us) {
    Topology topology = two_ports();
    topology.control_plane_stalls = true;
    Testbed testbed(topology, eal_->pool());
    const Frame flood = from_lan("ip src=10.0.0.2 dst=10.0.0.1 / tcp sport=1 dport=22 / data 1400");
    const Frame hello = from_lan("ip src=10.0.0.2 dst=10.0.0.1 proto=89 / data 44");
    const Frame echo = from_lan("ip src=10.0.0.2 dst=10.0.0.1 / icmp rest=1 / data 56");
    const Frame transit = from_lan("ip src=10.0.0.2 dst=10.0.1.2 / udp sport=1 dport=2");
    for (unsigned round = 1; round <= 40; ++round) {
        for (unsigned i = 0; i < 60; ++i) {
            ASSERT_TRUE(testbed.receive("lan0", flood));
        }
        for (const Frame& each : {hello, echo, transit}) {
            ASSERT_TRUE(testbed.receive("lan0", each));
        }
        testbed.worker(0).run_once();
        const auto punted_of = [&](api::PuntClass punt_class) {
            return testbed.counters(0).punts[static_cast<std::size_t>(punt_class)].punted.read();
        };
        // In the same turn that they came in, whatever has become of the flood.
        EXPECT_EQ(punted_of(api::PuntClass::Ospf), round);
        EXPECT_EQ(testbed.sent("lan0").size(), 1U);
        EXPECT_EQ(testbed.sent("wan0").size(), 1U);
    }
    const auto& flooded = testbed.counters(0).punts[static_cast<std::size_t>(api::PuntClass::Tcp)];
    EXPECT_GT(flooded.ring_full.read(), 1000U);
    EXPECT_EQ(flooded.ring_full.read(), testbed.dropped_for(DropReason::PuntRingFull));
    testbed.run();
    EXPECT_EQ(testbed.punted().at("ospf"), 40U);
    expect_balanced(testbed);
}

TEST_F(WorkerTest, a_packet_as_long_as_ipv4_can_say_is_punted_whole) {
    Testbed testbed(two_ports(), eal_->pool());
    Frame longest = from_lan("ip src=10.0.0.2 dst=10.0.0.1 / udp sport=1 dport=2 / data 65507");
    ASSERT_EQ(longest.size(), 14U + api::kMaxPacketBytes);
    ASSERT_TRUE(testbed.receive_chained("lan0", longest, 1480));
    testbed.run();
    EXPECT_EQ(testbed.punted(), (std::map<std::string, unsigned>{{"udp", 1}}));
    expect_balanced(testbed);
}

// The loop on a thread of its own. Real time, since sleeping is what it is about; the bounds are
// wide, for a machine that is busy.
TEST_F(WorkerTest, an_idle_worker_sleeps_forwards_again_at_once_and_holds_up_nobody) {
    Topology topology = two_ports();
    topology.idle = config::IdleMode::Adaptive;
    Testbed testbed(topology, eal_->pool());
    std::atomic<bool> stop{false};
    std::thread thread([&] { testbed.worker(0).run(stop); });
    const auto eventually = [](auto condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!condition() && std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
        return condition();
    };
    EXPECT_TRUE(eventually([&] { return testbed.counters(0).sleeps.read() > 100; }));

    bool released = false;
    testbed.reclaimer().defer([&released] { released = true; });
    EXPECT_TRUE(eventually([&] {
        testbed.reclaimer().poll();
        return released;
    }));

    for (std::uint64_t i = 1; i <= 20; ++i) {
        ASSERT_TRUE(testbed.receive("lan0", from_lan("ip src=10.0.0.2 dst=10.0.1.2 / data 4")));
        EXPECT_TRUE(eventually([&] { return testbed.counters(0).sent.read() == i; }));
    }
    stop = true;
    thread.join();
    testbed.reclaimer().drain();  // a worker that ended is waited for by nobody
    EXPECT_EQ(testbed.sent("wan0").size(), 20U);
    expect_balanced(testbed);
}

}  // namespace
}  // namespace godwit::packet_test
