// The owner with packets: ARP in and out, packets that wait, packets of the control plane, and its
// part of the ledger.
#include "dataplane/owner/owner.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/dataplane/owner/owner_fixture.hpp"

namespace godwit::dataplane {
namespace {

using namespace std::chrono_literals;
using api::DropReason;
using api::NodeId;
using net::ArpOperation;
using net::Ipv4Address;
using net::MacAddress;
using ::testing::ElementsAre;
using ::testing::SizeIs;

const Ipv4Address kHost(10, 0, 0, 7);
const MacAddress kHostMac({2, 0, 0, 0, 7, 7});

// Without what differs from packet to packet: its number, and the checksum that follows.
std::vector<std::uint8_t> without_identification(std::vector<std::uint8_t> packet) {
    packet[4] = packet[5] = packet[10] = packet[11] = 0;
    return packet;
}

class OwnerPackets : public OwnerTest {
protected:
    api::InjectRecord to_neighbor(const std::string& interface, Ipv4Address next_hop) {
        api::InjectRecord header;
        header.mode = api::InjectMode::Neighbor;
        header.interface = id(interface).value();
        header.next_hop = next_hop.value();
        return header;
    }
    void inject(const api::InjectRecord& header, const std::vector<std::uint8_t>& bytes) {
        owner->injected(header, std::as_bytes(std::span(bytes)));
        owner->turn(now);
    }
    // What `show status` would say of it.
    api::LimitRecord shown(api::TableLimit limit) {
        std::vector<std::byte> room(64 * sizeof(api::LimitRecord));
        const api::QueryBody query{.kind = api::QueryKind::Limits};
        QueryPage page(query, room);
        owner->query(query, page);
        for (std::size_t row = 0; row < page.count(); ++row) {
            api::LimitRecord record;
            std::memcpy(&record, room.data() + row * sizeof record, sizeof record);
            if (record.limit == limit) {
                return record;
            }
        }
        ADD_FAILURE() << "not shown: " << static_cast<unsigned>(limit);
        return {};
    }
};

TEST_F(OwnerPackets, Unknown_neighbour_is_asked_by_a_broadcast_that_names_us) {
    to_resolve(kHost);
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::InterfaceOutput);
    EXPECT_EQ(given[0].about.egress, id("lan0"));
    const std::vector<std::uint8_t> expected{
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 1, 0, 0x08, 0x06,        // Ethernet
        0,    1,    8,    0,    6,    4,    0,  1,                                // request
        2,    0,    0,    0,    1,    0,    10, 0, 0, 1, 0, 0, 0,    0,    0, 0,  // us
        10,   0,    0,    7};
    EXPECT_EQ(given[0].bytes, expected);
    EXPECT_EQ(in_flight(), 1);
}

TEST_F(OwnerPackets, Request_on_a_vlan_carries_its_tag_and_address) {
    to_resolve(Ipv4Address(10, 0, 20, 9), "lan0.20");
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].bytes[12], 0x81);
    EXPECT_EQ(given[0].bytes[15], 20);
    EXPECT_EQ(given[0].bytes[16], 0x08);
    EXPECT_EQ(given[0].bytes[17], 0x06);
    EXPECT_EQ(given[0].bytes[34], 20);  // 10.0.20.1
}

TEST_F(OwnerPackets, Answer_sends_the_packet_on_by_its_new_adjacency) {
    to_resolve(kHost);
    discard();
    arp("lan0", ArpOperation::Reply, kHost, Ipv4Address(10, 0, 0, 1), kHostMac);
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::Ip4Rewrite);
    const NextHopEntry entry = next_hops.entry(given[0].about.next_hop);
    ASSERT_EQ(entry.verdict, Verdict::Adjacency);
    EXPECT_EQ(next_hops.adjacency(entry.target).rewrite[5], 7);
    EXPECT_EQ(in_flight(), 0);
    EXPECT_EQ(counters().punted.read(), 1U);
    EXPECT_EQ(counters().interfaces[id("lan0").value()].in_punted.read(), 1U);
}

