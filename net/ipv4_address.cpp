#include "net/ipv4_address.hpp"

#include <array>
#include <charconv>

namespace godwit::net {

namespace {

// Digits only, no sign, no leading zero, at most `limit`.
std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t limit) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<std::uint32_t>(digit - '0');
    }
    return value <= limit ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
    std::uint32_t value = 0;
    for (int octet = 0; octet < 4; ++octet) {
        const std::size_t dot = octet < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos) {
            return std::nullopt;
        }
        const auto part = parse_decimal(text.substr(0, dot), 255);
        if (!part) {
            return std::nullopt;
        }
        value = value << 8 | *part;
        text.remove_prefix(octet < 3 ? dot + 1 : dot);
    }
    return Ipv4Address(value);
}

std::string Ipv4Address::to_string() const {
    std::array<char, 16> buffer{};
    char* out = buffer.data();
    for (unsigned shift = 32; shift > 0;) {
        shift -= 8;
        out = std::to_chars(out, buffer.data() + buffer.size(), value_ >> shift & 0xffU).ptr;
        if (shift > 0) {
            *out++ = '.';
        }
    }
    return {buffer.data(), out};
}

std::optional<Ipv4InterfaceAddress> Ipv4InterfaceAddress::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = Ipv4Address::parse(text.substr(0, slash));
    const auto length = parse_decimal(text.substr(slash + 1), 32);
    if (!address || !length) {
        return std::nullopt;
    }
    return Ipv4InterfaceAddress{*address, static_cast<std::uint8_t>(*length)};
}

std::string Ipv4InterfaceAddress::to_string() const {
    return address.to_string() + "/" + std::to_string(prefix_length);
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
    const auto parsed = Ipv4InterfaceAddress::parse(text);
    if (!parsed || parsed->subnet().address() != parsed->address) {
        return std::nullopt;
    }
    return parsed->subnet();
}

std::string Ipv4Prefix::to_string() const {
    return address_.to_string() + "/" + std::to_string(length_);
}

}  // namespace godwit::net
