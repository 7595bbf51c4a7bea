// The forwarding table against an oracle that is too simple to be wrong: try every length, longest
// first, in a map. Random changes are clustered, so that prefixes nest, cover and uncover each
// other; addresses are taken near them. The seed is printed with a failure.
#include "dataplane/tables/fib.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace godwit::dataplane {
namespace {

using net::Ipv4Address;
using net::Ipv4Prefix;

Ipv4Prefix prefix(const char* text) {
    return *Ipv4Prefix::parse(text);
}
std::uint32_t address(const char* text) {
    return Ipv4Address::parse(text)->value();
}

class Oracle {
public:
    void set(const Ipv4Prefix& at, std::uint32_t next_hop) { routes_[at] = next_hop; }
    bool remove(const Ipv4Prefix& at) { return routes_.erase(at) > 0; }
    [[nodiscard]] std::uint32_t lookup(std::uint32_t of) const {
        for (int length = 32; length >= 0; --length) {
            const auto found = routes_.find(
                Ipv4Prefix::covering(Ipv4Address(of), static_cast<std::uint8_t>(length)));
            if (found != routes_.end()) {
                return found->second;
            }
        }
        return Fib::kNoRoute;
    }
    [[nodiscard]] const std::map<Ipv4Prefix, std::uint32_t>& routes() const { return routes_; }

private:
    std::map<Ipv4Prefix, std::uint32_t> routes_;
};

// Addresses inside a few /16s, so that random prefixes meet.
class Neighborhood {
public:
    explicit Neighborhood(std::uint64_t seed) : random_(seed) {
        for (std::uint32_t& base : bases_) {
            base = static_cast<std::uint32_t>(random_()) & 0xffff0000U;
        }
    }
    std::uint32_t address() {
        const std::uint32_t base = bases_[random_() % bases_.size()];
        // Few /24s of each /16: long prefixes must share groups.
        const auto bits = static_cast<std::uint32_t>(random_());
        return base | (bits & 0x103ffU);
    }
    Ipv4Prefix prefix() {
        // All lengths, the long ones more often; /0 to /7 touch much and are rare.
        static constexpr std::array<std::uint8_t, 24> kLengths{0,  8,  9,  12, 15, 16, 17, 20,
                                                               22, 23, 24, 24, 25, 26, 27, 28,
                                                               29, 30, 31, 32, 32, 32, 24, 26};
        return Ipv4Prefix::covering(Ipv4Address(address()), kLengths[random_() % kLengths.size()]);
    }
    std::uint32_t number(std::uint32_t below) {
        return static_cast<std::uint32_t>(random_() % below);
    }

private:
    std::mt19937_64 random_;
    std::array<std::uint32_t, 4> bases_{};
};

TEST(Fib, without_routes_answers_no_route) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    EXPECT_EQ(fib.lookup(address("192.0.2.1")), Fib::kNoRoute);
}

TEST(Fib, the_longest_prefix_wins_and_its_removal_restores_the_one_around_it) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("0.0.0.0/0"), 1);
    fib.set(prefix("10.0.0.0/8"), 2);
    fib.set(prefix("10.1.2.0/24"), 3);
    fib.set(prefix("10.1.2.128/25"), 4);
    fib.set(prefix("10.1.2.129/32"), 5);

    EXPECT_EQ(fib.lookup(address("11.0.0.1")), 1U);
    EXPECT_EQ(fib.lookup(address("10.9.9.9")), 2U);
    EXPECT_EQ(fib.lookup(address("10.1.2.1")), 3U);
    EXPECT_EQ(fib.lookup(address("10.1.2.130")), 4U);
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 5U);

    fib.remove(prefix("10.1.2.128/25"));
    EXPECT_EQ(fib.lookup(address("10.1.2.130")), 3U);
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 5U);
    fib.remove(prefix("10.1.2.0/24"));
    fib.remove(prefix("10.1.2.129/32"));
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 2U);
    fib.remove(prefix("10.0.0.0/8"));
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), 1U);
    fib.remove(prefix("0.0.0.0/0"));
    EXPECT_EQ(fib.lookup(address("10.1.2.129")), Fib::kNoRoute);
}

