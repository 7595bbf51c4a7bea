// An IEEE 802 MAC address: six bytes in the order of the wire.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace godwit::net {

class MacAddress {
public:
    using Bytes = std::array<std::uint8_t, 6>;

    constexpr MacAddress() = default;
    constexpr explicit MacAddress(const Bytes& bytes) : bytes_(bytes) {}

    static constexpr MacAddress broadcast() {
        return MacAddress({0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    }
    // "02:00:5e:10:00:01", hexadecimal of either case, colons only.
    static std::optional<MacAddress> parse(std::string_view text);

    [[nodiscard]] constexpr const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] constexpr bool is_broadcast() const { return *this == broadcast(); }
    // The group bit; the broadcast address is a group address too.
    [[nodiscard]] constexpr bool is_group() const { return (bytes_[0] & 0x01U) != 0; }
    [[nodiscard]] constexpr bool is_zero() const { return *this == MacAddress(); }
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

private:
    Bytes bytes_{};
};

static_assert(sizeof(MacAddress) == 6 && alignof(MacAddress) == 1);

}  // namespace godwit::net
