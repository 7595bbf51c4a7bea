// What proves who sent a RIP packet: a password in the clear (RFC 2453 4.1), or a digest over the
// packet and a secret (keyed MD5: RFC 2082 and 4822 2.4; HMAC-SHA: RFC 4822 2.5).
//
// HMAC is computed as RFC 4822 2.5 says, which is not quite the usual one: a secret longer than the
// digest is hashed first (RFC 2104 does so only beyond the block), and the place of the digest is
// filled with 0x878fe1f3 while it is computed. So a secret of at most the digest's length is
// understood by everyone, and a longer one by those who read the same page.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controlplane/rip/packet/message.hpp"

namespace godwit::control::rip {

enum class Algorithm : std::uint8_t { KeyedMd5, HmacSha1, HmacSha256, HmacSha384, HmacSha512 };

constexpr std::size_t digest_bytes(Algorithm algorithm) {
    constexpr std::array<std::size_t, 5> kSizes{16, 20, 32, 48, 64};
    return kSizes[static_cast<std::size_t>(algorithm)];
}

// What the "authentication data length" of a packet that we send counts.
enum class DataLength : std::uint8_t {
    Digest,            // RFC 4822 2.1
    DigestAndTrailer,  // 4 bytes more, as old implementations have it
};

struct Digest {
    std::array<std::uint8_t, 64> bytes{};
    std::size_t size = 0;
    [[nodiscard]] std::span<const std::uint8_t> span() const {
        return std::span(bytes).first(size);
    }
};

// `sealed`: the packet up to the place of the digest.
Digest digest_of(Algorithm algorithm, const std::string& secret,
                 std::span<const std::uint8_t> sealed);

// Compares in a time that does not depend on where the two differ.
bool same_bytes(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right);

// How many entries fit beside the authentication: 25 without (RFC 2453 3.6), 24 with a password,
// 23 with keyed MD5, fewer with a longer digest.
constexpr std::size_t kEntriesWithPassword = kMostEntries - 1;
constexpr std::size_t entries_with(Algorithm algorithm) {
    return (kMostBytes - kHeaderBytes - kEntryBytes - kTrailerHeaderBytes -
            digest_bytes(algorithm)) /
           kEntryBytes;
}
static_assert(entries_with(Algorithm::KeyedMd5) == 23);

// The whole packet. A password is cut to, or filled with zeros up to, 16 bytes.
std::vector<std::uint8_t> encode_with_password(const Message& message, const std::string& password);

struct Seal {
    Algorithm algorithm = Algorithm::KeyedMd5;
    std::uint8_t key_id = 0;
    std::uint32_t sequence = 0;
    DataLength data_length = DataLength::Digest;
};
std::vector<std::uint8_t> encode_sealed(const Message& message, const Seal& seal,
                                        const std::string& secret);

}  // namespace godwit::control::rip
