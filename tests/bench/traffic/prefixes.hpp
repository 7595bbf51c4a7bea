// Routing tables of the shape that the Internet has, from a seed.
//
// Lengths are drawn from a distribution close to that of a full BGP table of IPv4 (prefix_lengths()
// in the source). Places are clustered: a table is made of allocations, and in each of them the
// cursor goes on from one prefix to the next, sometimes staying where it is (a more specific route
// inside the one before), sometimes leaving a gap. So neighbouring addresses have neighbouring
// routes, with holes, as they do outside, and a table of a million prefixes covers a part of the
// address space and not all of it.
//
// Next hops are drawn evenly for each prefix, from 1 to `next_hops`: no compression finds equal
// neighbours, which is the hard case and simply stated.
//
// One prefix is a /8: the smallest table that forwards anything. Nothing is placed in 0/8, 127/8,
// 224/3, in 198.18/15 (the bench's own links, RFC 2544) and in 100.64/10 (where churn changes
// routes).
#pragma once

#include <cstdint>
#include <vector>

#include "net/ipv4_address.hpp"

namespace godwit::bench {

struct RouteOfTable {
    net::Ipv4Prefix prefix;
    std::uint32_t next_hop = 0;  // 1 ... next_hops
};

// `count` different prefixes, in prefix order.
std::vector<RouteOfTable> make_table(std::size_t count, std::uint32_t next_hops,
                                     std::uint64_t seed);

// What the generator leaves alone.
bool is_reserved_for_bench(const net::Ipv4Prefix& prefix);

}  // namespace godwit::bench
