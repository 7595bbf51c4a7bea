#include "dataplane/tables/fib_burst.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace godwit::dataplane {

namespace {

constexpr unsigned kBlock = 16;
constexpr unsigned kAhead = 2 * kBlock;
constexpr unsigned kUnit = 4 * kBlock;
constexpr std::uint32_t kMarks = kFibDefault | kFibException;

template <class Code>
[[gnu::always_inline]] inline std::uint64_t hop_of(const Code* codes, const std::uint32_t* hops,
                                                   std::uint64_t address) {
    return load_entry(hops[load_entry(codes[address >> 8])]);
}

// Two at a time: addresses are loaded and next hops stored as one word, which leaves the load unit
// to the table.
template <class Code>
[[gnu::always_inline]] inline std::uint64_t look_up_pair(const Code* codes,
                                                         const std::uint32_t* hops,
                                                         const std::uint32_t* addresses,
                                                         std::uint32_t* next_hops) {
    std::uint64_t pair = 0;
    std::memcpy(&pair, addresses, sizeof pair);
    const std::uint64_t found =
        hop_of(codes, hops, pair >> 32) << 32 | hop_of(codes, hops, pair & 0xffffffffU);
    std::memcpy(next_hops, &found, sizeof found);
    return found;
}

// Returns all next hops, one over the other. A function by itself: the loop needs every register.
template <class Code>
[[gnu::noinline]] std::uint32_t look_up(const Code* codes, const std::uint32_t* hops,
                                        const std::uint32_t* addresses, std::uint32_t* next_hops,
                                        unsigned count) {
    std::uint64_t seen = 0;
    for (; count >= 8; count -= 8, addresses += 8, next_hops += 8) {
        seen |= look_up_pair(codes, hops, addresses, next_hops);
        seen |= look_up_pair(codes, hops, addresses + 2, next_hops + 2);
        seen |= look_up_pair(codes, hops, addresses + 4, next_hops + 4);
        seen |= look_up_pair(codes, hops, addresses + 6, next_hops + 6);
    }
    for (; count > 0; --count, ++addresses, ++next_hops) {
        *next_hops = static_cast<std::uint32_t>(hop_of(codes, hops, *addresses));
        seen |= *next_hops;
    }
    return static_cast<std::uint32_t>(seen | seen >> 32);
}

// Bit i: next hop i has the exception's mark.
std::uint32_t exceptions_of(const std::uint32_t* next_hops, unsigned count) {
    static_assert(kFibException == 1U << 30);
    std::uint32_t bits = 0;
#if defined(__SSE2__)
    if (count == kBlock) {
        for (unsigned i = 0; i < kBlock; i += 4) {
            const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next_hops + i));
            const __m128 signs = _mm_castsi128_ps(_mm_slli_epi32(four, 1));
            bits |= static_cast<std::uint32_t>(_mm_movemask_ps(signs)) << i;
        }
        return bits;
    }
#endif
    for (unsigned i = 0; i < count; ++i) {
        bits |= (next_hops[i] >> 30 & 1U) << i;
    }
    return bits;
}

void set_defaults(std::uint32_t default_hop, std::uint32_t* next_hops, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        next_hops[i] = (next_hops[i] & kFibDefault) != 0 ? default_hop : next_hops[i];
    }
}

