// The neighbour table in virtual time: every rule of dataplane/owner/neighbors.hpp. Packets are
// only handles here, so they are made of numbers.
#include "dataplane/owner/neighbors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace godwit::dataplane {
namespace {

using namespace std::chrono_literals;
using api::DropReason;
using api::NeighborState;
using net::Ipv4Address;
using net::MacAddress;

const MacAddress kOurMac({2, 0, 0, 0, 0, 1});
const MacAddress kPeerMac({2, 0, 0, 0, 0, 2});
const MacAddress kOtherMac({2, 0, 0, 0, 0, 3});
const Ipv4Address kOurs(10, 0, 0, 1);
const Ipv4Address kPeer(10, 0, 0, 2);

class NeighborsTest : public ::testing::Test {
protected:
    NeighborsTest() : neighbors(with(NeighborSettings{})) {
        interface.id = net::InterfaceId(1);
        interface.type = api::InterfaceType::Port;
        interface.up = true;
        interface.mac = kOurMac;
        interface.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.1/24")};
    }

    Neighbors with(const NeighborSettings& settings) {
        return {settings, [this](const NeighborKey& of) {
                    const auto found = use.find(of);
                    return found == use.end() ? 0 : found->second;
                }};
    }
    rte_mbuf* packet() { return reinterpret_cast<rte_mbuf*>(++packets * 64); }
    NeighborKey key(Ipv4Address address = kPeer) const { return {interface.id, address}; }

    void send(Ipv4Address to = kPeer) { neighbors.handle_packet(key(to), packet(), now, actions); }
    void request_for_us(Ipv4Address from = kPeer, MacAddress mac = kPeerMac) {
        neighbors.handle_arp(interface, {true, mac, from, kOurs}, now, actions);
    }
    void reply(Ipv4Address from = kPeer, MacAddress mac = kPeerMac) {
        neighbors.handle_arp(interface, {false, mac, from, kOurs}, now, actions);
    }
    // Lets time pass, carrying out every deadline at its own time.
    void pass(Duration time) {
        const Instant end = now + time;
        while (neighbors.next_deadline() && *neighbors.next_deadline() <= end) {
            now = std::max(now, *neighbors.next_deadline());
            neighbors.advance(now, actions);
        }
        now = end;
    }
    template <class Action>
    std::vector<Action> taken() {
        std::vector<Action> found;
        for (const NeighborAction& action : actions) {
            if (const auto* one = std::get_if<Action>(&action)) {
                found.push_back(*one);
            }
        }
        return found;
    }
    template <class Action>
    std::size_t count() {
        return taken<Action>().size();
    }
    std::optional<NeighborState> state(Ipv4Address address = kPeer) {
        const auto record = neighbors.find(key(address), now);
        return record ? std::optional(record->state) : std::nullopt;
    }

