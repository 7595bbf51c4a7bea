// The addresses of this router, for the few packets that ask about them one by one (options). Not
// for every packet: it looks at all interfaces.
#pragma once

#include "dataplane/tables/interface_table.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::dataplane {

inline bool is_own_address(const InterfaceSnapshot& interfaces, net::Ipv4Address address) {
    for (const InterfaceEntry& entry : interfaces.entries) {
        if (!entry.id.is_none() && entry.owns(address)) {
            return true;
        }
    }
    return false;
}

// RFC 1812 4.2.2.2: the router's one address for interfaces that have none: the smallest, which
// only a change of the configuration changes. Unspecified: a router without addresses.
inline net::Ipv4Address router_address(const InterfaceSnapshot& interfaces) {
    net::Ipv4Address smallest;
    for (const InterfaceEntry& entry : interfaces.entries) {
        for (const net::Ipv4InterfaceAddress& own : entry.addresses) {
            if (smallest.is_unspecified() || own.address < smallest) {
                smallest = own.address;
            }
        }
    }
    return smallest;
}

// RFC 1812 4.2.2.2, 5.2.1 (2): what the router enters into options of a packet that leaves by
// `egress` for `destination`: its address there, or its one address.
inline net::Ipv4Address recorded_address(const InterfaceSnapshot& interfaces,
                                         net::InterfaceId egress, net::Ipv4Address destination) {
    const InterfaceEntry* entry = interfaces.find(egress);
    return entry != nullptr && !entry->addresses.empty() ? entry->source_for(destination)
                                                         : router_address(interfaces);
}

}  // namespace godwit::dataplane
