#include "dataplane/nodes/ip4/transport_checksum.hpp"

#include "dataplane/graph/packet_bytes.hpp"
#include "net/checksum.hpp"
#include "net/ipv4.hpp"
#include "net/tcp.hpp"
#include "net/udp.hpp"

namespace godwit::dataplane {

bool complete_transport_checksum(rte_mbuf* packet) {
    const auto& header = layout_at<net::wire::Ipv4Layout>(packet);
    const auto protocol = net::IpProtocol{header.protocol};
    const bool is_tcp = protocol == net::IpProtocol::Tcp;
    if (!is_tcp && protocol != net::IpProtocol::Udp) {
        return false;
    }
    if ((header.fragment.host() & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0) {
        return false;  // a device is never asked to finish what it does not have whole
    }
    const std::uint32_t offset = (header.version_ihl & 0xfU) * 4U;
    const std::uint32_t transport_header = is_tcp ? net::kTcpMinHeaderBytes : net::kUdpHeaderBytes;
    if (packet->data_len < offset + transport_header) {
        return false;
    }
    net::Big16& field = is_tcp ? layout_at<net::wire::TcpLayout>(packet, offset).checksum
                               : layout_at<net::wire::UdpLayout>(packet, offset).checksum;

    const auto transport_bytes = static_cast<std::uint16_t>(packet->pkt_len - offset);
    net::ChecksumSum sum;
    sum.add_pseudo_header(net::Ipv4Address::from_wire(header.source),
                          net::Ipv4Address::from_wire(header.destination), protocol,
                          transport_bytes);
    // checksum() inverts; the kernel left the sum as it is. A UDP field of zero ("no checksum",
    // RFC 768) never equals it: the sum of a real pseudo header is not zero.
    const auto unfinished =
        net::Big16::from_host(static_cast<std::uint16_t>(~sum.checksum().host()));
    if (field != unfinished) [[likely]] {
        return false;
    }
    add_bytes(sum, packet, offset, transport_bytes);
    if (sum.is_valid()) {
        return false;
    }
    // The field holds the pseudo header's sum already: the message alone is summed.
    net::ChecksumSum message;
    add_bytes(message, packet, offset, transport_bytes);
    field = is_tcp ? message.checksum() : net::udp_wire_checksum(message.checksum());
    return true;
}

}  // namespace godwit::dataplane
