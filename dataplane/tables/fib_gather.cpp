// A gather takes four bytes from where a code begins; what is beyond the code is cut off. Its own
// bytes are aligned, so they are loaded whole; and loads of a later instruction are not older than
// those of an earlier one, as for plain loads (Intel SDM volume 3, 9.2.2). Behind the last code and
// the last chunk number there are bytes that may be read: LazyMemory has a page there.
#include "dataplane/tables/fib_gather.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

#include "dataplane/tables/fib_burst.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#include <x86intrin.h>

// g++ 12 takes the deliberately undefined operands inside its own intrinsics for mistakes of their
// callers (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define GODWIT_GATHERS __attribute__((target("avx512f")))

namespace godwit::dataplane {

namespace {

constexpr unsigned kLanes = 16;
constexpr unsigned kBlocks = 4;
constexpr unsigned kUnit = kBlocks * kLanes;

GODWIT_GATHERS inline __m512i all(std::uint32_t value) {
    return _mm512_set1_epi32(static_cast<int>(value));
}

template <class Code>
GODWIT_GATHERS inline __m512i codes_of(const Code* codes, __m512i addresses) {
    const __m512i words =
        _mm512_i32gather_epi32(_mm512_srli_epi32(addresses, 8), codes, sizeof(Code));
    return _mm512_and_si512(words, all(std::numeric_limits<Code>::max()));
}

// Codes that are marks, the default route's or an exception's: less one they are no next hops.
template <class Code>
GODWIT_GATHERS inline __mmask16 marks_of(__m512i less_one) {
    return _mm512_cmpge_epu32_mask(less_one, all(FibCode<Code>::kFirstGroup - 1));
}

// The exceptions in `places` are few, and next to never in the same place twice: a loop over them
// is nearer than gathers that are empty but for one lane. True: one of them follows the default
// route.
template <class Code>
bool look_up_exceptions(const FibView& view, std::uint64_t places, std::uint32_t default_hop,
                        const std::uint32_t* addresses, std::uint32_t* next_hops) {
    bool used_default = false;
    for (; places != 0; places &= places - 1) {
        const auto place = static_cast<unsigned>(std::countr_zero(places));
        const std::uint32_t entry = view.exception<Code>(next_hops[place], addresses[place]);
        next_hops[place] = entry == kFibDefault ? default_hop : entry;
        used_default |= entry == kFibDefault;
    }
    return used_default;
}

struct Asked {
    std::uint32_t default_hop;
    __m512i default_hops;
};

template <class Code>
GODWIT_GATHERS inline bool gather_block(const FibView& view, const Code* codes, const Asked& asked,
                                        const std::uint32_t* addresses, std::uint32_t* next_hops,
                                        __mmask16 lanes) {
    // The lanes beyond look up 0.0.0.0, and nobody hears of it.
    const __m512i found = codes_of(codes, _mm512_maskz_loadu_epi32(lanes, addresses));
    _mm512_mask_storeu_epi32(next_hops, lanes, found);
    const __mmask16 marks = marks_of<Code>(_mm512_sub_epi32(found, all(1)));
    if ((marks & lanes) == 0) {
        return false;
    }
    const __mmask16 defaults = _mm512_mask_testn_epi32_mask(lanes, found, found);
    _mm512_mask_storeu_epi32(next_hops, defaults, asked.default_hops);
    const std::uint64_t exceptions = static_cast<__mmask16>(marks & lanes & ~defaults);
    return look_up_exceptions<Code>(view, exceptions, asked.default_hop, addresses, next_hops) ||
           defaults != 0;
}

template <class Code>
GODWIT_GATHERS inline bool gather_unit(const FibView& view, const Code* codes, const Asked& asked,
                                       const std::uint32_t* addresses, std::uint32_t* next_hops) {
    struct Block {
        __m512i codes;
    };
    std::array<Block, kBlocks> found;
#pragma GCC unroll 4
    for (unsigned block = 0; block < kBlocks; ++block) {
        found[block].codes = codes_of(codes, _mm512_loadu_si512(addresses + block * kLanes));
    }
    __m512i highest = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (unsigned block = 0; block < kBlocks; ++block) {
        _mm512_storeu_si512(next_hops + block * kLanes, found[block].codes);
        highest = _mm512_max_epu32(highest, _mm512_sub_epi32(found[block].codes, all(1)));
    }
    if (marks_of<Code>(highest) == 0) {
        return false;
    }
    std::uint64_t exceptions = 0;
    unsigned defaults = 0;
#pragma GCC unroll 4
    for (unsigned block = 0; block < kBlocks; ++block) {
        const __mmask16 marks = marks_of<Code>(_mm512_sub_epi32(found[block].codes, all(1)));
        const __mmask16 of_default =
            _mm512_testn_epi32_mask(found[block].codes, found[block].codes);
        _mm512_mask_storeu_epi32(next_hops + block * kLanes, of_default, asked.default_hops);
        exceptions |= std::uint64_t{static_cast<__mmask16>(marks & ~of_default)} << block * kLanes;
        defaults |= of_default;
    }
    return look_up_exceptions<Code>(view, exceptions, asked.default_hop, addresses, next_hops) ||
           defaults != 0;
}

template <class Code>
GODWIT_GATHERS bool gather_all(const FibView& view, std::uintptr_t front, std::uint32_t default_hop,
                               const std::uint32_t* addresses, std::uint32_t* next_hops,
                               unsigned count) {
    const Code* const codes = FibView::codes<Code>(front);
    const Asked asked{default_hop, all(default_hop)};
    bool used_default = false;
    for (; count >= kUnit; count -= kUnit, addresses += kUnit, next_hops += kUnit) {
        used_default |= gather_unit(view, codes, asked, addresses, next_hops);
    }
    while (count > 0) {
        const unsigned in_block = std::min(count, kLanes);
        const auto lanes = static_cast<__mmask16>((1U << in_block) - 1);
        used_default |= gather_block(view, codes, asked, addresses, next_hops, lanes);
        count -= in_block;
        addresses += in_block;
        next_hops += in_block;
    }
    return used_default;
}

// ---- which way is faster here

// A front that has 1024 codes, and these only are asked for: gathers and loads find all of them in
// the first-level cache, where a gather that was made slow shows most.
constexpr std::uint32_t kTrialCodes = 1024;
constexpr unsigned kTrialAddresses = 512;
constexpr int kTrials = 64;  // wide registers take some microseconds to wake up

FibWay measure() {
    struct Slot {
        alignas(64) std::array<std::uint8_t, kTrialCodes + sizeof(std::uint32_t)> codes;
    };
    const std::vector<Slot> front(1, [] {
        Slot slot;
        slot.codes.fill(1);
        return slot;
    }());
    std::vector<std::uint32_t> addresses(kTrialAddresses);
    std::uint32_t address = 1;
    for (std::uint32_t& one : addresses) {
        address = address * 1664525U + 1013904223U;
        one = address % kTrialCodes << 8;
    }
    std::vector<std::uint32_t> next_hops(kTrialAddresses);
    FibView view;
    view.front.store(reinterpret_cast<std::uintptr_t>(front.data()), std::memory_order_relaxed);
    const auto cycles_of = [&](bool gathers) {
        view.gathers = gathers;
        std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
        for (int trial = 0; trial < kTrials; ++trial) {
            const std::uint64_t begin = __rdtsc();
            fib_lookup_burst(view, 0, addresses.data(), next_hops.data(), kTrialAddresses);
            least = std::min<std::uint64_t>(least, __rdtsc() - begin);
        }
        return least;
    };
    return cycles_of(true) < cycles_of(false) ? FibWay::Gathers : FibWay::Loads;
}

}  // namespace

bool can_gather() {
    return __builtin_cpu_supports("avx512f") != 0;
}

FibWay fastest_fib_way() {
    static const FibWay way = can_gather() ? measure() : FibWay::Loads;
    return way;
}

bool fib_gather_burst(const FibView& view, std::uintptr_t front, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    return (front & kFibWideFront) == 0
               ? gather_all<std::uint8_t>(view, front, default_hop, addresses, next_hops, count)
               : gather_all<std::uint16_t>(view, front, default_hop, addresses, next_hops, count);
}

}  // namespace godwit::dataplane

#else

namespace godwit::dataplane {

bool can_gather() {
    return false;
}

FibWay fastest_fib_way() {
    return FibWay::Loads;
}

bool fib_gather_burst(const FibView&, std::uintptr_t, std::uint32_t, const std::uint32_t*,
                      std::uint32_t*, unsigned) {
    return false;
}

}  // namespace godwit::dataplane

#endif
