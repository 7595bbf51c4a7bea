// RFC 5227 in virtual time, clause by clause: addresses are proved free before they are used, and
// defended afterwards.
#include "dataplane/owner/conflicts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace godwit::dataplane {
namespace {

using namespace std::chrono_literals;
using net::Ipv4Address;
using net::Ipv4InterfaceAddress;
using net::MacAddress;
using State = Conflicts::State;

const MacAddress kOther({2, 0, 0, 0, 0, 9});
const net::InterfaceId kLan(1);
const NeighborKey kOwn{kLan, Ipv4Address(10, 0, 0, 1)};
const NeighborKey kSecond{kLan, Ipv4Address(10, 5, 0, 1)};

class ConflictsTest : public ::testing::Test {
protected:
    void configure(bool probe, bool link = true,
                   const std::vector<std::string>& addresses = {"10.0.0.1/24"},
                   net::InterfaceId interface = kLan) {
        std::vector<Ipv4InterfaceAddress> parsed;
        for (const std::string& address : addresses) {
            parsed.push_back(*Ipv4InterfaceAddress::parse(address));
        }
        conflicts.configure(interface, parsed, probe, link, now);
    }
    void hear(bool is_request, Ipv4Address sender, Ipv4Address target) {
        conflicts.handle_arp(kLan, {is_request, kOther, sender, target}, now, actions);
    }
    void use_by_another() { hear(true, kOwn.address, Ipv4Address(10, 0, 0, 77)); }

    // Every deadline at its own time; what each of them asked for, with its time.
    void pass(Duration time) {
        const Instant end = now + time;
        while (conflicts.next_deadline() && *conflicts.next_deadline() <= end) {
            now = std::max(now, *conflicts.next_deadline());
            const std::size_t before = actions.size();
            conflicts.advance(now, actions);
            for (std::size_t i = before; i < actions.size(); ++i) {
                if (std::holds_alternative<SendArpProbe>(actions[i])) {
                    probes.push_back(now);
                }
            }
        }
        now = end;
    }
    template <class Action>
    std::vector<Action> taken() {
        std::vector<Action> found;
        for (const ConflictAction& action : actions) {
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

    Instant now{std::chrono::hours(1)};
    Conflicts conflicts{1};
    ConflictActions actions;
    std::vector<Instant> probes;
};

TEST_F(ConflictsTest, Defended_address_is_in_use_at_once_and_nothing_is_asked) {
    configure(false, false);
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
    EXPECT_EQ(conflicts.not_in_use(), 0U);
    conflicts.link_up(kLan, now, actions);
    EXPECT_TRUE(actions.empty());
    EXPECT_FALSE(conflicts.next_deadline());
}

// rfc5227: 2.1, 2.1.1
TEST_F(ConflictsTest,
       Probed_address_is_asked_for_three_times_and_used_after_two_seconds_of_silence) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        conflicts = Conflicts(seed);
        actions.clear();
        probes.clear();
        const Instant began = now;
        configure(true);
        EXPECT_EQ(conflicts.state(kOwn), State::Probing);
        while (!conflicts.is_in_use(kOwn)) {
            ASSERT_TRUE(conflicts.next_deadline());
            pass(*conflicts.next_deadline() - now);
        }
        ASSERT_EQ(probes.size(), 3U);
        EXPECT_LE(probes[0] - began, 1s);
        for (std::size_t i = 1; i < probes.size(); ++i) {
            EXPECT_GE(probes[i] - probes[i - 1], 1s);
            EXPECT_LE(probes[i] - probes[i - 1], 2s);
        }
        EXPECT_EQ(now - probes[2], 2s);
        ASSERT_EQ(count<AddressUseChanged>(), 1U);
        EXPECT_TRUE(taken<AddressUseChanged>()[0].in_use);
        EXPECT_EQ(conflicts.not_in_use(), 0U);
    }
}

// rfc5227: 2.1.1
TEST_F(ConflictsTest, Waits_are_random_so_that_what_starts_together_asks_apart) {
    std::set<Instant> first;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        conflicts = Conflicts(seed);
        configure(true);
        first.insert(*conflicts.next_deadline());
    }
    EXPECT_GT(first.size(), 45U);
}

