// Which addresses a packet may have at all, whatever the routes say: pure predicates (RFC 1812
// 4.2.2.11, 4.2.3.1, 5.3.7; RFC 6890 2.2.2 and the IANA registry that it began; RFC 3927 7).
// What depends on this router's own subnets is ImpossibleSources' (tables/interface_table.hpp).
//
//   block              as a source     as a destination      forwarded
//   0.0.0.0/8          martian (1)     martian
//   127.0.0.0/8        martian         martian
//   169.254.0.0/16     on its link     on its link           never (RFC 3927 7)
//   192.0.0.0/24       martian         martian               its exceptions: see below
//   224.0.0.0/4        martian         multicast
//   240.0.0.0/4        martian         martian
//   255.255.255.255    martian         limited broadcast     never
//
// (1) 0.0.0.0 may speak to everyone on its link while it learns its address (RFC 1122 3.2.1.3).
//
// The exceptions in 192.0.0.0/24: 192.0.0.0/29 (DS-Lite, RFC 6333), 192.0.0.9 (PCP, RFC 7723) and
// 192.0.0.10 (TURN, RFC 8155) are addresses like others; 192.0.0.8 (RFC 7600) is a source only.
//
// DEVIATION(6890, 2.2.2): the prefixes for documentation (192.0.2.0/24, 198.51.100.0/24,
// 203.0.113.0/24) are forwarded as others are: laboratories and books route them, and nothing is
// won by refusing them here.
#pragma once

#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

constexpr bool is_link_local(net::Ipv4Address address) {
    return address.value() >> 16 == 0xa9feU;
}

constexpr bool is_link_local_multicast(net::Ipv4Address address) {
    return address.value() >> 8 == 0xe00000U;  // 224.0.0.0/24, never forwarded (RFC 5771 4)
}

constexpr bool is_protocol_assignment(net::Ipv4Address address) {
    return address.value() >> 8 == 0xc00000U;  // 192.0.0.0/24
}

// Of 192.0.0.0/24, an address that packets may be sent to.
constexpr bool is_usable_assignment(net::Ipv4Address address) {
    const std::uint32_t host = address.value() & 0xffU;
    return host < 8 || host == 9 || host == 10;
}

constexpr bool is_martian_source(net::Ipv4Address source) {
    constexpr std::uint32_t kDummyHost = 8;
    return source.is_this_network() || source.is_loopback() || source.value() >> 28 >= 0xe ||
           (is_protocol_assignment(source) && !is_usable_assignment(source) &&
            (source.value() & 0xffU) != kDummyHost);
}

constexpr bool is_martian_destination(net::Ipv4Address destination) {
    return destination.is_this_network() || destination.is_loopback() ||
           destination.is_reserved() ||
           (is_protocol_assignment(destination) && !is_usable_assignment(destination));
}

// Cheaply, for who asks about every packet: true of all addresses that anything above is about, and
// of no others but those of 192.0.0.0/24.
constexpr bool may_be_martian(net::Ipv4Address address) {
    return address.is_this_network() || address.is_loopback() || address.value() >> 28 >= 0xe ||
           is_link_local(address) || is_protocol_assignment(address);
}

}  // namespace godwit::dataplane
