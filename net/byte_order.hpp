// Network byte order as a type.
//
// A Big16, Big32 or Big64 holds the bytes of an integer as they stand on the wire. It has alignment
// 1, so it may lie anywhere in a packet, and it never converts by itself: `.host()` reads it,
// `from_host()` makes it. A missed swap is therefore a compile error. DPDK's rte_be16_t and friends
// are plain typedefs and stop at our boundary.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace godwit::net {

static_assert(std::endian::native == std::endian::little,
              "Godwit is built for little-endian machines");

template <class Integer>
class BigEndian {
public:
    constexpr BigEndian() = default;

    static constexpr BigEndian from_host(Integer value) {
        BigEndian result;
        result.bytes_ = std::bit_cast<std::array<std::uint8_t, sizeof(Integer)>>(swap(value));
        return result;
    }
    [[nodiscard]] constexpr Integer host() const { return swap(std::bit_cast<Integer>(bytes_)); }

    friend constexpr bool operator==(const BigEndian&, const BigEndian&) = default;

private:
    static constexpr Integer swap(Integer value) {
        if constexpr (sizeof(Integer) == 2) {
            return __builtin_bswap16(value);
        } else if constexpr (sizeof(Integer) == 4) {
            return __builtin_bswap32(value);
        } else {
            static_assert(sizeof(Integer) == 8);
            return __builtin_bswap64(value);
        }
    }

    std::array<std::uint8_t, sizeof(Integer)> bytes_{};
};

using Big16 = BigEndian<std::uint16_t>;
using Big32 = BigEndian<std::uint32_t>;
using Big64 = BigEndian<std::uint64_t>;

static_assert(sizeof(Big16) == 2 && alignof(Big16) == 1);
static_assert(sizeof(Big32) == 4 && alignof(Big32) == 1);
static_assert(sizeof(Big64) == 8 && alignof(Big64) == 1);

}  // namespace godwit::net
