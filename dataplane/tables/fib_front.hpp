// The front as the writer has it: a code for every /24, 8 or 16 bits wide.
//
// Ranges are written eight bytes at a time; a reader that loads one code of them sees it whole.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "dataplane/tables/fib_memory.hpp"
#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

class FibFront {
public:
    // A large one is backed at once and whole.
    FibFront(bool wide, bool large);

    [[nodiscard]] bool is_wide() const { return wide_; }
    // What FibView::front holds.
    [[nodiscard]] std::uintptr_t tagged() const {
        return reinterpret_cast<std::uintptr_t>(memory_.as<std::byte>()) |
               (wide_ ? kFibWideFront : 0U) | (large_ ? kFibLargeFront : 0U);
    }
    [[nodiscard]] std::uint32_t code(std::uint32_t slot) const {
        return wide_ ? load_entry(memory_.as<std::uint16_t>()[slot])
                     : load_entry(memory_.as<std::uint8_t>()[slot]);
    }
    void prefetch(std::uint32_t slot) const {
        __builtin_prefetch(memory_.as<std::byte>() + (std::size_t{slot} << shift()), 1);
    }
    void fill(std::uint32_t first, std::uint32_t last, std::uint32_t code);
    // Before readers see this one; the other is not wider.
    void copy_from(const FibFront& other);

    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bytes_of(bool wide) { return kFibSlots << (wide ? 1U : 0U); }

private:
    static constexpr std::size_t kMostPages = 2 * kFibSlots / LazyMemory::kPageBytes;

    [[nodiscard]] unsigned shift() const { return wide_ ? 1U : 0U; }

    bool wide_;
    bool large_;
    LazyMemory memory_;
    std::bitset<kMostPages> touched_;
};

}  // namespace godwit::dataplane
