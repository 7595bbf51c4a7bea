// The small parts of RIP: networks without masks, key lifetimes, neighbours, the interface machine.
#include <gtest/gtest.h>

#include "controlplane/rip/classful.hpp"
#include "controlplane/rip/interface_fsm.hpp"
#include "controlplane/rip/key_ring.hpp"
#include "controlplane/rip/neighbor_table.hpp"

namespace godwit::control::rip {
namespace {

net::Ipv4Prefix prefix(const char* text) {
    return net::Ipv4Prefix::parse(text).value();
}

net::Ipv4Address address(const char* text) {
    return net::Ipv4Address::parse(text).value();
}

TEST(RipWithoutMasks, an_address_is_read_by_the_mask_of_the_interface_or_of_its_class) {
    // The example of RFC 2453 3.7.
    const auto subnet = prefix("128.6.4.0/24");
    EXPECT_EQ(prefix_without_mask(address("128.6.0.0"), subnet), prefix("128.6.0.0/24"));
    EXPECT_EQ(prefix_without_mask(address("128.6.9.0"), subnet), prefix("128.6.9.0/24"));
    EXPECT_EQ(prefix_without_mask(address("128.6.4.1"), subnet), prefix("128.6.4.1/32"));
    EXPECT_EQ(prefix_without_mask(address("10.0.0.0"), subnet), prefix("10.0.0.0/8"));
    EXPECT_EQ(prefix_without_mask(address("192.0.2.0"), subnet), prefix("192.0.2.0/24"));
    EXPECT_EQ(prefix_without_mask(address("10.1.0.0"), subnet), prefix("10.1.0.0/32"));
    EXPECT_EQ(prefix_without_mask(address("0.0.0.0"), subnet), prefix("0.0.0.0/0"));
}

TEST(RipWithoutMasks, a_prefix_is_told_only_as_what_it_cannot_be_misread) {
    const auto subnet = prefix("10.1.1.0/24");
    EXPECT_EQ(told_without_mask(prefix("0.0.0.0/0"), subnet), prefix("0.0.0.0/0"));
    EXPECT_EQ(told_without_mask(prefix("10.1.9.0/24"), subnet), prefix("10.1.9.0/24"));
    EXPECT_EQ(told_without_mask(prefix("10.1.9.128/25"), subnet), std::nullopt);
    EXPECT_EQ(told_without_mask(prefix("10.2.0.0/16"), subnet), std::nullopt);
    EXPECT_EQ(told_without_mask(prefix("10.1.9.1/32"), subnet), prefix("10.1.9.1/32"));
    EXPECT_EQ(told_without_mask(prefix("172.16.3.0/24"), subnet), prefix("172.16.0.0/16"));
    EXPECT_EQ(told_without_mask(prefix("192.0.0.0/16"), subnet), std::nullopt);
}

WallTime wall(int seconds) {
    return WallTime(std::chrono::seconds(seconds));
}

Key key(std::uint8_t id, std::optional<int> from, std::optional<int> until) {
    Key made;
    made.id = id;
    if (from) {
        made.send_from = wall(*from);
        made.accept_from = wall(*from);
    }
    if (until) {
        made.send_until = wall(*until);
        made.accept_until = wall(*until);
    }
    return made;
}

std::vector<int> ids(const std::vector<const Key*>& keys) {
    std::vector<int> result;
    for (const Key* each : keys) {
        result.push_back(each->id);
    }
    return result;
}

TEST(RipKeyRing, sends_with_the_key_that_became_valid_last) {
    const Keys keys{{key(1, {}, 200), key(2, 100, {})}, {}, false};
    const KeyRing ring(keys);
    EXPECT_EQ(ids(ring.to_send({}, wall(99))), std::vector<int>{1});
    EXPECT_EQ(ids(ring.to_send({}, wall(100))), std::vector<int>{2});
}

TEST(RipKeyRing, sends_with_the_old_key_too_while_a_neighbour_uses_it) {
    const Keys keys{{key(1, {}, 200), key(2, 100, {})}, {}, false};
    const KeyRing ring(keys);
    EXPECT_EQ(ids(ring.to_send({1}, wall(150))), (std::vector<int>{2, 1}));
    EXPECT_EQ(ids(ring.to_send({1}, wall(200))), std::vector<int>{2});  // its life has ended
}

TEST(RipKeyRing, lets_the_last_key_go_on_unless_it_shall_fail_secure) {
    Keys keys{{key(1, {}, 100), key(2, 50, 200)}, {}, false};
    EXPECT_EQ(ids(KeyRing(keys).to_send({}, wall(300))), std::vector<int>{2});
    EXPECT_NE(KeyRing(keys).to_accept(2, wall(300)), nullptr);
    EXPECT_EQ(KeyRing(keys).to_accept(1, wall(300)), nullptr);
    EXPECT_EQ(KeyRing(keys).overdue(wall(300))->id, 2);
    EXPECT_EQ(KeyRing(keys).overdue(wall(199)), nullptr);
    keys.fail_secure = true;
    EXPECT_TRUE(KeyRing(keys).to_send({}, wall(300)).empty());
    EXPECT_EQ(KeyRing(keys).to_accept(2, wall(300)), nullptr);
}

TEST(RipKeyRing, takes_each_key_within_its_life_and_no_unknown_one) {
    const Keys keys{{key(1, {}, 200), key(2, 100, {})}, {}, false};
    const KeyRing ring(keys);
    EXPECT_NE(ring.to_accept(1, wall(150)), nullptr);
    EXPECT_NE(ring.to_accept(2, wall(150)), nullptr);
    EXPECT_EQ(ring.to_accept(2, wall(99)), nullptr);
    EXPECT_EQ(ring.to_accept(1, wall(200)), nullptr);
    EXPECT_EQ(ring.to_accept(3, wall(150)), nullptr);
}

Instant at(int second) {
    return Instant(std::chrono::hours(1)) + std::chrono::seconds(second);
}

NeighborId neighbor(std::uint32_t number) {
    return {net::InterfaceId(1), net::Ipv4Address(0x0a000000U + number)};
}

TEST(RipNeighborTable, at_its_limit_gives_the_place_of_the_longest_lost_and_else_none) {
    NeighborTable table;
    for (std::uint32_t i = 0; i < kMaxNeighbors; ++i) {
        ASSERT_NE(table.get(neighbor(i), at(static_cast<int>(i))), nullptr);
    }
    EXPECT_NE(table.get(neighbor(1000), at(300)), nullptr);
    EXPECT_FALSE(table.entries().contains(neighbor(0)));
    EXPECT_EQ(table.entries().size(), kMaxNeighbors);
    for (const auto& [id, entry] : NeighborTable::Entries(table.entries())) {
        NeighborTable::heard(*table.get(id, at(301)), 2, at(301));
    }
    EXPECT_EQ(table.get(neighbor(2000), at(302)), nullptr);
    EXPECT_NE(table.get({net::InterfaceId(2), {}}, at(302)), nullptr);  // another interface
}

TEST(RipNeighborTable, loses_who_is_silent_and_forgets_him_unless_he_has_proved_something) {
    NeighborTable table;
    const auto timeout = std::chrono::seconds(180);
    NeighborTable::heard(*table.get(neighbor(1), at(0)), 2, at(0));
    Neighbor* const proved = table.get(neighbor(2), at(0));
    NeighborTable::heard(*proved, 2, at(0));
    proved->sequences[1] = 77;
    EXPECT_EQ(table.next_deadline(timeout), at(180));
    EXPECT_TRUE(table.expire(timeout, at(179)).empty());
    EXPECT_EQ(table.expire(timeout, at(180)).size(), 2U);
    EXPECT_FALSE(table.entries().contains(neighbor(1)));
    EXPECT_FALSE(table.entries().at(neighbor(2)).up);
    EXPECT_FALSE(table.next_deadline(timeout));
}

TEST(RipInterface, has_a_next_state_for_every_event) {
    using State = InterfaceState;
    using Event = InterfaceEvent;
    EXPECT_EQ(transition(State::Down, Event::LinkUp, false), State::Speaking);
    EXPECT_EQ(transition(State::Down, Event::LinkUp, true), State::Listening);
    EXPECT_EQ(transition(State::Down, Event::MadePassive, true), State::Down);
    EXPECT_EQ(transition(State::Down, Event::MadeActive, false), State::Down);
    EXPECT_EQ(transition(State::Speaking, Event::MadePassive, true), State::Listening);
    EXPECT_EQ(transition(State::Listening, Event::MadeActive, false), State::Speaking);
    for (const State state : {State::Down, State::Listening, State::Speaking}) {
        EXPECT_EQ(transition(state, Event::LinkDown, false), State::Down);
    }
}

}  // namespace
}  // namespace godwit::control::rip
