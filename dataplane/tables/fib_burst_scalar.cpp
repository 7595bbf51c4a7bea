// The form for every processor: prefetch the front a fixed distance ahead, then read it.
#include <algorithm>

#include "dataplane/tables/fib_burst.hpp"

namespace godwit::dataplane {

namespace {

constexpr unsigned kAhead = 32;

template <class Code>
bool burst(const FibView& view, const Code* codes, std::uint32_t default_hop,
           const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    constexpr std::uint32_t kException = static_cast<Code>(~Code{0});
    FibExceptions exceptions;
    bool used_default = false;
    const unsigned first = std::min(count, kAhead);
    for (unsigned i = 0; i < first; ++i) {
        __builtin_prefetch(&codes[addresses[i] >> 8]);
    }
    for (unsigned i = 0; i < count; ++i) {
        if (i + kAhead < count) {
            __builtin_prefetch(&codes[addresses[i + kAhead] >> 8]);
        }
        const std::uint32_t code = load_entry(codes[addresses[i] >> 8]);
        const std::uint32_t found = load_entry(view.next_hops[code]);
        next_hops[i] = code == 0 ? default_hop : found;
        used_default |= code == 0;
        exceptions.places[exceptions.count] = i;
        exceptions.count += code == kException ? 1U : 0U;
    }
    if (exceptions.count > 0) {
        used_default |= fib_burst_exceptions(view, default_hop, exceptions, addresses, next_hops);
    }
    return used_default;
}

}  // namespace

bool fib_burst_exceptions(const FibView& view, std::uint32_t default_hop,
                          const FibExceptions& exceptions, const std::uint32_t* addresses,
                          std::uint32_t* next_hops) {
    const std::uint32_t* entries[FibExceptions::kMost];
    for (unsigned i = 0; i < exceptions.count; ++i) {
        entries[i] = view.chunk_entry(addresses[exceptions.places[i]]);
        __builtin_prefetch(entries[i]);
    }
    for (unsigned i = 0; i < exceptions.count; ++i) {
        const std::uint32_t group = load_entry(*entries[i]);
        entries[i] = view.group_entry(group, addresses[exceptions.places[i]]);
        __builtin_prefetch(entries[i]);
    }
    bool used_default = false;
    for (unsigned i = 0; i < exceptions.count; ++i) {
        const std::uint32_t entry = load_entry(*entries[i]);
        const bool present = (entry & kFibPresent) != 0;
        next_hops[exceptions.places[i]] = present ? entry & kFibValueMask : default_hop;
        used_default |= !present;
    }
    return used_default;
}

bool fib_burst_scalar(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count) {
    const std::uintptr_t tagged = view.front.load(std::memory_order_acquire);
    bool used_default = false;
    while (count > 0) {
        const unsigned piece = std::min(count, FibExceptions::kMost);
        if ((tagged & 1U) == 0) {
            used_default |= burst(view, reinterpret_cast<const std::uint8_t*>(tagged), default_hop,
                                  addresses, next_hops, piece);
        } else {
            used_default |= burst(view, reinterpret_cast<const std::uint16_t*>(tagged - 1),
                                  default_hop, addresses, next_hops, piece);
        }
        addresses += piece;
        next_hops += piece;
        count -= piece;
    }
    return used_default;
}

}  // namespace godwit::dataplane