    std::map<NeighborKey, std::uint64_t> use;  // what the workers counted
    InterfaceEntry interface;
    Instant now{std::chrono::hours(1)};
    Neighbors neighbors;
    NeighborActions actions;
    std::uintptr_t packets = 0;
};

// rfc1812: 3.3.2/b, 3.3.2/c
// rfc1122: 2.3.2.2
// rfc1812: 3.3.2
TEST_F(NeighborsTest, First_packet_asks_once_and_waits) {
    send();
    send();
    ASSERT_EQ(count<SendArpRequest>(), 1U);
    EXPECT_FALSE(taken<SendArpRequest>()[0].to);
    EXPECT_EQ(count<ForwardPacket>(), 0U);
    EXPECT_EQ(neighbors.held().total(), 2U);
    EXPECT_EQ(state(), NeighborState::Incomplete);
}

// rfc1812: 3.3.2/c
TEST_F(NeighborsTest, Reply_sends_what_waited_in_its_order_after_the_adjacency) {
    send();
    send();
    actions.clear();
    reply();
    ASSERT_EQ(actions.size(), 4U);
    EXPECT_EQ(std::get<AdjacencyUp>(actions[0]).mac, kPeerMac);
    EXPECT_EQ(std::get<NeighborChanged>(actions[1]).record.state, NeighborState::Reachable);
    EXPECT_EQ(std::get<ForwardPacket>(actions[2]).packet, reinterpret_cast<rte_mbuf*>(64));
    EXPECT_EQ(std::get<ForwardPacket>(actions[3]).packet, reinterpret_cast<rte_mbuf*>(128));
    EXPECT_EQ(neighbors.held().total(), 0U);
}

// rfc1812: 3.3.2/a, 3.3.2/c
// rfc1812: 3.3.2
TEST_F(NeighborsTest, Asks_three_times_a_second_apart_then_tells_every_sender) {
    send();
    send();
    pass(2999ms);
    EXPECT_EQ(count<SendArpRequest>(), 3U);
    EXPECT_EQ(count<DropPacket>(), 0U);
    pass(1ms);
    const auto drops = taken<DropPacket>();
    ASSERT_EQ(drops.size(), 2U);
    for (const DropPacket& drop : drops) {
        EXPECT_EQ(drop.reason, DropReason::ArpUnresolved);
        EXPECT_TRUE(drop.host_unreachable);
    }
    EXPECT_EQ(state(), NeighborState::Failed);
}

TEST_F(NeighborsTest, Failed_answers_unreachable_without_asking_for_a_few_seconds) {
    send();
    pass(3s);
    actions.clear();
    pass(2900ms);
    send();
    ASSERT_EQ(count<DropPacket>(), 1U);
    EXPECT_TRUE(taken<DropPacket>()[0].host_unreachable);
    EXPECT_EQ(count<SendArpRequest>(), 0U);
    pass(100ms);
    EXPECT_FALSE(state());
    send();
    EXPECT_EQ(count<SendArpRequest>(), 1U);
}

// rfc1812: 3.3.2/a
// rfc1122: 2.3.2.1
TEST_F(NeighborsTest, Requests_to_one_destination_are_a_second_apart_whatever_happens) {
    std::mt19937 random(7);
    ASSERT_TRUE(neighbors.refer(key(), now, actions));
    Instant last{};
    for (int step = 0; step < 4000; ++step) {
        const auto choice = random() % 6;
        actions.clear();
        if (choice == 0) {
            send();
        } else if (choice == 1) {
            reply();
        } else if (choice == 2) {
            request_for_us(kPeer, random() % 2 != 0 ? kPeerMac : kOtherMac);
        } else if (choice == 3) {
            neighbors.link_up(interface.id, now, actions);
        } else if (choice == 4) {
            now += std::chrono::milliseconds(random() % 3000);
        }
        neighbors.advance(now, actions);
        for (const SendArpRequest& sent : taken<SendArpRequest>()) {
            EXPECT_EQ(sent.key, key());
            if (last != Instant{}) {
                EXPECT_GE(now - last, 1s) << "step " << step << " of seed 7";
            }
            last = now;
        }
    }
    EXPECT_NE(last, Instant{});
}

// The 45 fragments of the largest datagram fit.
TEST_F(NeighborsTest, Sixty_fifth_packet_pushes_out_the_oldest) {
    for (int i = 0; i < 65; ++i) {
        send();
    }
    const auto drops = taken<DropPacket>();
    ASSERT_EQ(drops.size(), 1U);
    EXPECT_EQ(drops[0].reason, DropReason::ArpHoldFull);
    EXPECT_EQ(drops[0].packet, reinterpret_cast<rte_mbuf*>(64));
    EXPECT_EQ(neighbors.held().total(), 64U);
}

TEST_F(NeighborsTest, Limit_over_all_holds_and_who_has_waited_longest_gives_way) {
    NeighborSettings settings;
    settings.max_held = 2;
    neighbors = with(settings);
    send(Ipv4Address(10, 0, 0, 2));
    send(Ipv4Address(10, 0, 0, 3));
    send(Ipv4Address(10, 0, 0, 4));
    send(Ipv4Address(10, 0, 0, 4));
    const auto drops = taken<DropPacket>();
    ASSERT_EQ(drops.size(), 2U);
    EXPECT_EQ(drops[0].packet, reinterpret_cast<rte_mbuf*>(64));
    EXPECT_EQ(drops[1].packet, reinterpret_cast<rte_mbuf*>(128));
    EXPECT_EQ(neighbors.held().total(), 2U);
    EXPECT_EQ(neighbors.held().pushed_out(), 2U);
    EXPECT_EQ(neighbors.find(key(Ipv4Address(10, 0, 0, 4)), now)->held_packets, 2U);
}

// rfc1122: 2.3.2.1
TEST_F(NeighborsTest, Used_is_polled_by_unicast_before_it_expires_and_stays_when_answered) {
    send();
    reply();
    actions.clear();
    use[key()] = 1;
    pass(60s);
    for (int second = 0; second < 16 && count<SendArpRequest>() == 0; ++second) {
        pass(1s);
    }
    ASSERT_GE(count<SendArpRequest>(), 1U);
    EXPECT_EQ(taken<SendArpRequest>()[0].to, kPeerMac);
    EXPECT_EQ(count<AdjacencyDown>(), 0U);
    reply();
    EXPECT_EQ(state(), NeighborState::Reachable);
    EXPECT_EQ(count<AdjacencyUp>(), 0U) << "nothing changed for the workers";
    EXPECT_EQ(count<NeighborChanged>(), 0U);
}

TEST_F(NeighborsTest, Unused_since_it_was_confirmed_goes_stale_and_is_forgotten_without_a_poll) {
    send();
    reply();
    use[key()] = 5;
    pass(10s);
    reply();  // confirmed again, and nothing was sent since
    actions.clear();
    pass(76s);
    EXPECT_EQ(state(), NeighborState::Stale);
    EXPECT_EQ(count<AdjacencyDown>(), 1U) << "the next packet must come to the owner";
    pass(60s);
    EXPECT_FALSE(state());
    EXPECT_EQ(count<SendArpRequest>(), 0U);
    EXPECT_FALSE(neighbors.next_deadline()) << "nothing is left to be done for it";
}

TEST_F(NeighborsTest, Packet_for_one_that_went_stale_goes_out_at_once_and_has_it_confirmed) {
    send();
    reply();
    pass(76s);
    ASSERT_EQ(state(), NeighborState::Stale);
    actions.clear();
    send();
    ASSERT_EQ(count<ForwardPacket>(), 1U);
    ASSERT_EQ(count<SendArpRequest>(), 1U);
    EXPECT_EQ(taken<SendArpRequest>()[0].to, kPeerMac);
    EXPECT_EQ(state(), NeighborState::Probe);
}

TEST_F(NeighborsTest, What_a_route_refers_to_is_polled_though_nobody_uses_it) {
    ASSERT_TRUE(neighbors.refer(key(), now, actions));
    reply();
    actions.clear();
    for (int minute = 0; minute < 10; ++minute) {
        pass(76s);
        ASSERT_GE(count<SendArpRequest>(), 1U);
        actions.clear();
        reply();
    }
    EXPECT_EQ(state(), NeighborState::Reachable);
    EXPECT_EQ(count<AdjacencyDown>(), 0U);
}

TEST_F(NeighborsTest, Shows_its_state_age_use_and_what_waits) {
    send();
    send();
    EXPECT_EQ(neighbors.find(key(), now)->held_packets, 2U);
    reply();
    use[key()] = 41;
    pass(7s);
    const auto record = neighbors.find(key(), now);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->state, NeighborState::Reachable);
    EXPECT_EQ(record->age_ms, 7000U);
    EXPECT_EQ(record->hits, 41U);
    EXPECT_EQ(record->held_packets, 0U);
}

