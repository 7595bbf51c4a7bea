// The route ring's records on real tables: what workers see after each.
#include "dataplane/owner/route_table.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <ctime>
#include <random>

#include "tests/unit/dataplane/owner/route_fixture.hpp"

namespace godwit::dataplane {
namespace {

using api::NextHopKind;
using api::RouteRejection;
using net::Ipv4Address;
using net::Ipv4Prefix;
using net::MacAddress;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Ipv4Address kGateway(10, 0, 0, 2);
const NeighborKey kGatewayKey{net::InterfaceId(1), kGateway};
const MacAddress kMac({2, 0, 0, 0, 9, 9});

class RouteTableTest : public ::testing::Test {
protected:
    RouteTableTest() { tables.sync_begin(1); }
    void finish_sweep() {
        while (tables.routes.sweep(1000)) {
        }
    }
    RouteTables tables;
};

TEST_F(RouteTableTest, Kinds_give_their_verdicts) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.next_hop(2, NextHopKind::Receive, 1);
    tables.next_hop(3, NextHopKind::Broadcast, 1);
    tables.next_hop(4, NextHopKind::Glean, 2);
    tables.next_hop(5, NextHopKind::Gateway, 1, kGateway);
    tables.route("10.1.0.0/16", 1);
    tables.route("10.0.0.1/32", 2);
    tables.route("10.0.0.255/32", 3);
    tables.route("10.0.0.0/24", 4);
    tables.route("0.0.0.0/0", 5);
    EXPECT_THAT(tables.rejections(), IsEmpty());
    EXPECT_EQ(tables.lookup("10.1.2.3").verdict, Verdict::Blackhole);
    EXPECT_EQ(tables.lookup("10.0.0.1").verdict, Verdict::Receive);
    EXPECT_EQ(tables.lookup("10.0.0.255").verdict, Verdict::Broadcast);
    EXPECT_EQ(tables.lookup("10.0.0.9").verdict, Verdict::Glean);
    EXPECT_EQ(tables.lookup("10.0.0.9").interface, net::InterfaceId(2));
    EXPECT_EQ(tables.lookup("192.0.2.1").verdict, Verdict::Incomplete);
    EXPECT_EQ(tables.routes.acknowledged(), 11U);
}

TEST_F(RouteTableTest, Resolved_gateway_moves_all_its_routes_with_one_entry) {
    tables.next_hop(5, NextHopKind::Gateway, 3, kGateway);
    for (std::uint8_t net = 0; net < 100; ++net) {
        tables.route(Ipv4Prefix::covering(Ipv4Address(20, net, 0, 0), 16), 5);
    }
    const auto before = tables.fib.lookup(Ipv4Address(20, 7, 0, 1).value());
    tables.neighbor_up({net::InterfaceId(3), kGateway}, kMac);
    EXPECT_EQ(tables.fib.lookup(Ipv4Address(20, 7, 0, 1).value()), before);
    ASSERT_EQ(tables.lookup("20.7.0.1").verdict, Verdict::Adjacency);
    const Adjacency& adjacency = tables.adjacency("20.99.0.1");
    const std::array<std::uint8_t, 18> expected{2, 0, 0, 0,    9, 9, 2,  0, 0,
                                                0, 0, 3, 0x81, 0, 0, 20, 8, 0};
    EXPECT_EQ(adjacency.rewrite_bytes, 18);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), adjacency.rewrite.begin()));
    tables.neighbor_down({net::InterfaceId(3), kGateway});
    EXPECT_EQ(tables.lookup("20.7.0.1").verdict, Verdict::Incomplete);
}

TEST_F(RouteTableTest, Next_hop_after_its_neighbour_is_an_adjacency_at_once) {
    tables.neighbor_up(kGatewayKey, kMac);
    tables.next_hop(5, NextHopKind::Gateway, 1, kGateway);
    tables.route("20.0.0.0/8", 5);
    EXPECT_EQ(tables.lookup("20.1.1.1").verdict, Verdict::Adjacency);
}

TEST_F(RouteTableTest, Replacing_a_number_moves_its_routes_in_place) {
    tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
    tables.route("20.0.0.0/8", 1);
    const auto index = tables.fib.lookup(Ipv4Address(20, 0, 0, 1).value());
    tables.next_hop(1, NextHopKind::Blackhole);
    EXPECT_EQ(tables.fib.lookup(Ipv4Address(20, 0, 0, 1).value()), index);
    EXPECT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::Blackhole);
    EXPECT_TRUE(tables.demand.references.empty());
}

