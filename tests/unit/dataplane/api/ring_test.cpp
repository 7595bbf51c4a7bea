// The ring in good hands, in two threads, and against a peer that writes anything anywhere.
#include "dataplane/api/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace godwit::api {
namespace {

constexpr std::size_t kBytes = 4096;

// A region with guard bytes on both sides: a write outside the ring is seen.
class RingRegion {
public:
    explicit RingRegion(std::size_t data_bytes)
        : size_(ring_region_bytes(data_bytes)), memory_(size_ + 2 * kGuard + 64) {
        std::fill(memory_.begin(), memory_.end(), std::byte{0xA5});
        std::fill_n(start(), size_, std::byte{0});
    }
    [[nodiscard]] std::span<std::byte> bytes() { return {start(), size_}; }
    [[nodiscard]] RingHeader& header() { return *reinterpret_cast<RingHeader*>(start()); }
    [[nodiscard]] std::byte* data() { return start() + sizeof(RingHeader); }
    [[nodiscard]] bool guards_intact() {
        const std::byte* first = start();
        return std::all_of(first - kGuard, first, is_guard) &&
               std::all_of(first + size_, first + size_ + kGuard, is_guard);
    }

private:
    static constexpr std::size_t kGuard = 256;
    static bool is_guard(std::byte value) { return value == std::byte{0xA5}; }
    std::byte* start() {
        const auto address = reinterpret_cast<std::uintptr_t>(memory_.data() + kGuard);
        return reinterpret_cast<std::byte*>((address + 63) & ~std::uintptr_t{63});
    }
    std::size_t size_;
    std::vector<std::byte> memory_;
};

struct Pair {
    explicit Pair(std::size_t data_bytes = kBytes)
        : region(data_bytes),
          producer(region.bytes(), data_bytes),
          consumer(region.bytes(), data_bytes) {}
    bool put(std::uint32_t type, std::size_t bytes, std::uint8_t fill) {
        const auto place = producer.reserve(type, bytes);
        std::fill(place.begin(), place.end(), std::byte{fill});
        return !place.empty();
    }
    RingConsumer::Outcome get() { return consumer.next(buffer, record); }