TEST_F(NeighborsTest, Silent_neighbour_is_asked_by_broadcast_last_then_fails) {
    send();
    reply();
    use[key()] = 1;
    actions.clear();
    pass(80s);
    const auto requests = taken<SendArpRequest>();
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_TRUE(requests[0].to && requests[1].to);
    EXPECT_FALSE(requests[2].to);
    EXPECT_EQ(count<AdjacencyDown>(), 1U);
    ASSERT_EQ(count<NeighborChanged>(), 1U);
    EXPECT_EQ(taken<NeighborChanged>()[0].record.state, NeighborState::Failed);
}

TEST_F(NeighborsTest, Request_for_us_teaches_its_sender_but_gives_workers_nothing_yet) {
    request_for_us();
    EXPECT_EQ(state(), NeighborState::Stale);
    EXPECT_TRUE(actions.empty());
    send();
    ASSERT_EQ(actions.size(), 3U);
    EXPECT_EQ(std::get<AdjacencyUp>(actions[0]).mac, kPeerMac);
    EXPECT_EQ(std::get<SendArpRequest>(actions[1]).to, kPeerMac);
    EXPECT_TRUE(std::holds_alternative<ForwardPacket>(actions[2]));
}

TEST_F(NeighborsTest, Learnt_and_unused_is_forgotten_without_a_poll) {
    request_for_us();
    pass(59s);
    request_for_us();  // refreshed
    pass(59s);
    EXPECT_EQ(state(), NeighborState::Stale);
    pass(1s);
    EXPECT_FALSE(state());
    EXPECT_TRUE(actions.empty());
}