TEST_F(RouteTableTest, Group_is_spread_and_follows_its_members) {
    tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
    tables.next_hop(2, NextHopKind::Gateway, 2, Ipv4Address(10, 1, 0, 2));
    tables.group(3, {1, 2});
    tables.route("20.0.0.0/8", 3);
    ASSERT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::Group);
    const auto top = tables.fib.lookup(Ipv4Address(20, 0, 0, 1).value());
    const auto first = tables.next_hops.member(top, 0);
    const auto second = tables.next_hops.member(top, 0xffffffffU);
    EXPECT_NE(first, second);
    tables.neighbor_up(kGatewayKey, kMac);
    EXPECT_EQ(tables.next_hops.entry(first).verdict, Verdict::Adjacency);
    EXPECT_EQ(tables.next_hops.entry(second).verdict, Verdict::Incomplete);
    tables.group(3, {2});
    EXPECT_EQ(tables.next_hops.member(top, 0), second);
}

// An interface that goes down takes its gateway out of the group, which keeps its number.
TEST_F(RouteTableTest, A_group_that_loses_and_regains_a_member_moves_no_other_flow) {
    tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
    tables.next_hop(2, NextHopKind::Gateway, 2, Ipv4Address(10, 1, 0, 2));
    tables.next_hop(3, NextHopKind::Gateway, 2, Ipv4Address(10, 1, 0, 3));
    tables.group(9, {1, 2, 3});
    tables.route("20.0.0.0/8", 9);
    const auto top = tables.fib.lookup(Ipv4Address(20, 0, 0, 1).value());
    const auto flows = [&] {
        std::vector<std::uint32_t> members;
        for (std::uint64_t hash = 0; hash < 1ULL << 32; hash += 1ULL << 25) {
            members.push_back(tables.next_hops.member(top, static_cast<std::uint32_t>(hash)));
        }
        return members;
    };
    const auto before = flows();
    const auto lost = before[1];
    tables.group(9, {1, 3});
    tables.delete_next_hop(2);
    ASSERT_EQ(tables.fib.lookup(Ipv4Address(20, 0, 0, 1).value()), top);
    const auto without = flows();
    for (std::size_t i = 0; i < before.size(); ++i) {
        ASSERT_NE(without[i], lost);
        ASSERT_TRUE(without[i] == before[i] || before[i] == lost) << "flow " << i;
    }

    tables.next_hop(4, NextHopKind::Gateway, 2, Ipv4Address(10, 1, 0, 2));
    tables.group(9, {1, 3, 4});
    const auto with = flows();
    std::size_t moved = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
        moved += with[i] == without[i] ? 0U : 1U;
    }
    EXPECT_EQ(moved, before.size() / 3);
}

TEST_F(RouteTableTest, Next_hops_in_use_are_not_deleted) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.next_hop(2, NextHopKind::Blackhole);
    tables.group(3, {2});
    tables.route("20.0.0.0/8", 1);
    tables.delete_next_hop(1);
    tables.delete_next_hop(2);
    EXPECT_THAT(tables.rejections(),
                ElementsAre(RouteRejection::NextHopInUse, RouteRejection::NextHopInUse));
    tables.delete_route("20.0.0.0/8");
    tables.delete_next_hop(1);
    tables.delete_next_hop(3);
    tables.delete_next_hop(2);
    EXPECT_THAT(tables.rejections(), IsEmpty());
    EXPECT_EQ(tables.next_hops.used(), 1U);
}

TEST_F(RouteTableTest, Broken_records_are_rejected_and_change_nothing) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.rejections();
    const auto before = tables.dump();
    tables.next_hop(api::kMaxNextHopNumber, NextHopKind::Blackhole);
    tables.next_hop(2, NextHopKind::Glean, 9);
    tables.next_hop(2, NextHopKind::Gateway, 1, Ipv4Address(224, 0, 0, 1));
    tables.next_hop(2, NextHopKind::Group);
    tables.next_hop(2, static_cast<NextHopKind>(200));
    tables.group(2, {7});
    tables.group(2, {});
    tables.group(1, {1});
    tables.route("20.0.0.0/8", 77);
    api::RouteSetRecord bad;
    bad.number = 1;
    bad.length = 33;
    tables.apply(api::RouteType::RouteSet, bad);
    bad.length = 8;
    bad.prefix = Ipv4Address(20, 0, 0, 1).value();  // host bits
    tables.apply(api::RouteType::RouteSet, bad);
    tables.delete_next_hop(99);
    tables.sync_end(77);
    tables.apply(static_cast<api::RouteType>(9999), api::SyncRecord{});
    EXPECT_THAT(tables.rejections(),
                ElementsAre(RouteRejection::BadRecord, RouteRejection::UnknownInterface,
                            RouteRejection::BadRecord, RouteRejection::BadRecord,
                            RouteRejection::BadRecord, RouteRejection::UnknownNextHop,
                            RouteRejection::BadRecord, RouteRejection::BadRecord,
                            RouteRejection::UnknownNextHop, RouteRejection::BadRecord,
                            RouteRejection::BadRecord, RouteRejection::UnknownNextHop,
                            RouteRejection::BadRecord, RouteRejection::BadRecord));
    EXPECT_EQ(tables.dump(), before);
    EXPECT_EQ(tables.next_hops.used(), 2U);
}

