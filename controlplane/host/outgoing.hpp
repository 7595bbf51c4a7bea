// A packet of the host's own on its way to the dataplane.
#pragma once

#include <cstdint>
#include <vector>

#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control {

struct Outgoing {
    std::vector<std::uint8_t> packet;  // IPv4, complete
    // None: to be routed like any packet. Else it leaves by this interface, to `neighbor` on it: a
    // host, a multicast group or a broadcast address.
    net::InterfaceId egress{};
    net::Ipv4Address neighbor{};
};

}  // namespace godwit::control