// rfc1812: 3.3.2/a
TEST_F(NeighborsTest, Requests_for_others_and_unasked_replies_make_no_entry) {
    neighbors.handle_arp(interface, {true, kPeerMac, kPeer, Ipv4Address(10, 0, 0, 9)}, now,
                         actions);
    reply();
    neighbors.handle_arp(interface, {true, kPeerMac, kPeer, kPeer}, now, actions);  // gratuitous
    EXPECT_EQ(neighbors.size(), 0U);
    EXPECT_EQ(neighbors.statistics().not_learnt, 3U);
}

TEST_F(NeighborsTest, Gratuitous_message_of_a_known_neighbour_moves_it) {
    send();
    reply();
    pass(2s);
    actions.clear();
    neighbors.handle_arp(interface, {true, kOtherMac, kPeer, kPeer}, now, actions);
    ASSERT_EQ(count<AdjacencyUp>(), 1U);
    EXPECT_EQ(taken<AdjacencyUp>()[0].mac, kOtherMac);
    EXPECT_EQ(count<NeighborChanged>(), 1U);
}

TEST_F(NeighborsTest, Mac_changes_at_most_once_a_second) {
    send();
    reply();
    actions.clear();
    request_for_us(kPeer, kOtherMac);
    EXPECT_TRUE(actions.empty());
    EXPECT_EQ(neighbors.statistics().mac_changes_ignored, 1U);
    pass(1s);
    request_for_us(kPeer, kOtherMac);
    EXPECT_EQ(count<AdjacencyUp>(), 1U);
}

// rfc1812: 3.3.2/d
TEST_F(NeighborsTest, Never_learns_impossible_or_off_subnet_senders) {
    for (const Ipv4Address sender :
         {Ipv4Address(10, 0, 1, 2), Ipv4Address(10, 0, 0, 0), Ipv4Address(10, 0, 0, 255),
          Ipv4Address(), Ipv4Address(127, 0, 0, 1), Ipv4Address(224, 0, 0, 5),
          Ipv4Address(255, 255, 255, 255), Ipv4Address(250, 0, 0, 1)}) {
        request_for_us(sender);
    }
    request_for_us(kPeer, MacAddress({1, 0, 0, 0, 0, 1}));
    request_for_us(kPeer, MacAddress());
    request_for_us(kPeer, MacAddress::broadcast());
    EXPECT_EQ(neighbors.size(), 0U);
}

TEST_F(NeighborsTest, Both_ends_of_a_31_are_hosts) {
    interface.addresses = {*net::Ipv4InterfaceAddress::parse("10.0.0.1/31")};
    request_for_us(Ipv4Address(10, 0, 0, 0));
    EXPECT_EQ(neighbors.size(), 1U);
}

