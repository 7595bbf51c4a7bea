// What a packet for the control plane is: the one list of classes that the policers, the rings, the
// counters and the views go by.
//
// Every class has a rate of its own, so that a flood of one never takes the place of another, and a
// priority. Each worker has one punt ring a priority, and the control plane drains them strictly in
// this order: a packet of a lower one is taken only while all rings of the higher ones are empty.
// What keeps routes alive comes first (RFC 1812 7.1.2: the highest precedence on any network), then
// what tells a router or its operator of trouble, then the rest. ARP is not here: it ends at the
// table owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::api {

// ip4-input, ip4-lookup and ip4-local say the first six, by how a packet came; the punt node looks
// for the others in all of them (nodes/punt/punt_class.hpp).
enum class PuntClass : std::uint8_t {
    Icmp,
    Udp,
    Tcp,
    OtherProtocol,
    Broadcast,
    Multicast,
    Ospf,
    Rip,
    Bgp,
    Igmp,
    Pim,
    RouterAlert,
    kCount
};
constexpr std::size_t kPuntClassCount = static_cast<std::size_t>(PuntClass::kCount);

enum class PuntPriority : std::uint8_t { Routing, Control, Rest, kCount };  // highest first
constexpr std::size_t kPuntPriorityCount = static_cast<std::size_t>(PuntPriority::kCount);

struct PuntClassText {
    PuntClass punt_class;
    PuntPriority priority;
    std::string_view name;  // the metric label and the word on the command line
};

constexpr std::array<PuntClassText, kPuntClassCount> kPuntClasses{{
    {PuntClass::Icmp, PuntPriority::Control, "icmp"},
    {PuntClass::Udp, PuntPriority::Rest, "udp"},
    {PuntClass::Tcp, PuntPriority::Rest, "tcp"},
    {PuntClass::OtherProtocol, PuntPriority::Rest, "other-protocol"},
    {PuntClass::Broadcast, PuntPriority::Rest, "broadcast"},
    {PuntClass::Multicast, PuntPriority::Rest, "multicast"},
    {PuntClass::Ospf, PuntPriority::Routing, "ospf"},
    {PuntClass::Rip, PuntPriority::Routing, "rip"},
    {PuntClass::Bgp, PuntPriority::Routing, "bgp"},
    {PuntClass::Igmp, PuntPriority::Routing, "igmp"},
    {PuntClass::Pim, PuntPriority::Routing, "pim"},
    {PuntClass::RouterAlert, PuntPriority::Routing, "router-alert"},
}};

constexpr std::array<std::string_view, kPuntPriorityCount> kPuntPriorityNames{"routing", "control",
                                                                              "rest"};

constexpr bool punt_classes_are_in_order() {
    for (std::size_t i = 0; i < kPuntClassCount; ++i) {
        if (static_cast<std::size_t>(kPuntClasses[i].punt_class) != i) {
            return false;
        }
    }
    return true;
}
static_assert(punt_classes_are_in_order());

constexpr const PuntClassText& text_of(PuntClass punt_class) {
    return kPuntClasses[static_cast<std::size_t>(punt_class)];
}
constexpr PuntPriority priority_of(PuntClass punt_class) {
    return text_of(punt_class).priority;
}

}  // namespace godwit::api