TEST(Fib, a_route_to_no_route_hides_the_default) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("0.0.0.0/0"), 1);
    fib.set(prefix("10.0.0.0/8"), Fib::kNoRoute);
    EXPECT_EQ(fib.lookup(address("10.0.0.1")), Fib::kNoRoute);
}

TEST(Fib, says_what_a_change_did_and_refuses_at_its_limit) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 2);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 1), Fib::Change::Added);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 1), Fib::Change::Unchanged);
    EXPECT_EQ(fib.set(prefix("10.0.0.0/8"), 2), Fib::Change::Replaced);
    EXPECT_EQ(fib.set(prefix("10.0.0.1/32"), 3), Fib::Change::Added);
    EXPECT_EQ(fib.set(prefix("11.0.0.0/8"), 4), Fib::Change::TableFull);
    EXPECT_EQ(fib.lookup(address("11.0.0.1")), Fib::kNoRoute);
    EXPECT_EQ(fib.set(prefix("10.0.0.1/32"), 5), Fib::Change::Replaced);
    EXPECT_FALSE(fib.remove(prefix("11.0.0.0/8")));
    EXPECT_EQ(fib.size(), 2U);
}

TEST(Fib, the_default_route_costs_next_to_no_memory) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("0.0.0.0/0"), 7);
    EXPECT_LT(fib.memory_bytes(), 16U * 1024);
    EXPECT_EQ(fib.lookup(address("203.0.113.9")), 7U);
}

TEST(Fib, walks_in_prefix_order_from_where_it_is_told) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    fib.set(prefix("10.2.0.0/16"), 3);
    fib.set(prefix("10.0.0.0/8"), 1);
    fib.set(prefix("10.1.0.0/16"), 2);
    std::vector<std::uint32_t> seen;
    fib.walk(prefix("10.1.0.0/16"), [&seen](const Ipv4Prefix&, std::uint32_t next_hop) {
        seen.push_back(next_hop);
        return true;
    });
    EXPECT_EQ(seen, (std::vector<std::uint32_t>{2, 3}));
}

TEST(Fib, the_group_of_a_removed_long_prefix_is_used_again_only_after_the_workers_left_it) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 10);
    reclaimer.online(0);
    fib.set(prefix("10.1.2.129/32"), 1);
    fib.remove(prefix("10.1.2.129/32"));
    const std::size_t with_one_group = fib.memory_bytes();

    fib.set(prefix("10.1.3.129/32"), 2);
    EXPECT_GT(fib.memory_bytes(), with_one_group + 1000) << "the group was taken from its readers";
    reclaimer.quiescent(0);
    const std::size_t with_two_groups = fib.memory_bytes();
    fib.set(prefix("10.1.4.129/32"), 3);
    EXPECT_LT(fib.memory_bytes(), with_two_groups + 1000) << "the free group was not used";
    reclaimer.offline(0);
}

TEST(Fib, agrees_with_the_oracle_through_random_changes) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Neighborhood around(seed);
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 100'000);
    Oracle oracle;

    for (int batch = 0; batch < 12; ++batch) {
        for (int change = 0; change < 400; ++change) {
            const Ipv4Prefix at = around.prefix();
            if (around.number(5) < 2) {
                ASSERT_EQ(fib.remove(at), oracle.remove(at)) << at.to_string();
            } else {
                const std::uint32_t next_hop = around.number(1U << 24);
                ASSERT_NE(fib.set(at, next_hop), Fib::Change::TableFull);
                oracle.set(at, next_hop);
            }
        }
        reclaimer.poll();
        ASSERT_EQ(fib.size(), oracle.routes().size());
        for (int round = 0; round < 4000; ++round) {
            std::array<std::uint32_t, 64> addresses;
            std::array<std::uint32_t, 64> found;
            for (std::uint32_t& of : addresses) {
                of = around.address();
            }
            fib.lookup_burst(addresses.data(), found.data(), 64);
            for (std::size_t i = 0; i < addresses.size(); ++i) {
                ASSERT_EQ(found[i], oracle.lookup(addresses[i]))
                    << Ipv4Address(addresses[i]).to_string() << " in batch " << batch;
            }
        }
    }
    // And empty again: nothing of a removed route stays.
    const auto routes = oracle.routes();
    for (const auto& [at, next_hop] : routes) {
        EXPECT_EQ(fib.find(at), next_hop);
        EXPECT_TRUE(fib.remove(at));
    }
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_EQ(fib.lookup(around.address()), Fib::kNoRoute);
    }
}

