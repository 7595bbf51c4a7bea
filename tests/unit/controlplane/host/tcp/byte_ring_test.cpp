#include "controlplane/host/tcp/byte_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "tests/support/seeds.hpp"

namespace godwit::control::tcp::testing {
namespace {

constexpr std::size_t kLarge = std::size_t{1} << 18U;

std::vector<std::uint8_t> bytes(std::size_t count, std::uint8_t value = 7) {
    return std::vector<std::uint8_t>(count, value);
}

std::vector<std::uint8_t> all_of(const ByteRing::Parts& parts) {
    std::vector<std::uint8_t> all(parts.first.begin(), parts.first.end());
    all.insert(all.end(), parts.rest.begin(), parts.rest.end());
    return all;
}

// Fills a ring and empties it, which leaves its storage to the next one.
void fill_and_empty(std::size_t count) {
    ByteRing ring;
    ring.write(0, bytes(count));
    ring.drop_front(count);
    EXPECT_EQ(ring.capacity(), 0U);
}

TEST(ByteRing, Holds_what_was_written_whatever_storage_it_gets) {
    for (const std::uint64_t seed : godwit::testing::seeds(20)) {
        std::mt19937_64 random(seed);
        ByteRing ring;
        ByteRing other;  // takes and leaves storage in between
        std::deque<std::uint8_t> model;
        for (int step = 0; step < 500; ++step) {
            std::vector<std::uint8_t> more(random() % (random() % 4 == 0 ? 200'000 : 3'000));
            std::ranges::generate(more, [&] { return static_cast<std::uint8_t>(random()); });
            ring.write(model.size(), more);
            model.insert(model.end(), more.begin(), more.end());
            if (random() % 3 == 0) {
                other.write(0, bytes(1 + random() % 300'000));
                other.drop_front(300'000);
            }
            const std::size_t read =
                random() % 4 == 0 ? model.size() : random() % (model.size() + 1);
            const auto held = all_of(ring.read(0, read));
            ASSERT_TRUE(std::equal(held.begin(), held.end(), model.begin()))
                << "step " << step << ", GODWIT_SEED=" << seed;
            ring.drop_front(read);
            model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(read));
        }
    }
}

TEST(ByteRing, An_emptied_ring_leaves_its_storage_to_the_next_that_grows_so_large) {
    fill_and_empty(kLarge);
    ByteRing ring;
    ring.write(0, bytes(kLarge / 4));
    EXPECT_GE(ring.capacity(), kLarge);
}

// Or little data would hold the memory of much.
TEST(ByteRing, A_little_does_not_take_a_large_storage) {
    fill_and_empty(kLarge);
    ByteRing little;
    little.write(0, bytes(100));
    EXPECT_LE(little.capacity(), 2048U);
    little.write(0, bytes(kLarge / 16));
    EXPECT_EQ(little.capacity(), kLarge / 16);
}

TEST(ByteRing, No_more_than_one_storage_of_a_stated_size_is_kept) {
    SpareStorage spare;
    const auto piece = [](std::size_t capacity) {
        return SpareStorage::Piece{std::make_unique<std::uint8_t[]>(capacity), capacity};
    };
    spare.give_back(piece(2 * SpareStorage::kMostSpare));
    EXPECT_EQ(spare.take(SpareStorage::kMostSpare).capacity, SpareStorage::kMostSpare);
    spare.give_back(piece(kLarge));
    spare.give_back(piece(kLarge / 2));
    EXPECT_EQ(spare.take(kLarge / 4).capacity, kLarge / 2);
    EXPECT_EQ(spare.take(kLarge / 4).capacity, kLarge / 4);
}

}  // namespace
}  // namespace godwit::control::tcp::testing
