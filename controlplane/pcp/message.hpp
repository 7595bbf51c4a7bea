// PCP messages of version 2 (RFC 6887 7 and 11.1): a header, what the opcode has, options.
// Addresses take 16 bytes; one of IPv4 is written ::ffff:a.b.c.d (5).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +---------------+-+-------------+-------------------------------+
//  |  Version = 2  |R|   Opcode    |   Reserved    | Result (resp.)|
//  +---------------+-+-------------+---------------+---------------+
//  |                 Lifetime in seconds (4)                       |
//  +---------------------------------------------------------------+
//  |  request: client's address (16)                               |
//  |  response: epoch time in seconds (4), reserved (12)           |
//  +---------------------------------------------------------------+
//  |                 Mapping nonce (12)                            |  MAP, 36 bytes
//  +---------------+-----------------------------------------------+
//  | Protocol (1)  |              Reserved (3)                     |
//  +---------------+---------------+-------------------------------+
//  |       Internal port (2)       |       External port (2)       |  suggested, or assigned
//  +-------------------------------+-------------------------------+
//  |                 External address (16)                         |
//  +---------------+---------------+-------------------------------+
//  |  Option (1)   |   Reserved    |          Length (2)           |  each option; the data
//  +---------------+---------------+-------------------------------+  padded to 4 bytes
//
// A filter has 20 bytes of data (13.3): reserved (1), prefix length (1), remote port (2), remote
// address (16).
//
// A request is read once, into a value or into the result code that it earns. An error has all of
// the request again, so that the client finds what it is about (8.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "controlplane/pcp/types.hpp"
#include "net/result.hpp"

namespace godwit::control::pcp {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kResponseBit = 0x80;
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kMapBytes = 36;
constexpr std::size_t kMostBytes = 1100;  // RFC 6887 7

// RFC 6887 13. Those below 128 must be processed, or the request is refused (7.3).
enum class OptionCode : std::uint8_t { ThirdParty = 1, PreferFailure = 2, Filter = 3 };
constexpr std::uint8_t kFirstOptionalCode = 128;

struct MapRequest {
    Nonce nonce{};
    net::IpProtocol protocol{};  // TCP or UDP
    std::uint16_t internal_port = 0;
    Endpoint suggested;
    bool exactly = false;
    bool clears_filters = false;
    std::vector<Filter> filters;
    std::vector<std::uint8_t> options;  // those processed, as they came: a success has them again
};

struct Request {
    Opcode opcode{};  // Announce or Map
    std::uint32_t lifetime_seconds = 0;
    MapRequest map;  // of Map
};

// What must not be answered (RFC 6887 8.2).
enum class Silence : std::uint8_t { TooShort, IsResponse };
std::optional<Silence> silence_on(std::span<const std::uint8_t> bytes);

// Of what silence_on() lets pass. `source` is where the datagram came from.
net::Result<Request, ResultCode> decode(std::span<const std::uint8_t> bytes,
                                        net::Ipv4Address source);

// How long the client may take it that the answer stays the same (RFC 6887 7.4).
std::uint32_t error_lifetime_seconds(ResultCode code);

// `lifetime_seconds`: where more is known of the case than its code.
std::vector<std::uint8_t> encode_error(std::span<const std::uint8_t> request, ResultCode code,
                                       std::uint32_t epoch_seconds,
                                       std::optional<std::uint32_t> lifetime_seconds = {});
// The answer to an ANNOUNCE, and what is sent without being asked (RFC 6887 14.1).
std::vector<std::uint8_t> encode_announcement(std::uint32_t epoch_seconds);
std::vector<std::uint8_t> encode_mapping(const MapRequest& request, const Endpoint& outside,
                                         std::uint32_t lifetime_seconds,
                                         std::uint32_t epoch_seconds);

}  // namespace godwit::control::pcp
