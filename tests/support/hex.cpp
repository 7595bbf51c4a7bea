#include "tests/support/hex.hpp"

#include <stdexcept>

namespace godwit::testing {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

std::uint8_t digit_value(char digit) {
    if (digit >= 'A' && digit <= 'F') {
        digit = static_cast<char>(digit - 'A' + 'a');
    }
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) {
        throw std::invalid_argument(std::string("no hexadecimal digit: ") + digit);
    }
    return static_cast<std::uint8_t>(value);
}

}  // namespace

std::vector<std::uint8_t> from_hex(std::string_view text) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == ' ' || text[at] == '\n') {
            ++at;
            continue;
        }
        if (at + 1 == text.size()) {
            throw std::invalid_argument("half a byte at the end");
        }
        bytes.push_back(
            static_cast<std::uint8_t>(digit_value(text[at]) << 4 | digit_value(text[at + 1])));
        at += 2;
    }
    return bytes;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes) {
        if (!text.empty()) {
            text += ' ';
        }
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0xfU];
    }
    return text;
}

}  // namespace godwit::testing
