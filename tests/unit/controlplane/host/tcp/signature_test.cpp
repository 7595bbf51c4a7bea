// The digests of segments, against the vectors of RFC 9235 (whole packets, as its sections 4 to 6
// print them) and of RFC 1321, 2202 and 4493 under them.
#include "controlplane/host/tcp/signature.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "net/ipv4.hpp"

namespace godwit::control::tcp {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes from_hex(std::string_view text) {
    Bytes bytes;
    std::string digits;
    for (const char letter : text) {
        if (std::isxdigit(static_cast<unsigned char>(letter)) != 0) {
            digits += letter;
        }
    }
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

Bytes from_text(std::string_view text) {
    return {text.begin(), text.end()};
}

std::string hex(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15U];
    }
    return text;
}

class Tcp_signature : public ::testing::Test {
protected:
    std::unique_ptr<Digester> digester = std::move(*Digester::make());
};

// rfc2202: 3, rfc4493: 4, rfc1321: A.5
TEST_F(Tcp_signature, stands_on_digests_that_agree_with_their_standards) {
    const Bytes jefe = from_text("Jefe");
    const Bytes what = from_text("what do ya want ");
    const Bytes nothing = from_text("for nothing?");
    const std::array<std::span<const std::uint8_t>, 2> parts{what, nothing};
    EXPECT_EQ(hex(digester->hmac_sha1(jefe, parts).bytes),
              "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    const Bytes key = from_hex("2b7e151628aed2a6abf7158809cf4f3c");
    EXPECT_EQ(hex(digester->aes_cmac(std::span(key).first<16>(), {}).bytes),
              "bb1d6929e95937287fa37d129b756746");
    const Bytes block = from_hex("6bc1bee22e409f96e93d7e117393172a");
    const std::array<std::span<const std::uint8_t>, 1> one{block};
    EXPECT_EQ(hex(digester->aes_cmac(std::span(key).first<16>(), one).bytes),
              "070a16b46b4d4144f79bdd9dd04a287c");
    const Bytes abc = from_text("abc");
    const std::array<std::span<const std::uint8_t>, 1> letters{abc};
    EXPECT_EQ(hex(digester->md5(letters).bytes), "900150983cd24fb0d6963f7d28e17f72");
}

struct Vector {
    const char* name;
    AoAlgorithm algorithm;
    std::uint32_t client_isn;
    std::uint32_t server_isn;  // zero: of a SYN
    bool from_client;
    bool covers_options;
    const char* traffic_key;
    const char* packet;
};

constexpr net::Ipv4Address kClient(10, 11, 12, 13);
constexpr net::Ipv4Address kServer(172, 27, 28, 29);

// The master key is "testvector" throughout.
constexpr Vector kVectors[]{
    {"4.1.1 SYN, HMAC-SHA-1-96", AoAlgorithm::HmacSha1_96, 0xfbfbab5a, 0, true, true,
     "6d63ef1b02fe1509d4b1402707fd7b0416abb74f",
     "45e0004cdd0f4000ff06bf6b0a0b0c0dac1b1c1d e9d700b3fbfbab5a00000000e002ffffcac40000"
     "020405b401030308040 2080a00155ab700000000 1d103d542ee437c6f8ede6d7c4d602e7"},
    {"4.1.2 SYN-ACK, HMAC-SHA-1-96", AoAlgorithm::HmacSha1_96, 0xfbfbab5a, 0x11c14261, false, true,
     "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96",
     "45e0004c65064000ff063775ac1b1c1d0a0b0c0d 00b3e9d711c14261fbfbab5be012ffff37760000"
     "020405b40103030804 02080a84a50beb00155ab7 1d10543deeab0fe24c3010815116b3be"},
    {"5.1.1 SYN, AES-128-CMAC-96", AoAlgorithm::AesCmac128_96, 0x787a1ddf, 0, true, true,
     "f5b8b3d5f34fdbb6eb8d4ab9660e60e3",
     "45e0004c7b9f4000ff0620dc0a0b0c0dac1b1c1d c4fa00b3787a1ddf00000000e002ffff5a0f0000"
     "020405b40103030804 02080a00017ed000000000 1d103d54e477e99c8040765498e55091"},
};

// rfc5925: 5.1, 5.2, rfc5926: 3.1, 3.2
TEST_F(Tcp_signature, agrees_with_the_vectors_of_rfc_9235) {
    const Bytes master = from_text("testvector");
    for (const Vector& vector : kVectors) {
        SCOPED_TRACE(vector.name);
        const Bytes packet = from_hex(vector.packet);
        const std::span<const std::uint8_t> segment = std::span(packet).subspan(20);
        const Direction direction =
            vector.from_client ? Direction{kClient, kServer} : Direction{kServer, kClient};
        KeyContext context;
        context.direction = direction;
        context.source_port = static_cast<std::uint16_t>(segment[0] << 8 | segment[1]);
        context.destination_port = static_cast<std::uint16_t>(segment[2] << 8 | segment[3]);
        const net::Sequence client(vector.client_isn);
        const net::Sequence server(vector.server_isn);
        context.source_isn = vector.from_client ? client : server;
        context.destination_isn = vector.from_client ? server : client;
        const TrafficKey key = traffic_key(*digester, vector.algorithm, master, context);
        EXPECT_EQ(hex(key.value()), vector.traffic_key);
        const SignaturePlaces places = signatures_in(segment);
        ASSERT_TRUE(places.ao);
        const auto mac = ao_mac(*digester, vector.algorithm, key,
                                {direction, 0, segment, vector.covers_options});
        ASSERT_TRUE(mac.ok);
        EXPECT_EQ(hex(mac.bytes), hex(segment.subspan(*places.ao + 2, kAoMacBytes)));
    }
}

// rfc5925: 2.2
TEST_F(Tcp_signature, refuses_two_signatures_and_impossible_lengths) {
    const auto with_options = [](std::string_view options) {
        Bytes segment(20 + from_hex(options).size());
        segment[12] = static_cast<std::uint8_t>(segment.size() / 4 << 4);
        const Bytes bytes = from_hex(options);
        std::copy(bytes.begin(), bytes.end(), segment.begin() + 20);
        return segment;
    };
    EXPECT_FALSE(signatures_in(with_options("1d040102")).malformed);
    EXPECT_TRUE(signatures_in(with_options("1d030101")).malformed);
    EXPECT_TRUE(signatures_in(with_options("1d0401021d040102")).malformed);
    EXPECT_TRUE(signatures_in(with_options("13040000")).malformed);
    EXPECT_TRUE(signatures_in(with_options("131200000000000000000000000000000000 01 01 1d040102"))
                    .malformed);
}

}  // namespace
}  // namespace godwit::control::tcp
