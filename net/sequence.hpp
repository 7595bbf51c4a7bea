// A TCP sequence number: a place in a stream, modulo 2^32 (RFC 9293 3.4).
//
// A type of its own, so that a place is never taken for a length. Two places that stand less than
// 2^31 apart compare as they stand; the comparisons are therefore no order to sort by. The distance
// of two places is signed.
#pragma once

#include <cstdint>

namespace godwit::net {

class Sequence {
public:
    constexpr Sequence() = default;
    constexpr explicit Sequence(std::uint32_t value) : value_(value) {}

    [[nodiscard]] constexpr std::uint32_t value() const { return value_; }

    friend constexpr Sequence operator+(Sequence place, std::uint32_t bytes) {
        return Sequence(place.value_ + bytes);
    }
    friend constexpr Sequence operator-(Sequence place, std::uint32_t bytes) {
        return Sequence(place.value_ - bytes);
    }
    constexpr Sequence& operator+=(std::uint32_t bytes) {
        value_ += bytes;
        return *this;
    }
    // Bytes from `from` to `to`; negative when `to` stands before it.
    friend constexpr std::int32_t operator-(Sequence to, Sequence from) {
        return static_cast<std::int32_t>(to.value_ - from.value_);
    }
    friend constexpr bool operator==(Sequence, Sequence) = default;
    friend constexpr bool operator<(Sequence a, Sequence b) { return a - b < 0; }
    friend constexpr bool operator<=(Sequence a, Sequence b) { return a - b <= 0; }
    friend constexpr bool operator>(Sequence a, Sequence b) { return a - b > 0; }
    friend constexpr bool operator>=(Sequence a, Sequence b) { return a - b >= 0; }

private:
    std::uint32_t value_ = 0;
};

// Bytes from `from` to `to`, which the caller knows to stand in this order.
constexpr std::uint32_t bytes_between(Sequence from, Sequence to) {
    return to.value() - from.value();
}
constexpr Sequence later_of(Sequence a, Sequence b) {
    return a < b ? b : a;
}
constexpr Sequence earlier_of(Sequence a, Sequence b) {
    return a < b ? a : b;
}

}  // namespace godwit::net
