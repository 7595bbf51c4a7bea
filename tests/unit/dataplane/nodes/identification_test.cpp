// The identification of packets made here: what must not repeat does not, whoever counts along, and
// what is not to be guessed does not show.
#include "dataplane/nodes/ip4/identification.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <set>
#include <vector>

#include "tests/support/seeds.hpp"

namespace godwit::dataplane {
namespace {

using net::IpProtocol;
using net::Ipv4Address;

constexpr Ipv4Address kOwn{0x0a000001U};
constexpr unsigned kNumbers = 1U << 16;

Ipv4Address host(std::uint32_t number) {
    return Ipv4Address(0xc0000200U + number);
}
net::SipKey key(std::uint64_t seed) {
    return {seed * 0x9e3779b97f4a7c15U, ~seed};
}

// rfc6864: 4.3
TEST(Identification, does_not_repeat_within_65536_packets_of_one_triple) {
    for (const std::uint64_t seed : godwit::testing::seeds(5)) {
        Identification identification(key(seed), 0, 1);
        std::vector<bool> seen(kNumbers);
        for (unsigned packet = 0; packet < kNumbers; ++packet) {
            const std::uint16_t number = identification.next(kOwn, host(1), IpProtocol::Icmp);
            ASSERT_FALSE(seen[number]) << "packet " << packet << ", seed " << seed;
            seen[number] = true;
        }
    }
}

// rfc6864: 4.3
TEST(Identification, is_never_the_same_of_two_workers) {
    for (const unsigned workers : {2U, 3U, 5U, 64U}) {
        std::vector<bool> seen(kNumbers);
        for (unsigned worker = 0; worker < workers; ++worker) {
            Identification identification(key(1), worker, workers);
            for (unsigned packet = 0; packet < kNumbers / workers; ++packet) {
                const std::uint16_t number = identification.next(kOwn, host(1), IpProtocol::Icmp);
                ASSERT_FALSE(seen[number]) << "worker " << worker << " of " << workers;
                seen[number] = true;
            }
        }
    }
}

// rfc6864: 4.3
TEST(Identification, others_that_count_along_leave_gaps_and_no_repetitions) {
    for (const std::uint64_t seed : godwit::testing::seeds(3)) {
        Identification identification(key(seed), 1, 2);
        std::vector<bool> seen(kNumbers);
        // 2048 destinations share 256 counters: between two packets to host 0 its counter moves by
        // a few of them.
        for (unsigned packet = 0; packet < 1000; ++packet) {
            const std::uint16_t number = identification.next(kOwn, host(0), IpProtocol::Udp);
            ASSERT_FALSE(seen[number]) << "packet " << packet << ", seed " << seed;
            seen[number] = true;
            for (std::uint32_t other = 1; other < 2048; ++other) {
                identification.next(kOwn, host(other), IpProtocol::Udp);
            }
        }
    }
}

// Differences between one number and the next, of a counter that only adds, would be all the same.
TEST(Identification, does_not_show_how_many_packets_went_between_two) {
    Identification identification(key(7), 0, 1);
    std::set<std::uint16_t> steps;
    std::uint16_t last = identification.next(kOwn, host(1), IpProtocol::Icmp);
    for (unsigned packet = 0; packet < 1000; ++packet) {
        const std::uint16_t number = identification.next(kOwn, host(1), IpProtocol::Icmp);
        steps.insert(static_cast<std::uint16_t>(number - last));
        last = number;
    }
    EXPECT_GT(steps.size(), 900U);
}

// rfc6864: 4.3
TEST(Identification, goes_another_way_for_each_triple_and_each_key) {
    const auto first_of = [](const net::SipKey& secret, Ipv4Address destination,
                             IpProtocol protocol) {
        Identification identification(secret, 0, 1);
        std::array<std::uint16_t, 4> numbers{};
        for (std::uint16_t& number : numbers) {
            number = identification.next(kOwn, destination, protocol);
        }
        return numbers;
    };
    std::set<std::array<std::uint16_t, 4>> ways;
    for (std::uint32_t other = 0; other < 100; ++other) {
        ways.insert(first_of(key(1), host(other), IpProtocol::Icmp));
        ways.insert(first_of(key(1), host(other), IpProtocol::Udp));
        ways.insert(first_of(key(2 + other), host(0), IpProtocol::Icmp));
    }
    EXPECT_EQ(ways.size(), 300U);
}

// Each value as often as chance has it, about, at each place of many short sequences.
TEST(Identification, has_no_values_that_it_likes_better) {
    std::array<unsigned, 16> upper{};
    std::array<unsigned, 16> lower{};
    constexpr unsigned kDraws = 16'000;
    for (unsigned draw = 0; draw < kDraws; ++draw) {
        Identification identification(key(draw + 1), 0, 1);
        const std::uint16_t number = identification.next(kOwn, host(1), IpProtocol::Icmp);
        ++upper[number >> 12];
        ++lower[number & 0xfU];
    }
    for (std::size_t value = 0; value < upper.size(); ++value) {
        EXPECT_NEAR(upper[value], kDraws / 16, 160) << value;  // five standard deviations
        EXPECT_NEAR(lower[value], kDraws / 16, 160) << value;
    }
}

}  // namespace
}  // namespace godwit::dataplane