// rfc1812: 4.3.3.1/c, 5.2.7.1/h
TEST_F(OwnerPackets, Unanswered_packets_are_answered_host_unreachable_by_a_worker) {
    to_resolve(kHost);
    pass(4s);
    std::vector<Given> errors;
    for (const Given& given : taken()) {
        if (given.resume == NodeId::IcmpError) {
            errors.push_back(given);
        }
    }
    ASSERT_THAT(errors, SizeIs(1));
    EXPECT_EQ(errors[0].about.icmp_type, 3);
    EXPECT_EQ(errors[0].about.icmp_code, 1);
    EXPECT_EQ(errors[0].about.drop_reason, DropReason::ArpUnresolved);
    EXPECT_EQ(in_flight(), 0);
}

TEST_F(OwnerPackets, Unanswered_packet_of_our_own_is_dropped_in_silence) {
    inject(to_neighbor("lan0", kHost), ipv4(Ipv4Address(10, 0, 0, 1), kHost));
    EXPECT_EQ(in_flight(), 1);
    pass(4s);
    for (const Given& given : taken()) {
        EXPECT_EQ(given.resume, NodeId::InterfaceOutput);
    }
    EXPECT_EQ(drops(DropReason::ArpUnresolved), 1U);
    EXPECT_EQ(in_flight(), 0);
}

TEST_F(OwnerPackets, Packet_for_a_broadcast_address_or_a_loopback_never_asks) {
    to_resolve(Ipv4Address(10, 0, 0, 255));
    EXPECT_EQ(drops(DropReason::Ip4DirectedBroadcast), 1U);
    EXPECT_EQ(counters().interfaces[id("wan0").value()].in_dropped.read(), 1U);
    to_resolve(Ipv4Address(198, 51, 100, 9), "lo0");
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::IcmpError);
}

TEST_F(OwnerPackets, Next_hop_that_vanished_on_the_way_is_a_drop) {
    rte_mbuf* one = packet(ipv4(kHost, kHost), NodeId::ArpResolve);
    meta(one).ingress = id("wan0");
    meta(one).egress = id("lan0");
    meta(one).next_hop = 77;
    give(one);
    EXPECT_EQ(drops(DropReason::Ip4NoAdjacency), 1U);
}

TEST_F(OwnerPackets, Routed_injection_is_looked_up_as_ours) {
    api::InjectRecord header;
    header.mode = api::InjectMode::Routed;
    const auto bytes = ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(8, 8, 8, 8));
    inject(header, bytes);
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::Ip4Lookup);
    EXPECT_EQ(given[0].about.local_source, 1);
    EXPECT_TRUE(given[0].about.ingress.is_none());
    EXPECT_NE(given[0].about.flow_hash, 0U);
    EXPECT_EQ(without_identification(given[0].bytes), without_identification(bytes));
}

// rfc6864: 4.3
TEST_F(OwnerPackets, Injected_packets_are_numbered_in_a_space_that_no_worker_counts_in) {
    const auto worker_count = static_cast<unsigned>(workers.size());
    Identification of_the_owner(kRandomKey, worker_count, worker_count + 1);
    api::InjectRecord header;
    header.mode = api::InjectMode::Routed;
    const Ipv4Address own(10, 0, 0, 1);
    const Ipv4Address peer(8, 8, 8, 8);
    net::Ipv4Header ipv4;
    ipv4.protocol = net::IpProtocol::Tcp;
    ipv4.source = own;
    ipv4.destination = peer;
    for (int packet = 0; packet < 100; ++packet) {
        std::vector<std::uint8_t> bytes(net::kIpv4MinHeaderBytes);
        net::ByteWriter writer(bytes);
        ipv4.encode(writer);
        inject(header, bytes);
    }
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(100));
    for (const Given& one : given) {
        const auto view = net::wire::Ipv4View::parse(one.bytes);
        ASSERT_TRUE(view);
        EXPECT_TRUE(view->has_valid_checksum());
        EXPECT_EQ(view->identification(), of_the_owner.next(own, peer, net::IpProtocol::Tcp));
    }
}

