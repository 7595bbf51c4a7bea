// Readers beside the writer: every answer was right at some moment of its reading.
//
// The tests run for GODWIT_FIB_SECONDS (1 when it is not set), each by both ways of looking up a
// burst. Of these the loads are plain ones, so ThreadSanitizer sees all of them; a gather it does
// not see, and what it finds is only compared.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "tests/unit/dataplane/tables/fib_oracle.hpp"

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
std::chrono::milliseconds duration() {
    const char* seconds = std::getenv("GODWIT_FIB_SECONDS");
    return std::chrono::seconds(seconds == nullptr ? 1 : std::atoi(seconds));
}

// The writer publishes what is right for a few watched addresses: before a change the answers of
// before and after it are both allowed, after it only the new one. An answer must have been allowed
// at some moment between the start and the end of its reading. Changes are around the watched
// addresses, of every length, with more next hops than narrow codes, and now and then one that no
// code says, so that groups, chunks and codes come and go; now and then everything is built anew.
class Watched {
public:
    static constexpr std::size_t kAddresses = 16;
    static constexpr std::size_t kHistory = std::size_t{1} << 14;

    explicit Watched(std::array<std::uint32_t, kAddresses> addresses) : addresses_(addresses) {}

    [[nodiscard]] const std::array<std::uint32_t, kAddresses>& addresses() const {
        return addresses_;
    }

    // Writer: answer `of` is allowed from now on; the one before it until `settle`.
    void change(std::size_t of, std::uint32_t answer) {
        Track& track = tracks_[of];
        const std::uint64_t next = track.newest.load(std::memory_order_relaxed) + 1;
        track.answers[next % kHistory].store(answer, std::memory_order_relaxed);
        track.newest.store(next);
    }
    void settle(std::size_t of) {
        tracks_[of].oldest.store(tracks_[of].newest.load(std::memory_order_relaxed));
    }

    // Readers: what is allowed begins here …
    [[nodiscard]] std::uint64_t begin(std::size_t of) const { return tracks_[of].oldest.load(); }
    // … and was this answer allowed until now? True also when the history is too short to say.
    [[nodiscard]] bool was_right(std::size_t of, std::uint64_t since, std::uint32_t answer) const {
        const std::uint64_t until = tracks_[of].newest.load();
        for (std::uint64_t i = since; i <= until; ++i) {
            if (tracks_[of].answers[i % kHistory].load(std::memory_order_relaxed) == answer) {
                return true;
            }
        }
        return tracks_[of].newest.load() - since >= kHistory;
    }

private:
    struct alignas(64) Track {
        std::atomic<std::uint64_t> oldest{0};
        std::atomic<std::uint64_t> newest{0};
        std::vector<std::atomic<std::uint32_t>> answers =
            std::vector<std::atomic<std::uint32_t>>(kHistory);
    };
    std::array<std::uint32_t, kAddresses> addresses_;
    std::array<Track, kAddresses> tracks_;
};

class FibConcurrent : public testing::TestWithParam<FibWay> {};

