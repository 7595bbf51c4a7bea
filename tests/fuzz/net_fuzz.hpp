// The property of every wire format: what parses encodes again to bytes that parse to the same
// value, and whatever a view offers lies within the input (the sanitizers watch that).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "net/byte_writer.hpp"
#include "tests/fuzz/fuzz_check.hpp"

namespace godwit::fuzz {

using Bytes = std::span<const std::uint8_t>;

// Reads all of it, and makes the reading count.
inline void touch(Bytes bytes) {
    unsigned sum = 0;
    for (const std::uint8_t byte : bytes) {
        sum += byte;
    }
    check(sum <= bytes.size() * 255, "a sum of bytes");
}

// For a question whose answer may be either: asking it without a finding is the test.
inline void asked(bool) {}

// `decode(bytes)` gives an optional-like value.
template <class Value, class Decode>
void check_round_trip(const Value& value, std::size_t room, const Decode& decode) {
    std::vector<std::uint8_t> bytes(value.encoded_size() + room);
    net::ByteWriter writer(bytes);
    value.encode(writer);
    check(writer.ok(), "a decoded value can be encoded");
    check(writer.offset() == value.encoded_size(), "encoded_size() is what encode() writes");
    const auto again = decode(Bytes(bytes));
    check(again.has_value() && *again == value, "parse(encode(x)) == x");
}

}  // namespace godwit::fuzz
