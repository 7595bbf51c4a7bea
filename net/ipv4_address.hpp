// IPv4 addresses and prefixes as values. Host order inside; `from_wire` and `to_wire` are the only
// way in and out of a packet. Text forms are dotted decimal without leading zeros ("010.0.0.1" is
// refused: some programs read it as octal).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/byte_order.hpp"

namespace godwit::net {

class Ipv4Address {
public:
    constexpr Ipv4Address() = default;
    constexpr explicit Ipv4Address(std::uint32_t host_order) : value_(host_order) {}
    constexpr Ipv4Address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
        : value_(std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d) {}

    static constexpr Ipv4Address from_wire(Big32 wire) { return Ipv4Address(wire.host()); }
    static std::optional<Ipv4Address> parse(std::string_view text);

    [[nodiscard]] constexpr Big32 to_wire() const { return Big32::from_host(value_); }
    [[nodiscard]] constexpr std::uint32_t value() const { return value_; }
    [[nodiscard]] std::string to_string() const;

    [[nodiscard]] constexpr bool is_unspecified() const { return value_ == 0; }
    [[nodiscard]] constexpr bool is_loopback() const { return value_ >> 24 == 127; }
    [[nodiscard]] constexpr bool is_multicast() const { return value_ >> 28 == 0xe; }
    [[nodiscard]] constexpr bool is_limited_broadcast() const { return value_ == 0xffffffffU; }
    // 240.0.0.0/4 without 255.255.255.255 (RFC 1112 4, RFC 6890).
    [[nodiscard]] constexpr bool is_reserved() const {
        return value_ >> 28 == 0xf && !is_limited_broadcast();
    }
    // 0.0.0.0/8: "this network", legal only as a source while a host learns its address (RFC
    // 1122 3.2.1.3).
    [[nodiscard]] constexpr bool is_this_network() const { return value_ >> 24 == 0; }

    friend constexpr auto operator<=>(const Ipv4Address&, const Ipv4Address&) = default;

private:
    std::uint32_t value_ = 0;
};

// A prefix keeps its host bits zero: 10.0.0.1/24 as text is refused by parse(), and masked by
// `covering`.
class Ipv4Prefix {
public:
    constexpr Ipv4Prefix() = default;

    // The prefix of `length` (0 to 32) that contains `address`.
    static constexpr Ipv4Prefix covering(Ipv4Address address, std::uint8_t length) {
        Ipv4Prefix result;
        result.address_ = Ipv4Address(address.value() & mask_of(length));
        result.length_ = length;
        return result;
    }
    // "10.0.0.0/8"; nothing when the text is not a prefix, or has host bits set.
    static std::optional<Ipv4Prefix> parse(std::string_view text);

    [[nodiscard]] constexpr Ipv4Address address() const { return address_; }
    [[nodiscard]] constexpr std::uint8_t length() const { return length_; }
    [[nodiscard]] constexpr std::uint32_t mask() const { return mask_of(length_); }
    [[nodiscard]] constexpr bool contains(Ipv4Address address) const {
        return (address.value() & mask()) == address_.value();
    }
    [[nodiscard]] constexpr bool contains(const Ipv4Prefix& other) const {
        return other.length_ >= length_ && contains(other.address_);
    }
    [[nodiscard]] constexpr bool overlaps(const Ipv4Prefix& other) const {
        return contains(other) || other.contains(*this);
    }
    [[nodiscard]] constexpr Ipv4Address last_address() const {
        return Ipv4Address(address_.value() | ~mask());
    }
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const Ipv4Prefix&, const Ipv4Prefix&) = default;

private:
    static constexpr std::uint32_t mask_of(std::uint8_t length) {
        return length == 0 ? 0U : ~std::uint32_t{0} << (32U - length);
    }

    Ipv4Address address_;
    std::uint8_t length_ = 0;
};

// An address of one of our interfaces with the length of its subnet: 10.0.0.1/24.
struct Ipv4InterfaceAddress {
    Ipv4Address address;
    std::uint8_t prefix_length = 32;

    static std::optional<Ipv4InterfaceAddress> parse(std::string_view text);
    [[nodiscard]] constexpr Ipv4Prefix subnet() const {
        return Ipv4Prefix::covering(address, prefix_length);
    }
    // The directed broadcast address; a /31 (RFC 3021) and a /32 have none.
    [[nodiscard]] constexpr std::optional<Ipv4Address> broadcast() const {
        return prefix_length >= 31 ? std::nullopt : std::optional(subnet().last_address());
    }
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const Ipv4InterfaceAddress&,
                                      const Ipv4InterfaceAddress&) = default;
};

}  // namespace godwit::net

template <>
struct std::hash<godwit::net::Ipv4Address> {
    std::size_t operator()(godwit::net::Ipv4Address address) const noexcept {
        return std::hash<std::uint32_t>()(address.value());
    }
};

template <>
struct std::hash<godwit::net::Ipv4Prefix> {
    std::size_t operator()(const godwit::net::Ipv4Prefix& prefix) const noexcept {
        return std::hash<std::uint64_t>()(std::uint64_t{prefix.address().value()} << 8 |
                                          prefix.length());
    }
};
