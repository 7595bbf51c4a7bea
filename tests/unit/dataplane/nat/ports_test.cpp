// Which outside port a mapping gets: RFC 4787 4.2, RFC 6888 REQ-8, REQ-13 to 15, RFC 7857 8 and 9,
// blocks and RFC 7422.
#include <map>
#include <set>

#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

class Ports : public NatTest {
protected:
    static Endpoint host(unsigned number, std::uint16_t port = 5000) {
        return {Ipv4Address(0x0a000000U + number), port};
    }
    std::uint16_t port_for(Endpoint from) {
        const Decision made = udp_out(from, kRemote);
        EXPECT_EQ(made.verdict, Verdict::Translate);
        return made.rewrite.endpoint.port;
    }
};

// rfc7857: 9/a
TEST_F(Ports, A_port_is_preserved_with_any_number_of_workers) {
    for (unsigned workers = 1; workers <= 7; ++workers) {
        for (std::uint32_t port = 1; port < 65536; port += 37) {
            settings_.place = {owner_of_port(static_cast<std::uint16_t>(port), workers), workers};
            PortPool pool(settings_.place, Seconds{120});
            EXPECT_EQ(
                pool.take_same(IpProtocol::Udp, static_cast<std::uint16_t>(port), {1, 65535}, now_),
                port);
        }
    }
}

// rfc4787: REQ-3, REQ-4
// rfc7857: 8
// rfc4787: REQ-3/a, REQ-4, rfc7857: 9/b
TEST_F(Ports, A_port_that_must_differ_has_the_same_parity_and_is_on_the_same_side_of_1024) {
    for (const std::uint16_t wanted : std::initializer_list<std::uint16_t>{500, 501, 5000, 5001}) {
        ASSERT_EQ(port_for(host(1, wanted)), wanted);
        for (unsigned number = 2; number < 60; ++number) {
            const std::uint16_t port = port_for(host(number, wanted));
            ASSERT_NE(port, wanted);
            ASSERT_EQ(port % 2, wanted % 2);
            ASSERT_EQ(port < 1024, wanted < 1024);
        }
    }
}

// rfc4787: REQ-3
TEST_F(Ports, A_low_port_gets_a_high_one_where_the_rule_has_no_low_ones) {
    set_.source[0].ports = {1024, 65535};
    const std::uint16_t port = port_for(host(1, 500));
    EXPECT_GE(port, 1024);
    EXPECT_EQ(port % 2, 0);
}

// rfc6888: REQ-13
// rfc6888: REQ-13
TEST_F(Ports, Every_port_of_the_range_is_used_before_one_is_refused) {
    for (unsigned workers = 1; workers <= 3; ++workers) {
        std::set<std::uint16_t> all;
        for (unsigned worker = 0; worker < workers; ++worker) {
            PortPool pool({worker, workers}, Seconds{120});
            while (const auto port =
                       pool.take_other(IpProtocol::Tcp, 40001, {1020, 1999}, 77, now_)) {
                ASSERT_EQ(owner_of_port(*port, workers), worker);
                ASSERT_TRUE(all.insert(*port).second);
            }
        }
        EXPECT_EQ(all.size(), 980U);
        EXPECT_EQ(*all.begin(), 1020);
    }
}

// rfc6888: REQ-15
// rfc7857: 9
// rfc6888: REQ-15, rfc7857: 9/a
TEST_F(Ports, Ports_that_must_differ_do_not_follow_each_other) {
    port_for(host(1));
    std::set<int> steps;
    int before = port_for(host(2));
    for (unsigned number = 3; number < 40; ++number) {
        const int port = port_for(host(number));
        steps.insert(port - before);
        before = port;
    }
    EXPECT_GT(steps.size(), 30U);
}

// rfc6888: REQ-8
// rfc6888: REQ-8
TEST_F(Ports, A_port_that_came_back_rests_for_two_minutes) {
    set_.source[0].ports = {2000, 2001};
    const std::uint16_t first = port_for(host(1, 2000));
    port_for(host(1, 2001));
    pass_time(late(300));
    ASSERT_EQ(nat().mapping_count(), 0U);
    for (int second = 0; second < 120; ++second) {
        ASSERT_EQ(udp_out(host(2, 2000), kRemote).reason, Reason::PortsExhausted) << second;
        wait(1);
    }
    wait(61);
    EXPECT_EQ(port_for(host(2, 2000)), first);
}

TEST_F(Ports, A_port_rests_between_the_quarantine_and_half_as_much_again_whenever_it_came_back) {
    for (std::uint32_t start = 0; start < 200; ++start) {
        AgeingBits bits(100, Seconds{120});
        Instant now{Seconds{1000 + start}};
        bits.take(70);
        bits.give_back(70, now);
        std::uint32_t rested = 0;
        while (!bits.is_free(70, now)) {
            now += Seconds{1};
            ++rested;
        }
        EXPECT_GT(rested, 120U);
        EXPECT_LE(rested, 180U);
    }
}

