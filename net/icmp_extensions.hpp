// What an ICMP error says behind the packet that it quotes: extensions (RFC 4884), and the one that
// names an interface (RFC 5837).
//
//   ICMP head, length of the quoted packet in its byte 5, counted in words of 32 bits
//   +---------------------------------------------------------------+
//   |  The quoted packet, padded with zeros to whole words and to   |
//   |  at least 128 bytes                                           |
//   +-------+-----------------------+-------------------------------+
//   |Version|       Reserved        |  Checksum of all extensions   |   version 2
//   +-------+-----------------------+---------------+---------------+
//   |  Length, of this head too     |   Class-Num   |    C-Type     |   one object, then the next
//   +-------------------------------+---------------+---------------+
//   |                            payload                            |
//   +---------------------------------------------------------------+
//
// An interface (class 2) says by the bits of its C-Type what follows, in this order:
//
//   role (2 bits) · 0 (2) · index · address · name · MTU
//
//   index: 32 bits, the ifIndex · address: family (1 = IPv4) and zero, 16 bits each, then the
//   address · name: one byte of length (its own and the padding's included, a multiple of 4, at
//   most 64), the name, zeros · MTU: 32 bits
//
// A length of zero says that there are no extensions (RFC 4884 5.1): older senders never set it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "net/byte_writer.hpp"
#include "net/decode_error.hpp"
#include "net/icmp.hpp"
#include "net/ipv4_address.hpp"
#include "net/result.hpp"

namespace godwit::net {

constexpr std::size_t kIcmpExtensionHeadBytes = 4;
constexpr std::size_t kIcmpExtensionObjectHeadBytes = 4;
// RFC 4884 3: the least that the quoted packet is padded to, where extensions follow.
constexpr std::size_t kIcmpExtendedQuoteMinBytes = 128;

// RFC 4884 4: these have a place for the length of what they quote.
[[nodiscard]] constexpr bool may_have_extensions(IcmpType type) {
    return type == IcmpType::DestinationUnreachable || type == IcmpType::TimeExceeded ||
           type == IcmpType::ParameterProblem;
}

// Bytes that `quoted_bytes` take in front of extensions.
[[nodiscard]] constexpr std::size_t extended_quote_bytes(std::size_t quoted_bytes) {
    const std::size_t whole_words = (quoted_bytes + 3) / 4 * 4;
    return whole_words < kIcmpExtendedQuoteMinBytes ? kIcmpExtendedQuoteMinBytes : whole_words;
}

// Open.
enum class IcmpExtensionClass : std::uint8_t { Interface = 2 };

enum class InterfaceRole : std::uint8_t {
    Arrival = 0,  // the packet came in on it
    SubInterfaceOfArrival = 1,
    Departure = 2,  // the packet would have left by it
    NextHop = 3,
};

// RFC 5837 4.1. What is not there is not said.
struct InterfaceInformation {
    static constexpr std::size_t kMaxNameBytes = 63;

    InterfaceRole role = InterfaceRole::Arrival;
    std::optional<std::uint32_t> index;
    std::optional<Ipv4Address> address;
    std::string_view name;  // UTF-8; empty: none. Cut to what fits when encoded
    std::optional<std::uint32_t> mtu_bytes;

    [[nodiscard]] std::size_t encoded_size() const;  // with the object's head
    void encode(ByteWriter& writer) const;
    friend bool operator==(const InterfaceInformation&, const InterfaceInformation&) = default;
};

// Head, checksum and the one object: all that this router sends.
[[nodiscard]] std::size_t encoded_extensions_size(const InterfaceInformation& interface);
void encode_extensions(ByteWriter& writer, const InterfaceInformation& interface);

namespace wire {

struct IcmpExtensionObject {
    IcmpExtensionClass object_class{};
    std::uint8_t object_type = 0;
    std::span<const std::uint8_t> payload;
};

class IcmpExtensionsView {
public:
    // Of a message that may have them and says so: nothing where its length is zero. An error where
    // what it says does not fit: no whole extension head behind the quoted packet, another version,
    // an object longer than what is left.
    static Result<std::optional<IcmpExtensionsView>, DecodeError> of(const IcmpView& message);
    // `bytes` begin at the extension head and end with the message.
    static Result<IcmpExtensionsView, DecodeError> parse(std::span<const std::uint8_t> bytes);

    // RFC 4884 7: a checksum of zero was not made.
    [[nodiscard]] bool has_valid_checksum() const;
    // Calls `take(IcmpExtensionObject)` for each object, in order.
    template <class Take>
    void for_each(Take&& take) const {
        std::size_t offset = kIcmpExtensionHeadBytes;
        while (offset < bytes_.size()) {
            const IcmpExtensionObject object = object_at(offset);
            take(object);
            offset += kIcmpExtensionObjectHeadBytes + object.payload.size();
        }
    }

private:
    explicit IcmpExtensionsView(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    [[nodiscard]] IcmpExtensionObject object_at(std::size_t offset) const;

    std::span<const std::uint8_t> bytes_;
};

// Of an object of class Interface. An address of another family is passed over; the name is the
// object's bytes up to its padding.
Result<InterfaceInformation, DecodeError> parse_interface_information(
    const IcmpExtensionObject& object);

}  // namespace wire
}  // namespace godwit::net
