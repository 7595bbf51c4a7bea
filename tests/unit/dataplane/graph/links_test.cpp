#include "dataplane/worker/links.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>

namespace godwit::dataplane {
namespace {

// The rings never look into a packet, so any addresses do, as long as they are taken out again.
rte_mbuf* fake(std::uintptr_t number) {
    return reinterpret_cast<rte_mbuf*>(number << 6);
}

bool is_signalled(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
}

TEST(Links, packets_of_all_givers_reach_their_worker_and_no_other) {
    Links links(2);
    std::array packets{fake(1), fake(2), fake(3)};
    EXPECT_EQ(links.hand_over(0, 1, std::span(packets).first(2)), 2U);
    EXPECT_EQ(links.give_worker(1, std::span(packets).last(1)), 1U);

    std::array<rte_mbuf*, 8> taken{};
    EXPECT_EQ(links.take_handed(0, taken), 0U);
    EXPECT_EQ(links.take_handed(1, taken), 3U);
    EXPECT_EQ(taken[0], fake(1));
    EXPECT_EQ(taken[2], fake(3));
}

TEST(Links, a_full_ring_takes_its_limit_and_leaves_the_rest_with_the_giver) {
    Links links(1);
    std::vector<rte_mbuf*> packets;
    for (unsigned i = 0; i < Links::kRingPackets + 10; ++i) {
        packets.push_back(fake(i + 1));
    }
    EXPECT_EQ(links.give_owner(0, packets), Links::kRingPackets);
    EXPECT_EQ(links.give_owner(0, packets), 0U);
    std::vector<rte_mbuf*> taken(packets.size());
    EXPECT_EQ(links.take_for_owner(taken), Links::kRingPackets);
}

TEST(Links, a_ring_full_of_packets_that_wait_leaves_arp_messages_their_own_and_the_first_turn) {
    Links links(1);
    std::vector<rte_mbuf*> waiting(Links::kRingPackets);
    for (unsigned i = 0; i < waiting.size(); ++i) {
        waiting[i] = fake(i + 1);
    }
    ASSERT_EQ(links.give_owner(0, waiting), Links::kRingPackets);
    std::array messages{fake(70'001), fake(70'002)};
    EXPECT_EQ(links.give_owner_arp(0, messages), 2U);

    std::vector<rte_mbuf*> taken(8);
    EXPECT_EQ(links.take_for_owner(taken), 8U);
    EXPECT_EQ(taken[0], fake(70'001));
    EXPECT_EQ(taken[1], fake(70'002));
    EXPECT_EQ(taken[2], fake(1));
    taken.resize(Links::kRingPackets);
    EXPECT_EQ(links.take_for_owner(taken), Links::kRingPackets - 6);
}

TEST(Links, a_ring_full_of_arp_messages_leaves_a_quarter_of_a_turn_to_packets_that_wait) {
    Links links(1);
    std::vector<rte_mbuf*> messages;
    for (unsigned i = 0; i < Links::kArpRingPackets + 1; ++i) {
        messages.push_back(fake(i + 1));
    }
    EXPECT_EQ(links.give_owner_arp(0, messages), Links::kArpRingPackets);
    std::array waiting{fake(70'001), fake(70'002), fake(70'003)};
    EXPECT_EQ(links.give_owner(0, waiting), 3U);

    std::vector<rte_mbuf*> taken(16);
    EXPECT_EQ(links.take_for_owner(taken), 16U);
    EXPECT_EQ(taken[11], fake(12));
    EXPECT_EQ(taken[12], fake(70'001));
    EXPECT_EQ(taken[14], fake(70'003));
    EXPECT_EQ(taken[15], fake(13)) << "what nobody else needs is for ARP messages too";
    taken.resize(Links::kArpRingPackets);
    EXPECT_EQ(links.take_for_owner(taken), Links::kArpRingPackets - 13);
}

TEST(Links, an_owner_that_sleeps_is_woken_once_and_one_that_does_not_never) {
    Links links(1);
    std::array packets{fake(1)};
    std::array<rte_mbuf*, 8> taken{};

    links.give_owner(0, packets);
    EXPECT_FALSE(is_signalled(links.owner_event_fd()));
    EXPECT_FALSE(links.owner_prepares_to_wait()) << "there is a packet: no sleep";
    links.take_for_owner(taken);
    links.give_owner_arp(0, packets);
    EXPECT_FALSE(links.owner_prepares_to_wait()) << "there is an ARP message: no sleep";
    links.take_for_owner(taken);

    EXPECT_TRUE(links.owner_prepares_to_wait());
    links.give_owner_arp(0, packets);
    EXPECT_TRUE(is_signalled(links.owner_event_fd()));
    links.owner_woke();
    links.take_for_owner(taken);
    EXPECT_TRUE(links.owner_prepares_to_wait());
    links.give_owner(0, packets);
    EXPECT_TRUE(is_signalled(links.owner_event_fd()));
    links.owner_woke();
    EXPECT_FALSE(is_signalled(links.owner_event_fd()));
    links.give_owner(0, packets);
    EXPECT_FALSE(is_signalled(links.owner_event_fd()));
    links.take_for_owner(taken);
}

}  // namespace
}  // namespace godwit::dataplane
