// What an ICMP error means to those who sent the packet that it quotes: to ping as words, to UDP
// and TCP as their own kinds (RFC 1122 3.2.2.1, 4.1.3.3, 4.2.3.9; RFC 1812 5.2.7.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/host/tcp/connection.hpp"
#include "controlplane/host/udp/types.hpp"
#include "net/icmp.hpp"

namespace godwit::control {

[[nodiscard]] std::string describe_icmp_error(const net::IcmpMessage& message);

// RFC 1191 4: the MTU of the next hop, from a router that knows of it; otherwise zero.
[[nodiscard]] std::uint16_t next_hop_mtu_of(const net::IcmpMessage& message);

// Nothing: a code that no standard knows.
[[nodiscard]] std::optional<udp::PathReport::Kind> udp_kind_of(const net::IcmpMessage& message);
[[nodiscard]] std::optional<tcp::PathError> tcp_kind_of(const net::IcmpMessage& message);

}  // namespace godwit::control
