// The protocol field of IPv4 (IANA "Protocol Numbers"). Open: every other value is kept as it came.
#pragma once

#include <cstdint>

namespace godwit::net {

enum class IpProtocol : std::uint8_t {
    Icmp = 1,
    Igmp = 2,
    Tcp = 6,
    Udp = 17,
    Gre = 47,
    Ospf = 89,
    Pim = 103,
    Vrrp = 112,
};

}  // namespace godwit::net
