// Ports and ICMP identifiers from which the router itself begins: connections, datagrams, pings.
//
// A range of their own, so that address translation behind the router's own address never gives
// one of them away: what comes back to it is the router's, whatever hosts inside have begun. Large
// enough that a stranger cannot guess one (RFC 6056 3.2).
#pragma once

#include <cstdint>

namespace godwit::net {

constexpr std::uint16_t kFirstRouterPort = 0xf000;
constexpr std::uint16_t kLastRouterPort = 0xffff;

// Any number to one of them.
[[nodiscard]] constexpr std::uint16_t router_port(std::uint32_t random) {
    return static_cast<std::uint16_t>(kFirstRouterPort |
                                      (random & (kLastRouterPort - kFirstRouterPort)));
}

}  // namespace godwit::net
