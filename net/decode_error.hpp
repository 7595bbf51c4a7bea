// Why bytes are not the format they were taken for: what is wrong, at which byte of the input, and
// the value found there (or the number of bytes, when there are too few). Small and without text,
// so the packet path may return it; people get `to_string()`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "net/result.hpp"

namespace godwit::net {

enum class DecodeFault : std::uint8_t {
    Truncated,        // fewer bytes than the fixed part or the header's own length needs
    BadVersion,       // IP version
    BadHeaderLength,  // below the fixed part, or beyond the message
    BadTotalLength,   // below the header's length, or beyond the input
    BadOptions,       // an option that is longer than its room, or shorter than its own head
    BadHardwareType,  // ARP for something else than Ethernet
    BadProtocolType,  // ARP for something else than IPv4
    BadAddressLength,
};

struct DecodeError {
    DecodeFault fault{};
    std::uint32_t offset = 0;  // bytes from the start of what was parsed
    std::uint32_t value = 0;   // what stood there; for Truncated the bytes there were

    [[nodiscard]] std::string to_string() const;
    friend constexpr bool operator==(const DecodeError&, const DecodeError&) = default;
};

// The error of a parse function: `return decode_error(DecodeFault::Truncated, 0, bytes.size());`.
constexpr unexpected<DecodeError> decode_error(DecodeFault fault, std::size_t offset,
                                               std::size_t value) {
    return unexpected<DecodeError>(
        DecodeError{fault, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(value)});
}

}  // namespace godwit::net
