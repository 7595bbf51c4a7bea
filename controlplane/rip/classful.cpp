#include "controlplane/rip/classful.hpp"

namespace godwit::control::rip {

net::Ipv4Prefix natural_network(net::Ipv4Address address) {
    const std::uint32_t top = address.value() >> 28U;
    if (top < 8) {
        return net::Ipv4Prefix::covering(address, 8);
    }
    if (top < 12) {
        return net::Ipv4Prefix::covering(address, 16);
    }
    return net::Ipv4Prefix::covering(address, 24);
}

net::Ipv4Prefix prefix_without_mask(net::Ipv4Address address, const net::Ipv4Prefix& subnet) {
    if (address.is_unspecified()) {
        return {};
    }
    const net::Ipv4Prefix natural = natural_network(address);
    // A supernet as the interface's subnet has no subnets that version 1 could speak of.
    const bool same = subnet.length() >= natural.length() && natural.contains(subnet.address());
    const std::uint8_t length = same ? subnet.length() : natural.length();
    const auto network = net::Ipv4Prefix::covering(address, length);
    return network.address() == address ? network : net::Ipv4Prefix::covering(address, 32);
}

std::optional<net::Ipv4Prefix> told_without_mask(const net::Ipv4Prefix& prefix,
                                                 const net::Ipv4Prefix& subnet) {
    if (prefix == net::Ipv4Prefix()) {
        return prefix;
    }
    const net::Ipv4Prefix natural = natural_network(prefix.address());
    if (prefix.length() < natural.length()) {
        return std::nullopt;  // RFC 2453 4.3 (3): a supernet
    }
    if (!natural.contains(subnet)) {
        return natural;  // RFC 2453 4.3 (1)
    }
    // RFC 2453 4.3 (2): with another mask it would be taken for a host or another subnet.
    const bool readable = prefix_without_mask(prefix.address(), subnet) == prefix;
    return readable ? std::optional(prefix) : std::nullopt;
}

}  // namespace godwit::control::rip
