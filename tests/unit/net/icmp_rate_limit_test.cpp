// The limit of ICMP errors in virtual time: the rate, fairness, and the attack of CVE-2020-25705
// played against it.
#include "net/icmp_rate_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace godwit::net {
namespace {

using Answer = IcmpRateLimit::Answer;

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint32_t kRate = 1000;
constexpr std::uint64_t kInterval = kSecond / IcmpRateLimit::kIntervalsPerSecond;
constexpr SipKey kSecret{0x1234567890abcdefULL, 0xfedcba0987654321ULL};
constexpr Ipv4Address kHost(192, 0, 2, 1);

IcmpRateLimit limit_of(const SipKey& secret = kSecret, std::uint32_t parts = 1) {
    return {kSecond, 8, parts, secret};
}

bool sends(IcmpRateLimit& limit, Ipv4Address host, std::uint64_t now, std::uint32_t rate = kRate,
           IcmpType type = IcmpType::TimeExceeded, std::size_t interface = 1) {
    return limit.ask(type, interface, host, now, rate) == Answer::Send;
}

// Of as many different hosts as ask.
unsigned sent_to_many(IcmpRateLimit& limit, std::uint64_t now, unsigned asks,
                      std::uint32_t rate = kRate) {
    unsigned sent = 0;
    for (std::uint32_t i = 0; i < asks; ++i) {
        sent += sends(limit, Ipv4Address(0x0a000000U + i), now, rate) ? 1U : 0U;
    }
    return sent;
}

// rfc1812: 4.3.2.8/b
TEST(IcmpRateLimit, never_sends_more_than_the_rate_and_no_less_than_half_of_it) {
    IcmpRateLimit limit = limit_of();
    unsigned in_all = 0;
    for (std::uint64_t now = 0; now < 100 * kSecond; now += kInterval) {
        const unsigned sent = sent_to_many(limit, now, 300);
        EXPECT_GE(sent, 50U);
        EXPECT_LE(sent, 100U);
        in_all += sent;
    }
    EXPECT_NEAR(in_all, 75'000, 2'500);
}

TEST(IcmpRateLimit, a_rate_of_one_sends_now_and_then) {
    IcmpRateLimit limit = limit_of();
    unsigned sent = 0;
    for (std::uint64_t now = 0; now < 1000 * kSecond; now += kSecond / 4) {
        sent += sends(limit, kHost, now, 1) ? 1U : 0U;
    }
    EXPECT_LE(sent, 1000U);
    EXPECT_GE(sent, 600U);
}

TEST(IcmpRateLimit, workers_share_the_rate) {
    unsigned in_all = 0;
    for (std::uint64_t worker = 0; worker < 4; ++worker) {
        IcmpRateLimit limit = limit_of({worker, 7}, 4);
        for (std::uint64_t now = 0; now < 10 * kSecond; now += kInterval) {
            in_all += sent_to_many(limit, now, 300);
        }
    }
    EXPECT_LE(in_all, 10 * kRate);
    EXPECT_GE(in_all, 5 * kRate);
}

TEST(IcmpRateLimit, types_and_interfaces_have_budgets_of_their_own) {
    IcmpRateLimit limit = limit_of();
    sent_to_many(limit, 0, 300);
    EXPECT_EQ(limit.ask(IcmpType::TimeExceeded, 1, kHost, 0, kRate), Answer::OverRate);
    EXPECT_TRUE(sends(limit, kHost, 0, kRate, IcmpType::DestinationUnreachable));
    EXPECT_TRUE(sends(limit, kHost, 0, kRate, IcmpType::ParameterProblem));
    EXPECT_TRUE(sends(limit, kHost, 0, kRate, IcmpType::TimeExceeded, 2));
}

TEST(IcmpRateLimit, another_rate_holds_at_once) {
    IcmpRateLimit limit = limit_of();
    sent_to_many(limit, 0, 300);
    EXPECT_GE(sent_to_many(limit, 1, 20'000, 100'000), 5'000U);
}

TEST(IcmpRateLimit, a_clock_that_steps_back_gives_nothing) {
    IcmpRateLimit limit = limit_of();
    sent_to_many(limit, 5 * kSecond, 300);
    EXPECT_EQ(sent_to_many(limit, 4 * kSecond, 300), 0U);
}

TEST(IcmpRateLimit, one_noisy_host_does_not_silence_the_router_for_the_others) {
    IcmpRateLimit limit = limit_of();
    unsigned asked = 0;
    unsigned refused = 0;
    for (std::uint64_t now = 0; now < 60 * kSecond; now += 100) {  // 10,000 a second
        sends(limit, kHost, now);
        if (now % (kSecond / 5) == 0) {
            for (std::uint32_t quiet = 1; quiet <= 10; ++quiet) {
                ++asked;
                refused += sends(limit, Ipv4Address(0x0a000000U + quiet), now) ? 0U : 1U;
            }
        }
    }
    EXPECT_EQ(asked, 3000U);
    EXPECT_LE(refused, asked / 100);  // those that share the noisy one's place for an interval
}

TEST(IcmpRateLimit, one_host_alone_gets_half_of_the_budget) {
    IcmpRateLimit limit = limit_of();
    unsigned sent = 0;
    while (sends(limit, kHost, 0)) {
        ++sent;
    }
    EXPECT_GE(sent, 25U);
    EXPECT_LE(sent, 50U);
    EXPECT_EQ(limit.ask(IcmpType::TimeExceeded, 1, kHost, 0, kRate), Answer::OverShare);
}

TEST(IcmpRateLimit, who_does_not_heed_redirects_is_told_seldom) {
    IcmpRateLimit limit = limit_of();
    unsigned sent = 0;
    for (unsigned i = 0; i < 100; ++i) {
        sent += sends(limit, kHost, 0, kRate, IcmpType::Redirect) ? 1U : 0U;
    }
    EXPECT_EQ(sent, IcmpRateLimit::kMaxRedirectsToOne);
}

// --- the attack

// What the attacker sees in one interval: `provoked` errors went to the victim's spoofed address,
// then he asks from `own` addresses of his and counts the answers.
unsigned answers_seen(IcmpRateLimit& limit, std::uint64_t now, unsigned provoked, unsigned own) {
    for (unsigned i = 0; i < provoked; ++i) {
        sends(limit, kHost, now);
    }
    unsigned seen = 0;
    for (std::uint32_t i = 0; i < own; ++i) {
        seen += sends(limit, Ipv4Address(0xc6336400U + i), now) ? 1U : 0U;
    }
    return seen;
}

// How well one interval tells `provoked` from one fewer (a port that is open provokes none): the
// best of all rules of the form "more answers than t". 0 is a coin, 1 is certainty.
template <class Observe>
double advantage_of(const Observe& observe, unsigned provoked) {
    constexpr unsigned kTrials = 10'000;
    std::array<std::array<unsigned, 512>, 2> seen{};
    for (unsigned trial = 0; trial < kTrials; ++trial) {
        ++seen[0][std::min(observe(provoked), 511U)];
        ++seen[1][std::min(observe(provoked - 1), 511U)];
    }
    double best = 0;
    std::array<double, 2> below{};
    for (std::size_t count = 0; count < 512; ++count) {
        below[0] += seen[0][count];
        below[1] += seen[1][count];
        best = std::max(best, std::abs(below[0] - below[1]) / kTrials);
    }
    return best;
}

// rfc1812: 4.3.2.8/b
TEST(IcmpRateLimit, the_probe_of_sad_dns_learns_next_to_nothing) {
    IcmpRateLimit limit = limit_of();
    std::uint64_t now = 0;
    for (const unsigned provoked : {10U, 24U, 37U, 50U, 99U}) {
        for (const unsigned own : {1U, 120U}) {
            const double advantage = advantage_of(
                [&](unsigned count) {
                    now += kInterval;
                    return answers_seen(limit, now, count, own);
                },
                provoked);
            RecordProperty("advantage_" + std::to_string(provoked) + "_" + std::to_string(own),
                           std::to_string(advantage));
            EXPECT_LT(advantage, 0.06) << provoked << " provoked, " << own << " of his own";
        }
    }
}

// The attack works where it must: on a limit of fifty that everyone shares and nobody draws.
TEST(IcmpRateLimit, the_same_probe_reads_a_fixed_limit_with_certainty) {
    const auto fixed = [](unsigned provoked) {
        unsigned left = 50 - std::min(provoked, 50U);
        return left > 0 ? 1U : 0U;
    };
    EXPECT_EQ(advantage_of(fixed, 50), 1.0);
}

// CVE-2021-20322: an address that shares a place with the victim's sees what the victim is sent.
TEST(IcmpRateLimit, an_address_that_shares_a_place_is_of_no_use_in_the_next_interval) {
    IcmpRateLimit limit = limit_of();
    unsigned shared = 0;
    unsigned shared_again = 0;
    for (std::uint64_t now = 0; now < 2000 * kInterval; now += 2 * kInterval) {
        // One search in one interval, and the address that it found tried in the next.
        while (sends(limit, kHost, now)) {
        }
        for (std::uint32_t i = 0; i < 2000; ++i) {
            const Ipv4Address candidate(0xc6120000U + i);
            if (limit.ask(IcmpType::TimeExceeded, 1, candidate, now, kRate) != Answer::OverShare) {
                continue;
            }
            ++shared;
            const std::uint64_t next = now + kInterval;
            while (sends(limit, kHost, next)) {
            }
            shared_again +=
                limit.ask(IcmpType::TimeExceeded, 1, candidate, next, kRate) == Answer::OverShare
                    ? 1U
                    : 0U;
            break;
        }
    }
    EXPECT_GT(shared, 5U);
    EXPECT_LE(shared_again, 1 + shared / 100);
}

}  // namespace
}  // namespace godwit::net
