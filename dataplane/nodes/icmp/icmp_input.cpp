// icmp-input: ICMP to an address of ours. An echo or timestamp request is turned into its reply in
// place (RFC 1812 4.3.3.6, 4.3.3.8) and looked up like any packet; everything else is the control
// plane's. A fragment is put together before, so it is not judged here.
//
// The reply is the request's buffers, however many: only the header changes, and that lies in the
// first. It may be fragmented on its way, whatever the request allowed, because all of the data
// must come back (RFC 1122 3.2.2.6). It keeps the request's identification: what is unique between
// the two hosts one way is so on the way back. Its options come back with it: reply_options.hpp.
//
// DEVIATION(1812, 4.3.3.6): there is no option to ignore all echo requests.
#include <utility>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/icmp/reply_options.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "net/checksum.hpp"
#include "net/icmp.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using net::Ipv4Address;
using net::wire::IcmpLayout;
using net::wire::Ipv4Layout;

// RFC 792; behind the head of a Timestamp and its reply.
struct TimestampsLayout {
    net::Big32 originate;
    net::Big32 receive;
    net::Big32 transmit;
};
static_assert(sizeof(TimestampsLayout) == 12 && alignof(TimestampsLayout) == 1);

void turn_header(Environment& env, rte_mbuf* packet, std::uint32_t header_bytes) {
    auto& header = layout_at<Ipv4Layout>(packet);
    const Ipv4Address source = Ipv4Address::from_wire(header.source);
    const Ipv4Address own = Ipv4Address::from_wire(header.destination);
    Ipv4Address destination = source;
    if (header_bytes > sizeof(Ipv4Layout)) {
        destination = turn_source_route(
            *env.interfaces, first_bytes(packet).first(header_bytes).subspan(sizeof(Ipv4Layout)),
            source);
    }
    header.source = own.to_wire();
    header.destination = destination.to_wire();
    header.fragment = {};
    header.ttl = net::kIpv4DefaultTtlHops;  // RFC 1812 4.3.2.2
    header.checksum = {};
    header.checksum = net::internet_checksum(first_bytes(packet).first(header_bytes));

    PacketMeta& about = meta(packet);
    about.local_source = 1;
    about.flow_hash = 0;  // it was the request's
}

void turn_message(IcmpLayout& icmp, net::IcmpType reply) {
    const auto type_word = [&icmp] {
        return net::Big16::from_host(
            static_cast<std::uint16_t>(unsigned{icmp.type} << 8 | icmp.code));
    };
    const net::Big16 before = type_word();
    icmp.type = static_cast<std::uint8_t>(reply);
    icmp.checksum = net::update_checksum(icmp.checksum, before, type_word());
}

void stamp(IcmpLayout& icmp, TimestampsLayout& stamps, std::uint32_t universal_milliseconds) {
    const net::Big32 now = net::Big32::from_host(universal_milliseconds);
    icmp.checksum = net::update_checksum(icmp.checksum, stamps.receive, now);
    icmp.checksum = net::update_checksum(icmp.checksum, stamps.transmit, now);
    stamps.receive = now;
    stamps.transmit = now;
}

void take(Graph& graph, Environment& env, rte_mbuf* packet) {
    const auto& header = layout_at<Ipv4Layout>(packet);
    const std::uint32_t header_bytes = (header.version_ihl & 0xfU) * 4U;
    meta(packet).punt_class = api::PuntClass::Icmp;
    if ((header.fragment.host() & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0) {
        graph.next(api::NodeId::Punt, packet);
        return;
    }
    if (packet->data_len < header_bytes + sizeof(IcmpLayout)) {
        graph.drop(packet, DropReason::IcmpTruncated);
        return;
    }
    net::ChecksumSum sum;
    add_bytes(sum, packet, header_bytes, packet->pkt_len - header_bytes);
    if (!sum.is_valid()) {
        graph.drop(packet, DropReason::IcmpBadChecksum);
        return;
    }
    // One that was made here (the control plane pings our own address) is answered too.
    auto& icmp = layout_at<IcmpLayout>(packet, header_bytes);
    const auto type = net::IcmpType{icmp.type};
    if (type == net::IcmpType::Echo) {
        turn_message(icmp, net::IcmpType::EchoReply);
    } else if (type == net::IcmpType::Timestamp) {
        if (packet->data_len < header_bytes + sizeof(IcmpLayout) + sizeof(TimestampsLayout)) {
            graph.drop(packet, DropReason::IcmpTruncated);
            return;
        }
        stamp(icmp, layout_at<TimestampsLayout>(packet, header_bytes + sizeof(IcmpLayout)),
              env.universal_milliseconds());
        turn_message(icmp, net::IcmpType::TimestampReply);
    } else {
        graph.next(api::NodeId::Punt, packet);
        return;
    }
    turn_header(env, packet, header_bytes);
    graph.next(api::NodeId::Ip4Lookup, packet);
}

}  // namespace

void icmp_input(Graph& graph, Environment& env, Packets packets) {
    for (rte_mbuf* packet : packets) {
        take(graph, env, packet);
    }
}

}  // namespace godwit::dataplane