TEST_F(RouteTableTest, Record_out_of_sequence_is_not_carried_out) {
    tables.next_hop(1, NextHopKind::Blackhole);
    ++tables.sequence;
    tables.route("20.0.0.0/8", 1);
    EXPECT_THAT(tables.rejections(), ElementsAre(RouteRejection::OutOfSequence));
    EXPECT_EQ(tables.routes.acknowledged(), 2U);
    EXPECT_EQ(tables.fib.size(), 0U);
}

TEST_F(RouteTableTest, Nothing_is_taken_before_a_session_says_sync_begin) {
    tables.session();
    tables.next_hop(1, NextHopKind::Blackhole);
    EXPECT_THAT(tables.rejections(), ElementsAre(RouteRejection::BadRecord));
}

TEST_F(RouteTableTest, Full_tables_reject_and_keep_what_they_have) {
    RouteTables small(3, 4);
    small.sync_begin(1);
    for (std::uint32_t number = 1; number <= 4; ++number) {
        small.next_hop(number, NextHopKind::Blackhole);
    }
    for (std::uint8_t net = 1; net <= 4; ++net) {
        small.route(Ipv4Prefix::covering(Ipv4Address(net, 0, 0, 0), 8), 1);
    }
    small.demand.refuse = true;
    small.delete_next_hop(3);
    small.next_hop(3, NextHopKind::Gateway, 1, kGateway);
    EXPECT_THAT(small.rejections(),
                ElementsAre(RouteRejection::NextHopsFull, RouteRejection::TableFull,
                            RouteRejection::NeighborsFull));
    EXPECT_EQ(small.fib.size(), 3U);
    small.route("3.0.0.0/8", 2);  // a replacement needs no room
    EXPECT_THAT(small.rejections(), IsEmpty());
}

TEST(RouteTableLimits, Room_is_said_once_when_something_has_gone_since_the_refusal) {
    RouteTables small(2);
    small.sync_begin(1);
    small.next_hop(1, NextHopKind::Blackhole);
    small.route("1.0.0.0/8", 1);
    small.route("2.0.0.0/8", 1);
    small.delete_route("1.0.0.0/8");
    EXPECT_THAT(small.routes.take_room(), IsEmpty());  // nothing was refused
    small.route("1.0.0.0/8", 1);
    small.route("3.0.0.0/8", 1);
    small.route("4.0.0.0/8", 1);
    EXPECT_THAT(small.rejections(),
                ElementsAre(RouteRejection::TableFull, RouteRejection::TableFull));
    EXPECT_EQ(small.routes.statistics().routes_refused, 2U);
    EXPECT_THAT(small.routes.take_room(), IsEmpty());
    small.delete_route("1.0.0.0/8");
    EXPECT_THAT(small.routes.take_room(), ElementsAre(RouteRejection::TableFull));
    EXPECT_THAT(small.routes.take_room(), IsEmpty());
}

TEST(RouteTableLimits, Each_want_of_room_is_answered_when_its_own_thing_is_given_back) {
    RouteTables small(10, 4);  // three hops
    small.sync_begin(1);
    for (std::uint32_t number = 1; number <= 4; ++number) {
        small.next_hop(number, NextHopKind::Blackhole);
    }
    EXPECT_THAT(small.rejections(), ElementsAre(RouteRejection::NextHopsFull));
    EXPECT_THAT(small.routes.take_room(), IsEmpty());
    small.delete_next_hop(3);
    EXPECT_THAT(small.routes.take_room(), ElementsAre(RouteRejection::NextHopsFull));

    small.demand.refuse = true;
    small.next_hop(3, NextHopKind::Gateway, 1, kGateway);
    EXPECT_THAT(small.rejections(), ElementsAre(RouteRejection::NeighborsFull));
    EXPECT_THAT(small.routes.take_room(), IsEmpty());
    small.routes.look_for_room(false, true);
    EXPECT_THAT(small.routes.take_room(), ElementsAre(RouteRejection::NeighborsFull));
}

