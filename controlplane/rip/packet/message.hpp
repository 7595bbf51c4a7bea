// RIP messages of version 1 (RFC 1058 3.1) and 2 (RFC 2453 3.6 and 4): a header and 0 to 25 entries
// of one size. Version 1 has zeros where version 2 has the tag, the mask and the next hop.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +---------------+---------------+-------------------------------+
//  |  Command (1)  |  Version (1)  |       must be zero (2)        |
//  +---------------+---------------+-------------------------------+
//  | Address family identifier (2) |        Route tag (2)          |  each entry, 20 bytes
//  +-------------------------------+-------------------------------+
//  |                        IPv4 address (4)                       |
//  +---------------------------------------------------------------+
//  |                        Subnet mask (4)                        |
//  +---------------------------------------------------------------+
//  |                          Next hop (4)                         |
//  +---------------------------------------------------------------+
//  |                           Metric (4)                          |
//  +---------------------------------------------------------------+
//
// In version 2 the first entry may be an authentication instead, marked by the family 0xffff: a
// password in its last 16 bytes (RFC 2453 4.1), or what is needed to check a trailer behind the
// entries (RFC 4822 2.1):
//
//  +-------------------------------+-------------------------------+
//  |            0xffff             |        Type = 3 (2)           |
//  +-------------------------------+---------------+---------------+
//  |      Packet length (2)        |  Key id (1)   | Data len. (1) |  length: up to the trailer
//  +-------------------------------+---------------+---------------+
//  |                     Sequence number (4)                       |
//  +---------------------------------------------------------------+
//  |                  must be zero (8), then entries               |
//  +-------------------------------+-------------------------------+
//  |            0xffff             |            0x0001             |  the trailer
//  +-------------------------------+-------------------------------+
//  |                 Authentication data (16 to 64)                |
//  +---------------------------------------------------------------+
//
// The data length counts the authentication data (RFC 4822 2.1) or, as the example of RFC 2082 3.2
// was understood by some, the 4 bytes before it too; what others send in either way is read.
//
// A view checks the form once, and its accessors may not fail then. Whether the values make sense
// is for the input processing to say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "controlplane/rip/packet/fault.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::control::rip {

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kEntryBytes = 20;
constexpr std::size_t kMostEntries = 25;
constexpr std::size_t kMostBytes = 512;  // sent, with its authentication (RFC 1058 3.1)
constexpr std::size_t kTrailerHeaderBytes = 4;
constexpr std::size_t kPasswordBytes = 16;

constexpr std::uint16_t kFamilyAny = 0;  // in a request: the whole table
constexpr std::uint16_t kFamilyIpv4 = 2;
constexpr std::uint16_t kFamilyAuthentication = 0xffff;

enum class Command : std::uint8_t { Request = 1, Response = 2 };

struct Entry {
    std::uint16_t family = kFamilyIpv4;
    std::uint16_t tag = 0;
    net::Ipv4Address address;
    net::Ipv4Address mask;
    net::Ipv4Address next_hop;
    std::uint32_t metric = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
};

struct Message {
    Command command = Command::Response;
    std::uint8_t version = 2;
    std::vector<Entry> entries;  // at most kMostEntries, one less with an authentication
    friend bool operator==(const Message&, const Message&) = default;
};

// Asks for the whole table (RFC 2453 3.9.1).
Message request_for_everything(std::uint8_t version);

// Without an authentication.
std::vector<std::uint8_t> encode(const Message& message);

// What is wrong, at which byte, and what stood there.
struct DecodeError {
    PacketFault fault{};
    std::uint16_t offset = 0;
    std::uint32_t value = 0;
    friend bool operator==(const DecodeError&, const DecodeError&) = default;
};

enum class AuthenticationType : std::uint16_t { Password = 2, Cryptographic = 3 };

namespace wire {

class MessageView {
public:
    static net::Result<MessageView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    struct Trailer {
        std::uint8_t key_id = 0;
        std::uint32_t sequence = 0;
        std::span<const std::uint8_t> sealed;  // what the digest is made of, but for itself
        std::span<const std::uint8_t> digest;
    };

    [[nodiscard]] Command command() const { return static_cast<Command>(bytes_[0]); }
    [[nodiscard]] std::uint8_t version() const { return bytes_[1]; }
    // Without the authentication.
    [[nodiscard]] std::size_t entry_count() const { return entries_.size() / kEntryBytes; }
    [[nodiscard]] Entry entry(std::size_t index) const;
    [[nodiscard]] Message message() const;

    // Of the authentication entry; nothing when there is none.
    [[nodiscard]] std::optional<std::uint16_t> authentication_type() const {
        return authentication_type_;
    }
    [[nodiscard]] std::span<const std::uint8_t, kPasswordBytes> password() const;  // type 2
    [[nodiscard]] const Trailer& trailer() const { return trailer_; }              // type 3

private:
    explicit MessageView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    std::span<const std::uint8_t> bytes_;
    std::span<const std::uint8_t> entries_;
    std::optional<std::uint16_t> authentication_type_;
    Trailer trailer_;
};

}  // namespace wire
}  // namespace godwit::control::rip
