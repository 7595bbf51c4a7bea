// Codes: the short numbers that stand for next hops in the front of the forwarding table.
//
// A front entry is 8 or 16 bits, a next hop 24. Code 0 is "follow the default route", 255 is
// "exception", of 16-bit codes too, and each other one stands for a next hop of at least one route
// of at most 24 bits. The highest 16-bit codes are exceptions that name their group, which spares a
// reader two lines; with more groups than those the others have code 255. Workers read one array,
// from code to next hop or mark. A code that no route uses any more keeps its meaning until no
// worker can hold it, and then stands for something else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/tables/fib_memory.hpp"
#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

class FibCodes {
public:
    static constexpr std::uint32_t kException = 0xff;
    static constexpr std::uint32_t kNarrowCodes = 0xff;  // below the exception
    static constexpr std::uint32_t kWideCodes = 0x1'0000;
    static constexpr std::uint32_t kFirstGroupCode = 0xc000;

    // A code that lost its last route, to be given to `retire` after a grace period.
    struct Retired {
        std::uint32_t code;
        std::uint32_t epoch;
    };

    FibCodes();

    // Readers' array, by code.
    [[nodiscard]] const std::uint32_t* next_hops() const { return hops_; }

    // The code of a next hop that some route has.
    [[nodiscard]] std::uint32_t code_of(std::uint32_t next_hop) const;
    // For one route more: nothing when no code is free.
    std::optional<std::uint32_t> acquire(std::uint32_t next_hop);
    // For one route less.
    std::optional<Retired> release(std::uint32_t next_hop);
    void retire(const Retired& retired);
    // From 8-bit codes to 16-bit ones; what is given out stays.
    void widen();
    [[nodiscard]] bool is_wide() const { return limit_ == kFirstGroupCode; }

    [[nodiscard]] bool is_exception(std::uint32_t code) const {
        return (hops_[code] & kFibException) != 0;
    }
    // A code for a group: the common one when there is none of its own.
    std::uint32_t take_group_code(std::uint32_t group);
    // After a grace period.
    void give_group_code(std::uint32_t code);

    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bound();

private:
    [[nodiscard]] std::size_t slot_of(std::uint32_t next_hop) const;
    void resize(std::uint32_t limit);
    void forget(std::uint32_t code);

    LazyMemory hop_memory_;
    std::uint32_t* hops_;
    std::uint32_t limit_ = 0;  // codes are below it
    std::uint32_t next_ = 1;   // never given out from here on
    std::vector<std::uint16_t> free_;
    std::uint32_t next_group_ = kFirstGroupCode;
    std::vector<std::uint16_t> free_group_codes_;
    std::vector<std::uint32_t> routes_;  // by code: routes that use it
    std::vector<std::uint32_t> epochs_;  // by code: counts its last uses
    // From next hop to code: open addressing, at most half full, 0 is empty.
    std::vector<std::uint16_t> slots_;
};

}  // namespace godwit::dataplane