// rfc6888: REQ-8/a
TEST_F(Ports, No_quarantine_means_none) {
    settings_.timeouts.port_quarantine = Seconds{0};
    set_.source[0].ports = {2000, 2001};
    port_for(host(1, 2000));
    pass_time(late(300));
    EXPECT_EQ(port_for(host(2, 2000)), 2000);
}

// rfc6888: REQ-8/b
TEST_F(Ports, Only_so_many_ports_rest_and_the_others_are_free_at_once) {
    settings_.most_resting_ports = 4;  // two of each parity
    set_.source[0].ports = {2000, 2007};
    for (std::uint16_t port = 2000; port < 2008; ++port) {
        port_for(host(1, port));
    }
    pass_time(late(300));
    ASSERT_EQ(nat().mapping_count(), 0U);
    unsigned free = 0;
    for (std::uint16_t port = 2000; port < 2008; ++port) {
        free +=
            static_cast<unsigned>(udp_out(host(2, port), kRemote).verdict == Verdict::Translate);
    }
    EXPECT_EQ(free, 4U);
}

// rfc6888: REQ-8/a, REQ-8/b
TEST_F(Ports, How_ports_rest_changes_while_they_do) {
    AgeingBits bits(100, Seconds{120});
    Instant now{Seconds{1000}};
    for (const std::uint32_t number : {7U, 8U}) {
        bits.take(number);
        bits.give_back(number, now);
    }
    bits.set_rest(Seconds{600}, 2);
    now += Seconds{599};
    EXPECT_FALSE(bits.is_free(7, now));
    EXPECT_EQ(bits.resting(), 2U);
    bits.take(9);
    bits.give_back(9, now);
    EXPECT_TRUE(bits.is_free(9, now)) << "two rest already";
    now += Seconds{901};
    EXPECT_TRUE(bits.is_free(7, now));
    EXPECT_EQ(bits.resting(), 0U);
    bits.take(7);
    bits.give_back(7, now);
    bits.set_rest(Seconds{0}, 2);
    EXPECT_TRUE(bits.is_free(7, now));
}

// rfc6888: REQ-14
// rfc6888: REQ-14
TEST_F(Ports, A_block_belongs_to_one_subscriber_and_is_told_once) {
    set_.source[0].allocation = PortAllocation::Blocks;
    set_.source[0].ports = {1024, 65535};
    set_.source[0].block_ports = 16;
    set_.source[0].max_blocks = 2;
    settings_.place = {1, 2};
    std::map<std::uint16_t, unsigned> owner;
    for (unsigned number = 1; number <= 10; ++number) {
        for (std::uint16_t port = 0; port < 16; ++port) {
            const auto wanted = static_cast<std::uint16_t>(5002 + port / 2 * 4 + port % 2);
            const std::uint16_t given = port_for(host(number, wanted));
            EXPECT_TRUE(owner.emplace(given, number).second);
        }
        EXPECT_REFUSED(udp_out(host(number, 8002), kRemote), PortsExhausted);
    }
    auto told = events();
    std::erase_if(told, [](const auto& each) { return each.event == NatEvent::PortsExhausted; });
    ASSERT_EQ(told.size(), 20U);
    for (const BindingEvent& event : told) {
        ASSERT_EQ(event.event, NatEvent::PortBlockAllocation);
        EXPECT_EQ(event.block_step, 2);
        for (const auto& [port, number] : owner) {
            if (event.block.contains(port)) {
                EXPECT_EQ(host(number).address, event.inside.address);
            }
        }
    }
    pass_time(late(300));
    told = events();
    EXPECT_EQ(std::ranges::count(told, NatEvent::PortBlockRelease, &BindingEvent::event), 20);
    EXPECT_EQ(nat().subscriber_count(), 0U);
}

// rfc6888: REQ-14
TEST_F(Ports, A_deterministic_subscriber_is_found_from_its_port_without_a_log) {
    set_.source[0].allocation = PortAllocation::Deterministic;
    set_.source[0].from = {prefix("10.0.0.0/26"), prefix("10.0.1.0/28")};
    set_.source[0].pool = {prefix("192.0.2.0/30")};
    set_.source[0].ports = {1024, 65535};
    std::set<Endpoint> used;
    for (unsigned number = 0; number < 64; ++number) {
        for (std::uint16_t port = 5000; port < 5010; ++port) {
            const Decision made = udp_out(host(number, port), kRemote);
            ASSERT_EQ(made.verdict, Verdict::Translate);
            EXPECT_TRUE(used.insert(made.rewrite.endpoint).second);
            EXPECT_EQ(nat().rules().deterministic_subscriber(made.rewrite.endpoint),
                      host(number).address);
        }
    }
    EXPECT_TRUE(events().empty());
    const Share share =
        nat().rules().share_of(*nat().rules().source_rule(RuleId{1}), host(0).address);
    EXPECT_EQ(share.ports.size(), 3224U);  // 80 hosts on 4 addresses: 20 share 64512 ports
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
