// A prefix and the lengths that count below it, as prefix lists write it: "10.0.0.0/8" is that
// prefix alone, "10.0.0.0/8 le 24" every prefix inside it of at most 24 bits, "0.0.0.0/0 ge 25"
// every prefix of at least 25, "10.0.0.0/8 ge 16 le 24" what lies between. Lengths are never below
// that of the prefix itself, so whatever matches lies inside it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/ipv4_address.hpp"

namespace godwit::net {

struct Ipv4PrefixRange {
    Ipv4Prefix prefix;
    std::uint8_t least_length = 0;  // prefix.length() <= least_length <= most_length <= 32
    std::uint8_t most_length = 0;

    static constexpr Ipv4PrefixRange exactly(const Ipv4Prefix& prefix) {
        return {prefix, prefix.length(), prefix.length()};
    }
    // One space between the words; `ge` stands before `le`.
    static std::optional<Ipv4PrefixRange> parse(std::string_view text);

    [[nodiscard]] constexpr bool matches(const Ipv4Prefix& other) const {
        return prefix.contains(other) && other.length() >= least_length &&
               other.length() <= most_length;
    }
    // The shortest text that parse() gives this for.
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const Ipv4PrefixRange&, const Ipv4PrefixRange&) = default;
};

}  // namespace godwit::net
