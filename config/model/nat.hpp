// The `nat` section: which packets are translated, and to what (RFC 4787, 5382, 5508, 6888).
//
//   source       what leaves by an interface gets an outside address and a port of it
//   static       an inside address is an outside one, for every protocol and port
//   destination  a port of an outside address leads to a host inside
//
// Values only; config/check/check_nat has proved what they rely on.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/ipv4_address.hpp"

namespace godwit::config {

// "203.0.113.7", "203.0.113.0/28" (all addresses of it) or "203.0.113.8-203.0.113.15".
struct AddressRange {
    net::Ipv4Address first;
    net::Ipv4Address last;

    static std::optional<AddressRange> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;  // the shortest of the three forms
    [[nodiscard]] std::uint64_t count() const {
        return std::uint64_t{last.value()} - first.value() + 1;
    }
    [[nodiscard]] bool contains(net::Ipv4Address address) const {
        return address >= first && address <= last;
    }
    [[nodiscard]] bool overlaps(const AddressRange& other) const {
        return first <= other.last && other.first <= last;
    }
    // The same addresses as prefixes, in their order.
    [[nodiscard]] std::vector<net::Ipv4Prefix> prefixes() const;
    friend auto operator<=>(const AddressRange&, const AddressRange&) = default;
};

// "443" or "5000-5010"; 0 is no port.
struct PortRange {
    std::uint16_t first = 1;
    std::uint16_t last = 65535;

    static std::optional<PortRange> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::uint32_t count() const { return std::uint32_t{last} - first + 1U; }
    [[nodiscard]] bool overlaps(const PortRange& other) const {
        return first <= other.last && other.first <= last;
    }
    friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

// "10.0.0.10:8443", or an address alone.
struct InsideEndpoint {
    net::Ipv4Address address;
    std::optional<std::uint16_t> port;  // nothing = that of the outside

    static std::optional<InsideEndpoint> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    friend auto operator<=>(const InsideEndpoint&, const InsideEndpoint&) = default;
};

// Ports of one subscriber come from blocks of its own (RFC 6888 REQ-14).
struct NatPortBlock {
    std::uint16_t size = 512;         // ports
    std::uint8_t per_subscriber = 4;  // blocks, 1 to 4
    friend bool operator==(const NatPortBlock&, const NatPortBlock&) = default;
};

// Who may answer to a mapping (RFC 4787 5).
enum class NatFiltering : std::uint8_t {
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent
};
enum class NatAtLimit : std::uint8_t { EndTransitory, Refuse };
enum class NatUnsolicitedSyn : std::uint8_t { Hold, Drop };

// Of a subscriber at one outside address; 0 = no limit (RFC 6888 REQ-3, REQ-4).
struct NatLimits {
    std::uint32_t ports = 0;
    std::uint32_t sessions = 0;
    std::uint32_t sessions_per_second = 0;
    friend bool operator==(const NatLimits&, const NatLimits&) = default;
};

// RFC 1918 3.
std::vector<net::Ipv4Prefix> private_prefixes();

struct NatSourceRule {
    std::string name;
    std::string out_interface;
    std::vector<net::Ipv4Prefix> from = private_prefixes();
    std::vector<net::Ipv4Prefix> exclude;  // destinations that are spoken to untranslated
    bool to_interface_address = false;     // the primary address of out_interface
    std::vector<AddressRange> to;          // the pool, when not
    PortRange ports{1024, 65535};
    std::optional<NatPortBlock> port_block;
    bool deterministic = false;  // RFC 7422
    // In the place of what holds for all rules.
    std::optional<NatFiltering> filtering;
    std::optional<NatLimits> limits;
    std::optional<NatAtLimit> at_limit;
    friend bool operator==(const NatSourceRule&, const NatSourceRule&) = default;
};

struct NatStaticRule {
    std::string name;
    std::string out_interface;
    net::Ipv4Prefix inside;
    net::Ipv4Prefix outside;  // of the same length
    friend bool operator==(const NatStaticRule&, const NatStaticRule&) = default;
};

enum class NatProtocol : std::uint8_t { Tcp, Udp, TcpAndUdp };

struct NatDestinationRule {
    std::string name;
    std::optional<std::string> in_interface;  // its primary address is meant; or
    std::optional<net::Ipv4Address> address;  // this one
    NatProtocol protocol = NatProtocol::Tcp;
    PortRange port;
    InsideEndpoint to;
    std::optional<NatAtLimit> at_limit;  // in the place of what holds for all rules
    friend bool operator==(const NatDestinationRule&, const NatDestinationRule&) = default;
};

struct NatTimeouts {
    std::chrono::seconds tcp_established{7440};       // RFC 5382 REQ-5
    std::chrono::seconds tcp_transitory{240};         // the two below, where they are not set
    std::optional<std::chrono::seconds> tcp_opening;  // RFC 7857 2.1
    std::optional<std::chrono::seconds> tcp_closing;
    std::chrono::seconds udp{300};              // RFC 4787 REQ-5
    std::chrono::seconds icmp{60};              // RFC 5508 REQ-1
    std::chrono::seconds port_quarantine{120};  // RFC 6888 REQ-8
    std::chrono::seconds syn_hold{6};           // RFC 5382 REQ-4
    friend bool operator==(const NatTimeouts&, const NatTimeouts&) = default;
};

enum class NatLogged : std::uint8_t { Nothing, Bindings, Sessions };

struct NatLog {
    NatLogged events = NatLogged::Nothing;
    std::uint32_t rate = 1000;              // records a second at most
    std::uint64_t file_bytes = 16U << 20U;  // of a file, before the next is begun
    std::uint32_t files = 8;                // that are kept
    friend bool operator==(const NatLog&, const NatLog&) = default;
};

// Gateways for protocols that speak of addresses in their payload; each is off unless asked for.
struct NatGateways {
    bool ftp = false;  // RFC 959, RFC 2428
    friend bool operator==(const NatGateways&, const NatGateways&) = default;
};

// The server of the Port Control Protocol (RFC 6887): inside hosts ask for ports that lead to them.
struct NatPcp {
    std::vector<std::string> interfaces;  // where clients are answered; none = no server
    // What a client asks for is brought within these two (RFC 6887 15).
    std::chrono::seconds min_lifetime{120};
    std::chrono::seconds max_lifetime{86400};
    std::uint32_t mappings_per_subscriber = 64;
    friend bool operator==(const NatPcp&, const NatPcp&) = default;
};

struct Nat {
    std::vector<NatSourceRule> source;  // the first that fits is taken
    std::vector<NatStaticRule> static_;
    std::vector<NatDestinationRule> destination;
    NatFiltering filtering = NatFiltering::EndpointIndependent;
    NatLimits limits;
    NatTimeouts timeouts;
    std::uint32_t max_sessions = 262'144;  // of all workers together
    NatAtLimit at_limit = NatAtLimit::EndTransitory;
    NatUnsolicitedSyn unsolicited_syn = NatUnsolicitedSyn::Hold;
    bool inbound_refresh = false;            // RFC 4787 REQ-6
    std::uint32_t quarantine_ports = 65536;  // of an address and protocol (RFC 6888 REQ-8)
    NatGateways alg;
    NatPcp pcp;
    NatLog log;

    // Whether anything is translated at all.
    [[nodiscard]] bool is_used() const {
        return !source.empty() || !static_.empty() || !destination.empty();
    }
    friend bool operator==(const Nat&, const Nat&) = default;
};

}  // namespace godwit::config
