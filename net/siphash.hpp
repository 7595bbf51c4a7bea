// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash of a few words. Who does not know the key
// can neither predict its value nor find inputs that collide, so tables that strangers fill are
// placed by it, and numbers that strangers must not guess are drawn from it.
//
// The input is a sequence of 64-bit words, hashed as the bytes of their little-endian form.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace godwit::net {

struct SipKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

constexpr std::uint64_t siphash(const SipKey& key, std::initializer_list<std::uint64_t> words) {
    std::uint64_t v0 = key.low ^ 0x736f6d6570736575ULL;
    std::uint64_t v1 = key.high ^ 0x646f72616e646f6dULL;
    std::uint64_t v2 = key.low ^ 0x6c7967656e657261ULL;
    std::uint64_t v3 = key.high ^ 0x7465646279746573ULL;
    const auto round = [&] {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    const auto take = [&](std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    };
    for (const std::uint64_t word : words) {
        take(word);
    }
    take(std::uint64_t{words.size() * 8 & 0xffU} << 56);  // the last block: the length in bytes
    v2 ^= 0xff;
    round();
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace godwit::net
