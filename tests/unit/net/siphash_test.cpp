#include "net/siphash.hpp"

#include <gtest/gtest.h>

namespace godwit::net {
namespace {

// The reference implementation's vectors: key 00 01 .. 0f, input 00 01 .. of 0, 8 and 16 bytes.
constexpr SipKey kKey{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

TEST(SipHash, agrees_with_the_vectors_of_its_authors) {
    EXPECT_EQ(siphash(kKey, {}), 0x726fdb47dd0e0e31ULL);
    EXPECT_EQ(siphash(kKey, {0x0706050403020100ULL}), 0x93f5f5799a932462ULL);
    EXPECT_EQ(siphash(kKey, {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL}), 0x3f2acc7f57c29bdbULL);
}

TEST(SipHash, another_key_gives_another_value) {
    EXPECT_NE(siphash(kKey, {1}), siphash({kKey.low, kKey.high + 1}, {1}));
}

}  // namespace
}  // namespace godwit::net
