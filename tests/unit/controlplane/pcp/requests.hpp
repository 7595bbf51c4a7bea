// Requests as clients write them, byte by byte: nothing here is known from the code under test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/pcp/types.hpp"
#include "tests/support/hex.hpp"

namespace godwit::control::pcp::test {

using Bytes = std::vector<std::uint8_t>;
using godwit::testing::from_hex;
using godwit::testing::to_hex;

inline constexpr net::Ipv4Address kClient(10, 0, 0, 9);
inline constexpr net::Ipv4Address kUs(10, 0, 0, 1);
inline constexpr Endpoint kOutside{net::Ipv4Address(192, 0, 2, 1), 40000};

inline constexpr std::string_view kClientBytes = "00000000000000000000ffff0a000009";
inline constexpr std::string_view kNonceBytes = "a0a1a2a3a4a5a6a7a8a9aaab";
inline constexpr std::string_view kNoAddress = "00000000000000000000000000000000";
inline constexpr std::string_view kNoIpv4Address = "00000000000000000000ffff00000000";
inline constexpr std::string_view kOutsideBytes = "00000000000000000000ffffc0000201";
inline constexpr std::string_view kIpv6Address = "20010db8000000000000000000000001";

inline constexpr Nonce kNonce{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
                              0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab};

// Fields in hexadecimal, in the order of the wire.
struct MapText {
    std::string lifetime = "00000e10";  // an hour
    std::string client{kClientBytes};
    std::string nonce{kNonceBytes};
    std::string protocol = "06";
    std::string internal_port = "1f90";  // 8080
    std::string suggested_port = "0000";
    std::string suggested_address{kNoIpv4Address};
    std::string options = {};
};

inline Bytes map_request(const MapText& text = {}) {
    return from_hex("02010000" + text.lifetime + text.client + text.nonce + text.protocol +
                    "000000" + text.internal_port + text.suggested_port + text.suggested_address +
                    text.options);
}

inline Bytes announce_request(const std::string& options = {}) {
    return from_hex("0200000000000000" + std::string(kClientBytes) + options);
}

inline const std::string kPreferFailure = "02000000";
// A filter of 24 bytes with its header; `length` and `port` are hexadecimal.
inline std::string filter(const std::string& length, const std::string& port,
                          const std::string& address) {
    return "03000014"
           "00" +
           length + port + address;
}

}  // namespace godwit::control::pcp::test