    RingRegion region;
    RingProducer producer;
    RingConsumer consumer;
    std::array<std::byte, 4096> buffer{};
    Record record;
};

using Outcome = RingConsumer::Outcome;

TEST(Ring, carries_records_in_order_with_their_type_and_bytes) {
    Pair ring;
    ASSERT_TRUE(ring.put(7, 5, 0x11));
    ASSERT_TRUE(ring.put(9, 300, 0x22));
    EXPECT_FALSE(ring.producer.publish());  // nobody sleeps

    ASSERT_EQ(ring.get(), Outcome::Record);
    EXPECT_EQ(ring.record.type, 7U);
    EXPECT_EQ(std::vector<std::byte>(ring.record.body.begin(), ring.record.body.end()),
              std::vector<std::byte>(5, std::byte{0x11}));
    ASSERT_EQ(ring.get(), Outcome::Record);
    EXPECT_EQ(ring.record.type, 9U);
    EXPECT_EQ(ring.record.body.size(), 300U);
    EXPECT_EQ(ring.get(), Outcome::Empty);
}

TEST(Ring, shows_nothing_before_publish) {
    Pair ring;
    ASSERT_TRUE(ring.put(7, 5, 0x11));
    EXPECT_EQ(ring.get(), Outcome::Empty);
    (void)ring.producer.publish();
    EXPECT_EQ(ring.get(), Outcome::Record);
}

TEST(Ring, says_full_and_has_room_again_after_a_read) {
    Pair ring;
    std::size_t count = 0;
    while (ring.put(1, 120, 1)) {
        ++count;
    }
    EXPECT_EQ(count, kBytes / 128);
    EXPECT_EQ(ring.producer.free_bytes(), 0U);
    (void)ring.producer.publish();
    ASSERT_EQ(ring.get(), Outcome::Record);
    EXPECT_EQ(ring.producer.free_bytes(), 128U);
    EXPECT_TRUE(ring.put(1, 120, 1));
    EXPECT_FALSE(ring.put(1, 120, 1));
    EXPECT_FALSE(ring.producer.broken());
}

TEST(Ring, takes_the_longest_body_at_every_offset_of_an_empty_ring) {
    Pair ring;
    for (std::size_t offset = 0; offset < kBytes; offset += 16) {
        RingRegion fresh(kBytes);
        ring.producer = RingProducer(fresh.bytes(), kBytes);
        ring.consumer = RingConsumer(fresh.bytes(), kBytes);
        for (std::size_t moved = 0; moved < offset; moved += 16) {
            ASSERT_TRUE(ring.put(1, 8, 1));
            (void)ring.producer.publish();
            ASSERT_EQ(ring.get(), Outcome::Record);
        }
        ASSERT_TRUE(ring.put(2, max_body_bytes(kBytes), 2)) << "offset " << offset;
        (void)ring.producer.publish();
        ASSERT_EQ(ring.get(), Outcome::Record) << "offset " << offset;
        ASSERT_EQ(ring.record.body.size(), max_body_bytes(kBytes));
        ASSERT_TRUE(fresh.guards_intact());
    }
}

TEST(Ring, refuses_bodies_that_never_fit_and_the_padding_type) {
    Pair ring;
    EXPECT_TRUE(ring.producer.reserve(1, max_body_bytes(kBytes) + 1).empty());
    EXPECT_TRUE(ring.producer.reserve(1, SIZE_MAX).empty());
    EXPECT_TRUE(ring.producer.reserve(1, SIZE_MAX - 7).empty());
    EXPECT_TRUE(ring.producer.reserve(1, 0).empty());
    EXPECT_TRUE(ring.producer.reserve(kPaddingRecord, 8).empty());
    EXPECT_FALSE(ring.producer.broken());
}

TEST(Ring, is_broken_from_the_start_without_a_proper_region) {
    RingRegion region(kBytes);
    EXPECT_TRUE(RingConsumer().broken());
    EXPECT_TRUE(RingProducer().broken());
    EXPECT_TRUE(RingConsumer(region.bytes(), kBytes + 8).broken());
    EXPECT_TRUE(RingConsumer(region.bytes(), 2 * kBytes).broken());
    EXPECT_TRUE(RingProducer(region.bytes().subspan(8), kBytes).broken());
    EXPECT_TRUE(RingProducer().reserve(1, 8).empty());
    EXPECT_EQ(RingProducer().free_bytes(), 0U);
}

TEST(Ring, asks_for_a_signal_once_when_the_consumer_sleeps) {
    Pair ring;
    EXPECT_TRUE(ring.consumer.prepare_to_wait());
    ASSERT_TRUE(ring.put(1, 8, 1));
    EXPECT_TRUE(ring.producer.publish());
    ASSERT_TRUE(ring.put(1, 8, 1));
    EXPECT_FALSE(ring.producer.publish());
    EXPECT_FALSE(ring.consumer.prepare_to_wait());  // two wait
}

TEST(Ring, does_not_sleep_on_records_that_it_has_seen_and_not_taken) {
    Pair ring;
    ASSERT_TRUE(ring.put(1, 8, 1));
    ASSERT_TRUE(ring.put(1, 8, 1));
    (void)ring.producer.publish();
    ASSERT_EQ(ring.get(), Outcome::Record);
    EXPECT_FALSE(ring.consumer.prepare_to_wait());
}

TEST(Ring, shows_the_acknowledged_sequence_to_the_producer) {
    Pair ring;
    ring.consumer.acknowledge(17);
    EXPECT_EQ(ring.producer.acknowledged(), 17U);
}

// ---- a hostile peer

TEST(RingAgainstProducer, a_tail_that_cannot_be_breaks_the_ring) {
    for (const std::uint64_t tail : {std::uint64_t{1}, std::uint64_t{12}, std::uint64_t{kBytes + 8},
                                     UINT64_MAX, UINT64_MAX - 7, std::uint64_t{1} << 63U}) {
        Pair ring;
        const RecordHeader plausible{.body_bytes = 8, .type = 1};  // all through the data
        for (std::size_t at = 0; at < kBytes; at += 16) {
            std::memcpy(ring.region.data() + at, &plausible, sizeof(plausible));
        }
        ring.region.header().tail = tail;
        EXPECT_EQ(ring.get(), Outcome::Broken) << tail;
        EXPECT_TRUE(ring.consumer.broken());
        ring.region.header().tail = 0;
        EXPECT_EQ(ring.get(), Outcome::Broken) << "for good";
        EXPECT_FALSE(ring.consumer.prepare_to_wait());
    }
}

TEST(RingAgainstProducer, a_tail_that_moves_back_breaks_the_ring) {
    Pair ring;
    ASSERT_TRUE(ring.put(1, 8, 1));
    (void)ring.producer.publish();
    ASSERT_EQ(ring.get(), Outcome::Record);
    ring.region.header().tail = 8;
    EXPECT_EQ(ring.get(), Outcome::Broken);
}

TEST(RingAgainstProducer, a_length_that_cannot_be_breaks_the_ring) {
    for (const std::uint32_t length : {9U, 4089U, 4096U, UINT32_MAX, UINT32_MAX - 7U}) {
        Pair ring;
        ASSERT_TRUE(ring.put(1, 8, 1));
        (void)ring.producer.publish();
        const RecordHeader header{.body_bytes = length, .type = 1};
        std::memcpy(ring.region.data(), &header, sizeof(header));
        EXPECT_EQ(ring.get(), Outcome::Broken) << length;
    }
}

TEST(RingAgainstProducer, a_record_that_runs_past_the_end_breaks_the_ring) {
    Pair ring;
    for (std::size_t moved = 0; moved < kBytes - 16; moved += 16) {
        ASSERT_TRUE(ring.put(1, 8, 1));
        (void)ring.producer.publish();
        ASSERT_EQ(ring.get(), Outcome::Record);
    }
    const RecordHeader header{.body_bytes = 40, .type = 1};  // only 16 bytes are left
    std::memcpy(ring.region.data() + kBytes - 16, &header, sizeof(header));
    ring.region.header().tail = kBytes - 16 + 48;
    EXPECT_EQ(ring.get(), Outcome::Broken);
}

TEST(RingAgainstProducer, a_record_longer_than_the_readers_buffer_breaks_the_ring) {
    Pair ring;
    ASSERT_TRUE(ring.put(1, 100, 1));
    (void)ring.producer.publish();
    std::array<std::byte, 99> small;
    Record record;
    EXPECT_EQ(ring.consumer.next(small, record), Outcome::Broken);
}

TEST(RingAgainstProducer, padding_that_does_not_reach_the_end_breaks_the_ring) {
    Pair ring;
    ASSERT_TRUE(ring.put(1, 8, 1));
    (void)ring.producer.publish();
    const RecordHeader header{.body_bytes = 8, .type = kPaddingRecord};
    std::memcpy(ring.region.data(), &header, sizeof(header));
    EXPECT_EQ(ring.get(), Outcome::Broken);
}

TEST(RingAgainstConsumer, a_head_that_cannot_be_breaks_the_ring) {
    for (const std::uint64_t head :
         {std::uint64_t{1}, std::uint64_t{kBytes + 8}, UINT64_MAX, UINT64_MAX - 7}) {
        Pair ring;
        while (ring.put(1, 120, 1)) {
        }
        (void)ring.producer.publish();
        ring.region.header().head = head;
        EXPECT_FALSE(ring.put(1, 120, 1)) << head;
        EXPECT_TRUE(ring.producer.broken()) << head;
        EXPECT_FALSE(ring.producer.publish());
    }
}

TEST(RingAgainstConsumer, a_head_beyond_what_was_published_breaks_the_ring) {
    Pair ring;
    ASSERT_TRUE(ring.put(1, 120, 1));
    (void)ring.producer.publish();
    while (ring.put(1, 120, 1)) {  // reserved, not published
    }
    ring.region.header().head = 256;
    EXPECT_EQ(ring.producer.free_bytes(), 0U);
    EXPECT_FALSE(ring.put(1, 120, 1));
    EXPECT_TRUE(ring.producer.broken());
}

// Everything random, thousands of rounds: no access outside (guards, sanitizers), and an end.
TEST(RingAgainstAnybody, survives_random_headers_and_random_data) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::size_t broken = 0;
    for (int round = 0; round < 5000; ++round) {
        Pair ring;
        const auto number = [&]() -> std::uint64_t {
            const std::uint64_t raw = random();
            switch (random() % 4) {
                case 0:
                    return raw;
                case 1:
                    return raw % (2 * kBytes);
                case 2:
                    return raw % (2 * kBytes) & ~std::uint64_t{7};
                default:
                    return 0 - (raw % (2 * kBytes));
            }
        };
        for (int step = 0; step < 60; ++step) {
            RingHeader& header = ring.region.header();
            switch (random() % 8) {
                case 0:
                    header.tail = number();
                    break;
                case 1:
                    header.head = number();
                    break;
                case 2:
                    header.consumer_waiting = static_cast<std::uint32_t>(number());
                    header.acknowledged = number();
                    break;
                case 3: {
                    const RecordHeader record{.body_bytes = static_cast<std::uint32_t>(number()),
                                              .type = static_cast<std::uint32_t>(random() % 3)};
                    std::memcpy(ring.region.data() + random() % (kBytes / 8) * 8, &record,
                                sizeof(record));
                    break;
                }
                case 4:
                case 5:
                    ring.put(static_cast<std::uint32_t>(random() % 4), random() % 2100, 3);
                    (void)ring.producer.publish();
                    break;
                default:
                    ring.get();
                    (void)ring.consumer.prepare_to_wait();
                    (void)ring.producer.free_bytes();
                    break;
            }
            ASSERT_LE(ring.producer.free_bytes(), kBytes);
        }
        ASSERT_TRUE(ring.region.guards_intact());
        broken += ring.consumer.broken() || ring.producer.broken() ? 1 : 0;
    }
    EXPECT_GT(broken, 4000U);  // the peer does not get away with it
}