// The exceptions of a burst on their way: [0, grouped_) know their entry in a group, [grouped_,
// count_) theirs in a chunk, unless their code named the group.
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
            entries_[count_] = FibView::is_through_chunk(found)
                                   ? view_.chunk_entry(addresses_[place])
                                   : view_.group_entry(found & ~kFibException, addresses_[place]);
            __builtin_prefetch(entries_[count_++]);
        }
    }
    void find_groups(unsigned until) {
        for (; grouped_ < until; ++grouped_) {
            if (!FibView::is_through_chunk(next_hops_[places_[grouped_]])) {
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
    std::uint32_t all_seen = 0;
    for (unsigned first = 0; first < count; first += kUnit) {
        const unsigned in_unit = std::min(count - first, kUnit);
        const std::uint32_t* const from = addresses + first;
        std::uint32_t* const to = next_hops + first;
        std::uint32_t seen = look_up(codes, view.next_hops, from, to, in_unit);
        if ((seen & kFibException) != 0) {
            for (unsigned block = 0; block < in_unit; block += kBlock) {
                std::uint32_t bits = exceptions_of(to + block, std::min(in_unit - block, kBlock));
                for (; bits != 0; bits &= bits - 1) {
                    const unsigned place = block + static_cast<unsigned>(std::countr_zero(bits));
                    to[place] = view.exception(to[place], from[place]);
                    seen |= to[place];
                }
            }
        }
        if ((seen & kFibDefault) != 0) {
            set_defaults(default_hop, to, in_unit);
        }
        all_seen |= seen;
    }
    return (all_seen & kFibDefault) != 0;
}

// Sixty-four of a large front, unrolled as a whole: half of the codes are on their way when the
// first is read, and the exceptions are looked up together, one step at a time.
template <class Code>
[[gnu::noinline]] bool look_up_far_unit(const FibView& view, const Code* codes,
                                        std::uint32_t default_hop, const std::uint32_t* addresses,
                                        std::uint32_t* next_hops) {
    const std::uint32_t* const hops = view.next_hops;
#pragma GCC unroll 32
    for (unsigned i = 0; i < kAhead; ++i) {
        __builtin_prefetch(&codes[addresses[i] >> 8]);
    }
    std::uint64_t found = 0;
#pragma GCC unroll 16
    for (unsigned i = 0; i < kAhead; i += 2) {
        __builtin_prefetch(&codes[addresses[i + kAhead] >> 8]);
        __builtin_prefetch(&codes[addresses[i + kAhead + 1] >> 8]);
        found |= look_up_pair(codes, hops, addresses + i, next_hops + i);
    }
#pragma GCC unroll 16
    for (unsigned i = kAhead; i < kUnit; i += 2) {
        found |= look_up_pair(codes, hops, addresses + i, next_hops + i);
    }
    const auto seen = static_cast<std::uint32_t>(found | found >> 32);
    bool used_default = false;
    if ((seen & kMarks) != 0) {
        Exceptions exceptions(view, default_hop, addresses, next_hops);
        for (unsigned first = 0; first < kUnit; first += kBlock) {
            exceptions.add(first, exceptions_of(next_hops + first, kBlock));
        }
        used_default = (seen & kFibDefault) != 0;
        if (used_default) {
            set_defaults(default_hop, next_hops, kUnit);
        }
        used_default |= exceptions.finish();
    }
    return used_default;
}

template <class Code>
bool look_up_far(const FibView& view, const Code* codes, std::uint32_t default_hop,
                 const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const std::uint32_t* const hops = view.next_hops;
    Exceptions exceptions(view, default_hop, addresses, next_hops);
    bool used_default = false;
    for (unsigned i = 0; i < std::min(count, kAhead); ++i) {
        __builtin_prefetch(&codes[addresses[i] >> 8]);
    }
    for (unsigned first = 0; first < count; first += kBlock) {
        const unsigned in_block = std::min(count - first, kBlock);
        const std::uint32_t* const from = addresses + first;
        std::uint32_t* const to = next_hops + first;
        std::uint32_t seen = 0;
        if (first + kAhead + kBlock <= count) {
            for (unsigned i = 0; i < kBlock; i += 2) {
                __builtin_prefetch(&codes[from[i + kAhead] >> 8]);
                __builtin_prefetch(&codes[from[i + kAhead + 1] >> 8]);
                const std::uint64_t found = look_up_pair(codes, hops, from + i, to + i);
                seen |= static_cast<std::uint32_t>(found | found >> 32);
            }
        } else {
            for (unsigned i = first + kAhead; i < count; ++i) {
                __builtin_prefetch(&codes[addresses[i] >> 8]);
            }
            for (unsigned i = 0; i < in_block; ++i) {
                to[i] = static_cast<std::uint32_t>(hop_of(codes, hops, from[i]));
                seen |= to[i];
            }
        }
        const unsigned before = exceptions.count();
        if ((seen & kMarks) != 0) {
            exceptions.add(first, exceptions_of(to, in_block));
            if ((seen & kFibDefault) != 0) {
                used_default = true;
                set_defaults(default_hop, to, in_block);
            }
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

}  // namespace

bool fib_lookup_burst(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const std::uintptr_t front = view.front.load(std::memory_order_acquire);
    return (front & kFibWideFront) == 0
               ? look_up_all<std::uint8_t>(view, front, default_hop, addresses, next_hops, count)
               : look_up_all<std::uint16_t>(view, front, default_hop, addresses, next_hops, count);
}

}  // namespace godwit::dataplane
