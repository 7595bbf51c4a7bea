// Eight addresses at a time with AVX2; what is left over goes the scalar way. For the order of
// loads see fib_burst_avx512.cpp.
#include <immintrin.h>

#include <algorithm>

#include "dataplane/tables/fib_burst.hpp"

namespace godwit::dataplane {

namespace {

template <unsigned kCodeBits>
__attribute__((target("avx2"))) bool burst(const FibView& view, const void* codes,
                                           std::uint32_t default_hop,
                                           const std::uint32_t* addresses, std::uint32_t* next_hops,
                                           unsigned count) {
    constexpr int kException = (1 << kCodeBits) - 1;
    constexpr int kWordShift = kCodeBits == 8 ? 10 : 9;
    const __m256i within = _mm256_set1_epi32(kCodeBits == 8 ? 3 : 1);
    const __m256i exception = _mm256_set1_epi32(kException);
    const __m256i fallback = _mm256_set1_epi32(static_cast<int>(default_hop));
    FibExceptions exceptions;
    int any_default = 0;
    for (unsigned i = 0; i < count; i += 8) {
        const __m256i address = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(addresses + i));
        const __m256i word = _mm256_i32gather_epi32(static_cast<const int*>(codes),
                                                    _mm256_srli_epi32(address, kWordShift), 4);
        const __m256i shift = _mm256_slli_epi32(
            _mm256_and_si256(_mm256_srli_epi32(address, 8), within), kCodeBits == 8 ? 3 : 4);
        const __m256i code = _mm256_and_si256(_mm256_srlv_epi32(word, shift), exception);
        const __m256i defaults = _mm256_cmpeq_epi32(code, _mm256_setzero_si256());
        const __m256i found =
            _mm256_i32gather_epi32(reinterpret_cast<const int*>(view.next_hops), code, 4);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(next_hops + i),
                            _mm256_blendv_epi8(found, fallback, defaults));
        any_default |= _mm256_movemask_epi8(defaults);
        auto odd = static_cast<unsigned>(
            _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(code, exception))));
        while (odd != 0) {
            exceptions.places[exceptions.count++] = i + static_cast<unsigned>(__builtin_ctz(odd));
            odd &= odd - 1;
        }
    }
    bool used_default = any_default != 0;
    if (exceptions.count > 0) {
        used_default |= fib_burst_exceptions(view, default_hop, exceptions, addresses, next_hops);
    }
    return used_default;
}

}  // namespace

bool fib_burst_avx2(const FibView& view, std::uint32_t default_hop, const std::uint32_t* addresses,
                    std::uint32_t* next_hops, unsigned count) {
    const std::uintptr_t tagged = view.front.load(std::memory_order_acquire);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    bool used_default = false;
    while (count >= 8) {
        const unsigned piece = std::min(count & ~7U, FibExceptions::kMost);
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
    if (count > 0) {
        used_default |= fib_burst_scalar(view, default_hop, addresses, next_hops, count);
    }
    return used_default;
}

}  // namespace godwit::dataplane
