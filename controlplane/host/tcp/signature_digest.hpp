// The three digests that sign TCP segments, from OpenSSL: MD5 (RFC 2385), HMAC-SHA-1 and
// AES-128-CMAC (RFC 5926). The only file of the stack's core that knows OpenSSL.
//
// Input comes in parts, digested as if they stood behind each other, so that nothing is copied.
// The algorithms are looked up once, by make(): after that nothing can fail but by a lack of
// memory, and a digest that failed is all zeros with `ok` false, which verifies nothing and signs
// nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "net/result.hpp"

namespace godwit::control::tcp {

using Parts = std::span<const std::span<const std::uint8_t>>;

constexpr std::size_t kMd5Bytes = 16;
constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kAesKeyBytes = 16;
constexpr std::size_t kCmacBytes = 16;

template <std::size_t kBytes>
struct Digest {
    std::array<std::uint8_t, kBytes> bytes{};
    bool ok = false;
};

class Digester {
public:
    static net::Result<std::unique_ptr<Digester>, std::string> make();
    Digester(const Digester&) = delete;
    Digester& operator=(const Digester&) = delete;
    ~Digester();

    [[nodiscard]] Digest<kMd5Bytes> md5(Parts parts);
    [[nodiscard]] Digest<kSha1Bytes> hmac_sha1(std::span<const std::uint8_t> key, Parts parts);
    [[nodiscard]] Digest<kCmacBytes> aes_cmac(std::span<const std::uint8_t, kAesKeyBytes> key,
                                              Parts parts);

private:
    struct Handles;
    explicit Digester(std::unique_ptr<Handles> handles);
    std::unique_ptr<Handles> handles_;
};

// Whether they are equal, in a time that does not tell where they differ.
[[nodiscard]] bool equal_in_constant_time(std::span<const std::uint8_t> a,
                                          std::span<const std::uint8_t> b);

}  // namespace godwit::control::tcp