TEST_F(OwnerPackets, An_injected_fragment_keeps_the_number_that_its_others_have) {
    api::InjectRecord header;
    header.mode = api::InjectMode::Routed;
    auto bytes = ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(8, 8, 8, 8));
    bytes[5] = 77;
    for (const std::size_t more_or_offset : {std::size_t{6}, std::size_t{7}}) {
        auto fragment = bytes;
        fragment[more_or_offset] = 0x20;
        inject(header, fragment);
        const auto given = taken();
        ASSERT_THAT(given, SizeIs(1));
        EXPECT_EQ(given[0].bytes, fragment);
    }
}

// rfc791: 3.1
TEST_F(OwnerPackets, The_longest_packet_is_injected_whole_in_a_chain_of_buffers) {
    api::InjectRecord header;
    header.mode = api::InjectMode::Routed;
    auto bytes = ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(8, 8, 8, 8),
                      api::kMaxPacketBytes - std::size_t{20});
    for (std::size_t i = 20; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    }
    inject(header, bytes);
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::Ip4Lookup);
    EXPECT_EQ(without_identification(given[0].bytes), without_identification(bytes));
}

TEST_F(OwnerPackets, A_long_packet_without_enough_buffers_is_dropped_and_leaves_none_behind) {
    std::vector<rte_mbuf*> taken_away;
    while (rte_mempool_avail_count(pool_) > 5) {
        taken_away.push_back(rte_pktmbuf_alloc(pool_));
    }
    api::InjectRecord header;
    header.mode = api::InjectMode::Routed;
    inject(header, ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(8, 8, 8, 8), 60'000));
    EXPECT_EQ(drops(DropReason::NoBuffer), 1U);
    EXPECT_EQ(rte_mempool_avail_count(pool_), 5U);
    rte_pktmbuf_free_bulk(taken_away.data(), static_cast<unsigned>(taken_away.size()));
    EXPECT_EQ(in_flight(), 0);
}

// rfc1812: 4.2.3.2/a
TEST_F(OwnerPackets, Multicast_is_sent_to_the_mac_of_its_group) {
    inject(to_neighbor("lan0.20", Ipv4Address(224, 129, 2, 5)),
           ipv4(Ipv4Address(10, 0, 20, 1), Ipv4Address(224, 129, 2, 5)));
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::InterfaceOutput);
    EXPECT_THAT(
        std::vector<std::uint8_t>(given[0].bytes.begin(), given[0].bytes.begin() + 18),
        ElementsAre(0x01, 0x00, 0x5e, 0x01, 0x02, 0x05, 2, 0, 0, 0, 1, 0, 0x81, 0, 0, 20, 8, 0));
}

// rfc1812: 5.3.4/d, 4.2.3.1/e, 5.3.5.1/c
TEST_F(OwnerPackets, Broadcasts_go_to_everybody_on_the_link) {
    inject(to_neighbor("lan0", Ipv4Address(255, 255, 255, 255)),
           ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(255, 255, 255, 255)));
    inject(to_neighbor("lan0", Ipv4Address(10, 0, 0, 255)),
           ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 255)));
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(2));
    EXPECT_EQ(given[0].bytes[0], 0xff);
    EXPECT_EQ(given[1].bytes[5], 0xff);
}

