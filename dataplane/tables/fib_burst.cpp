#include "dataplane/tables/fib_burst.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "dataplane/tables/fib_gather.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace godwit::dataplane {

namespace {

constexpr unsigned kBlock = 16;
constexpr unsigned kAhead = 2 * kBlock;
constexpr unsigned kUnit = 4 * kBlock;

constexpr std::uint64_t twice(std::uint64_t word) {
    return word << 32 | word;
}

// In two lanes of 32 bits: bits beyond a code are set in `kBeyond` of them when it is a mark, the
// default route's or an exception's. What one lane borrows from the other for the first falsifies
// nothing that was not found then.
template <class Code>
constexpr std::uint64_t kBeyond = twice(0xffff'ffffU &
                                        ~std::uint64_t{std::numeric_limits<Code>::max()});
template <class Code>
std::uint64_t marks_beyond(std::uint64_t pair) {
    constexpr std::uint64_t kToExceptions =
        twice(FibCode<Code>::kThroughChunk + 1 - FibCode<Code>::kFirstGroup);
    return (pair - twice(1)) | (pair + kToExceptions);
}

// Two at a time: addresses are loaded and codes stored as one word, which leaves the load unit to
// the table. Returns what marks_beyond() does.
template <class Code>
[[gnu::always_inline]] inline std::uint64_t look_up_pair(const Code* codes,
                                                         const std::uint32_t* addresses,
                                                         std::uint32_t* next_hops) {
    std::uint64_t pair = 0;
    std::memcpy(&pair, addresses, sizeof pair);
    const std::uint64_t upper = load_entry(codes[pair >> 40]);
    const std::uint64_t found = upper << 32 | load_entry(codes[(pair & 0xffffffffU) >> 8]);
    std::memcpy(next_hops, &found, sizeof found);
    return marks_beyond<Code>(found);
}

template <class Code>
[[gnu::always_inline]] inline std::uint64_t look_up_one(const Code* codes, std::uint32_t address,
                                                        std::uint32_t& next_hop) {
    const std::uint64_t found = load_entry(codes[address >> 8]);
    next_hop = static_cast<std::uint32_t>(found);
    return marks_beyond<Code>(twice(found));
}

// Writes all codes. True: there is a mark among them. A function by itself: the loop needs every
// register.
template <class Code>
[[gnu::noinline]] bool look_up(const Code* codes, const std::uint32_t* addresses,
                               std::uint32_t* next_hops, unsigned count) {
    std::uint64_t seen = 0;
    for (; count >= 8; count -= 8, addresses += 8, next_hops += 8) {
        seen |= look_up_pair(codes, addresses, next_hops);
        seen |= look_up_pair(codes, addresses + 2, next_hops + 2);
        seen |= look_up_pair(codes, addresses + 4, next_hops + 4);
        seen |= look_up_pair(codes, addresses + 6, next_hops + 6);
    }
    for (; count > 0; --count, ++addresses, ++next_hops) {
        seen |= look_up_one(codes, *addresses, *next_hops);
    }
    return (seen & kBeyond<Code>) != 0;
}

// Bit i: what stands for next hop i is that mark.
struct Marks {
    std::uint32_t exceptions = 0;
    std::uint32_t defaults = 0;
};
template <class Code>
Marks marks_of(const std::uint32_t* next_hops, unsigned count) {
    Marks marks;
#if defined(__SSE2__)
    if (count == kBlock) {
        const __m128i last_hop = _mm_set1_epi32(FibCode<Code>::kFirstGroup - 1);
        const auto bits_of = [](const __m128i& four) {
            return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(four)));
        };
        for (unsigned i = 0; i < kBlock; i += 4) {
            const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next_hops + i));
            marks.exceptions |= bits_of(_mm_cmpgt_epi32(four, last_hop)) << i;
            marks.defaults |= bits_of(_mm_cmpeq_epi32(four, _mm_setzero_si128())) << i;
        }
        return marks;
    }
#endif
    for (unsigned i = 0; i < count; ++i) {
        marks.exceptions |= std::uint32_t{next_hops[i] >= FibCode<Code>::kFirstGroup} << i;
        marks.defaults |= std::uint32_t{next_hops[i] == 0} << i;
    }
    return marks;
}

// Of codes that were not replaced by anything yet.
void set_defaults(std::uint32_t default_hop, std::uint32_t* next_hops, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        next_hops[i] = next_hops[i] == 0 ? default_hop : next_hops[i];
    }
}

