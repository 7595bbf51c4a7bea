// The walk, the outboxes and the bytes of chains, on mbufs that lie in the test's own memory: no
// EAL, no pool.
#include "dataplane/graph/graph.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

#include "dataplane/graph/outbox.hpp"
#include "dataplane/graph/packet_bytes.hpp"

namespace godwit::dataplane {
namespace {

using api::NodeId;

// An mbuf, its private area and its data, as a pool would lay them out.
struct alignas(64) Buffer {
    rte_mbuf packet{};
    std::array<std::uint8_t, kPacketPrivateBytes> private_area{};
    std::array<std::uint8_t, 256> data{};

    explicit Buffer(std::uint16_t length = 0) {
        packet.buf_addr = data.data();
        packet.buf_len = static_cast<std::uint16_t>(data.size());
        packet.priv_size = kPacketPrivateBytes;
        packet.nb_segs = 1;
        packet.data_len = length;
        packet.pkt_len = length;
        for (std::size_t i = 0; i < data.size(); ++i) {
            data[i] = static_cast<std::uint8_t>(i);
        }
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
};

class GraphTest : public testing::Test {
protected:
    rte_mbuf* packet() { return &buffers_.emplace_back().packet; }

    std::deque<Buffer> buffers_;
    std::unique_ptr<api::CounterBlock> counters_ = std::make_unique<api::CounterBlock>();
    Graph graph_{*counters_};
};

TEST_F(GraphTest, nodes_run_in_their_order_whatever_order_packets_came_in) {
    graph_.next(NodeId::Punt, packet());
    graph_.next(NodeId::Ip4Input, packet());
    graph_.next(NodeId::EthernetInput, packet());
    std::vector<NodeId> order;
    graph_.walk([&order](NodeId node, std::span<rte_mbuf* const>) { order.push_back(node); });
    EXPECT_EQ(order, (std::vector{NodeId::EthernetInput, NodeId::Ip4Input, NodeId::Punt}));
}

TEST_F(GraphTest, an_edge_that_leads_back_is_emptied_before_the_walk_goes_on) {
    graph_.next(NodeId::Ip4Rewrite, packet());
    graph_.next(NodeId::Punt, packet());
    std::vector<NodeId> order;
    graph_.walk([&](NodeId node, std::span<rte_mbuf* const> packets) {
        order.push_back(node);
        if (node == NodeId::Ip4Rewrite) {
            graph_.next(NodeId::IcmpError, packets[0]);
        } else if (node == NodeId::IcmpError) {
            graph_.next(NodeId::Ip4Lookup, packets[0]);
        }
    });
    EXPECT_EQ(order, (std::vector{NodeId::Ip4Rewrite, NodeId::IcmpError, NodeId::Ip4Lookup,
                                  NodeId::Punt}));
}

TEST_F(GraphTest, a_node_gets_bursts_of_at_most_64_and_its_packets_are_counted) {
    for (unsigned i = 0; i < Graph::kCapacity; ++i) {
        graph_.next(NodeId::Ip4Lookup, packet());
    }
    std::vector<std::size_t> bursts;
    graph_.walk([&bursts](NodeId, std::span<rte_mbuf* const> packets) {
        bursts.push_back(packets.size());
    });
    EXPECT_EQ(bursts, (std::vector<std::size_t>{kBurst, kBurst}));
    const api::NodeCounters& counted =
        counters_->nodes[static_cast<std::size_t>(NodeId::Ip4Lookup)];
    EXPECT_EQ(counted.calls.read(), 1U);
    EXPECT_EQ(counted.packets.read(), Graph::kCapacity);
    EXPECT_GT(counted.cycles.read(), 0U);
}

TEST_F(GraphTest, an_outbox_holds_a_rest_and_a_whole_walk) {
    Outbox outbox;
    for (unsigned i = 0; i < kDeviceBurst - 1; ++i) {
        outbox.put(packet());
    }
    EXPECT_FALSE(outbox.has_burst());
    for (unsigned i = 0; i < Graph::kCapacity; ++i) {
        outbox.put(packet());
    }
    EXPECT_TRUE(outbox.has_burst());
    EXPECT_EQ(outbox.take().size(), kDeviceBurst - 1 + Graph::kCapacity);
    EXPECT_TRUE(outbox.empty());
}

class ChainTest : public testing::Test {
protected:
    ChainTest() {
        first_.packet.next = &second_.packet;
        second_.packet.next = &third_.packet;
        first_.packet.nb_segs = 3;
        first_.packet.pkt_len = 11 + 8 + 5;
    }

    Buffer first_{11};
    Buffer second_{8};
    Buffer third_{5};
};

TEST_F(ChainTest, bytes_are_copied_over_the_borders_of_buffers) {
    std::array<std::uint8_t, 14> copied{};
    copy_bytes(&first_.packet, copied);
    EXPECT_EQ(copied, (std::array<std::uint8_t, 14>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2}));
}

TEST_F(ChainTest, a_sum_over_odd_buffers_is_that_of_the_bytes_behind_each_other) {
    std::vector<std::uint8_t> flat(first_.packet.pkt_len);
    copy_bytes(&first_.packet, flat);
    for (std::uint32_t offset = 0; offset < flat.size(); ++offset) {
        for (std::uint32_t length = 0; length <= flat.size() - offset; ++length) {
            net::ChecksumSum sum;
            add_bytes(sum, &first_.packet, offset, length);
            EXPECT_EQ(sum.checksum(),
                      net::internet_checksum(std::span(flat).subspan(offset, length)))
                << offset << " " << length;
        }
    }
}

TEST_F(ChainTest, a_trim_within_the_last_buffer_keeps_the_chain) {
    trim_to(&first_.packet, 21);
    EXPECT_EQ(first_.packet.pkt_len, 21U);
    EXPECT_EQ(first_.packet.nb_segs, 3);
    EXPECT_EQ(third_.packet.data_len, 2);
}

}  // namespace
}  // namespace godwit::dataplane