TEST_F(OwnerPackets, What_cannot_be_sent_is_counted_by_reason) {
    const auto good = ipv4(Ipv4Address(10, 0, 0, 1), kHost);
    auto truncated = good;
    truncated.pop_back();
    auto longer = good;
    longer.push_back(0);
    api::InjectRecord routed;
    routed.mode = api::InjectMode::Routed;
    inject(routed, truncated);
    inject(routed, longer);
    inject(routed, {0x45});
    api::InjectRecord other;
    other.mode = static_cast<api::InjectMode>(9);
    inject(other, good);
    inject(to_neighbor("lan0", Ipv4Address()), good);
    inject(to_neighbor("lan0", Ipv4Address(10, 0, 0, 1)), good);  // ourselves
    EXPECT_EQ(drops(DropReason::InjectMalformed), 6U);
    inject(to_neighbor("lo0", kHost), good);
    api::InjectRecord nowhere = to_neighbor("lan0", kHost);
    nowhere.interface = 200;
    inject(nowhere, good);
    EXPECT_EQ(drops(DropReason::InjectBadInterface), 2U);
    inject(to_neighbor("lan0", Ipv4Address(224, 0, 0, 5)),
           ipv4(Ipv4Address(10, 0, 0, 1), Ipv4Address(224, 0, 0, 5), 1481));
    EXPECT_EQ(drops(DropReason::TransmitTooLong), 1U);
    EXPECT_EQ(counters().injected.read(), 9U);
    EXPECT_EQ(in_flight(), 0);
}

TEST_F(OwnerPackets, Addresses_are_announced_twice_when_the_link_comes_up) {
    ports.links["lan0"].up = false;
    pass(200ms);
    EXPECT_FALSE(owner->interfaces().link_is_up(id("lan0")));
    EXPECT_FALSE(owner->interfaces().link_is_up(id("lan0.20")));
    discard();
    ports.links["lan0"].up = true;
    pass(1s);
    const auto first = taken();
    ASSERT_THAT(first, SizeIs(2));         // lan0 and its VLAN
    EXPECT_EQ(first[0].bytes[28 + 3], 1);  // sender 10.0.0.1
    pass(10s);
    EXPECT_THAT(taken(), SizeIs(2));
    EXPECT_EQ(owner->interfaces().record(id("lan0"))->link_changes, 2U);
}

// A router with an address that is proved free before it is used.
class OwnerProves : public OwnerPackets {
protected:
    static constexpr const char* kProves = R"(version: 1
interfaces:
  lan0: {vdev: net_null0, addresses: [10.0.0.1/24], conflict-detection: probe}
  wan0: {vdev: net_null1, addresses: [192.0.2.1/30]}
  lan0.20: {parent: lan0, vlan: 20, addresses: [10.0.20.1/24]}
  lo0: {loopback: true, addresses: [198.51.100.1/32]}
)";
    OwnerProves() {
        std::string text;
        ports.links["lan0"].up = false;
        pass(200ms);
        EXPECT_EQ(configure(kProves, text), api::ConfigureOutcome::Done) << text;
        discard();
    }
    bool uses() { return owner->interfaces().entry(id("lan0"))->owns(kOurs); }
    // Sender and target of the ARP requests that went out, as their last bytes.
    std::vector<std::pair<int, int>> requests() {
        std::vector<std::pair<int, int>> found;
        for (const Given& given : taken()) {
            if (given.about.egress == id("lan0") && given.bytes.size() >= 42) {
                found.emplace_back(given.bytes[28 + 3], given.bytes[38 + 3]);
            }
        }
        return found;
    }
    const Ipv4Address kOurs{10, 0, 0, 1};
};

// rfc5227: 2.1, 2.1.1, 2.3
TEST_F(OwnerProves, Address_is_kept_back_probed_from_nobody_then_announced_twice_and_used) {
    EXPECT_TRUE(uses()) << "in use before; it is proved when the link comes back";
    ports.links["lan0"].up = true;
    pass(200ms);
    EXPECT_FALSE(uses());
    EXPECT_TRUE(owner->interfaces().entry(id("lan0"))->is_tentative(kOurs));
    EXPECT_TRUE(table.current().is_tentative(kOurs));
    EXPECT_FALSE(table.current().impossible_sources.contains(kOurs));
    pass(3800ms);
    EXPECT_FALSE(uses()) << "four seconds are the least";
    pass(4s);
    EXPECT_TRUE(uses());
    pass(5s);
    EXPECT_THAT(requests(), ElementsAre(std::pair(0, 1), std::pair(0, 1), std::pair(0, 1),
                                        std::pair(1, 1), std::pair(1, 1)));
}

