// What has arrived and was not read: a run of bytes in order, and islands behind it.
//
// A byte is copied once in, to the place where it belongs, and once out. Places are offsets from
// the first byte of the stream, 64 bits wide: they do not wrap. The islands are what SACK reports
// (RFC 2018): the one that changed last comes first. Their number is bounded; a segment that would
// make one too many is refused, as if it had been lost. How far ahead bytes may lie is the caller's
// window to bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "controlplane/host/tcp/byte_ring.hpp"

namespace godwit::control::tcp {

class ReceiveBuffer {
public:
    static constexpr std::size_t kMaxIslands = 64;

    struct Island {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::uint32_t changed = 0;  // a count: the larger, the later
    };

    // The first byte that is missing.
    [[nodiscard]] std::uint64_t next() const { return next_; }
    [[nodiscard]] std::size_t readable() const { return static_cast<std::size_t>(next_ - read_); }
    [[nodiscard]] bool has_islands() const { return !islands_.empty(); }

    // Bytes of the stream from `offset` on, at or behind next(). How far next() moved.
    std::size_t insert(std::uint64_t offset, std::span<const std::uint8_t> bytes);
    // In order, up to the size of `into`.
    std::size_t read(std::span<std::uint8_t> into);
    // Throws away all islands: what was only reported by SACK may be forgotten (RFC 2018 8).
    void forget_islands();

    // Islands, the one that changed last first, at most as many as `into` holds.
    [[nodiscard]] std::size_t latest_islands(std::span<Island> into) const;
    // The island that covers all of [begin, end), if there is one.
    [[nodiscard]] const Island* island_over(std::uint64_t begin, std::uint64_t end) const;

private:
    ByteRing ring_;
    std::vector<Island> islands_;  // in order, apart from each other, all behind next_
    std::uint64_t read_ = 0;       // offset of the first byte in the ring
    std::uint64_t next_ = 0;
    std::uint32_t changes_ = 0;
};

}  // namespace godwit::control::tcp