// The exceptions of a burst on their way: [0, grouped_) know their entry in a group, [grouped_,
// count_) theirs in a chunk, unless their code named the group.
template <class Code>
class Exceptions {
public:
    static constexpr unsigned kMost = 64;

    Exceptions(const FibView& view, std::uint32_t default_hop, const std::uint32_t* addresses,
               std::uint32_t* next_hops)
        : view_(view), default_hop_(default_hop), addresses_(addresses), next_hops_(next_hops) {}

    // True: there is room for another block.
    [[nodiscard]] bool has_room() const { return count_ + kBlock <= kMost; }

    void add(unsigned first, std::uint32_t bits) {
        for (; bits != 0; bits &= bits - 1) {
            const unsigned place = first + static_cast<unsigned>(std::countr_zero(bits));
            places_[count_] = place;
            const std::uint32_t found = next_hops_[place];
            entries_[count_] =
                found == FibCode<Code>::kThroughChunk
                    ? view_.chunk_entry(addresses_[place])
                    : view_.group_entry(found - FibCode<Code>::kFirstGroup, addresses_[place]);
            __builtin_prefetch(entries_[count_++]);
        }
    }
    void find_groups(unsigned until) {
        for (; grouped_ < until; ++grouped_) {
            if (next_hops_[places_[grouped_]] != FibCode<Code>::kThroughChunk) {
                continue;
            }
            const std::uint32_t group = load_entry(*entries_[grouped_]);
            entries_[grouped_] = view_.group_entry(group, addresses_[places_[grouped_]]);
            __builtin_prefetch(entries_[grouped_]);
        }
    }
    // True: one of them follows the default route.
    bool finish() {
        find_groups(count_);
        std::uint32_t seen = 0;
        for (unsigned i = 0; i < count_; ++i) {
            const std::uint32_t entry = load_entry(*entries_[i]);
            seen |= entry;
            next_hops_[places_[i]] = entry == kFibDefault ? default_hop_ : entry;
        }
        count_ = 0;
        grouped_ = 0;
        return (seen & kFibDefault) != 0;
    }
    [[nodiscard]] unsigned count() const { return count_; }

private:
    const FibView& view_;
    std::uint32_t default_hop_;
    const std::uint32_t* addresses_;
    std::uint32_t* next_hops_;
    unsigned count_ = 0;
    unsigned grouped_ = 0;
    // Filled up to count_.
    std::array<unsigned, kMost> places_;
    std::array<const std::uint32_t*, kMost> entries_;
};

// All of it is in the caches: marks are looked for once a unit, by when its stores are through.
template <class Code>
bool look_up_near(const FibView& view, const Code* codes, std::uint32_t default_hop,
                  const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    bool used_default = false;
    for (unsigned first = 0; first < count; first += kUnit) {
        const unsigned in_unit = std::min(count - first, kUnit);
        if (!look_up(codes, addresses + first, next_hops + first, in_unit)) {
            continue;
        }
        for (unsigned block = first; block < first + in_unit; block += kBlock) {
            const std::uint32_t* const from = addresses + block;
            std::uint32_t* const to = next_hops + block;
            const unsigned in_block = std::min(first + in_unit - block, kBlock);
            const Marks marks = marks_of<Code>(to, in_block);
            if (marks.defaults != 0) {
                used_default = true;
                set_defaults(default_hop, to, in_block);
            }
            for (std::uint32_t bits = marks.exceptions; bits != 0; bits &= bits - 1) {
                const auto place = static_cast<unsigned>(std::countr_zero(bits));
                const std::uint32_t entry = view.exception<Code>(to[place], from[place]);
                used_default |= entry == kFibDefault;
                to[place] = entry == kFibDefault ? default_hop : entry;
            }
        }
    }
    return used_default;
}

// Sixty-four of a large front, unrolled as a whole: half of the codes are on their way when the
// first is read, and the exceptions are looked up together, one step at a time.
template <class Code>
[[gnu::noinline]] bool look_up_far_unit(const FibView& view, const Code* codes,
                                        std::uint32_t default_hop, const std::uint32_t* addresses,
                                        std::uint32_t* next_hops) {
#pragma GCC unroll 32
    for (unsigned i = 0; i < kAhead; ++i) {
        __builtin_prefetch(&codes[addresses[i] >> 8]);
    }
    std::uint64_t seen = 0;
#pragma GCC unroll 16
    for (unsigned i = 0; i < kAhead; i += 2) {
        __builtin_prefetch(&codes[addresses[i + kAhead] >> 8]);
        __builtin_prefetch(&codes[addresses[i + kAhead + 1] >> 8]);
        seen |= look_up_pair(codes, addresses + i, next_hops + i);
    }
#pragma GCC unroll 16
    for (unsigned i = kAhead; i < kUnit; i += 2) {
        seen |= look_up_pair(codes, addresses + i, next_hops + i);
    }
    if ((seen & kBeyond<Code>) == 0) {
        return false;
    }
    bool used_default = false;
    Exceptions<Code> exceptions(view, default_hop, addresses, next_hops);
    for (unsigned first = 0; first < kUnit; first += kBlock) {
        const Marks marks = marks_of<Code>(next_hops + first, kBlock);
        if (marks.defaults != 0) {
            used_default = true;
            set_defaults(default_hop, next_hops + first, kBlock);
        }
        exceptions.add(first, marks.exceptions);
    }
    return exceptions.finish() || used_default;
}

