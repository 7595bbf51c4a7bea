// Codes: what stands for next hops in the front of the forwarding table.
//
// As long as every next hop of a route of at most 24 bits is below the first code of a group, and
// none is 0 (a route to "no route": code 0 is the default route), a code is its next hop, and an
// address is answered by one load. Narrow codes reach to 191, which is what a router of few
// neighbours needs: indices of next hops are given out from 1 on. Wide ones reach to 49,151. With
// next hops beyond, codes are mapped: each stands for any next hop, and workers read an array from
// code to next hop. Codes never become narrow or plain again; a table that is built anew begins
// with narrow ones.
//
// A mapped code that no route uses any more keeps its meaning until no worker can hold it, and then
// stands for something else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/tables/fib_memory.hpp"
#include "dataplane/tables/fib_view.hpp"

namespace godwit::dataplane {

class FibCodes {
public:
    // Codes of next hops are below.
    static constexpr std::uint32_t kNarrowLimit = FibCode<std::uint8_t>::kFirstGroup;
    static constexpr std::uint32_t kWideLimit = FibCode<std::uint16_t>::kFirstGroup;

    // A mapped code that lost its last route, to be given to `retire` after a grace period.
    struct Retired {
        std::uint32_t code;
        std::uint32_t epoch;
    };

    FibCodes();

    // Readers' array, by mapped code.
    [[nodiscard]] const std::uint32_t* next_hops() const { return hops_; }
    [[nodiscard]] bool is_wide() const { return limit_ == kWideLimit; }
    [[nodiscard]] bool is_mapped() const { return !slots_.empty(); }

    // The code of a next hop that some route has.
    [[nodiscard]] std::uint32_t code_of(std::uint32_t next_hop) const {
        return is_mapped() ? slots_[slot_of(next_hop)] : next_hop;
    }
    [[nodiscard]] std::uint32_t next_hop_of(std::uint32_t code) const {
        return is_mapped() ? hops_[code] : code;
    }
    // For one route more: nothing when codes of this form have none for it.
    std::optional<std::uint32_t> acquire(std::uint32_t next_hop);
    // To a form that has a code for it: what is given out stays what it is, but for a front that is
    // not replaced by then. False: there is none.
    bool extend_for(std::uint32_t next_hop);
    // For one route less.
    std::optional<Retired> release(std::uint32_t next_hop);
    void retire(const Retired& retired);

    [[nodiscard]] std::size_t memory_bytes() const;
    static std::size_t memory_bound();

private:
    [[nodiscard]] std::size_t slot_of(std::uint32_t next_hop) const;
    std::optional<std::uint32_t> acquire_mapped(std::uint32_t next_hop);
    void map();
    void forget(std::uint32_t code);

    std::uint32_t limit_ = kNarrowLimit;
    std::uint32_t used_ = 0;             // codes that routes use
    std::vector<std::uint32_t> routes_;  // by code: routes that use it

    // of mapped codes
    LazyMemory hop_memory_;
    std::uint32_t* hops_;
    std::vector<std::uint16_t> free_;
    std::vector<std::uint32_t> epochs_;  // by code: counts its last uses
    // From next hop to code: open addressing, at most half full, 0 is empty.
    std::vector<std::uint16_t> slots_;
};

}  // namespace godwit::dataplane