// rfc1812: 10.3.2.5/d
TEST_F(NeighborsTest, Our_own_address_is_learnt_from_nobody) {
    request_for_us(kOurs, kPeerMac);
    reply(kOurs, kPeerMac);
    neighbors.handle_arp(interface, {true, kOurMac, kOurs, kOurs}, now, actions);  // our own
    EXPECT_EQ(neighbors.size(), 0U);
    EXPECT_TRUE(actions.empty());
}

TEST_F(NeighborsTest, Permanent_is_moved_by_no_message_and_never_asked) {
    neighbors.set_permanent(key(), kPeerMac, now, actions);
    EXPECT_EQ(count<AdjacencyUp>(), 1U);
    actions.clear();
    pass(5s);
    request_for_us(kPeer, kOtherMac);
    reply(kPeer, kOtherMac);
    pass(1h);
    EXPECT_TRUE(actions.empty());
    EXPECT_EQ(neighbors.find(key(), now)->mac, kPeerMac.bytes());
    send();
    EXPECT_EQ(count<ForwardPacket>(), 1U);
}

TEST_F(NeighborsTest, Permanent_with_another_mac_is_replaced_in_place) {
    neighbors.set_permanent(key(), kPeerMac, now, actions);
    actions.clear();
    neighbors.set_permanent(key(), kOtherMac, now, actions);
    ASSERT_EQ(count<AdjacencyUp>(), 1U);
    EXPECT_EQ(taken<AdjacencyUp>()[0].mac, kOtherMac);
    EXPECT_EQ(count<AdjacencyDown>(), 0U) << "its packets would have nowhere to go meanwhile";
}

TEST_F(NeighborsTest, Interface_on_another_network_asks_anew_for_what_routes_need) {
    send();
    reply();
    ASSERT_TRUE(neighbors.refer(key(), now, actions));
    request_for_us(Ipv4Address(10, 0, 0, 9));
    neighbors.set_permanent(key(Ipv4Address(10, 0, 0, 8)), kOtherMac, now, actions);
    pass(5s);
    actions.clear();
    neighbors.interface_moved(interface.id, now, actions);
    EXPECT_EQ(state(), NeighborState::Incomplete);
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 8)), NeighborState::Permanent);
    EXPECT_FALSE(state(Ipv4Address(10, 0, 0, 9)));
    EXPECT_EQ(count<AdjacencyDown>(), 1U);
    EXPECT_EQ(count<SendArpRequest>(), 1U);
}

TEST_F(NeighborsTest, Permanent_serves_what_waited) {
    send();
    actions.clear();
    neighbors.set_permanent(key(), kPeerMac, now, actions);
    EXPECT_EQ(count<ForwardPacket>(), 1U);
    EXPECT_EQ(neighbors.held().total(), 0U);
    pass(10s);
    EXPECT_EQ(count<DropPacket>(), 0U);
}

TEST_F(NeighborsTest, Removed_permanent_is_forgotten_or_confirmed_when_a_route_needs_it) {
    neighbors.set_permanent(key(), kPeerMac, now, actions);
    neighbors.remove_permanent(key(), now, actions);
    EXPECT_EQ(count<AdjacencyDown>(), 1U);
    EXPECT_FALSE(state());

    neighbors.set_permanent(key(), kPeerMac, now, actions);
    ASSERT_TRUE(neighbors.refer(key(), now, actions));
    actions.clear();
    neighbors.remove_permanent(key(), now, actions);
    EXPECT_EQ(count<AdjacencyDown>(), 0U);
    ASSERT_EQ(count<SendArpRequest>(), 1U);
    EXPECT_EQ(taken<SendArpRequest>()[0].to, kPeerMac);
}

TEST_F(NeighborsTest, Reference_resolves_without_a_packet_and_keeps_trying) {
    ASSERT_TRUE(neighbors.refer(key(), now, actions));
    EXPECT_EQ(count<SendArpRequest>(), 1U);
    pass(30s);
    EXPECT_EQ(state(), NeighborState::Failed);
    EXPECT_GE(count<SendArpRequest>(), 10U);
    reply();
    EXPECT_EQ(count<AdjacencyUp>(), 1U);
    EXPECT_EQ(state(), NeighborState::Reachable);
}

