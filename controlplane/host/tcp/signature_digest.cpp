#include "controlplane/host/tcp/signature_digest.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <utility>

namespace godwit::control::tcp {

namespace {

struct Free {
    void operator()(EVP_MD* md) const { EVP_MD_free(md); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// A keyed digest whose algorithm is chosen already; `digest` is zero when it failed.
bool run(EVP_MAC_CTX* context, std::span<const std::uint8_t> key, Parts parts,
         std::span<std::uint8_t> digest) {
    // OpenSSL takes a null key for "the one of the last time".
    static constexpr std::uint8_t kNoKey = 0;
    bool ok = EVP_MAC_init(context, key.empty() ? &kNoKey : key.data(), key.size(), nullptr) == 1;
    for (const auto part : parts) {
        ok = ok && EVP_MAC_update(context, part.data(), part.size()) == 1;
    }
    std::size_t written = 0;
    return ok && EVP_MAC_final(context, digest.data(), &written, digest.size()) == 1 &&
           written == digest.size();
}

Owned<EVP_MAC_CTX> keyed(const char* name, const char* parameter, const char* algorithm) {
    const Owned<EVP_MAC> mac(EVP_MAC_fetch(nullptr, name, nullptr));
    Owned<EVP_MAC_CTX> context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    // The parameter is read and never written, whatever its type says.
    OSSL_PARAM parameters[]{
        OSSL_PARAM_construct_utf8_string(parameter, const_cast<char*>(algorithm), 0),
        OSSL_PARAM_construct_end()};
    if (context && EVP_MAC_CTX_set_params(context.get(), parameters) != 1) {
        context.reset();
    }
    return context;
}

}  // namespace

struct Digester::Handles {
    Owned<EVP_MD> md5;
    Owned<EVP_MD_CTX> md5_context;
    Owned<EVP_MAC_CTX> hmac;
    Owned<EVP_MAC_CTX> cmac;
};

Digester::Digester(std::unique_ptr<Handles> handles) : handles_(std::move(handles)) {}

Digester::~Digester() = default;

net::Result<std::unique_ptr<Digester>, std::string> Digester::make() {
    auto handles = std::make_unique<Handles>();
    handles->md5.reset(EVP_MD_fetch(nullptr, "MD5", nullptr));
    handles->md5_context.reset(EVP_MD_CTX_new());
    handles->hmac = keyed("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA1");
    handles->cmac = keyed("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC");
    if (!handles->md5 || !handles->md5_context || !handles->hmac || !handles->cmac) {
        return net::unexpected(std::string(
            "OpenSSL offers no MD5, HMAC-SHA-1 or AES-CMAC, so TCP segments cannot be signed; "
            "allow them in its configuration (a FIPS provider alone has no MD5)"));
    }
    return std::unique_ptr<Digester>(new Digester(std::move(handles)));
}

Digest<kMd5Bytes> Digester::md5(Parts parts) {
    Digest<kMd5Bytes> digest;
    EVP_MD_CTX* const context = handles_->md5_context.get();
    digest.ok = EVP_DigestInit_ex2(context, handles_->md5.get(), nullptr) == 1;
    for (const auto part : parts) {
        digest.ok = digest.ok && EVP_DigestUpdate(context, part.data(), part.size()) == 1;
    }
    digest.ok = digest.ok && EVP_DigestFinal_ex(context, digest.bytes.data(), nullptr) == 1;
    return digest;
}

Digest<kSha1Bytes> Digester::hmac_sha1(std::span<const std::uint8_t> key, Parts parts) {
    Digest<kSha1Bytes> digest;
    digest.ok = run(handles_->hmac.get(), key, parts, digest.bytes);
    return digest;
}

Digest<kCmacBytes> Digester::aes_cmac(std::span<const std::uint8_t, kAesKeyBytes> key,
                                      Parts parts) {
    Digest<kCmacBytes> digest;
    digest.ok = run(handles_->cmac.get(), key, parts, digest.bytes);
    return digest;
}

bool equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace godwit::control::tcp