// One thread looks up without pause while the writer adds and removes prefixes of every length
// around the address. Each route's value says its length and a serial number below a limit; at any
// moment the /16 is there, so the default (which changes all the time) must never be seen, and a
// value must be one that some route around this address could have.
TEST(Fib, a_reader_beside_the_writer_sees_only_values_that_were_right) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 100'000);
    const std::uint32_t watched = address("10.1.2.200");
    const auto value = [](unsigned length, unsigned serial) { return length << 16 | serial; };
    fib.set(prefix("10.1.0.0/16"), value(16, 0));

    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> lookups{0};
    std::thread reader([&] {
        reclaimer.online(0);
        while (!stop.load(std::memory_order_relaxed)) {
            for (int i = 0; i < 32; ++i) {
                const std::uint32_t seen = fib.lookup(watched);
                const unsigned length = seen >> 16;
                if (length < 16 || length > 32) {
                    wrong.fetch_add(1, std::memory_order_relaxed);
                }
            }
            lookups.fetch_add(32, std::memory_order_relaxed);
            reclaimer.quiescent(0);
        }
        reclaimer.offline(0);
    });

    std::mt19937_64 random(seed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(800);
    std::uint64_t changes = 0;
    while (std::chrono::steady_clock::now() < end) {
        const auto length = static_cast<std::uint8_t>(17 + random() % 16);
        // Half of them around the watched address, half next to it in the same group.
        const std::uint32_t near = random() % 2 == 0 ? watched : watched ^ 0x40U;
        const Ipv4Prefix at = Ipv4Prefix::covering(Ipv4Address(near), length);
        if (random() % 2 == 0) {
            fib.set(at, value(length, static_cast<unsigned>(random() % 1000)));
        } else {
            fib.remove(at);
        }
        fib.set(prefix("0.0.0.0/0"), static_cast<std::uint32_t>(random() % 1000));
        reclaimer.poll();
        ++changes;
    }
    stop = true;
    reader.join();
    EXPECT_EQ(wrong.load(), 0U) << lookups.load() << " lookups beside " << changes << " changes";
    EXPECT_GT(lookups.load(), 1000U);
}

// The default is a second word. The value of the watched address counts up with every change that
// it sees, in turns from its own route and from the default, which is always changed while the
// route hides it: a reader that mixed two moments would see a number that was never its own.
TEST(Fib, the_default_route_is_never_mixed_with_an_older_entry) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 100);
    const std::uint32_t watched = address("10.1.2.3");
    std::atomic<std::uint64_t> serial{0};  // of the last change that is complete
    fib.set(prefix("0.0.0.0/0"), 0);

    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::thread reader([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            // Values count up with every change, so what is seen lies between the count before and
            // the count after.
            const std::uint64_t before = serial.load();
            const std::uint32_t seen = fib.lookup(watched);
            const std::uint64_t after = serial.load() + 1;
            if (seen < before || seen > after) {
                wrong.fetch_add(1);
            }
        }
    });
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    std::uint32_t next = 0;
    while (std::chrono::steady_clock::now() < end && next < (1U << 24) - 4) {
        fib.set(prefix("10.1.2.0/24"), ++next);  // hides the default
        serial.store(next);
        fib.set(prefix("0.0.0.0/0"), ++next);  // unseen for now
        fib.remove(prefix("10.1.2.0/24"));     // seen now
        serial.store(next);
    }
    stop = true;
    reader.join();
    EXPECT_EQ(wrong.load(), 0U) << "after " << next << " changes";
}

}  // namespace
}  // namespace godwit::dataplane
