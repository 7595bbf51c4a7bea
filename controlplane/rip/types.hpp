// The words that every part of RIP uses.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>

#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control::rip {

using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::system_clock::time_point;

constexpr std::uint16_t kPort = 520;
constexpr net::Ipv4Address kAllRouters(224, 0, 0, 9);  // RFC 2453 4.5

// What is added to a metric by a network: 1 to 15 (RFC 2453 3.5).
using Cost = std::uint8_t;

// How far a destination is: 1 to 15, or 16, which is infinity (RFC 2453 3.6).
class Metric {
public:
    static constexpr std::uint32_t kInfinity = 16;

    constexpr Metric() = default;  // infinity
    // Whatever is out of range becomes the nearest that is in it.
    static constexpr Metric of(std::uint32_t value) {
        Metric metric;
        metric.value_ = static_cast<std::uint8_t>(std::clamp<std::uint32_t>(value, 1, kInfinity));
        return metric;
    }
    static constexpr Metric infinity() { return {}; }

    // RFC 2453 3.9.2: MIN(metric + cost, infinity).
    [[nodiscard]] constexpr Metric plus(Cost cost) const {
        return of(std::uint32_t{value_} + cost);
    }
    [[nodiscard]] constexpr bool is_infinite() const { return value_ == kInfinity; }
    [[nodiscard]] constexpr std::uint8_t value() const { return value_; }
    friend constexpr auto operator<=>(const Metric&, const Metric&) = default;

private:
    std::uint8_t value_ = kInfinity;
};

// A router that speaks RIP to us: by its address on the interface where it is heard.
struct NeighborId {
    net::InterfaceId interface;
    net::Ipv4Address address;
    friend constexpr auto operator<=>(const NeighborId&, const NeighborId&) = default;
};

}  // namespace godwit::control::rip
