#include "dataplane/tables/fib_front.hpp"

#include <algorithm>

namespace godwit::dataplane {

namespace {

template <class Code>
void fill_codes(Code* codes, std::uint32_t first, std::uint32_t last, Code code) {
    constexpr std::uint32_t kInWord = sizeof(std::uint64_t) / sizeof(Code);
    // The code in every lane of a word.
    const std::uint64_t word = ~std::uint64_t{0} / static_cast<Code>(~Code{0}) * code;
    std::uint64_t at = first;
    const std::uint64_t end = std::uint64_t{last} + 1;
    while (at < end && at % kInWord != 0) {
        store_entry(codes[at++], code);
    }
    for (; at + kInWord <= end; at += kInWord) {
        store_entry(*reinterpret_cast<std::uint64_t*>(codes + at), word);
    }
    while (at < end) {
        store_entry(codes[at++], code);
    }
}

std::uint16_t widened(std::uint8_t code) {
    using Narrow = FibCode<std::uint8_t>;
    using Wide = FibCode<std::uint16_t>;
    constexpr std::uint32_t kToGroup = Wide::kFirstGroup - Narrow::kFirstGroup;
    const std::uint32_t wide = code + (code >= Narrow::kFirstGroup ? kToGroup : 0U);
    return static_cast<std::uint16_t>(code == Narrow::kThroughChunk ? Wide::kThroughChunk : wide);
}

}  // namespace

FibFront::FibFront(Form form) : form_(form), memory_(memory_bytes_of(form.wide)) {
    if (form_.large) {
        memory_.back_with_huge_pages();
    } else {
        memory_.map_for_reading();
    }
}

void FibFront::fill(std::uint32_t first, std::uint32_t last, std::uint32_t code) {
    if (form_.wide) {
        fill_codes(memory_.as<std::uint16_t>(), first, last, static_cast<std::uint16_t>(code));
    } else {
        fill_codes(memory_.as<std::uint8_t>(), first, last, static_cast<std::uint8_t>(code));
    }
    if (!memory_.has_huge_pages()) {
        const std::size_t in_page = LazyMemory::kPageBytes >> shift();
        for (std::size_t page = first / in_page; page <= last / in_page; ++page) {
            touched_.set(page);
        }
    }
}

void FibFront::copy_from(const FibFront& other) {
    constexpr std::size_t kSlots = 2048;  // of one page or half of one
    for (std::size_t first = 0; first < kFibSlots; first += kSlots) {
        if (!other.memory_.has_huge_pages() &&
            !other.touched_.test((first << other.shift()) / LazyMemory::kPageBytes)) {
            continue;
        }
        if (form_.wide && !other.form_.wide) {
            const std::uint8_t* from = other.memory_.as<std::uint8_t>() + first;
            std::transform(from, from + kSlots, memory_.as<std::uint16_t>() + first, widened);
        } else {
            std::copy_n(other.memory_.as<std::byte>() + (first << shift()), kSlots << shift(),
                        memory_.as<std::byte>() + (first << shift()));
        }
        touched_.set((first << shift()) / LazyMemory::kPageBytes);
    }
}

std::size_t FibFront::memory_bytes() const {
    return memory_.has_huge_pages() ? memory_bytes_of(form_.wide)
                                    : touched_.count() * LazyMemory::kPageBytes;
}

}  // namespace godwit::dataplane