TEST(RouteTableLimits, Memory_that_comes_free_after_the_refusal_is_room) {
    RouteTables small(10, 2);
    small.sync_begin(1);
    small.next_hop(1, NextHopKind::Blackhole);
    small.delete_next_hop(1);
    small.routes.look_for_room(true, false);
    small.next_hop(2, NextHopKind::Blackhole);
    small.next_hop(3, NextHopKind::Blackhole);
    EXPECT_THAT(small.rejections(), ElementsAre(RouteRejection::NextHopsFull));
    small.routes.look_for_room(true, false);
    EXPECT_THAT(small.routes.take_room(), IsEmpty());
    small.routes.look_for_room(false, false);
    EXPECT_THAT(small.routes.take_room(), ElementsAre(RouteRejection::NextHopsFull));
}

TEST_F(RouteTableTest, Group_keeps_those_members_that_are_there) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.next_hop(2, NextHopKind::Receive, 1);
    tables.group(3, {1, 2});
    tables.route("20.0.0.0/8", 3);
    tables.rejections();
    tables.group(3, {2, 77});
    EXPECT_THAT(tables.rejections(), ElementsAre(RouteRejection::UnknownNextHop));
    tables.delete_next_hop(1);  // the group has let go of it
    EXPECT_THAT(tables.rejections(), IsEmpty());
    tables.group(3, {77});
    EXPECT_THAT(tables.rejections(), ElementsAre(RouteRejection::UnknownNextHop));
    EXPECT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::NoRoute);
    tables.group(3, {2});
    EXPECT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::Group);
}

TEST_F(RouteTableTest, Groups_that_find_no_room_lead_to_their_first_member) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.next_hop(2, NextHopKind::Receive, 1);
    constexpr std::uint32_t kGroups = 64;  // of the fixture
    for (std::uint32_t group = 0; group <= kGroups; ++group) {
        tables.group(10 + group, {1, 2});
    }
    EXPECT_THAT(tables.rejections(), ElementsAre(RouteRejection::GroupsFull));
    tables.route("20.0.0.0/8", 10 + kGroups);
    EXPECT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::Blackhole);
    tables.delete_next_hop(10);
    EXPECT_THAT(tables.routes.take_room(), ElementsAre(RouteRejection::GroupsFull));
    tables.reclaimer.poll();
    tables.group(10 + kGroups, {1, 2});
    EXPECT_THAT(tables.rejections(), IsEmpty());
    EXPECT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::Group);
}

TEST_F(RouteTableTest, A_route_that_cannot_lead_elsewhere_does_not_stay_as_it_was) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.route("20.0.0.0/8", 1);
    tables.route("20.0.0.0/8", 77);
    EXPECT_THAT(tables.rejections(), ElementsAre(RouteRejection::UnknownNextHop));
    EXPECT_EQ(tables.fib.size(), 0U);
    tables.delete_next_hop(1);
    EXPECT_THAT(tables.rejections(), IsEmpty());
}

// ---- synchronisation

TEST_F(RouteTableTest, Unchanged_resynchronisation_changes_nothing_that_workers_read) {
    const auto everything = [&](std::uint32_t base) {
        tables.next_hop(base + 1, NextHopKind::Gateway, 1, kGateway);
        tables.next_hop(base + 2, NextHopKind::Gateway, 2, Ipv4Address(10, 1, 0, 2));
        tables.next_hop(base + 3, NextHopKind::Blackhole);
        tables.group(base + 4, {base + 2, base + 1});
        tables.next_hop(base + 5, NextHopKind::Receive, 1);  // no route uses it yet
        tables.route("20.0.0.0/8", base + 1);
        tables.route("30.0.0.0/8", base + 4);
        tables.route("40.0.0.0/8", base + 3);
    };
    everything(0);
    tables.sync_end(1);
    finish_sweep();
    tables.neighbor_up(kGatewayKey, kMac);
    const auto before = tables.dump();
    const auto used = tables.next_hops.used();
    const auto pending = tables.reclaimer.pending();

    tables.session();
    tables.sync_begin(2);
    everything(500);
    tables.sync_end(2);
    finish_sweep();
    EXPECT_EQ(tables.dump(), before);
    EXPECT_EQ(tables.next_hops.used(), used);
    EXPECT_EQ(tables.reclaimer.pending(), pending) << "no slot was given back";
    const auto done = tables.routes.take_sync_done();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->generation, 2U);
    EXPECT_EQ(done->routes_swept, 0U);
    EXPECT_EQ(done->next_hops_swept, 0U);
    EXPECT_THAT(tables.rejections(), IsEmpty());
}

