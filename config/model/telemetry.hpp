// The `telemetry` section: where the router tells others how it does.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/ipv4_address.hpp"

namespace godwit::config {

// Where something listens: "lan0:9111", at every address of an interface, or "192.0.2.1:9111".
struct ListenPlace {
    std::string interface;  // empty: `address` is meant
    net::Ipv4Address address;
    std::uint16_t port = 0;

    static std::optional<ListenPlace> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    friend auto operator<=>(const ListenPlace&, const ListenPlace&) = default;
};

struct Prometheus {
    std::vector<ListenPlace> listen;  // empty: nothing listens
    friend bool operator==(const Prometheus&, const Prometheus&) = default;
};

struct Telemetry {
    Prometheus prometheus;
    friend bool operator==(const Telemetry&, const Telemetry&) = default;
};

}  // namespace godwit::config