// rfc5227: 2.1.1
TEST_F(ConflictsTest, Any_message_from_the_address_means_that_it_is_taken) {
    for (const bool is_request : {true, false}) {
        for (const Duration after : {Duration(0s), Duration(3s), Duration(5900ms)}) {
            conflicts = Conflicts(7);
            actions.clear();
            configure(true);
            pass(after);
            if (conflicts.is_in_use(kOwn)) {
                continue;
            }
            hear(is_request, kOwn.address, Ipv4Address(10, 0, 0, 77));
            EXPECT_EQ(conflicts.state(kOwn), State::Refused);
            ASSERT_EQ(count<ConflictSeen>(), 1U);
            EXPECT_EQ(taken<ConflictSeen>()[0].other, kOther);
            EXPECT_FALSE(taken<ConflictSeen>()[0].in_use);
            EXPECT_EQ(conflicts.statistics().refused, 1U);
            EXPECT_EQ(count<DefendAddress>(), 0U);
        }
    }
}

// rfc5227: 2.1.1
TEST_F(ConflictsTest, Another_probe_for_the_address_means_so_too_and_about_another_nothing) {
    configure(true);
    hear(true, Ipv4Address(), Ipv4Address(10, 0, 0, 77));
    hear(true, Ipv4Address(10, 0, 0, 77), kOwn.address);  // asks for it, and does not have it
    hear(false, Ipv4Address(), kOwn.address);             // no probe
    EXPECT_EQ(conflicts.state(kOwn), State::Probing);
    conflicts.handle_arp(net::InterfaceId(2), {true, kOther, Ipv4Address(), kOwn.address}, now,
                         actions);
    EXPECT_EQ(conflicts.state(kOwn), State::Probing) << "that was on another link";
    hear(true, Ipv4Address(), kOwn.address);
    EXPECT_EQ(conflicts.state(kOwn), State::Refused);
}

// rfc5227: 2.1.1
TEST_F(ConflictsTest, Taken_address_is_tried_again_after_a_minute_and_used_when_it_is_free) {
    configure(true);
    use_by_another();
    actions.clear();
    pass(60s - 1ms);
    EXPECT_TRUE(actions.empty());
    use_by_another();
    EXPECT_TRUE(actions.empty()) << "it is told once an attempt";
    pass(8s);
    EXPECT_EQ(count<SendArpProbe>(), 3U);
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
}

// rfc5227: 2.1.1
TEST_F(ConflictsTest, From_ten_conflicts_on_an_interface_makes_one_attempt_a_minute_in_all) {
    configure(true, true, {"10.0.0.1/24", "10.5.0.1/24", "10.6.0.1/24"});
    std::vector<std::pair<Instant, NeighborKey>> attempts;
    const Instant end = now + 3h;
    unsigned refused = 0;
    while (now < end) {
        pass(*conflicts.next_deadline() - now);
        for (const SendArpProbe& probe : taken<SendArpProbe>()) {
            attempts.emplace_back(now, probe.own);
            ++refused;
            hear(false, probe.own.address, Ipv4Address());
        }
        actions.clear();
    }
    EXPECT_EQ(conflicts.statistics().refused, refused);
    ASSERT_GT(attempts.size(), 40U);
    for (std::size_t i = 14; i < attempts.size(); ++i) {
        // The random wait of up to a second may shorten one gap.
        EXPECT_GE(attempts[i].first - attempts[i - 1].first, 59s) << "attempt " << i;
    }
    // And each of the three has its turn.
    for (std::size_t i = 20; i + 3 <= attempts.size(); i += 3) {
        EXPECT_EQ((std::set<NeighborKey>{attempts[i].second, attempts[i + 1].second,
                                         attempts[i + 2].second}
                       .size()),
                  3U);
    }
}

