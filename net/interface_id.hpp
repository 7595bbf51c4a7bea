// The number of an interface: given out by the dataplane, stable while it runs, never reused for
// another name in that time. The control plane learns the pairs of name and number over the
// channel. 0 is "no interface".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace godwit::net {

class InterfaceId {
public:
    constexpr InterfaceId() = default;
    constexpr explicit InterfaceId(std::uint16_t value) : value_(value) {}

    [[nodiscard]] constexpr std::uint16_t value() const { return value_; }
    [[nodiscard]] constexpr bool is_none() const { return value_ == 0; }

    friend constexpr auto operator<=>(const InterfaceId&, const InterfaceId&) = default;

private:
    std::uint16_t value_ = 0;
};

}  // namespace godwit::net

template <>
struct std::hash<godwit::net::InterfaceId> {
    std::size_t operator()(godwit::net::InterfaceId id) const noexcept { return id.value(); }
};
