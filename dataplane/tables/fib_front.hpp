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
    struct Form {
        bool wide = false;
        bool mapped = false;
        bool large = false;  // backed at once and whole
    };
    explicit FibFront(Form form);

    [[nodiscard]] bool is_wide() const { return form_.wide; }
    // What FibView::front holds.
    [[nodiscard]] std::uintptr_t tagged() const {
        return reinterpret_cast<std::uintptr_t>(memory_.as<std::byte>()) |
               (form_.wide ? kFibWideFront : 0U) | (form_.large ? kFibLargeFront : 0U) |
               (form_.mapped ? kFibMappedFront : 0U);
    }
    [[nodiscard]] std::uint32_t code(std::uint32_t slot) const {
        return form_.wide ? load_entry(memory_.as<std::uint16_t>()[slot])
                          : load_entry(memory_.as<std::uint8_t>()[slot]);
    }
    // Is it the code of an exception?
    [[nodiscard]] bool names_group(std::uint32_t code) const {
        return code >= (form_.wide ? FibCode<std::uint16_t>::kFirstGroup
                                   : FibCode<std::uint8_t>::kFirstGroup);
    }
    [[nodiscard]] std::uint32_t code_of_group(std::uint32_t group) const {
        return form_.wide ? group_code<std::uint16_t>(group) : group_code<std::uint8_t>(group);
    }
    void prefetch(std::uint32_t slot) const {
        __builtin_prefetch(memory_.as<std::byte>() + (std::size_t{slot} << shift()), 1);
    }
    void fill(std::uint32_t first, std::uint32_t last, std::uint32_t code);
    // Before readers see this one; the other is not wider. Groups that only wide codes can name are
    // still found through chunks.
    void copy_from(const FibFront& other);

    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bytes_of(bool wide) { return kFibSlots << (wide ? 1U : 0U); }

private:
    static constexpr std::size_t kMostPages = 2 * kFibSlots / LazyMemory::kPageBytes;

    template <class Code>
    static std::uint32_t group_code(std::uint32_t group) {
        return group < FibCode<Code>::kNamedGroups ? FibCode<Code>::kFirstGroup + group
                                                   : FibCode<Code>::kThroughChunk;
    }
    [[nodiscard]] unsigned shift() const { return form_.wide ? 1U : 0U; }

    Form form_;
    LazyMemory memory_;
    std::bitset<kMostPages> touched_;
};

}  // namespace godwit::dataplane
