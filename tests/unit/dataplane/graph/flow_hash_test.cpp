#include "dataplane/graph/flow_hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "net/ipv4.hpp"
#include "net/udp.hpp"

namespace godwit::dataplane {
namespace {

struct Flow {
    std::uint32_t source = 0x0a000002;
    std::uint32_t destination = 0x0a010009;
    net::IpProtocol protocol = net::IpProtocol::Udp;
    std::uint16_t source_port = 1000;
    std::uint16_t destination_port = 53;
};

std::vector<std::uint8_t> packet(const Flow& flow, bool more_fragments = false,
                                 std::uint16_t fragment_units = 0) {
    std::vector<std::uint8_t> bytes(28 + 8);
    net::ByteWriter writer(bytes);
    net::Ipv4Header header;
    header.payload_bytes = 16;
    header.protocol = flow.protocol;
    header.source = net::Ipv4Address(flow.source);
    header.destination = net::Ipv4Address(flow.destination);
    header.more_fragments = more_fragments;
    header.fragment_units = fragment_units;
    header.encode(writer);
    net::UdpHeader{flow.source_port, flow.destination_port, 8}.encode(writer);
    return bytes;
}

TEST(FlowHash, is_the_same_for_all_packets_of_a_flow_and_never_zero) {
    auto first = packet({});
    auto later = first;
    later[1] = 0xb8;  // type of service
    later[5] = 77;    // identification
    later[8] = 3;     // time to live
    EXPECT_EQ(flow_hash(first), flow_hash(later));
    EXPECT_NE(flow_hash(first), 0U);
}

TEST(FlowHash, sees_addresses_protocol_and_ports) {
    const std::uint32_t base = flow_hash(packet({}));
    EXPECT_NE(flow_hash(packet({.source = 0x0a000003})), base);
    EXPECT_NE(flow_hash(packet({.destination = 0x0a01000a})), base);
    EXPECT_NE(flow_hash(packet({.protocol = net::IpProtocol::Tcp})), base);
    EXPECT_NE(flow_hash(packet({.source_port = 1001})), base);
    EXPECT_NE(flow_hash(packet({.destination_port = 54})), base);
}

TEST(FlowHash, sees_no_ports_in_fragments_not_even_in_the_first) {
    const std::uint32_t first = flow_hash(packet({}, true, 0));
    const std::uint32_t middle = flow_hash(packet({.source_port = 0xdead}, true, 8));
    const std::uint32_t last = flow_hash(packet({.source_port = 0xbeef}, false, 16));
    EXPECT_EQ(first, middle);
    EXPECT_EQ(first, last);
}

TEST(FlowHash, reads_ports_behind_options) {
    auto plain = packet({});
    auto with_options = plain;
    with_options.insert(with_options.begin() + 20, {1, 1, 1, 1});
    with_options[0] = 0x46;
    EXPECT_EQ(flow_hash(plain), flow_hash(with_options));
}

TEST(FlowHash, of_less_than_a_header_is_unknown_and_of_every_other_length_stays_in_bounds) {
    for (std::size_t length = 0; length < packet({}).size(); ++length) {
        // A vector of its own for each length, so that a read behind its end is seen.
        auto cut = packet({});
        cut.resize(length);
        cut.shrink_to_fit();
        EXPECT_EQ(flow_hash(cut) == 0, length < 20) << length;
    }
}

TEST(FlowHash, spreads_flows_evenly_over_workers_and_each_worker_over_paths) {
    constexpr unsigned kWorkers = 3;
    constexpr unsigned kPaths = 4;
    constexpr unsigned kFlows = 48'000;
    std::array<std::array<unsigned, kPaths>, kWorkers> hits{};
    for (unsigned i = 0; i < kFlows; ++i) {
        const std::uint32_t hash =
            flow_hash(packet({.source = 0x0a000000 + i / 240,
                              .source_port = static_cast<std::uint16_t>(1024 + i % 240)}));
        ++hits[worker_of_flow(hash, kWorkers)][std::uint64_t{hash} * kPaths >> 32];
    }
    for (const auto& of_worker : hits) {
        for (const unsigned count : of_worker) {
            EXPECT_NEAR(count, kFlows / kWorkers / kPaths, kFlows / kWorkers / kPaths / 10);
        }
    }
}

}  // namespace
}  // namespace godwit::dataplane
