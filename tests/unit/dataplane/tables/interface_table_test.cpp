#include "dataplane/tables/interface_table.hpp"

#include <gtest/gtest.h>

namespace godwit::dataplane {
namespace {

net::Ipv4Address address(const char* text) {
    return *net::Ipv4Address::parse(text);
}

std::unique_ptr<InterfaceSnapshot> snapshot_with(const std::vector<const char*>& addresses) {
    auto snapshot = std::make_unique<InterfaceSnapshot>();
    snapshot->entries.resize(2);
    snapshot->entries[1].id = net::InterfaceId(1);
    for (const char* text : addresses) {
        snapshot->entries[1].addresses.push_back(*net::Ipv4InterfaceAddress::parse(text));
    }
    return snapshot;
}

TEST(InterfaceTable, an_old_snapshot_lives_until_the_worker_that_may_read_it_is_quiescent) {
    Reclaimer reclaimer(1);
    InterfaceTable table(reclaimer);
    table.replace(snapshot_with({"10.0.0.1/24"}));
    reclaimer.poll();
    reclaimer.online(0);
    const InterfaceSnapshot& seen = table.current();

    table.replace(snapshot_with({"10.0.0.2/24"}));
    EXPECT_EQ(reclaimer.poll(), 0U);
    EXPECT_TRUE(seen.find(net::InterfaceId(1))->owns(address("10.0.0.1")));  // ASan watches
    EXPECT_TRUE(table.current().find(net::InterfaceId(1))->owns(address("10.0.0.2")));

    reclaimer.quiescent(0);
    EXPECT_EQ(reclaimer.poll(), 1U);
    reclaimer.offline(0);
}

TEST(InterfaceTable, finds_no_interface_under_0_or_beyond_its_end) {
    Reclaimer reclaimer(1);
    InterfaceTable table(reclaimer);
    table.replace(snapshot_with({"10.0.0.1/24"}));
    EXPECT_EQ(table.current().find(net::InterfaceId()), nullptr);
    EXPECT_EQ(table.current().find(net::InterfaceId(2)), nullptr);
    EXPECT_NE(table.current().find(net::InterfaceId(1)), nullptr);
}

TEST(InterfaceTable, our_addresses_and_broadcasts_are_impossible_sources_and_nothing_else_is) {
    Reclaimer reclaimer(1);
    InterfaceTable table(reclaimer);
    table.replace(snapshot_with({"10.0.0.1/24", "192.0.2.0/31", "198.51.100.7/32"}));
    const ImpossibleSources& impossible = table.current().impossible_sources;
    for (const char* text : {"10.0.0.1", "10.0.0.255", "10.0.0.0", "192.0.2.0", "198.51.100.7"}) {
        EXPECT_TRUE(impossible.contains(address(text))) << text;
    }
    // A /31 has two hosts and no broadcast address (RFC 3021).
    EXPECT_FALSE(impossible.contains(address("192.0.2.1")));
    int hits = 0;
    for (std::uint32_t host = 2; host < 255; ++host) {
        hits += impossible.contains(net::Ipv4Address(0x0a000000U + host)) ? 1 : 0;
    }
    EXPECT_EQ(hits, 0);
}

}  // namespace
}  // namespace godwit::dataplane
