// SHA-256 by libcrypto, as 64 hexadecimal digits.
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "config/store/store.hpp"

namespace godwit::config {

std::string sha256_hex(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
        // Only a broken installation of the library or an empty memory can cause this.
        throw std::runtime_error("libcrypto cannot compute a SHA-256 digest");
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        hex += kDigits[digest[i] >> 4U];
        hex += kDigits[digest[i] & 0xfU];
    }
    return hex;
}

}  // namespace godwit::config
