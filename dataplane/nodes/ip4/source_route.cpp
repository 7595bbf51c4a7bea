#include "dataplane/nodes/ip4/source_route.hpp"

#include "dataplane/graph/packet.hpp"
#include "dataplane/nodes/ip4/martians.hpp"
#include "dataplane/nodes/ip4/own_addresses.hpp"
#include "net/checksum.hpp"

namespace godwit::dataplane {

using net::Ipv4Address;
using net::wire::Ipv4Layout;

void renew_checksum(rte_mbuf* packet) {
    auto& header = layout_at<Ipv4Layout>(packet);
    header.checksum = {};
    header.checksum = net::internet_checksum(header_of(packet));
}

SourceRouteStep follow_source_route(const InterfaceSnapshot& interfaces, rte_mbuf* packet,
                                    const net::Ipv4Options& options) {
    auto& header = layout_at<Ipv4Layout>(packet);
    Ipv4Address destination = Ipv4Address::from_wire(header.destination);
    if (!is_own_address(interfaces, destination)) {
        return options.is_strict ? SourceRouteStep::NotOurs : SourceRouteStep::Followed;
    }
    // RFC 1812 5.2.3: places that are this router's, one after the other, are one visit.
    unsigned hops = 0;
    while (net::is_unexpired_source_route(header_of(packet), options.source_route) &&
           (hops == 0 || is_own_address(interfaces, destination))) {
        destination =
            net::take_source_route_hop(header_of(packet), options.source_route, destination);
        ++hops;
    }
    if (hops == 0) {
        return SourceRouteStep::Followed;  // it has arrived
    }
    header.destination = destination.to_wire();
    renew_checksum(packet);
    meta(packet).source_route_hops = hops & 0xfU;  // 40 bytes hold nine
    return destination.is_multicast() || destination.is_limited_broadcast() ||
                   is_martian_destination(destination)
               ? SourceRouteStep::NoHost
               : SourceRouteStep::Followed;
}

}  // namespace godwit::dataplane
