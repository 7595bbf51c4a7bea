// What is signed of a TCP segment, and by which key: MD5 (RFC 2385 2.0) and TCP-AO (RFC 5925 5,
// RFC 5926 3). Functions of bytes; who uses which key when stands in peer_security.
//
// Both digest the pseudo header and the TCP header with its checksum zero, as it stands on the
// wire. MD5 leaves the options out and has the key behind the data; TCP-AO has a sequence number
// extension in front, may leave other options out, and digests its own option with a MAC of zeros:
//
//     +-------------+-------------+-------------+-------------+
//     |   Kind=29   |  Length=16  |    KeyID    | RNextKeyID  |
//     +-------------+-------------+-------------+-------------+
//     |                      MAC, 12 bytes                    |
//     +-------------------------------------------------------+
#pragma once

#include <optional>

#include "controlplane/host/tcp/segment.hpp"
#include "controlplane/host/tcp/signature_digest.hpp"

namespace godwit::control::tcp {

enum class AoAlgorithm : std::uint8_t {
    HmacSha1_96,    // RFC 5926 3.2.1, KDF_HMAC_SHA1
    AesCmac128_96,  // RFC 5926 3.2.2, KDF_AES_128_CMAC
};

constexpr std::size_t kAoMacBytes = 12;                 // of both algorithms
constexpr std::size_t kAoOptionData = 2 + kAoMacBytes;  // behind kind and length
constexpr std::uint8_t kMd5OptionBytes = 20;            // of header space, with their padding
constexpr std::uint8_t kAoOptionBytes = 16;

// One direction of a connection.
struct Direction {
    net::Ipv4Address source;
    net::Ipv4Address destination;
};

// What makes the traffic keys of a connection its own (RFC 5925 5.2), for one direction.
struct KeyContext {
    Direction direction;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    net::Sequence source_isn;
    net::Sequence destination_isn;  // zero for a SYN without ACK
};

struct TrafficKey {
    std::array<std::uint8_t, kSha1Bytes> bytes{};
    std::uint8_t size = 0;  // zero: could not be made

    [[nodiscard]] std::span<const std::uint8_t> value() const {
        return std::span(bytes).first(size);
    }
};

[[nodiscard]] TrafficKey traffic_key(Digester& digester, AoAlgorithm algorithm,
                                     std::span<const std::uint8_t> master,
                                     const KeyContext& context);

// `segment` is all of it as on the wire, its header whole (TcpView has seen to that).
[[nodiscard]] Digest<kMd5Bytes> md5_signature(Digester& digester, const Direction& direction,
                                              std::span<const std::uint8_t> segment,
                                              std::span<const std::uint8_t> key);

struct AoInput {
    Direction direction;
    std::uint32_t extension = 0;  // SNE
    std::span<const std::uint8_t> segment;
    bool covers_options = true;  // those beside TCP-AO
};
[[nodiscard]] Digest<kAoMacBytes> ao_mac(Digester& digester, AoAlgorithm algorithm,
                                         const TrafficKey& key, const AoInput& input);

// Where the signatures stand in the options of `segment`.
struct SignaturePlaces {
    std::optional<std::size_t> md5;  // of its 16 bytes, from the beginning of the segment
    std::optional<std::size_t> ao;   // of KeyID
    std::size_t ao_mac_bytes = 0;
    // RFC 5925 2.2: two of a kind, a length that cannot be, or both kinds in one segment.
    bool malformed = false;
};
[[nodiscard]] SignaturePlaces signatures_in(std::span<const std::uint8_t> segment);

}  // namespace godwit::control::tcp
