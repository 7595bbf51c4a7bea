#include "dataplane/tables/fib_front.hpp"

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

}  // namespace

FibFront::FibFront(bool wide) : wide_(wide), memory_(memory_bytes_of(wide)) {
    memory_.map_for_reading();
}

void FibFront::fill(std::uint32_t first, std::uint32_t last, std::uint32_t code) {
    if (wide_) {
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

void FibFront::copy_from(const FibFront& narrow) {
    if (narrow.memory_.has_huge_pages()) {
        use_huge_pages();
    }
    const auto* from = narrow.memory_.as<std::uint8_t>();
    auto* to = memory_.as<std::uint16_t>();
    for (std::size_t page = 0; page < kFibSlots / LazyMemory::kPageBytes; ++page) {
        if (!narrow.memory_.has_huge_pages() && !narrow.touched_.test(page)) {
            continue;
        }
        const std::size_t first = page * LazyMemory::kPageBytes;
        for (std::size_t slot = first; slot < first + LazyMemory::kPageBytes; ++slot) {
            const std::uint8_t code = from[slot];
            to[slot] = code == FibCodes::kNarrowException
                           ? static_cast<std::uint16_t>(FibCodes::kWideException)
                           : code;
        }
        touched_.set(2 * page);
        touched_.set(2 * page + 1);
    }
}

std::size_t FibFront::memory_bytes() const {
    return memory_.has_huge_pages() ? memory_bytes_of(wide_)
                                    : touched_.count() * LazyMemory::kPageBytes;
}

}  // namespace godwit::dataplane
