#include "dataplane/tables/fib_burst.hpp"

#include <algorithm>
#include <array>
#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace godwit::dataplane {

namespace {

constexpr unsigned kBlock = 16;
constexpr unsigned kAhead = 2 * kBlock;

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

// The exceptions of a burst on their way: [0, grouped_) know their entry in a group, [grouped_,
// count_) theirs in a chunk.
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
            entries_[count_] = view_.chunk_entry(addresses_[place]);
            __builtin_prefetch(entries_[count_++]);
        }
    }
    void find_groups(unsigned until) {
        for (; grouped_ < until; ++grouped_) {
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

template <class Code>
bool lookup_burst(const FibView& view, const Code* codes, std::uint32_t default_hop,
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
        const auto look_up = [&](unsigned i) {
            const std::uint32_t found = load_entry(hops[load_entry(codes[from[i] >> 8])]);
            to[i] = found;
            return found;
        };
        std::uint32_t seen = 0;
        if (first + kAhead + kBlock <= count) {
            for (unsigned i = 0; i < kBlock; ++i) {
                __builtin_prefetch(&codes[from[i + kAhead] >> 8]);
                seen |= look_up(i);
            }
        } else {
            for (unsigned i = first + kAhead; i < count; ++i) {
                __builtin_prefetch(&codes[addresses[i] >> 8]);
            }
            for (unsigned i = 0; i < in_block; ++i) {
                seen |= look_up(i);
            }
        }
        const unsigned before = exceptions.count();
        if ((seen & (kFibDefault | kFibException)) != 0) {
            exceptions.add(first, exceptions_of(to, in_block));
            if ((seen & kFibDefault) != 0) {
                used_default = true;
                for (unsigned i = 0; i < in_block; ++i) {
                    to[i] = (to[i] & kFibDefault) != 0 ? default_hop : to[i];
                }
            }
        }
        exceptions.find_groups(before);
        if (!exceptions.has_room()) {
            used_default |= exceptions.finish();
        }
    }
    return exceptions.finish() || used_default;
}

}  // namespace

bool fib_lookup_burst(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const std::uintptr_t tagged = view.front.load(std::memory_order_acquire);
    if ((tagged & 1U) == 0) {
        return lookup_burst(view, reinterpret_cast<const std::uint8_t*>(tagged), default_hop,
                            addresses, next_hops, count);
    }
    return lookup_burst(view, reinterpret_cast<const std::uint16_t*>(tagged - 1), default_hop,
                        addresses, next_hops, count);
}

}  // namespace godwit::dataplane
