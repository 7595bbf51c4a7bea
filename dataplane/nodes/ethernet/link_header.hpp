// The Ethernet header, and the VLAN tag where the interface has one, in front of what we send
// without an adjacency.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/tables/interface_table.hpp"
#include "net/ethernet.hpp"
#include "net/mac_address.hpp"
#include "net/vlan.hpp"

namespace godwit::dataplane {

// False: no room in front of the packet.
inline bool prepend_link_header(rte_mbuf* packet, const InterfaceEntry& entry,
                                const net::MacAddress& destination, net::EtherType type) {
    if (entry.vlan != 0) {
        auto* tag = reinterpret_cast<net::wire::VlanTagLayout*>(
            rte_pktmbuf_prepend(packet, sizeof(net::wire::VlanTagLayout)));
        if (tag == nullptr) {
            return false;
        }
        tag->control = net::Big16::from_host(entry.vlan);
        tag->type = net::Big16::from_host(static_cast<std::uint16_t>(type));
        type = net::EtherType::Vlan;
    }
    auto* header = reinterpret_cast<net::wire::EthernetLayout*>(
        rte_pktmbuf_prepend(packet, sizeof(net::wire::EthernetLayout)));
    if (header == nullptr) {
        return false;
    }
    header->destination = destination;
    header->source = entry.mac;
    header->type = net::Big16::from_host(static_cast<std::uint16_t>(type));
    return true;
}

}  // namespace godwit::dataplane
