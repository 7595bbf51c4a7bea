#include "dataplane/tables/fib_codes.hpp"

#include <algorithm>
#include <atomic>
#include <bit>

namespace godwit::dataplane {

FibCodes::FibCodes()
    : hop_memory_(kWideCodes * sizeof(std::uint32_t)), hops_(hop_memory_.as<std::uint32_t>()) {
    hops_[0] = kFibDefault;
    hops_[kException] = kFibException | kFibThroughChunk;
    resize(kNarrowCodes);
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

std::uint32_t FibCodes::code_of(std::uint32_t next_hop) const {
    return slots_[slot_of(next_hop)];
}

std::optional<std::uint32_t> FibCodes::acquire(std::uint32_t next_hop) {
    const std::size_t slot = slot_of(next_hop);
    if (slots_[slot] != 0) {
        ++routes_[slots_[slot]];
        return slots_[slot];
    }
    std::uint32_t code = 0;
    if (!free_.empty()) {
        code = free_.back();
        free_.pop_back();
    } else if (next_ < limit_) {
        code = next_++;
    } else {
        return std::nullopt;
    }
    slots_[slot] = static_cast<std::uint16_t>(code);
    routes_[code] = 1;
    // Before any front entry names the code: that store releases this one.
    std::atomic_ref(hops_[code]).store(next_hop, std::memory_order_relaxed);
    return code;
}

std::optional<FibCodes::Retired> FibCodes::release(std::uint32_t next_hop) {
    const std::uint32_t code = code_of(next_hop);
    if (--routes_[code] > 0) {
        return std::nullopt;
    }
    return Retired{code, ++epochs_[code]};
}

void FibCodes::retire(const Retired& retired) {
    // Used again since, or retired again later, with a grace period of its own.
    if (routes_[retired.code] == 0 && epochs_[retired.code] == retired.epoch) {
        forget(retired.code);
        free_.push_back(static_cast<std::uint16_t>(retired.code));
    }
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

void FibCodes::resize(std::uint32_t limit) {
    limit_ = limit;
    routes_.resize(limit);
    epochs_.resize(limit);
    slots_.assign(std::bit_ceil(limit) * 2U, 0);
    // Every code below next_ that is not free stands for something, retired ones too.
    std::vector<bool> is_free(limit);
    for (const std::uint16_t code : free_) {
        is_free[code] = true;
    }
    for (std::uint32_t code = 1; code < next_; ++code) {
        if (!is_free[code] && code != kException) {
            slots_[slot_of(hops_[code])] = static_cast<std::uint16_t>(code);
        }
    }
}

void FibCodes::widen() {
    resize(kFirstGroupCode);
    next_ = std::max(next_, kException + 1);
}

std::uint32_t FibCodes::take_group_code(std::uint32_t group) {
    std::uint32_t code = kException;
    if (!free_group_codes_.empty()) {
        code = free_group_codes_.back();
        free_group_codes_.pop_back();
    } else if (is_wide() && next_group_ < kWideCodes) {
        code = next_group_++;
    } else {
        return kException;
    }
    std::atomic_ref(hops_[code]).store(kFibException | group, std::memory_order_relaxed);
    return code;
}

void FibCodes::give_group_code(std::uint32_t code) {
    if (code != kException) {
        free_group_codes_.push_back(static_cast<std::uint16_t>(code));
    }
}

std::size_t FibCodes::memory_bytes() const {
    return (next_ + next_group_ - kFirstGroupCode) * sizeof(std::uint32_t) +
           (routes_.capacity() + epochs_.capacity()) * sizeof(std::uint32_t) +
           (free_.capacity() + free_group_codes_.capacity() + slots_.capacity()) *
               sizeof(std::uint16_t);
}

std::size_t FibCodes::memory_bound() {
    constexpr std::size_t kCodes = kWideCodes;
    return kCodes * (3 * sizeof(std::uint32_t) + 4 * sizeof(std::uint16_t));
}

}  // namespace godwit::dataplane
