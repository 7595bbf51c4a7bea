// The Internet checksum against a naive oracle, and incremental updates against recomputation.
#include "net/checksum.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/support/hex.hpp"
#include "tests/support/seeds.hpp"

namespace godwit::net {
namespace {

using testing::from_hex;
using testing::seeds;

// RFC 1071 1, word by word.
std::uint16_t naive_checksum(std::span<const std::uint8_t> bytes) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        sum += at % 2 == 0 ? std::uint32_t{bytes[at]} << 8 : std::uint32_t{bytes[at]};
        sum = (sum & 0xffffU) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> random_bytes(std::mt19937_64& random, std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    // All ones now and then: carries are where sums go wrong.
    const bool ones = random() % 4 == 0;
    for (std::uint8_t& byte : bytes) {
        byte = ones ? std::uint8_t{0xff} : static_cast<std::uint8_t>(random());
    }
    return bytes;
}

TEST(Checksum, The_example_of_RFC_1071_section_3) {
    // The sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2.
    EXPECT_EQ(internet_checksum(from_hex("00 01 f2 03 f4 f5 f6 f7")).host(), 0x220d);
}

TEST(Checksum, Equals_the_naive_sum_for_every_length_and_alignment) {
    for (const std::uint64_t seed : seeds(20)) {
        std::mt19937_64 random(seed);
        const auto bytes = random_bytes(random, 300);
        for (std::size_t offset = 0; offset < 9; ++offset) {
            for (std::size_t count = 0; offset + count <= bytes.size(); ++count) {
                const auto part = std::span(bytes).subspan(offset, count);
                ASSERT_EQ(internet_checksum(part).host(), naive_checksum(part))
                    << "offset " << offset << ", " << count << " bytes, GODWIT_SEED=" << seed;
            }
        }
    }
}

TEST(Checksum, Is_the_same_however_the_bytes_are_cut_into_parts) {
    for (const std::uint64_t seed : seeds(500)) {
        std::mt19937_64 random(seed);
        const auto bytes = random_bytes(random, random() % 200);
        ChecksumSum sum;
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t count = std::min<std::size_t>(random() % 13, bytes.size() - at);
            sum.add(std::span(bytes).subspan(at, count));
            at += count;
        }
        ASSERT_EQ(sum.checksum().host(), naive_checksum(bytes)) << "GODWIT_SEED=" << seed;
    }
}

TEST(Checksum, A_message_with_its_checksum_inside_is_valid_and_with_any_bit_turned_is_not) {
    auto header = from_hex("45 00 00 73 00 00 40 00 40 11 b8 61 c0 a8 00 01 c0 a8 00 c7");
    EXPECT_TRUE(has_valid_checksum(header));
    for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
        header[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        EXPECT_FALSE(has_valid_checksum(header)) << "bit " << bit;
        header[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    }
}

TEST(Checksum, An_update_of_16_bits_equals_recomputing_RFC_1624) {
    for (const std::uint64_t seed : seeds(2000)) {
        std::mt19937_64 random(seed);
        auto bytes = random_bytes(random, 20);
        bytes[0] |= 1U;  // never all zero: an IPv4 header is not
        const Big16 before = internet_checksum(bytes);
        const std::size_t at = 2 + random() % 9 * 2;
        Big16 old_word;
        std::memcpy(&old_word, &bytes[at], sizeof old_word);
        const auto new_word = Big16::from_host(static_cast<std::uint16_t>(
            random() % 3 == 0 ? (random() % 2 == 0 ? 0 : 0xffff) : random()));
        std::memcpy(&bytes[at], &new_word, sizeof new_word);
        ASSERT_EQ(update_checksum(before, old_word, new_word).host(),
                  internet_checksum(bytes).host())
            << "GODWIT_SEED=" << seed;
    }
}

TEST(Checksum, An_update_of_32_bits_equals_recomputing) {
    for (const std::uint64_t seed : seeds(2000)) {
        std::mt19937_64 random(seed);
        auto bytes = random_bytes(random, 20);
        bytes[0] |= 1U;
        const Big16 before = internet_checksum(bytes);
        const std::size_t at = 2 + random() % 8 * 2;
        Big32 old_word;
        std::memcpy(&old_word, &bytes[at], sizeof old_word);
        const auto new_word = Big32::from_host(static_cast<std::uint32_t>(random()));
        std::memcpy(&bytes[at], &new_word, sizeof new_word);
        ASSERT_EQ(update_checksum(before, old_word, new_word).host(),
                  internet_checksum(bytes).host())
            << "GODWIT_SEED=" << seed;
    }
}

TEST(Checksum, The_example_of_RFC_1624_section_4) {
    // HC = dd2f, m = 5555, m' = 3285: HC' is 0000, where RFC 1141 gave ffff.
    EXPECT_EQ(update_checksum(Big16::from_host(0xdd2f), Big16::from_host(0x5555),
                              Big16::from_host(0x3285))
                  .host(),
              0x0000);
}

TEST(Checksum, UDP_without_a_checksum_stays_without_and_a_computed_zero_is_sent_as_ones) {
    const auto word = [](std::uint16_t value) { return Big16::from_host(value); };
    EXPECT_EQ(update_udp_checksum(word(0), word(1), word(2)).host(), 0);
    EXPECT_EQ(update_udp_checksum(word(0xdd2f), word(0x5555), word(0x3285)).host(), 0xffff);
    EXPECT_EQ(udp_wire_checksum(word(0)).host(), 0xffff);
    EXPECT_EQ(udp_wire_checksum(word(7)).host(), 7);
}

}  // namespace
}  // namespace godwit::net
