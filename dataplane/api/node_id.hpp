// The nodes of the packet graph, by number and name. The order is the order of the walk: a node
// hands packets to later nodes, with a few exceptions that lead back: an echo reply and an ICMP
// error, each looked up once and never answered again, and a packet that NAT turns around from
// inside to inside, once. So a few passes empty the graph.
//
// The straight path is no station of that walk: it takes a whole packet from the wire to the wire,
// or gives it untouched to ethernet-input (dataplane/nodes/straight).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::api {

enum class NodeId : std::uint8_t {
    StraightPath,
    EthernetInput,
    ArpInput,
    RarpInput,
    Ip4Input,
    NatInbound,
    Ip4Lookup,
    NatOutbound,
    Ip4Local,
    Ip4Reassembly,
    IcmpInput,
    IcmpError,
    Ip4Options,
    Ip4Rewrite,
    Ip4Fragment,
    ArpResolve,
    Punt,
    InterfaceOutput,
    Drop,
    kCount
};

constexpr std::size_t kNodeCount = static_cast<std::size_t>(NodeId::kCount);

constexpr std::array<std::string_view, kNodeCount> kNodeNames{
    "straight-path", "ethernet-input", "arp-input",        "rarp-input",  "ip4-input",
    "nat-inbound",   "ip4-lookup",     "nat-outbound",     "ip4-local",   "ip4-reassembly",
    "icmp-input",    "icmp-error",     "ip4-options",      "ip4-rewrite", "ip4-fragment",
    "arp-resolve",   "punt",           "interface-output", "drop"};

constexpr std::string_view name_of(NodeId node) {
    return kNodeNames[static_cast<std::size_t>(node)];
}

}  // namespace godwit::api