// rfc5227: 2.1.1
TEST_F(OwnerProves, Address_of_another_host_is_not_used_nor_sent_from_until_it_is_free) {
    ports.links["lan0"].up = true;
    pass(1s);
    arp("lan0", ArpOperation::Reply, kOurs, Ipv4Address(), kHostMac);
    pass(50s);
    EXPECT_FALSE(uses());
    EXPECT_EQ(owner->conflicts().statistics().refused, 1U);
    discard();

    inject(to_neighbor("lan0", kHost), ipv4(kOurs, kHost));
    EXPECT_EQ(drops(DropReason::Ip4NotYetOurs), 1U);
    to_resolve(kHost);
    EXPECT_THAT(requests(), SizeIs(0)) << "there is no address to ask from";

    pass(30s);
    EXPECT_TRUE(uses()) << "asked again, and nobody has it any more";
}

// rfc5227: 2.1.1
TEST_F(OwnerProves, Our_own_probe_given_back_by_the_network_is_nothing) {
    ports.links["lan0"].up = true;
    pass(1s);
    for (const std::string name : {"lan0", "wan0"}) {
        arp("lan0", ArpOperation::Request, Ipv4Address(), kOurs, ports.ports[name].mac);
    }
    pass(8s);
    EXPECT_TRUE(uses());
}

// rfc5227: 2.4
TEST_F(OwnerPackets, Address_is_defended_by_one_announcement_in_ten_seconds) {
    for (int i = 0; i < 5; ++i) {
        arp("lan0", ArpOperation::Request, Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 9),
            kHostMac);
    }
    const auto given = taken();
    ASSERT_THAT(given, SizeIs(1));
    EXPECT_EQ(given[0].resume, NodeId::InterfaceOutput);
    EXPECT_EQ(given[0].bytes[0], 0xff);
    EXPECT_EQ(given[0].bytes[21], 1);  // request
    EXPECT_THAT(std::vector<std::uint8_t>(given[0].bytes.begin() + 28, given[0].bytes.end()),
                ElementsAre(10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1));
    EXPECT_EQ(owner->conflicts().statistics().conflicts, 5U);
    EXPECT_EQ(owner->neighbors().size(), 0U) << "and nothing is learnt from it";
}

TEST_F(OwnerPackets, Neighbour_is_polled_while_workers_send_to_it_and_then_forgotten) {
    to_resolve(kHost);
    arp("lan0", ArpOperation::Reply, kHost, Ipv4Address(10, 0, 0, 1), kHostMac);
    std::optional<std::uint32_t> hop;
    for (const Given& given : taken()) {
        if (given.resume == NodeId::Ip4Rewrite) {
            hop = given.about.next_hop;
        }
    }
    ASSERT_TRUE(hop);
    const NeighborKey key{id("lan0"), kHost};
    const auto worker_sends = [&] {
        next_hops.hit_counters(1)[next_hops.entry(*hop).target].add(3);
    };
    for (int minute = 1; minute <= 5; ++minute) {
        worker_sends();
        EXPECT_EQ(owner->neighbors().find(key, now)->hits, 3U * static_cast<unsigned>(minute));
        std::size_t asked = 0;
        for (int second = 0; second < 77 && asked == 0; ++second) {
            pass(1s);
            asked = taken().size();
        }
        EXPECT_EQ(asked, 1U) << "polled";
        arp("lan0", ArpOperation::Reply, kHost, Ipv4Address(10, 0, 0, 1), kHostMac);
        ASSERT_EQ(owner->neighbors().find(key, now)->state, api::NeighborState::Reachable);
    }
    discard();
    pass(76s);
    ASSERT_EQ(owner->neighbors().find(key, now)->state, api::NeighborState::Stale);
    EXPECT_NE(next_hops.entry(fib.lookup(kHost.value())).verdict, Verdict::Adjacency);
    pass(60s);
    EXPECT_FALSE(owner->neighbors().find(key, now));
    EXPECT_THAT(taken(), SizeIs(0)) << "and not polled";
}

