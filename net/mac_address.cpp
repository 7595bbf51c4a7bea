#include "net/mac_address.hpp"

namespace godwit::net {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::optional<std::uint8_t> hex_value(char digit) {
    if (digit >= 'A' && digit <= 'F') {
        digit = static_cast<char>(digit - 'A' + 'a');
    }
    const std::size_t value = kHexDigits.find(digit);
    return value == std::string_view::npos ? std::nullopt
                                           : std::optional(static_cast<std::uint8_t>(value));
}

}  // namespace

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    if (text.size() != 17) {
        return std::nullopt;
    }
    Bytes bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto high = hex_value(text[i * 3]);
        const auto low = hex_value(text[i * 3 + 1]);
        const bool separated = i == bytes.size() - 1 || text[i * 3 + 2] == ':';
        if (!high || !low || !separated) {
            return std::nullopt;
        }
        bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
    return MacAddress(bytes);
}

std::string MacAddress::to_string() const {
    std::string text;
    text.reserve(17);
    for (const std::uint8_t byte : bytes_) {
        if (!text.empty()) {
            text += ':';
        }
        text += kHexDigits[byte >> 4];
        text += kHexDigits[byte & 0xfU];
    }
    return text;
}

}  // namespace godwit::net
