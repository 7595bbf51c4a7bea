// A set of prefixes, compiled for one binary search a question.
//
// Every entry is a range of addresses with the lengths that count in it; of two ranges one lies in
// the other, or they are apart. So the addresses fall into segments, and in each segment a length
// counts or does not: a bit for each of the 33 lengths, the union of what all entries around it
// say. An entry names no length below its own, so a prefix that begins in a segment and has a
// length that counts there lies inside the entry, whatever its end.
//
//   10.0.0.0/8 le 16   ├──────────────────────────────┤
//   10.1.0.0/16 ge 24          ├──────┤
//   segments           │8..16  │8..16 │8..16          │ none
//                      │       │24..32│               │
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/ipv4_address.hpp"
#include "net/ipv4_prefix_range.hpp"

namespace godwit::control {

class PrefixSet {
public:
    PrefixSet() = default;
    explicit PrefixSet(std::span<const net::Ipv4PrefixRange> entries);

    [[nodiscard]] bool contains(const net::Ipv4Prefix& prefix) const;
    // Of an address, the prefixes around it are asked: 192.0.2.1 is in "192.0.2.0/24".
    [[nodiscard]] bool covers(net::Ipv4Address address) const;
    [[nodiscard]] std::size_t segments() const { return segments_.size(); }

private:
    struct Segment {
        std::uint32_t first = 0;    // address; it ends before the next one's
        std::uint64_t lengths = 0;  // bit n: prefixes of n bits are in the set
    };
    [[nodiscard]] std::uint64_t lengths_at(net::Ipv4Address address) const;

    std::vector<Segment> segments_;  // by address
};

}  // namespace godwit::control
