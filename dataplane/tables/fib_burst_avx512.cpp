// Sixteen addresses at a time with AVX-512 F.
//
// The gathers are plain loads to the compiler, and it may not move them over the reads of the
// default route around them: the signal fences say so. The processor keeps loads in order by
// itself; a gather of aligned words reads each word whole.
#include <immintrin.h>

#include <algorithm>

#include "dataplane/tables/fib_burst.hpp"

namespace godwit::dataplane {

namespace {

template <unsigned kCodeBits>
__attribute__((target("avx512f"))) bool burst(const FibView& view, const void* codes,
                                              std::uint32_t default_hop,
                                              const std::uint32_t* addresses,
                                              std::uint32_t* next_hops, unsigned count) {
    constexpr int kException = (1 << kCodeBits) - 1;
    // A word holds 4 or 2 codes: the bits of the address that choose the word, and the code in it.
    constexpr unsigned kWordShift = kCodeBits == 8 ? 10 : 9;
    const __m512i within = _mm512_set1_epi32(kCodeBits == 8 ? 3 : 1);
    const __m512i exception = _mm512_set1_epi32(kException);
    const __m512i fallback = _mm512_set1_epi32(static_cast<int>(default_hop));
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    FibExceptions exceptions;
    __mmask16 any_default = 0;
    for (unsigned i = 0; i < count; i += 16) {
        const auto active =
            static_cast<__mmask16>(count - i >= 16 ? 0xffffU : (1U << (count - i)) - 1U);
        const __m512i address = _mm512_maskz_loadu_epi32(active, addresses + i);
        const __m512i word = _mm512_mask_i32gather_epi32(
            exception, active, _mm512_srli_epi32(address, kWordShift), codes, 4);
        const __m512i shift = _mm512_slli_epi32(
            _mm512_and_epi32(_mm512_srli_epi32(address, 8), within), kCodeBits == 8 ? 3 : 4);
        const __m512i code = _mm512_and_epi32(_mm512_srlv_epi32(word, shift), exception);
        const __mmask16 defaults = _mm512_mask_testn_epi32_mask(active, code, code);
        const __mmask16 odd = _mm512_mask_cmpeq_epi32_mask(active, code, exception);
        const __m512i found = _mm512_mask_i32gather_epi32(
            fallback, static_cast<__mmask16>(active & ~defaults), code, view.next_hops, 4);
        _mm512_mask_storeu_epi32(next_hops + i, active, found);
        any_default = static_cast<__mmask16>(any_default | defaults);
        _mm512_storeu_si512(
            exceptions.places + exceptions.count,
            _mm512_maskz_compress_epi32(
                odd, _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(i)), lanes)));
        exceptions.count += static_cast<unsigned>(__builtin_popcount(odd));
    }
    bool used_default = any_default != 0;
    if (exceptions.count > 0) {
        used_default |= fib_burst_exceptions(view, default_hop, exceptions, addresses, next_hops);
    }
    return used_default;
}

}  // namespace

bool fib_burst_avx512(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const std::uintptr_t tagged = view.front.load(std::memory_order_acquire);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    bool used_default = false;
    while (count > 0) {
        const unsigned piece = std::min(count, FibExceptions::kMost);
        if ((tagged & 1U) == 0) {
            used_default |= burst<8>(view, reinterpret_cast<const void*>(tagged), default_hop,
                                     addresses, next_hops, piece);
        } else {
            used_default |= burst<16>(view, reinterpret_cast<const void*>(tagged - 1), default_hop,
                                      addresses, next_hops, piece);
        }
        addresses += piece;
        next_hops += piece;
        count -= piece;
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return used_default;
}

}  // namespace godwit::dataplane