TEST_F(OwnerPackets, Pool_is_shown_with_what_is_out_the_most_that_was_and_who_found_none) {
    const api::LimitRecord before = shown(api::TableLimit::PacketBuffers);
    EXPECT_EQ(before.used, 0U);
    EXPECT_EQ(before.capacity, 2047U);
    EXPECT_EQ(before.refused, 0U);

    std::vector<rte_mbuf*> out(2047);
    ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool_, out.data(), 2047), 0);
    EXPECT_EQ(shown(api::TableLimit::PacketBuffers).used, 2047U);
    inject(to_neighbor("lan0", kHost), ipv4(Ipv4Address(10, 0, 0, 1), kHost));
    region->blocks[1].drops[static_cast<std::size_t>(DropReason::Ip4FragmentNoBuffer)].add(2);
    region->blocks[0].icmp_silences[static_cast<std::size_t>(api::IcmpSilence::NoBuffer)].add(4);
    EXPECT_EQ(shown(api::TableLimit::PacketBuffers).refused, 1U + 2U + 4U)
        << "of the owner and of both workers";
    pass(1s);  // the owner looks
    rte_pktmbuf_free_bulk(out.data(), 2047);

    const api::LimitRecord after = shown(api::TableLimit::PacketBuffers);
    EXPECT_EQ(after.used, 0U);
    EXPECT_EQ(after.most_used, 2047U) << "remembered";
}

TEST_F(OwnerPackets, Fragments_that_gave_way_are_shown_of_all_workers) {
    for (const std::size_t worker : {0U, 1U}) {
        auto& drops = region->blocks[worker].drops;
        drops[static_cast<std::size_t>(DropReason::ReassemblyFull)].add(3);
        drops[static_cast<std::size_t>(DropReason::ReassemblyInterfaceFull)].add(5);
    }
    EXPECT_EQ(shown(api::TableLimit::Fragments).refused, 6U);
    EXPECT_EQ(shown(api::TableLimit::InterfaceFragments).refused, 10U);
}

TEST_F(OwnerPackets, Random_packets_keep_the_ledger_and_the_pool) {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        for (int step = 0; step < 3000; ++step) {
            const Ipv4Address host(10, 0, static_cast<std::uint8_t>(random() % 2 * 20),
                                   static_cast<std::uint8_t>(random() % 256));
            const std::string interface = random() % 2 != 0 ? "lan0" : "lan0.20";
            switch (random() % 7) {
                case 0:
                case 1:
                    to_resolve(host, interface);
                    break;
                case 2:
                    arp(interface, random() % 2 != 0 ? ArpOperation::Reply : ArpOperation::Request,
                        host, Ipv4Address(10, 0, 0, 1),
                        MacAddress({2, 0, 0, 0, 5, static_cast<std::uint8_t>(random())}));
                    break;
                case 3: {
                    std::vector<std::uint8_t> noise(random() % 64);
                    std::generate(noise.begin(), noise.end(),
                                  [&] { return static_cast<std::uint8_t>(random()); });
                    rte_mbuf* one = packet(noise, static_cast<NodeId>(random() % 14));
                    meta(one).ingress = net::InterfaceId(static_cast<std::uint16_t>(random() % 9));
                    meta(one).egress = net::InterfaceId(static_cast<std::uint16_t>(random() % 9));
                    meta(one).next_hop = static_cast<std::uint32_t>(random() % 3000);
                    meta(one).gateway = random() % 2 != 0 ? host.value() : 0;
                    give(one);
                    break;
                }
                case 4:
                    inject(to_neighbor(interface, host), ipv4(Ipv4Address(10, 0, 0, 1), host));
                    break;
                case 5:
                    pass(std::chrono::milliseconds(random() % 3000));
                    break;
                default:
                    discard();
                    break;
            }
            ASSERT_EQ(in_flight(), static_cast<std::int64_t>(owner->neighbors().held().total()));
        }
    }
}

}  // namespace
}  // namespace godwit::dataplane
