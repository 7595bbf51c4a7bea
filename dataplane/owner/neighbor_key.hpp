// Who a neighbour is: an IPv4 address on an interface. Our own addresses on a link have the same
// name.
#pragma once

#include <compare>

#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

struct NeighborKey {
    net::InterfaceId interface;
    net::Ipv4Address address;
    friend constexpr auto operator<=>(const NeighborKey&, const NeighborKey&) = default;
};

}  // namespace godwit::dataplane
