// The adjacency of everyone on a link: what a broadcast that is directed to a subnet leaves by (RFC
// 1812 5.3.5.2). It is made for each such packet and stands in no table: they are rare, and off by
// default (RFC 2644).
#pragma once

#include <span>

#include "dataplane/tables/interface_table.hpp"
#include "dataplane/tables/next_hops.hpp"
#include "net/byte_writer.hpp"
#include "net/ethernet.hpp"
#include "net/vlan.hpp"

namespace godwit::dataplane {

inline Adjacency broadcast_adjacency(const InterfaceEntry& link) {
    Adjacency adjacency;
    net::ByteWriter writer(std::span(adjacency.rewrite).first(Adjacency::kMaxRewriteBytes));
    const bool tagged = link.vlan != 0;
    net::EthernetHeader{net::MacAddress::broadcast(), link.mac,
                        tagged ? net::EtherType::Vlan : net::EtherType::Ipv4}
        .encode(writer);
    if (tagged) {
        net::VlanTag{0, false, link.vlan, net::EtherType::Ipv4}.encode(writer);
    }
    adjacency.rewrite_bytes = static_cast<std::uint8_t>(writer.written().size());
    adjacency.interface = link.id;
    adjacency.port = link.port;
    adjacency.mtu = link.mtu;
    return adjacency;
}

}  // namespace godwit::dataplane