TEST_F(RouteTableTest, What_a_resynchronisation_does_not_mention_is_swept) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.next_hop(2, NextHopKind::Gateway, 1, kGateway);
    tables.group(3, {2});
    tables.route("20.0.0.0/8", 1);
    tables.route("30.0.0.0/8", 3);
    tables.sync_end(1);
    finish_sweep();
    tables.session();
    tables.sync_begin(2);
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.route("20.0.0.0/8", 1);
    tables.sync_end(2);
    EXPECT_EQ(tables.lookup("30.0.0.1").verdict, Verdict::Group) << "until the sweep is there";
    finish_sweep();
    EXPECT_EQ(tables.fib.size(), 1U);
    EXPECT_EQ(tables.next_hops.used(), 2U);
    EXPECT_TRUE(tables.demand.references.empty());
    const auto done = tables.routes.take_sync_done();
    EXPECT_EQ(done->routes_swept, 1U);
    EXPECT_EQ(done->next_hops_swept, 2U);
}

TEST_F(RouteTableTest, Sweep_goes_in_pieces_while_records_are_taken_and_is_acknowledged_last) {
    tables.next_hop(1, NextHopKind::Blackhole);
    for (std::uint8_t net = 0; net < 100; ++net) {
        tables.route(Ipv4Prefix::covering(Ipv4Address(20, net, 0, 0), 16), 1);
    }
    tables.sync_end(1);
    finish_sweep();
    tables.sync_begin(2);
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.sync_end(2);
    const auto end = tables.sequence;
    EXPECT_TRUE(tables.routes.sweep(10));
    EXPECT_EQ(tables.fib.size(), 90U);
    tables.route("20.5.0.0/16", 1);   // swept already, back again
    tables.route("20.50.0.0/16", 1);  // not looked at yet
    EXPECT_EQ(tables.routes.acknowledged(), end - 1);
    finish_sweep();
    EXPECT_EQ(tables.fib.size(), 2U);
    EXPECT_EQ(tables.routes.acknowledged(), end + 2);
}

TEST_F(RouteTableTest, Routes_stay_while_no_control_plane_is_there) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.route("20.0.0.0/8", 1);
    const auto before = tables.dump();
    tables.session();  // one that died in the middle of its synchronisation
    tables.sync_begin(2);
    tables.session();
    EXPECT_EQ(tables.dump(), before);
}

// ---- host routes of neighbours

TEST_F(RouteTableTest, Neighbour_in_an_on_link_route_gets_a_host_route) {
    tables.next_hop(1, NextHopKind::Glean, 1);
    tables.route("10.0.0.0/24", 1);
    tables.neighbor_up(kGatewayKey, kMac);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Adjacency);
    EXPECT_TRUE(tables.is_from_neighbor("10.0.0.2/32"));
    tables.neighbor_down(kGatewayKey);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Glean);
    EXPECT_EQ(tables.fib.size(), 1U);
}

TEST_F(RouteTableTest, Neighbour_elsewhere_gets_none) {
    tables.next_hop(1, NextHopKind::Glean, 2);  // another interface
    tables.route("10.0.0.0/24", 1);
    tables.neighbor_up(kGatewayKey, kMac);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Glean);
    EXPECT_TRUE(tables.hops.hop_of(kGatewayKey));
}

TEST_F(RouteTableTest, Downloaded_host_route_always_wins) {
    tables.next_hop(1, NextHopKind::Glean, 1);
    tables.next_hop(2, NextHopKind::Blackhole);
    tables.route("10.0.0.0/24", 1);
    tables.neighbor_up(kGatewayKey, kMac);
    tables.route("10.0.0.2/32", 2);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Blackhole);
    EXPECT_FALSE(tables.is_from_neighbor("10.0.0.2/32"));
    tables.delete_route("10.0.0.2/32");
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Adjacency);
    tables.route("10.0.0.2/32", 2);
    tables.neighbor_down(kGatewayKey);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Blackhole);
}

TEST_F(RouteTableTest, More_specific_route_than_the_on_link_one_takes_the_host_route_away) {
    tables.next_hop(1, NextHopKind::Glean, 1);
    tables.next_hop(2, NextHopKind::Blackhole);
    tables.route("10.0.0.0/24", 1);
    tables.neighbor_up(kGatewayKey, kMac);
    tables.route("10.0.0.0/30", 2);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Blackhole);
    tables.delete_route("10.0.0.0/30");
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Adjacency);
    tables.delete_route("10.0.0.0/24");
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::NoRoute);
    EXPECT_EQ(tables.fib.size(), 0U);
}