TEST_F(NeighborsTest, Unreferenced_failure_is_forgotten) {
    ASSERT_TRUE(neighbors.refer(key(), now, actions));
    pass(5s);
    neighbors.unrefer(key(), now);
    pass(5s);
    EXPECT_FALSE(state());
    EXPECT_FALSE(neighbors.next_deadline());
}

TEST_F(NeighborsTest, Link_up_asks_again_what_it_knew) {
    send();
    reply();
    ASSERT_TRUE(neighbors.refer(key(Ipv4Address(10, 0, 0, 3)), now, actions));
    pass(10s);
    actions.clear();
    neighbors.link_up(interface.id, now, actions);
    pass(1s);
    std::set<Ipv4Address> asked;
    for (const SendArpRequest& request : taken<SendArpRequest>()) {
        asked.insert(request.key.address);
    }
    EXPECT_EQ(asked, (std::set<Ipv4Address>{kPeer, Ipv4Address(10, 0, 0, 3)}));
    EXPECT_EQ(count<AdjacencyDown>(), 0U);
}

TEST_F(NeighborsTest, Neighbours_survive_a_change_that_keeps_their_subnet) {
    send();
    reply();
    send(Ipv4Address(10, 0, 0, 9));
    actions.clear();
    interface.addresses.push_back(*net::Ipv4InterfaceAddress::parse("10.9.0.1/24"));
    neighbors.addresses_changed(interface, now, actions);
    EXPECT_TRUE(actions.empty());
    interface.addresses.erase(interface.addresses.begin());
    neighbors.addresses_changed(interface, now, actions);
    EXPECT_EQ(neighbors.size(), 0U);
    EXPECT_EQ(count<AdjacencyDown>(), 1U);
    ASSERT_EQ(count<DropPacket>(), 1U);
    EXPECT_FALSE(taken<DropPacket>()[0].host_unreachable);
}

TEST_F(NeighborsTest, Removed_interface_takes_its_neighbours_along_and_no_others) {
    send();
    neighbors.handle_packet({net::InterfaceId(2), kPeer}, packet(), now, actions);
    neighbors.interface_removed(interface.id, now, actions);
    EXPECT_EQ(neighbors.size(), 1U);
    EXPECT_EQ(neighbors.held().total(), 1U);
}

TEST_F(NeighborsTest, Flood_of_learnt_senders_evicts_only_what_nobody_uses) {
    NeighborSettings settings;
    settings.max_entries = 4;
    neighbors = with(settings);
    send();
    reply();
    for (std::uint8_t host = 10; host < 200; ++host) {
        now += 1ms;
        request_for_us(Ipv4Address(10, 0, 0, host));
    }
    EXPECT_EQ(neighbors.size(), 4U);
    EXPECT_EQ(state(), NeighborState::Reachable);
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 199)), NeighborState::Stale);
    EXPECT_EQ(neighbors.statistics().evicted, 187U);
}

TEST_F(NeighborsTest, Full_table_of_used_entries_refuses_and_counts) {
    NeighborSettings settings;
    settings.max_entries = 2;
    neighbors = with(settings);
    send(Ipv4Address(10, 0, 0, 2));
    send(Ipv4Address(10, 0, 0, 3));
    send(Ipv4Address(10, 0, 0, 4));
    ASSERT_EQ(count<DropPacket>(), 1U);
    EXPECT_EQ(taken<DropPacket>()[0].reason, DropReason::ArpTableFull);
    EXPECT_FALSE(neighbors.refer(key(Ipv4Address(10, 0, 0, 5)), now, actions));
    EXPECT_EQ(neighbors.statistics().table_full, 2U);
}

