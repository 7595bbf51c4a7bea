#include "dataplane/nodes/punt/punt_class.hpp"

#include "dataplane/graph/packet_bytes.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::PuntClass;
using net::wire::Ipv4Layout;

constexpr std::uint16_t kBgpPort = 179;  // RFC 4271 4, either side
constexpr std::uint16_t kRipPort = 520;  // RFC 2453 3.4

struct Ports {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
};

// UDP and TCP have them in the same place; zero where there are none.
Ports ports_of(rte_mbuf* packet, const Ipv4Layout& header, std::size_t header_bytes) {
    if ((header.fragment.host() & net::kIpv4OffsetMask) != 0 ||
        packet->data_len < header_bytes + 2 * sizeof(net::Big16)) {
        return {};
    }
    return {layout_at<net::Big16>(packet, header_bytes).host(),
            layout_at<net::Big16>(packet, header_bytes + sizeof(net::Big16)).host()};
}

bool has_router_alert(rte_mbuf* packet, std::size_t header_bytes) {
    net::OptionWalker options(first_bytes(packet).first(header_bytes).subspan(sizeof(Ipv4Layout)));
    while (const auto option = options.next()) {
        if (net::Ipv4OptionKind{option->kind} == net::Ipv4OptionKind::RouterAlert) {
            return true;
        }
    }
    return false;
}

}  // namespace

api::PuntClass punt_class_of(rte_mbuf* packet, api::PuntClass came_as) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::size_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    switch (net::IpProtocol{header.protocol}) {
        case net::IpProtocol::Ospf:
            return PuntClass::Ospf;
        case net::IpProtocol::Igmp:
            return PuntClass::Igmp;
        case net::IpProtocol::Pim:
            return PuntClass::Pim;
        case net::IpProtocol::Udp:
            if (ports_of(packet, header, header_bytes).destination == kRipPort) {
                return PuntClass::Rip;
            }
            break;
        case net::IpProtocol::Tcp: {
            const Ports ports = ports_of(packet, header, header_bytes);
            if (ports.destination == kBgpPort || ports.source == kBgpPort) {
                return PuntClass::Bgp;
            }
            break;
        }
        default:
            break;
    }
    // RFC 2113 2.1: the router is asked to look at it, whatever it is.
    if (header_bytes > sizeof(Ipv4Layout) && has_router_alert(packet, header_bytes)) {
        return PuntClass::RouterAlert;
    }
    return came_as;
}

}  // namespace godwit::dataplane