TEST_F(RouteTableTest, Next_hop_that_becomes_on_link_brings_the_host_route) {
    tables.next_hop(1, NextHopKind::Blackhole);
    tables.route("10.0.0.0/24", 1);
    tables.neighbor_up(kGatewayKey, kMac);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Blackhole);
    tables.next_hop(1, NextHopKind::Glean, 1);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::Adjacency);
}

TEST_F(RouteTableTest, Interface_with_another_mtu_and_mac_rewrites_its_adjacencies) {
    tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
    tables.route("20.0.0.0/8", 1);
    tables.neighbor_up(kGatewayKey, kMac);
    auto next = std::make_unique<InterfaceSnapshot>();
    next->entries = tables.table.current().entries;
    next->entries[1].mtu = 1400;
    tables.table.replace(std::move(next));
    tables.hops.rebuild(net::InterfaceId(1));
    EXPECT_EQ(tables.adjacency("20.0.0.1").mtu, 1400);
}

TEST_F(RouteTableTest, Hops_of_a_removed_interface_lead_nowhere) {
    tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
    tables.next_hop(2, NextHopKind::Glean, 1);
    tables.route("20.0.0.0/8", 1);
    tables.route("10.0.0.0/24", 2);
    tables.neighbor_up(kGatewayKey, kMac);
    tables.neighbor_down(kGatewayKey);
    tables.hops.interface_removed(net::InterfaceId(1));
    EXPECT_EQ(tables.lookup("20.0.0.1").verdict, Verdict::NoRoute);
    EXPECT_EQ(tables.lookup("10.0.0.2").verdict, Verdict::NoRoute);
    EXPECT_TRUE(tables.demand.references.empty());
}

// ---- against a model

struct ModelHop {
    NextHopKind kind = NextHopKind::NoRoute;
    std::uint16_t interface = 0;
    Ipv4Address gateway;
    std::vector<std::uint32_t> members;
};