template <class Code>
bool look_up_far(const FibView& view, const Code* codes, std::uint32_t default_hop,
                 const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    Exceptions<Code> exceptions(view, default_hop, addresses, next_hops);
    bool used_default = false;
    for (unsigned i = 0; i < std::min(count, kAhead); ++i) {
        __builtin_prefetch(&codes[addresses[i] >> 8]);
    }
    for (unsigned first = 0; first < count; first += kBlock) {
        const unsigned in_block = std::min(count - first, kBlock);
        const std::uint32_t* const from = addresses + first;
        std::uint32_t* const to = next_hops + first;
        std::uint64_t seen = 0;
        if (first + kAhead + kBlock <= count) {
            for (unsigned i = 0; i < kBlock; i += 2) {
                __builtin_prefetch(&codes[from[i + kAhead] >> 8]);
                __builtin_prefetch(&codes[from[i + kAhead + 1] >> 8]);
                seen |= look_up_pair(codes, from + i, to + i);
            }
        } else {
            for (unsigned i = first + kAhead; i < count; ++i) {
                __builtin_prefetch(&codes[addresses[i] >> 8]);
            }
            for (unsigned i = 0; i < in_block; ++i) {
                seen |= look_up_one(codes, from[i], to[i]);
            }
        }
        const unsigned before = exceptions.count();
        if ((seen & kBeyond<Code>) != 0) {
            const Marks marks = marks_of<Code>(to, in_block);
            if (marks.defaults != 0) {
                used_default = true;
                set_defaults(default_hop, to, in_block);
            }
            exceptions.add(first, marks.exceptions);
        }
        exceptions.find_groups(before);
        if (!exceptions.has_room()) {
            used_default |= exceptions.finish();
        }
    }
    return exceptions.finish() || used_default;
}

template <class Code>
bool look_up_all(const FibView& view, std::uintptr_t front, std::uint32_t default_hop,
                 const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const Code* const codes = FibView::codes<Code>(front);
    if ((front & kFibLargeFront) == 0) {
        return look_up_near(view, codes, default_hop, addresses, next_hops, count);
    }
    if (count == kUnit) {
        return look_up_far_unit(view, codes, default_hop, addresses, next_hops);
    }
    return look_up_far(view, codes, default_hop, addresses, next_hops, count);
}

// More next hops than a code can spell: one by one, with the codes on their way.
bool look_up_mapped(const FibView& view, std::uintptr_t front, std::uint32_t default_hop,
                    const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const auto* const codes = FibView::codes<std::uint16_t>(front);
    for (unsigned i = 0; i < std::min(count, kUnit); ++i) {
        __builtin_prefetch(&codes[addresses[i] >> 8]);
    }
    bool used_default = false;
    for (unsigned i = 0; i < count; ++i) {
        if (i + kUnit < count) {
            __builtin_prefetch(&codes[addresses[i + kUnit] >> 8]);
        }
        const std::uint32_t entry = view.entry_of<std::uint16_t>(front, addresses[i]);
        used_default |= entry == kFibDefault;
        next_hops[i] = entry == kFibDefault ? default_hop : entry;
    }
    return used_default;
}

}  // namespace

bool fib_lookup_burst(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const std::uintptr_t front = view.front.load(std::memory_order_acquire);
    if ((front & kFibMappedFront) != 0) {
        return look_up_mapped(view, front, default_hop, addresses, next_hops, count);
    }
    if (view.gathers) {
        return fib_gather_burst(view, front, default_hop, addresses, next_hops, count);
    }
    return (front & kFibWideFront) == 0
               ? look_up_all<std::uint8_t>(view, front, default_hop, addresses, next_hops, count)
               : look_up_all<std::uint16_t>(view, front, default_hop, addresses, next_hops, count);
}

}  // namespace godwit::dataplane
