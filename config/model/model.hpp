// The typed model of one configuration file, after validation and with every default filled in.
//
// Values only: no pointers into the YAML, no behaviour. Both programs hold a `const Model` of the
// same revision and each reads its own sections. A model is only made by `config/load`, so whoever
// holds one may rely on what `config/check` has proved: references resolve, addresses do not
// overlap, ranges hold.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/model/nat.hpp"
#include "config/model/policy.hpp"
#include "config/model/rip.hpp"
#include "config/model/telemetry.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

namespace godwit::config {

// A size in bytes: "512MiB".
struct Bytes {
    std::uint64_t value = 0;
    friend constexpr auto operator<=>(const Bytes&, const Bytes&) = default;
};

enum class LogLevel : std::uint8_t { Error, Warning, Info, Debug, Trace };

struct System {
    std::string hostname = "godwit";
    std::optional<net::Ipv4Address> router_id;
    LogLevel log_level = LogLevel::Info;
    friend bool operator==(const System&, const System&) = default;
};

enum class HugepageUse : std::uint8_t { Auto, Required, Off };
enum class IdleMode : std::uint8_t { Poll, Adaptive };

struct Workers {
    unsigned main_core = 0;
    std::vector<unsigned> cores;  // CPUs, one worker each; empty = one worker on the main core
    Bytes memory{512ULL << 20};   // for DPDK: packet pools, rings, descriptors
    HugepageUse hugepages = HugepageUse::Auto;
    IdleMode idle = IdleMode::Adaptive;
    friend bool operator==(const Workers&, const Workers&) = default;
};

// A NIC by its PCI address: "0000:8a:00.0".
struct PciPort {
    std::string address;
    friend bool operator==(const PciPort&, const PciPort&) = default;
};

// A DPDK virtual device: driver "net_tap", name "net_tap0", args as DPDK documents them.
struct VirtualPort {
    std::string driver;
    std::string device;
    std::map<std::string, std::string> args;
    friend bool operator==(const VirtualPort&, const VirtualPort&) = default;
};

// A VLAN of a port: frames of `parent` with this tag.
struct VlanSubinterface {
    std::string parent;
    std::uint16_t vlan = 0;  // 1 to 4094
    friend bool operator==(const VlanSubinterface&, const VlanSubinterface&) = default;
};

struct Loopback {
    friend bool operator==(const Loopback&, const Loopback&) = default;
};

using InterfaceKind = std::variant<PciPort, VirtualPort, VlanSubinterface, Loopback>;

// Reverse path check of what comes in (RFC 3704): loose, some route leads back to the source;
// strict, a route leads back through the interface itself.
enum class SourceValidation : std::uint8_t { Off, Loose, Strict };

// RFC 5227: defend, announced at once and defended when another host claims it; probe, used only
// after nobody answered for it.
enum class ConflictDetection : std::uint8_t { Defend, Probe };

struct Interface {
    std::string name;
    InterfaceKind kind;
    std::string description;
    bool enabled = true;
    std::uint16_t mtu = 1500;            // IPv4 MTU in bytes, without the Ethernet header
    std::optional<net::MacAddress> mac;  // nothing = the device's own
    std::uint16_t rx_queues = 1;
    std::uint16_t rx_descriptors = 1024;
    std::uint16_t tx_descriptors = 1024;
    bool promiscuous = false;
    std::vector<net::Ipv4InterfaceAddress> addresses;  // the first is the primary one
    ConflictDetection conflict_detection = ConflictDetection::Defend;
    bool proxy_arp = false;
    std::uint32_t max_neighbors = 4096;  // learnt ones; configured ones are beside it
    std::map<net::MacAddress, net::Ipv4Address> rarp;
    SourceValidation source_validation = SourceValidation::Off;
    bool source_route = false;        // forward packets with a source route (RFC 1812 5.2.4.1)
    bool directed_broadcast = false;  // forward onto the subnets of this interface (RFC 2644)
    bool redirects = true;            // tell hosts of a better next hop (RFC 1812 5.2.7.2)

    [[nodiscard]] bool is_port() const {
        return std::holds_alternative<PciPort>(kind) || std::holds_alternative<VirtualPort>(kind);
    }
    friend bool operator==(const Interface&, const Interface&) = default;
};

// At least one of the two: an address alone is resolved through the other routes (recursively), an
// interface alone means that every destination is a neighbour there.
struct StaticNextHop {
    std::optional<net::Ipv4Address> via;
    std::optional<std::string> interface;
    friend auto operator<=>(const StaticNextHop&, const StaticNextHop&) = default;
};

struct StaticRoute {
    net::Ipv4Prefix prefix;
    std::vector<StaticNextHop> next_hops;  // several = equal cost; empty = blackhole
    bool blackhole = false;
    std::uint8_t distance = 1;  // 1 to 254
    std::uint32_t tag = 0;      // 0 is none
    friend bool operator==(const StaticRoute&, const StaticRoute&) = default;
};

struct StaticNeighbor {
    net::Ipv4Address address;
    std::string interface;
    net::MacAddress mac;
    friend bool operator==(const StaticNeighbor&, const StaticNeighbor&) = default;
};

struct Static {
    std::map<net::Ipv4Prefix, StaticRoute> routes;
    std::map<net::Ipv4Address, StaticNeighbor> neighbors;
    friend bool operator==(const Static&, const Static&) = default;
};

// What the router says about packets that it cannot forward.
struct Icmp {
    std::uint32_t errors_per_second = 1000;  // of each type, on each interface
    bool interface_information = false;      // RFC 5837
    friend bool operator==(const Icmp&, const Icmp&) = default;
};

// Datagrams that are being put together, at once.
struct Reassembly {
    std::uint32_t datagrams = 1024;
    std::uint32_t datagrams_per_interface = 256;
    friend bool operator==(const Reassembly&, const Reassembly&) = default;
};

struct Ipv4 {
    Icmp icmp;
    Reassembly reassembly;
    friend bool operator==(const Ipv4&, const Ipv4&) = default;
};

struct Management {
    std::string control_socket = "/run/godwit/control.sock";
    friend bool operator==(const Management&, const Management&) = default;
};

struct Model {
    std::uint32_t version = 1;
    System system;
    Workers workers;
    std::map<std::string, Interface> interfaces;
    Ipv4 ipv4;
    Static static_;
    Rip rip;
    Nat nat;
    PolicySection policy;
    Management management;
    Telemetry telemetry;
    friend bool operator==(const Model&, const Model&) = default;
};

// The Unix socket of the channel between the two programs: "dataplane.sock" beside the control
// socket, so that routers with different control sockets never meet.
std::string channel_socket_path(const Model& model);

// What a place means now: the addresses of its interface, or its own; none, if there is no such
// interface.
std::vector<net::Ipv4Address> addresses_of(const Model& model, const ListenPlace& place);

}  // namespace godwit::config