// ---- two threads

TEST(RingInTwoThreads, every_byte_of_every_record_arrives) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    constexpr std::uint32_t kRecords = 200000;
    auto ring = std::make_unique<Pair>(std::size_t{1} << 16U);

    std::thread writer([&] {
        std::mt19937_64 random(seed);
        for (std::uint32_t i = 0; i < kRecords;) {
            const std::size_t bytes = 1 + random() % (i % 64 == 0 ? 4096 : 200);
            std::span<std::byte> place;
            while ((place = ring->producer.reserve(i + 1, bytes)).empty()) {
                ASSERT_FALSE(ring->producer.broken());
                (void)ring->producer.publish();
                std::this_thread::yield();
            }
            for (std::size_t at = 0; at < bytes; ++at) {
                place[at] = static_cast<std::byte>(i + at);
            }
            ++i;
            if (random() % 8 == 0 || i == kRecords) {
                (void)ring->producer.publish();
            }
        }
    });

    std::mt19937_64 random(seed);
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < kRecords && wrong == 0;) {
        const Outcome outcome = ring->get();
        if (outcome == Outcome::Empty) {
            std::this_thread::yield();
            continue;
        }
        ASSERT_EQ(outcome, Outcome::Record);
        const std::size_t bytes = 1 + random() % (i % 64 == 0 ? 4096 : 200);
        wrong += ring->record.type != i + 1 || ring->record.body.size() != bytes ? 1 : 0;
        for (std::size_t at = 0; wrong == 0 && at < bytes; ++at) {
            wrong += ring->record.body[at] != static_cast<std::byte>(i + at) ? 1 : 0;
        }
        (void)random();  // the writer's decision to publish
        ++i;
    }
    EXPECT_EQ(wrong, 0U);
    writer.join();
}

// The promise behind sleeping: a consumer that was told to sleep is signalled by the next publish.
TEST(RingInTwoThreads, no_wake_up_is_lost) {
    constexpr std::uint32_t kRecords = 100000;
    auto ring = std::make_unique<Pair>(std::size_t{1} << 16U);
    std::atomic<std::uint32_t> signals{0};

    std::thread writer([&] {
        for (std::uint32_t i = 0; i < kRecords; ++i) {
            while (ring->producer.reserve(1, 8).empty()) {
                std::this_thread::yield();
            }
            if (ring->producer.publish()) {
                signals.fetch_add(1);
                signals.notify_one();
            }
        }
    });

    std::uint32_t taken = 0;
    std::uint32_t seen = 0;
    while (taken < kRecords) {
        if (ring->get() == Outcome::Record) {
            ++taken;
            continue;
        }
        if (ring->consumer.prepare_to_wait()) {
            signals.wait(seen);  // hangs here if the signal is lost
            seen = signals.load();
        }
    }
    writer.join();
    EXPECT_EQ(taken, kRecords);
}

}  // namespace
}  // namespace godwit::api