// rfc5227: 2.1
TEST_F(ConflictsTest, Link_that_comes_back_has_the_address_proved_again) {
    configure(true, false);
    EXPECT_EQ(conflicts.state(kOwn), State::Waiting);
    EXPECT_FALSE(conflicts.next_deadline());
    conflicts.link_up(kLan, now, actions);
    pass(8s);
    ASSERT_TRUE(conflicts.is_in_use(kOwn));
    conflicts.link_down(kLan);
    EXPECT_TRUE(conflicts.is_in_use(kOwn)) << "nobody can hear it, and routes stay as they are";
    actions.clear();
    conflicts.link_up(kLan, now, actions);
    ASSERT_EQ(count<AddressUseChanged>(), 1U);
    EXPECT_FALSE(taken<AddressUseChanged>()[0].in_use);
    EXPECT_EQ(conflicts.state(kOwn), State::Probing);
    pass(8s);
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
}

TEST_F(ConflictsTest, Lost_link_stops_the_probing_which_nobody_would_hear) {
    configure(true);
    pass(2s);
    conflicts.link_down(kLan);
    actions.clear();
    pass(1h);
    EXPECT_TRUE(actions.empty());
    conflicts.link_up(kLan, now, actions);
    pass(8s);
    EXPECT_EQ(count<SendArpProbe>(), 3U) << "from the beginning";
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
}

// rfc5227: 2.1
TEST_F(ConflictsTest, Address_in_use_is_never_probed_as_a_matter_of_course) {
    configure(true);
    pass(8s);
    actions.clear();
    pass(24h);
    configure(true);  // another change of the configuration
    pass(24h);
    EXPECT_TRUE(actions.empty());
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
}

// rfc5227: 2.4
TEST_F(ConflictsTest, Use_of_our_address_is_answered_with_one_announcement_and_told) {
    configure(false);
    use_by_another();
    ASSERT_EQ(count<DefendAddress>(), 1U);
    EXPECT_EQ(taken<DefendAddress>()[0].own, kOwn);
    ASSERT_EQ(count<ConflictSeen>(), 1U);
    EXPECT_EQ(taken<ConflictSeen>()[0].other, kOther);
    EXPECT_TRUE(taken<ConflictSeen>()[0].in_use);
    EXPECT_TRUE(conflicts.is_in_use(kOwn)) << "a router keeps its address (c)";
}

// rfc5227: 2.4
TEST_F(ConflictsTest, Defends_at_most_once_in_ten_seconds_however_often_it_is_claimed) {
    configure(false);
    for (int second = 0; second < 100; ++second) {
        use_by_another();
        use_by_another();
        pass(1s);
    }
    EXPECT_EQ(count<DefendAddress>(), 10U);
    EXPECT_EQ(count<ConflictSeen>(), 10U);
    EXPECT_EQ(conflicts.statistics().conflicts, 200U);
    EXPECT_EQ(conflicts.statistics().defended, 10U);
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
}

// rfc5227: 2.4
TEST_F(ConflictsTest, Probe_for_an_address_in_use_is_no_conflict) {
    configure(false);
    hear(true, Ipv4Address(), kOwn.address);
    hear(true, Ipv4Address(10, 0, 0, 77), kOwn.address);
    EXPECT_TRUE(actions.empty());
}

TEST_F(ConflictsTest, New_addresses_are_probed_and_old_ones_stay_as_they_are) {
    configure(true);
    pass(8s);
    configure(true, true, {"10.0.0.1/24", "10.5.0.1/24"});
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
    EXPECT_EQ(conflicts.state(kSecond), State::Probing);
    EXPECT_EQ(conflicts.not_in_use(), 1U);
    configure(true, true, {"10.5.0.1/24"});
    EXPECT_FALSE(conflicts.state(kOwn));
    EXPECT_FALSE(conflicts.is_in_use(kOwn));
    conflicts.interface_removed(kLan);
    EXPECT_EQ(conflicts.size(), 0U);
    EXPECT_EQ(conflicts.not_in_use(), 0U);
    EXPECT_FALSE(conflicts.next_deadline());
}

TEST_F(ConflictsTest, Change_to_defend_takes_an_address_into_use_at_once) {
    configure(true);
    use_by_another();
    configure(false);
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
    EXPECT_FALSE(conflicts.next_deadline());
    configure(true);  // and back: it is in use, and is proved when the link comes back
    EXPECT_TRUE(conflicts.is_in_use(kOwn));
}

}  // namespace
}  // namespace godwit::dataplane
