#include "controlplane/host/icmp_meaning.hpp"

#include <fmt/format.h>

namespace godwit::control {

// What ping says about an ICMP error (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1).
std::string describe_icmp_error(const net::IcmpMessage& message) {
    if (message.type == net::IcmpType::TimeExceeded) {
        return message.code == static_cast<std::uint8_t>(net::TimeExceededCode::Transit)
                   ? "time to live exceeded"
                   : "fragment reassembly time exceeded";
    }
    if (message.type == net::IcmpType::ParameterProblem) {
        return fmt::format("parameter problem at byte {}", message.pointer());
    }
    switch (static_cast<net::UnreachableCode>(message.code)) {
        case net::UnreachableCode::Network:
            return "network unreachable";
        case net::UnreachableCode::Host:
            return "host unreachable";
        case net::UnreachableCode::Protocol:
            return "protocol unreachable";
        case net::UnreachableCode::Port:
            return "port unreachable";
        case net::UnreachableCode::FragmentationNeeded:
            return message.next_hop_mtu_bytes() == 0  // a router from before RFC 1191
                       ? "fragmentation needed, the next MTU is not said"
                       : fmt::format("fragmentation needed, next MTU is {}",
                                     message.next_hop_mtu_bytes());
        case net::UnreachableCode::SourceRouteFailed:
            return "source route failed";
        case net::UnreachableCode::NetworkUnknown:
            return "network unknown";
        case net::UnreachableCode::HostUnknown:
            return "host unknown";
        case net::UnreachableCode::NetworkProhibited:
            return "network prohibited";
        case net::UnreachableCode::HostProhibited:
            return "host prohibited";
        case net::UnreachableCode::NetworkForService:
            return "network unreachable for this type of service";
        case net::UnreachableCode::HostForService:
            return "host unreachable for this type of service";
        case net::UnreachableCode::Prohibited:
            return "prohibited by a filter";
        case net::UnreachableCode::HostPrecedence:
            return "precedence violation";
        case net::UnreachableCode::PrecedenceCutoff:
            return "precedence too low";
    }
    return fmt::format("destination unreachable, code {}", message.code);
}

// RFC 1191 4: the MTU of the next hop, from a router that knows of it.
std::uint16_t next_hop_mtu_of(const net::IcmpMessage& message) {
    return message.type == net::IcmpType::DestinationUnreachable &&
                   static_cast<net::UnreachableCode>(message.code) ==
                       net::UnreachableCode::FragmentationNeeded
               ? message.next_hop_mtu_bytes()
               : std::uint16_t{0};
}

// RFC 1122 4.1.3.3: all of them are passed on.
std::optional<udp::PathReport::Kind> udp_kind_of(const net::IcmpMessage& message) {
    using Kind = udp::PathReport::Kind;
    if (message.type == net::IcmpType::TimeExceeded) {
        return Kind::TimeExceeded;
    }
    if (message.type == net::IcmpType::ParameterProblem) {
        return Kind::ParameterProblem;
    }
    switch (static_cast<net::UnreachableCode>(message.code)) {
        case net::UnreachableCode::Network:
        case net::UnreachableCode::NetworkUnknown:
        case net::UnreachableCode::NetworkForService:
            return Kind::NetUnreachable;
        case net::UnreachableCode::Host:
        case net::UnreachableCode::HostUnknown:
        case net::UnreachableCode::HostForService:
            return Kind::HostUnreachable;
        case net::UnreachableCode::Protocol:
            return Kind::ProtocolUnreachable;
        case net::UnreachableCode::Port:
            return Kind::PortUnreachable;
        case net::UnreachableCode::FragmentationNeeded:
            return Kind::PacketTooBig;
        case net::UnreachableCode::SourceRouteFailed:
            return Kind::SourceRouteFailed;
        case net::UnreachableCode::NetworkProhibited:
        case net::UnreachableCode::HostProhibited:
        case net::UnreachableCode::Prohibited:
        case net::UnreachableCode::HostPrecedence:
        case net::UnreachableCode::PrecedenceCutoff:
            return Kind::Prohibited;
    }
    return std::nullopt;
}

std::optional<tcp::PathError> tcp_kind_of(const net::IcmpMessage& message) {
    const auto kind = udp_kind_of(message);
    if (!kind) {
        return std::nullopt;
    }
    switch (*kind) {
        case udp::PathReport::Kind::NetUnreachable:
            return tcp::PathError::NetUnreachable;
        // RFC 1812 5.2.7.1: a filter on the way says so today and may not tomorrow; a soft error,
        // as host unreachable is (RFC 5461 2.1).
        case udp::PathReport::Kind::Prohibited:
        case udp::PathReport::Kind::HostUnreachable:
            return tcp::PathError::HostUnreachable;
        case udp::PathReport::Kind::ProtocolUnreachable:
            return tcp::PathError::ProtocolUnreachable;
        case udp::PathReport::Kind::PortUnreachable:
            return tcp::PathError::PortUnreachable;
        case udp::PathReport::Kind::PacketTooBig:
            return tcp::PathError::PacketTooBig;
        case udp::PathReport::Kind::SourceRouteFailed:
            return tcp::PathError::SourceRouteFailed;
        case udp::PathReport::Kind::TimeExceeded:
            return tcp::PathError::TimeExceeded;
        case udp::PathReport::Kind::ParameterProblem:
            return tcp::PathError::ParameterProblem;
    }
    return std::nullopt;
}

}  // namespace godwit::control
