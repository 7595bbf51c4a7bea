// Looking up a burst, in the forms that a processor may have. All read the same view and give the
// same answers; which one runs is chosen once, at the start.
//
// The front is all that most addresses need, and its lines are the cost: what a form can do is have
// many of them under way at once. The vector forms gather aligned words and shift the code out, so
// that an access never straddles two lines. Exceptions are few: they are set aside and looked up
// together after the rest.
#pragma once

#include <cstdint>

#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

// Writes the next hops of `count` addresses, `default_hop` where the default route is followed.
// True: it was followed by at least one, and the answers hold only if it has not moved meanwhile.
using FibBurst = bool (*)(const FibView& view, std::uint32_t default_hop,
                          const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count);

bool fib_burst_scalar(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count);
#if defined(__x86_64__)
bool fib_burst_avx2(const FibView& view, std::uint32_t default_hop, const std::uint32_t* addresses,
                    std::uint32_t* next_hops, unsigned count);
bool fib_burst_avx512(const FibView& view, std::uint32_t default_hop,
                      const std::uint32_t* addresses, std::uint32_t* next_hops, unsigned count);
#endif

// The exceptions of a burst: places of addresses in it.
struct FibExceptions {
    static constexpr unsigned kMost = 256;  // a burst is cut into pieces of this size
    std::uint32_t places[kMost + 16];       // a vector store may write past the last one
    unsigned count = 0;
};
// True as above.
bool fib_burst_exceptions(const FibView& view, std::uint32_t default_hop,
                          const FibExceptions& exceptions, const std::uint32_t* addresses,
                          std::uint32_t* next_hops);

}  // namespace godwit::dataplane