TEST_F(NeighborsTest, Sweep_of_a_subnet_asks_for_a_bounded_number_in_a_second) {
    NeighborSettings settings;
    settings.new_a_second = 3;
    neighbors = with(settings);
    for (std::uint8_t host = 2; host < 12; ++host) {
        send(Ipv4Address(10, 0, 0, host));
    }
    EXPECT_EQ(count<SendArpRequest>(), 3U);
    EXPECT_EQ(count<DropPacket>(), 7U);
    EXPECT_EQ(taken<DropPacket>()[0].reason, DropReason::ArpTableFull);
    EXPECT_EQ(neighbors.statistics().throttled, 7U);
    // Another interface has a second of its own, and what is known already needs none.
    neighbors.handle_packet({net::InterfaceId(2), kPeer}, packet(), now, actions);
    send(Ipv4Address(10, 0, 0, 2));
    EXPECT_EQ(count<SendArpRequest>(), 4U);
    EXPECT_EQ(count<DropPacket>(), 7U);
    now += 1s;
    send(Ipv4Address(10, 0, 0, 50));
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 50)), NeighborState::Incomplete);
}

TEST_F(NeighborsTest, Sweep_gives_up_its_own_oldest_and_not_what_another_interface_asks) {
    NeighborSettings settings;
    settings.max_unresolved = 4;
    neighbors = with(settings);
    const NeighborKey elsewhere{net::InterfaceId(2), kPeer};
    neighbors.handle_packet(elsewhere, packet(), now, actions);
    ASSERT_TRUE(neighbors.refer(key(Ipv4Address(10, 0, 0, 200)), now, actions));
    for (std::uint8_t host = 2; host < 52; ++host) {
        now += 1ms;
        send(Ipv4Address(10, 0, 0, host));
    }
    EXPECT_EQ(neighbors.unresolved(), 4U);
    EXPECT_EQ(neighbors.size(), 5U);
    EXPECT_TRUE(neighbors.find(elsewhere, now));
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 200)), NeighborState::Incomplete) << "a route needs it";
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 51)), NeighborState::Incomplete);
    EXPECT_EQ(neighbors.statistics().given_up_early, 47U);
    EXPECT_EQ(neighbors.held().total(), 4U);
}

TEST_F(NeighborsTest, Interface_has_a_limit_of_its_own_for_what_is_learnt) {
    neighbors.set_limit(interface.id, 3, now, actions);
    send();
    reply();
    neighbors.set_permanent(key(Ipv4Address(10, 0, 0, 250)), kOtherMac, now, actions);
    for (std::uint8_t host = 10; host < 20; ++host) {
        now += 1ms;
        request_for_us(Ipv4Address(10, 0, 0, host));
    }
    EXPECT_EQ(neighbors.size(), 4U) << "what is configured does not count";
    EXPECT_EQ(state(), NeighborState::Reachable) << "what is in use stays";
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 19)), NeighborState::Stale);
    EXPECT_EQ(neighbors.statistics().evicted, 8U);
    EXPECT_EQ(neighbors.statistics().interface_full, 0U);

    ASSERT_TRUE(neighbors.refer(key(Ipv4Address(10, 0, 0, 18)), now, actions));
    ASSERT_TRUE(neighbors.refer(key(Ipv4Address(10, 0, 0, 19)), now, actions));
    send(Ipv4Address(10, 0, 0, 60));
    EXPECT_EQ(taken<DropPacket>().back().reason, DropReason::ArpTableFull);
    EXPECT_EQ(neighbors.statistics().interface_full, 1U);
    EXPECT_TRUE(neighbors.refer(key(Ipv4Address(10, 0, 0, 61)), now, actions)) << "a route's";
    // Another interface has its own.
    neighbors.handle_packet({net::InterfaceId(2), kPeer}, packet(), now, actions);
    EXPECT_TRUE(neighbors.find({net::InterfaceId(2), kPeer}, now));
}