// A control plane and a network that do anything at any time; after every step each address must
// go where the naive model says.
TEST(RouteTableModel, Random_records_neighbours_and_sessions_agree_with_a_naive_model) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        RouteTables tables;
        std::map<std::uint32_t, ModelHop> hops;
        std::map<Ipv4Prefix, std::uint32_t> routes;
        std::set<NeighborKey> up;
        std::uint64_t generation = 1;
        tables.sync_begin(generation);

        const auto address = [&] {
            return Ipv4Address(10, 0, static_cast<std::uint8_t>(random() % 2),
                               static_cast<std::uint8_t>(random() % 16));
        };
        const auto used = [&](std::uint32_t number) {
            for (const auto& [prefix, of] : routes) {
                if (of == number) {
                    return true;
                }
            }
            for (const auto& [other, hop] : hops) {
                for (const std::uint32_t member : hop.members) {
                    if (member == number) {
                        return true;
                    }
                }
            }
            return false;
        };
        const auto in_group = [&](std::uint32_t number) {
            for (const auto& [other, hop] : hops) {
                for (const std::uint32_t member : hop.members) {
                    if (member == number) {
                        return true;
                    }
                }
            }
            return false;
        };
        const auto send_hop = [&](std::uint32_t number, const ModelHop& hop) {
            if (hop.members.empty()) {
                tables.next_hop(number, hop.kind, hop.interface, hop.gateway);
            } else {
                tables.group(number, hop.members);
            }
        };

        for (int step = 0; step < 1500; ++step) {
            const auto choice = random() % 20;
            if (choice < 5) {
                ModelHop hop;
                hop.kind = static_cast<NextHopKind>(random() % 6);
                if (hop.kind != NextHopKind::NoRoute && hop.kind != NextHopKind::Blackhole) {
                    hop.interface = static_cast<std::uint16_t>(1 + random() % 3);
                }
                if (hop.kind == NextHopKind::Gateway) {
                    hop.gateway = address();
                }
                const auto number = static_cast<std::uint32_t>(random() % 12);
                send_hop(number, hop);
                hops[number] = hop;
            } else if (choice < 7) {
                const auto number = static_cast<std::uint32_t>(random() % 12);
                ModelHop hop;
                hop.kind = NextHopKind::Group;
                for (const auto& [other, candidate] : hops) {
                    if (candidate.members.empty() && other != number && random() % 3 == 0) {
                        hop.members.push_back(other);
                    }
                }
                if (!hop.members.empty()) {
                    tables.group(number, hop.members);
                    if (!in_group(number)) {
                        hops[number] = hop;
                    }
                }
            } else if (choice < 8) {
                const auto number = static_cast<std::uint32_t>(random() % 12);
                tables.delete_next_hop(number);
                if (!used(number)) {
                    hops.erase(number);
                }
            } else if (choice < 13) {
                const std::uint8_t lengths[] = {0, 8, 23, 24, 28, 30, 31, 32};
                const auto prefix = Ipv4Prefix::covering(address(), lengths[random() % 8]);
                const auto number = static_cast<std::uint32_t>(random() % 12);
                tables.route(prefix, number);
                if (hops.contains(number)) {
                    routes[prefix] = number;
                } else {
                    routes.erase(prefix);
                }
            } else if (choice < 15 && !routes.empty()) {
                const auto position = std::next(
                    routes.begin(), static_cast<std::ptrdiff_t>(random() % routes.size()));
                tables.delete_route(position->first);
                routes.erase(position);
            } else if (choice < 17) {
                const NeighborKey key{
                    net::InterfaceId(static_cast<std::uint16_t>(1 + random() % 3)), address()};
                tables.neighbor_up(key, kMac);
                up.insert(key);
            } else if (choice < 18 && !up.empty()) {
                tables.neighbor_down(*up.begin());
                up.erase(up.begin());
            } else if (choice == 18 && random() % 10 == 0) {
                // A new control plane that has forgotten some of it, under other numbers.
                tables.session();
                tables.sync_begin(++generation);
                std::erase_if(routes, [&](const auto&) { return random() % 3 == 0; });
                std::map<std::uint32_t, ModelHop> kept;
                std::map<std::uint32_t, std::uint32_t> renamed;
                for (const bool groups : {false, true}) {
                    for (const auto& [number, hop] : hops) {
                        if (hop.members.empty() == groups || !used(number)) {
                            continue;
                        }
                        ModelHop moved = hop;
                        for (std::uint32_t& member : moved.members) {
                            member = renamed.at(member);
                        }
                        const auto name = static_cast<std::uint32_t>(11 - kept.size());
                        renamed[number] = name;
                        kept[name] = moved;
                        send_hop(name, moved);
                    }
                }
                for (auto& [prefix, number] : routes) {
                    number = renamed.at(number);
                    tables.route(prefix, number);
                }
                hops = std::move(kept);
                tables.sync_end(generation);
                while (tables.routes.sweep(1 + random() % 20)) {
                }
            }

            const auto expected = [&](Ipv4Address to) -> std::pair<NextHopKind, bool> {
                const ModelHop* best = nullptr;
                int length = -1;
                for (const auto& [prefix, number] : routes) {
                    if (prefix.contains(to) && prefix.length() > length) {
                        length = prefix.length();
                        best = &hops.at(number);
                    }
                }
                if (best == nullptr) {
                    return {NextHopKind::NoRoute, false};
                }
                if (best->kind == NextHopKind::Glean && length < 32) {
                    return {best->kind, up.contains({net::InterfaceId(best->interface), to})};
                }
                if (best->kind == NextHopKind::Gateway) {
                    return {best->kind,
                            up.contains({net::InterfaceId(best->interface), best->gateway})};
                }
                return {best->kind, false};
            };
            for (std::uint8_t net = 0; net < 3; ++net) {
                for (std::uint8_t host = 0; host < 17; ++host) {
                    const Ipv4Address to(10, 0, net, host);
                    const auto index = tables.fib.lookup(to.value());
                    const NextHopEntry entry = tables.next_hops.entry(index);
                    const auto [kind, resolved] = expected(to);
                    Verdict verdict = Verdict::NoRoute;
                    switch (kind) {
                        case NextHopKind::NoRoute:
                            break;
                        case NextHopKind::Blackhole:
                            verdict = Verdict::Blackhole;
                            break;
                        case NextHopKind::Receive:
                            verdict = Verdict::Receive;
                            break;
                        case NextHopKind::Broadcast:
                            verdict = Verdict::Broadcast;
                            break;
                        case NextHopKind::Glean:
                            verdict = resolved ? Verdict::Adjacency : Verdict::Glean;
                            break;
                        case NextHopKind::Gateway:
                            verdict = resolved ? Verdict::Adjacency : Verdict::Incomplete;
                            break;
                        case NextHopKind::Group:
                            verdict = Verdict::Group;
                            break;
                    }
                    ASSERT_EQ(static_cast<int>(entry.verdict), static_cast<int>(verdict))
                        << to.to_string() << " at step " << step;
                }
            }
        }
        // Everything away: nothing is left over, nobody is referred to.
        for (const auto& [prefix, number] : routes) {
            tables.delete_route(prefix);
        }
        for (const bool plain : {false, true}) {
            for (const auto& [number, hop] : hops) {
                if (hop.members.empty() == plain) {
                    tables.delete_next_hop(number);
                }
            }
        }
        for (const NeighborKey& key : up) {
            tables.neighbor_down(key);
        }
        EXPECT_EQ(tables.fib.size(), 0U);
        EXPECT_EQ(tables.next_hops.used(), 1U);
        EXPECT_TRUE(tables.demand.references.empty());
    }
}

