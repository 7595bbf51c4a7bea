#include "dataplane/tables/fib_codes.hpp"

#include <atomic>
#include <bit>

namespace godwit::dataplane {

FibCodes::FibCodes()
    : routes_(limit_),
      hop_memory_(kWideLimit * sizeof(std::uint32_t)),
      hops_(hop_memory_.as<std::uint32_t>()) {}

std::optional<std::uint32_t> FibCodes::acquire(std::uint32_t next_hop) {
    std::optional<std::uint32_t> code;
    if (is_mapped()) {
        code = acquire_mapped(next_hop);
    } else if (next_hop != 0 && next_hop < limit_) {
        code = next_hop;
    }
    if (code && routes_[*code]++ == 0) {
        ++used_;
    }
    return code;
}

std::optional<std::uint32_t> FibCodes::acquire_mapped(std::uint32_t next_hop) {
    const std::size_t slot = slot_of(next_hop);
    if (slots_[slot] != 0) {
        return slots_[slot];
    }
    if (free_.empty()) {
        return std::nullopt;
    }
    const std::uint16_t code = free_.back();
    free_.pop_back();
    slots_[slot] = code;
    // Before any front entry names the code: that store releases this one.
    std::atomic_ref(hops_[code]).store(next_hop, std::memory_order_relaxed);
    return code;
}

bool FibCodes::extend_for(std::uint32_t next_hop) {
    const bool fits = next_hop != 0 && next_hop < kWideLimit;
    if (is_mapped() || (!fits && used_ == kWideLimit - 1)) {
        return false;
    }
    limit_ = kWideLimit;
    routes_.resize(limit_);
    if (!fits) {
        map();
    }
    return true;
}

// Readers of before do not know the array: all of it that no route uses is free at once.
void FibCodes::map() {
    epochs_.resize(limit_);
    slots_.assign(std::bit_ceil(limit_) * 2U, 0);
    for (std::uint32_t code = limit_ - 1; code > 0; --code) {
        if (routes_[code] == 0) {
            free_.push_back(static_cast<std::uint16_t>(code));
        } else {
            hops_[code] = code;
            slots_[slot_of(code)] = static_cast<std::uint16_t>(code);
        }
    }
}

std::optional<FibCodes::Retired> FibCodes::release(std::uint32_t next_hop) {
    const std::uint32_t code = code_of(next_hop);
    if (--routes_[code] > 0) {
        return std::nullopt;
    }
    --used_;
    return is_mapped() ? std::optional(Retired{code, ++epochs_[code]}) : std::nullopt;
}

void FibCodes::retire(const Retired& retired) {
    // Used again since, or retired again later, with a grace period of its own.
    if (routes_[retired.code] == 0 && epochs_[retired.code] == retired.epoch) {
        forget(retired.code);
        free_.push_back(static_cast<std::uint16_t>(retired.code));
    }
}

std::size_t FibCodes::slot_of(std::uint32_t next_hop) const {
    // Fibonacci hashing: the high bits of the product are the good ones.
    const unsigned bits = static_cast<unsigned>(std::countr_zero(slots_.size()));
    std::size_t slot = next_hop * 0x9e3779b1U >> (32U - bits);
    while (slots_[slot] != 0 && hops_[slots_[slot]] != next_hop) {
        slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
}

// Closes the gap in the chain of slots, so that no marks of former codes pile up.
void FibCodes::forget(std::uint32_t code) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t gap = slot_of(hops_[code]);
    slots_[gap] = 0;
    for (std::size_t at = (gap + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
        const std::uint16_t moved = slots_[at];
        slots_[at] = 0;
        slots_[slot_of(hops_[moved])] = moved;
    }
}

std::size_t FibCodes::memory_bytes() const {
    return (is_mapped() ? limit_ * sizeof(std::uint32_t) : 0) +
           (routes_.capacity() + epochs_.capacity()) * sizeof(std::uint32_t) +
           (free_.capacity() + slots_.capacity()) * sizeof(std::uint16_t);
}

std::size_t FibCodes::memory_bound() {
    constexpr std::size_t kCodes = std::bit_ceil(kWideLimit);
    // The array, routes and epochs; the list of free codes, which grows by doubling, and the slots.
    return kCodes * (3 * sizeof(std::uint32_t) + 4 * sizeof(std::uint16_t));
}

}  // namespace godwit::dataplane