TEST_F(NeighborsTest, Lower_limit_takes_effect_on_what_nobody_uses) {
    for (std::uint8_t host = 10; host < 20; ++host) {
        request_for_us(Ipv4Address(10, 0, 0, host));
    }
    send(Ipv4Address(10, 0, 0, 10));
    neighbors.set_limit(interface.id, 2, now, actions);
    EXPECT_EQ(neighbors.size(), 2U);
    EXPECT_EQ(state(Ipv4Address(10, 0, 0, 10)), NeighborState::Probe);
    EXPECT_EQ(count<AdjacencyDown>(), 0U);
}

TEST_F(NeighborsTest, Neighbours_stay_while_our_address_in_their_subnet_is_proved_free) {
    send();
    reply();
    actions.clear();
    interface.tentative = std::exchange(interface.addresses, {});
    neighbors.addresses_changed(interface, now, actions);
    EXPECT_EQ(state(), NeighborState::Reachable);
    EXPECT_TRUE(actions.empty());
}

// Whatever comes in whatever order: each packet comes back exactly once, adjacencies go up before
// they are used, and nothing grows.
TEST_F(NeighborsTest, Random_life_gives_every_packet_back_exactly_once) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        NeighborSettings settings;
        settings.max_entries = 12;
        settings.max_held_per_entry = 16;
        settings.max_held = 20;
        settings.max_unresolved = 6;
        settings.new_a_second = 5;
        neighbors = with(settings);
        packets = 0;
        std::set<rte_mbuf*> outside;
        std::set<NeighborKey> up;
        std::map<NeighborKey, unsigned> references;
        const auto carry_out = [&] {
            for (const NeighborAction& action : actions) {
                if (const auto* forward = std::get_if<ForwardPacket>(&action)) {
                    EXPECT_TRUE(outside.insert(forward->packet).second);
                    EXPECT_TRUE(up.contains(forward->key));
                } else if (const auto* drop = std::get_if<DropPacket>(&action)) {
                    EXPECT_TRUE(outside.insert(drop->packet).second);
                } else if (const auto* adjacency = std::get_if<AdjacencyUp>(&action)) {
                    EXPECT_FALSE(adjacency->mac.is_zero());
                    up.insert(adjacency->key);
                } else if (const auto* down = std::get_if<AdjacencyDown>(&action)) {
                    EXPECT_EQ(up.erase(down->key), 1U);
                }
            }
            actions.clear();
        };
        for (int step = 0; step < 5000; ++step) {
            const Ipv4Address host(10, 0, 0, static_cast<std::uint8_t>(2 + random() % 20));
            const MacAddress mac({2, 0, 0, 0, 1, static_cast<std::uint8_t>(random() % 4)});
            use[key(host)] += random() % 2;
            switch (random() % 10) {
                case 0:
                case 1:
                case 2:
                    send(host);
                    break;
                case 3:
                    reply(host, mac);
                    break;
                case 4:
                    request_for_us(host, mac);
                    break;
                case 5:
                    if (neighbors.refer(key(host), now, actions)) {
                        ++references[key(host)];
                    }
                    break;
                case 6:
                    if (references[key(host)] > 0) {
                        neighbors.unrefer(key(host), now);
                        --references[key(host)];
                    }
                    break;
                case 7:
                    if (random() % 4 == 0) {
                        neighbors.set_permanent(key(host), mac, now, actions);
                    } else {
                        neighbors.remove_permanent(key(host), now, actions);
                    }
                    break;
                case 8:
                    carry_out();
                    pass(std::chrono::milliseconds(random() % 5000));
                    break;
                default:
                    carry_out();
                    pass(std::chrono::seconds(random() % 40));
                    break;
            }
            carry_out();
            ASSERT_LE(neighbors.size(), 12U + 20U);  // Permanent ones come on top
            ASSERT_LE(neighbors.held().total(), 20U);
            ASSERT_EQ(outside.size() + neighbors.held().total(), packets);
        }
        neighbors.drop_held(DropReason::ShuttingDown, actions);
        carry_out();
        EXPECT_EQ(outside.size(), packets);
        EXPECT_EQ(neighbors.held().total(), 0U);
    }
}

}  // namespace
}  // namespace godwit::dataplane
