// Networks as version 1 knows them: without masks (RFC 1058 3.2, RFC 2453 3.7 and 4.3).
#pragma once

#include <cstdint>
#include <optional>

#include "net/ipv4_address.hpp"

namespace godwit::control::rip {

// The network of class A, B or C that an address lies in.
net::Ipv4Prefix natural_network(net::Ipv4Address address);

// What an address without a mask means on an interface with this subnet: the default, a subnet with
// the interface's mask inside its own natural network, a natural network elsewhere; and a host when
// bits of the host part are set.
net::Ipv4Prefix prefix_without_mask(net::Ipv4Address address, const net::Ipv4Prefix& subnet);

// As what `prefix` can be told to routers of version 1 on this subnet: as itself, or inside its
// natural network when that is another than the subnet's (RFC 2453 3.7: one entry for the network
// as a whole). Nothing: it would be misread.
std::optional<net::Ipv4Prefix> told_without_mask(const net::Ipv4Prefix& prefix,
                                                 const net::Ipv4Prefix& subnet);

}  // namespace godwit::control::rip