TEST_P(FibConcurrent, every_answer_was_right_at_some_moment_of_its_reading) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::array<std::uint32_t, Watched::kAddresses> addresses;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        // Four /16s, in each two neighbours in one /24 and two in others.
        addresses[i] =
            address("10.1.2.200") +
            static_cast<std::uint32_t>((i / 4) << 16 | (i % 4 == 1 ? 0x10U : 0U) |
                                       (i % 4 == 2 ? 0x100U : 0U) | (i % 4 == 3 ? 0x4000U : 0U));
    }
    Watched watched(addresses);
    Reclaimer reclaimer(2);
    Fib fib(reclaimer, 10'000, GetParam());
    Oracle oracle;

    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::array<std::atomic<std::uint64_t>, 2> reads{};
    const auto read = [&](unsigned worker) {
        reclaimer.online(worker);
        std::uint64_t done = 0;
        std::uint64_t turn = worker;
        while (!stop.load(std::memory_order_relaxed)) {
            std::array<std::uint32_t, 40> burst;
            std::array<std::uint32_t, 40> found;
            std::array<std::uint64_t, Watched::kAddresses> since;
            const auto count = static_cast<unsigned>(++turn % burst.size() + 1);
            for (unsigned i = 0; i < count; ++i) {
                burst[i] = addresses[(turn + i) % addresses.size()];
            }
            for (std::size_t of = 0; of < addresses.size(); ++of) {
                since[of] = watched.begin(of);
            }
            if (turn % 4 == 0) {
                for (unsigned i = 0; i < count; ++i) {
                    found[i] = fib.lookup(burst[i]);
                }
            } else {
                fib.lookup_burst(burst.data(), found.data(), count);
            }
            for (unsigned i = 0; i < count; ++i) {
                const std::size_t of = (turn + i) % addresses.size();
                if (!watched.was_right(of, since[of], found[i])) {
                    wrong.fetch_add(1, std::memory_order_relaxed);
                }
            }
            done += count;
            reclaimer.quiescent(worker);
        }
        reads[worker] = done;
        reclaimer.offline(worker);
    };
    std::thread first([&] { read(0); });
    std::thread second([&] { read(1); });

    const auto publish = [&](const Ipv4Prefix& at, const auto& change) {
        std::array<bool, Watched::kAddresses> moved{};
        for (std::size_t of = 0; of < addresses.size(); ++of) {
            if (at.contains(Ipv4Address(addresses[of]))) {
                watched.change(of, oracle.lookup(addresses[of]));
                moved[of] = true;
            }
        }
        change();
        for (std::size_t of = 0; of < addresses.size(); ++of) {
            if (moved[of]) {
                watched.settle(of);
            }
        }
    };
    const auto end = std::chrono::steady_clock::now() + duration();
    std::uint64_t changes = 0;
    std::uint64_t builds = 0;
    std::uint32_t serial = 0;
    while (std::chrono::steady_clock::now() < end) {
        for (int batch = 0; batch < 64; ++batch) {
            // Next hops go on in steps, so that codes are given up and taken again all the time.
            const std::uint32_t next_hop =
                random() % 4096 == 0 ? 100'000 : 1 + (serial++ / 4) % 1000;
            const std::uint32_t near =
                addresses[random() % addresses.size()] ^ (random() % 4 == 0 ? 0x40U : 0U);
            const auto length = static_cast<std::uint8_t>(
                random() % 8 == 0 ? 0
                                  : (random() % 3 == 0 ? 8 + random() % 17 : 24 + random() % 9));
            const Ipv4Prefix at = Ipv4Prefix::covering(Ipv4Address(near), length);
            if (random() % 2 == 0) {
                oracle.set(at, next_hop);
                publish(at, [&] { fib.set(at, next_hop); });
            } else {
                oracle.remove(at);
                publish(at, [&] { fib.remove(at); });
            }
            ++changes;
        }
        if (random() % 64 == 0) {
            std::vector<Fib::Route> routes;
            Oracle next;
            for (const auto& [at, next_hop] : oracle.routes()) {
                const std::uint32_t other = 1 + next_hop % 190;  // narrow again
                next.set(at, other);
                routes.push_back({at, other});
            }
            oracle = next;
            publish(Ipv4Prefix(), [&] { EXPECT_EQ(fib.build(routes), Fib::Built::Done); });
            ++builds;
        }
        reclaimer.poll();
    }
    stop = true;
    first.join();
    second.join();
    EXPECT_EQ(wrong.load(), 0U) << reads[0] + reads[1] << " reads beside " << changes << " changes";
    EXPECT_EQ(fib.size(), oracle.routes().size());
    EXPECT_GT(reads[0] + reads[1], 1000U);
    EXPECT_GT(changes, 1000U);
    RecordProperty("reads", std::to_string(reads[0] + reads[1]));
    RecordProperty("changes", std::to_string(changes));
    RecordProperty("builds", std::to_string(builds));
}

// The default is a second word. The value of the watched address counts up with every change that
// it sees, in turns from its own route and from the default, which is always changed while the
// route hides it: a reader that mixed two moments would see a number that was never its own.
TEST_P(FibConcurrent, the_default_route_is_never_mixed_with_an_older_entry) {
    Reclaimer reclaimer(1);
    Fib fib(reclaimer, 100, GetParam());
    const std::uint32_t watched = address("10.1.2.3");
    std::atomic<std::uint64_t> serial{0};  // of the last change that is complete
    fib.set(prefix("0.0.0.0/0"), 0);

    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::thread reader([&] {
        std::array<std::uint32_t, 64> burst;
        std::array<std::uint32_t, 64> seen;
        burst.fill(watched);
        reclaimer.online(0);
        while (!stop.load(std::memory_order_relaxed)) {
            // Values count up with every change, so what is seen lies between the count before and
            // the count after.
            for (const bool one : {true, false}) {
                const std::uint64_t before = serial.load();
                if (one) {
                    seen.fill(fib.lookup(watched));
                } else {
                    fib.lookup_burst(burst.data(), seen.data(), 64);
                }
                const std::uint64_t after = serial.load() + 1;
                for (const std::uint32_t value : seen) {
                    if (value < before || value > after) {
                        wrong.fetch_add(1);
                    }
                }
            }
            reclaimer.quiescent(0);
        }
        reclaimer.offline(0);
    });
    const auto end = std::chrono::steady_clock::now() + duration() / 2;
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

// Those that this CPU has.
std::vector<FibWay> ways() {
    return can_gather() ? std::vector{FibWay::Loads, FibWay::Gathers} : std::vector{FibWay::Loads};
}

INSTANTIATE_TEST_SUITE_P(Ways, FibConcurrent, testing::ValuesIn(ways()), [](const auto& way) {
    return way.param == FibWay::Loads ? "loads" : "gathers";
});

}  // namespace
}  // namespace godwit::dataplane
