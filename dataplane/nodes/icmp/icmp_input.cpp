// icmp-input: ICMP to an address of ours. An echo request is turned into its reply in place (RFC
// 1812 4.3.3.6) and looked up like any packet; everything else is the control plane's. A fragment
// is put together there too, so it is not judged here.
//
// DEVIATION(1122, 3.2.2.6): Record Route and Timestamp options of a request are returned as they
// came, not filled in.
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/checksum.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::wire::IcmpLayout;
using net::wire::Ipv4Layout;

void answer_echo(rte_mbuf* packet, std::uint32_t header_bytes) {
    auto& header = layout_at<Ipv4Layout>(packet);
    auto& icmp = layout_at<IcmpLayout>(packet, header_bytes);
    std::swap(header.source, header.destination);
    header.ttl = net::kIpv4DefaultTtlHops;
    header.checksum = {};
    header.checksum = net::internet_checksum(first_bytes(packet).first(header_bytes));

    const auto type_word = [&icmp] {
        return net::Big16::from_host(
            static_cast<std::uint16_t>(unsigned{icmp.type} << 8 | icmp.code));
    };
    const net::Big16 before = type_word();
    icmp.type = static_cast<std::uint8_t>(net::IcmpType::EchoReply);
    icmp.checksum = net::update_checksum(icmp.checksum, before, type_word());

    PacketMeta& about = meta(packet);
    about.local_source = 1;
    about.flow_hash = 0;  // it was the request's
}

}  // namespace

void icmp_input(Graph& graph, Environment& /*env*/, Packets packets) {
    for (rte_mbuf* packet : packets) {
        const auto& header = layout_at<Ipv4Layout>(packet);
        const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
        meta(packet).punt_class = api::PuntClass::Icmp;
        if ((header.fragment.host() & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0) {
            graph.next(api::NodeId::Punt, packet);
            continue;
        }
        if (packet->data_len < header_bytes + sizeof(IcmpLayout)) {
            graph.drop(packet, DropReason::IcmpTruncated);
            continue;
        }
        net::ChecksumSum sum;
        add_bytes(sum, packet, header_bytes, packet->pkt_len - header_bytes);
        if (!sum.is_valid()) {
            graph.drop(packet, DropReason::IcmpBadChecksum);
            continue;
        }
        const auto type = net::IcmpType{layout_at<IcmpLayout>(packet, header_bytes).type};
        // One that was made here (the control plane pings our own address) is answered too.
        if (type == net::IcmpType::Echo) {
            answer_echo(packet, header_bytes);
            graph.next(api::NodeId::Ip4Lookup, packet);
        } else {
            graph.next(api::NodeId::Punt, packet);
        }
    }
}

}  // namespace godwit::dataplane