// A control plane that dies before it has said everything, again and again; a sweep that the next
// one overtakes. What the last one mentions stays, and nothing else.
TEST(RouteTableModel, Synchronisations_without_an_end_leave_nothing_of_themselves_behind) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        RouteTables tables;
        tables.neighbor_up({net::InterfaceId(1), Ipv4Address(10, 0, 0, 9)}, kMac);
        for (std::uint64_t generation = 1; generation < 40; ++generation) {
            tables.session();
            tables.sync_begin(generation);
            tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
            tables.next_hop(2, NextHopKind::Glean, 1);
            tables.route("10.0.0.0/24", 2);
            std::set<Ipv4Prefix> mentioned{*Ipv4Prefix::parse("10.0.0.0/24")};
            for (unsigned i = 0; i < 100; ++i) {
                const auto third = static_cast<std::uint8_t>(random() % 200);
                const auto prefix =
                    Ipv4Prefix::covering(Ipv4Address(20, 0, third, 9), random() % 2 == 0 ? 24 : 32);
                tables.route(prefix, 1);
                mentioned.insert(prefix);
            }
            const bool last = generation == 39;
            if (last || random() % 3 == 0) {
                tables.sync_end(generation);
                for (unsigned turn = 0; tables.routes.sweep(7) && (last || turn < 5); ++turn) {
                }
            }
            for (const Ipv4Prefix& each : mentioned) {
                ASSERT_TRUE(tables.fib.find(each)) << each.to_string();
            }
            if (last) {
                EXPECT_FALSE(tables.routes.is_sweeping());
                EXPECT_EQ(tables.routes.downloaded(), mentioned.size());
                EXPECT_EQ(tables.fib.size(), mentioned.size() + 1) << "and the neighbour's own";
            }
        }
        EXPECT_THAT(tables.rejections(), IsEmpty());
    }
}

TEST(RouteTableModel, Garbage_records_never_crash) {
    std::mt19937 random(99);
    RouteTables tables;
    tables.sync_begin(1);
    std::vector<std::byte> bytes(400);
    for (int i = 0; i < 200000; ++i) {
        for (std::byte& byte : bytes) {
            byte = static_cast<std::byte>(random() % 4 == 0 ? random() : 0U);
        }
        const std::uint64_t sequence = tables.sequence + 1;
        std::memcpy(bytes.data(), &sequence, sizeof sequence);
        const auto size = random() % bytes.size();
        tables.sequence += size >= 8 ? 1U : 0U;
        tables.routes.apply({static_cast<std::uint32_t>(14 + random() % 12),
                             std::span<const std::byte>(bytes).first(size)});
        tables.routes.sweep(3);
        tables.rejections();
    }
    tables.next_hop(1, NextHopKind::Blackhole);
}

TEST(RouteTableModel, Bulk_of_routes_is_fast_enough) {
    constexpr std::uint32_t kRoutes = 400000;
    RouteTables tables(kRoutes + 10, 1024);
    tables.sync_begin(1);
    tables.next_hop(1, NextHopKind::Gateway, 1, kGateway);
    std::mt19937 random(5);
    std::vector<Ipv4Prefix> prefixes;
    for (std::uint32_t i = 0; i < kRoutes; ++i) {
        prefixes.push_back(Ipv4Prefix::covering(
            Ipv4Address(0x01000000U + static_cast<std::uint32_t>(random() % 0xd0000000U)),
            static_cast<std::uint8_t>(16 + random() % 9)));
    }
    const auto cpu_seconds = [] {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    };
    const double begin = cpu_seconds();
    for (const Ipv4Prefix& prefix : prefixes) {
        tables.route(prefix, 1);
    }
    const double rate = kRoutes / (cpu_seconds() - begin);
    EXPECT_THAT(tables.rejections(), IsEmpty());
    std::printf("%.0f route records a second of this thread\n", rate);
    // Of its own CPU time, and well under what an idle machine does: others may use its caches.
    EXPECT_GT(rate, 50000.0);
}

}  // namespace
}  // namespace godwit::dataplane
