#include "controlplane/rip/packet/seal.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <stdexcept>

#include "net/byte_writer.hpp"

namespace godwit::control::rip {

namespace {

constexpr std::size_t kMd5KeyBytes = 16;
constexpr std::array<std::uint8_t, 4> kApad{0x87, 0x8f, 0xe1, 0xf3};  // RFC 4822 2.5

const EVP_MD* hash_of(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::KeyedMd5:
            return EVP_md5();
        case Algorithm::HmacSha1:
            return EVP_sha1();
        case Algorithm::HmacSha256:
            return EVP_sha256();
        case Algorithm::HmacSha384:
            return EVP_sha384();
        case Algorithm::HmacSha512:
            return EVP_sha512();
    }
    return EVP_sha512();
}

void require(bool done) {
    if (!done) {
        // Only a library without the algorithm, or an empty memory, can cause this.
        throw std::runtime_error("libcrypto cannot compute the digest of a RIP packet");
    }
}

Digest hash(const EVP_MD* algorithm, std::span<const std::uint8_t> bytes) {
    Digest digest;
    unsigned int size = 0;
    require(EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &size, algorithm,
                       nullptr) == 1);
    digest.size = size;
    return digest;
}

// RFC 4822 2.4: the digest of the packet with the key, 16 bytes, behind it.
Digest keyed_md5(const std::string& secret, std::span<const std::uint8_t> sealed) {
    std::vector<std::uint8_t> text(sealed.begin(), sealed.end());
    text.resize(sealed.size() + kMd5KeyBytes);
    std::copy_n(secret.begin(), std::min(secret.size(), kMd5KeyBytes),
                text.begin() + static_cast<std::ptrdiff_t>(sealed.size()));
    return hash(EVP_md5(), text);
}

// RFC 4822 2.5.
Digest hmac(Algorithm algorithm, const std::string& secret, std::span<const std::uint8_t> sealed) {
    const EVP_MD* const function = hash_of(algorithm);
    const std::size_t length = digest_bytes(algorithm);
    Digest key;
    key.size = length;
    if (secret.size() > length) {
        key = hash(function,
                   std::span(reinterpret_cast<const std::uint8_t*>(secret.data()), secret.size()));
    } else {
        std::copy(secret.begin(), secret.end(), key.bytes.begin());
    }
    std::vector<std::uint8_t> text(sealed.begin(), sealed.end());
    for (std::size_t i = 0; i < length; ++i) {
        text.push_back(kApad[i % kApad.size()]);
    }
    Digest digest;
    unsigned int size = 0;
    require(HMAC(function, key.bytes.data(), static_cast<int>(key.size), text.data(), text.size(),
                 digest.bytes.data(), &size) != nullptr);
    digest.size = size;
    return digest;
}

void write_entries(net::ByteWriter& writer, const Message& message) {
    const std::vector<std::uint8_t> plain = encode(message);
    writer.bytes(std::span(plain).subspan(kHeaderBytes));
}

void write_header(net::ByteWriter& writer, const Message& message, AuthenticationType type) {
    writer.u8(static_cast<std::uint8_t>(message.command));
    writer.u8(message.version);
    writer.u16(0);
    writer.u16(kFamilyAuthentication);
    writer.u16(static_cast<std::uint16_t>(type));
}

}  // namespace

Digest digest_of(Algorithm algorithm, const std::string& secret,
                 std::span<const std::uint8_t> sealed) {
    return algorithm == Algorithm::KeyedMd5 ? keyed_md5(secret, sealed)
                                            : hmac(algorithm, secret, sealed);
}

bool same_bytes(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::vector<std::uint8_t> encode_with_password(const Message& message,
                                               const std::string& password) {
    std::vector<std::uint8_t> bytes(kHeaderBytes + (message.entries.size() + 1) * kEntryBytes);
    net::ByteWriter writer(bytes);
    write_header(writer, message, AuthenticationType::Password);
    std::array<std::uint8_t, kPasswordBytes> field{};
    std::copy_n(password.begin(), std::min(password.size(), field.size()), field.begin());
    writer.bytes(field);
    write_entries(writer, message);
    return bytes;
}

std::vector<std::uint8_t> encode_sealed(const Message& message, const Seal& seal,
                                        const std::string& secret) {
    const std::size_t length = kHeaderBytes + (message.entries.size() + 1) * kEntryBytes;
    const std::size_t digest_length = digest_bytes(seal.algorithm);
    const std::size_t told =
        digest_length +
        (seal.data_length == DataLength::DigestAndTrailer ? kTrailerHeaderBytes : 0);
    std::vector<std::uint8_t> bytes(length + kTrailerHeaderBytes + digest_length);
    net::ByteWriter writer(bytes);
    write_header(writer, message, AuthenticationType::Cryptographic);
    writer.u16(static_cast<std::uint16_t>(length));
    writer.u8(seal.key_id);
    writer.u8(static_cast<std::uint8_t>(told));
    writer.u32(seal.sequence);
    writer.zeros(8);
    write_entries(writer, message);
    writer.u16(kFamilyAuthentication);
    writer.u16(1);
    const Digest digest =
        digest_of(seal.algorithm, secret, std::span(bytes).first(length + kTrailerHeaderBytes));
    writer.bytes(digest.span());
    return bytes;
}

}  // namespace godwit::control::rip
