#include "dataplane/nodes/icmp/error_packet.hpp"

#include <algorithm>
#include <cstring>

#include "dataplane/graph/packet_bytes.hpp"
#include "net/byte_writer.hpp"
#include "net/checksum.hpp"
#include "net/icmp_extensions.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

using api::IcmpSilence;
using net::Ipv4Address;
using net::wire::IcmpLayout;
using net::wire::Ipv4Layout;

// Where the length of the quoted packet stands in the second word of the message (RFC 4884 4).
constexpr unsigned kQuoteWordsShift = 16;

// RFC 5837: what a stranger may know of the interface that the packet came in on.
net::InterfaceInformation information_on(const InterfaceEntry& entry, Ipv4Address peer) {
    net::InterfaceInformation information;
    information.role = net::InterfaceRole::Arrival;
    information.index = entry.id.value();
    if (!entry.addresses.empty()) {
        information.address = entry.source_for(peer);
    }
    information.name = entry.name;
    information.mtu_bytes = entry.mtu;
    return information;
}

// RFC 1812 4.3.2.5: the type of service of the packet, with precedence "internetwork control";
// without its congestion bits, which are of the packet's own way (RFC 3168 5).
std::uint8_t type_of_service_of(std::uint8_t packets) {
    return static_cast<std::uint8_t>(0xc0U | (packets & 0x1cU));
}

void write_header(Environment& env, rte_mbuf* error, const IcmpErrorDraft& draft,
                  std::uint8_t type_of_service) {
    const std::size_t header_bytes = sizeof(Ipv4Layout) + draft.options.size();
    auto& header = layout_at<Ipv4Layout>(error);
    header = Ipv4Layout{};
    header.version_ihl = static_cast<std::uint8_t>(0x40U | header_bytes / 4);
    header.type_of_service = type_of_service;
    header.total_length = net::Big16::from_host(static_cast<std::uint16_t>(error->pkt_len));
    header.identification = net::Big16::from_host(
        env.identification.next(draft.source, draft.destination, net::IpProtocol::Icmp));
    header.ttl = net::kIpv4DefaultTtlHops;  // RFC 1812 4.3.2.2: never the packet's
    header.protocol = static_cast<std::uint8_t>(net::IpProtocol::Icmp);
    header.source = draft.source.to_wire();
    header.destination = draft.destination.to_wire();
    std::copy(draft.options.bytes().begin(), draft.options.bytes().end(),
              first_bytes(error).begin() + sizeof(Ipv4Layout));
    header.checksum = net::internet_checksum(first_bytes(error).first(header_bytes));
}

// Null: no buffer.
rte_mbuf* make_error(Environment& env, rte_mbuf* about, const IcmpErrorDraft& draft) {
    const InterfaceEntry* ingress =
        draft.names_interface && net::may_have_extensions(draft.message.type)
            ? env.interface(meta(about).ingress)
            : nullptr;
    net::InterfaceInformation information;
    std::size_t extension_bytes = 0;
    if (ingress != nullptr) {
        information = information_on(*ingress, draft.destination);
        extension_bytes = net::encoded_extensions_size(information);
    }
    // All parts are whole words, so a quote that is cut is one, too.
    const std::size_t header_bytes = sizeof(Ipv4Layout) + draft.options.size();
    const std::size_t head_bytes = header_bytes + net::kIcmpHeaderBytes;
    const std::size_t room = net::kIcmpErrorMaxDatagramBytes - head_bytes - extension_bytes;
    const std::size_t quoted = std::min<std::size_t>(about->pkt_len, room);
    const std::size_t field = ingress != nullptr ? net::extended_quote_bytes(quoted) : quoted;

    rte_mbuf* error = rte_pktmbuf_alloc(env.pool);
    if (error == nullptr) {
        return nullptr;
    }
    if (rte_pktmbuf_append(
            error, static_cast<std::uint16_t>(head_bytes + field + extension_bytes)) == nullptr) {
        rte_pktmbuf_free(error);
        return nullptr;
    }
    reset_meta(error);
    meta(error).local_source = 1;
    meta(error).arrival_tsc = env.now_cycles;
    meta(error).flow_hash = draft.flow_hash;
    write_header(env, error, draft,
                 type_of_service_of(layout_at<Ipv4Layout>(about).type_of_service));

    const std::span<std::uint8_t> body = first_bytes(error).subspan(head_bytes);
    copy_bytes(about, body.first(quoted));
    std::uint32_t rest = draft.message.rest;
    if (ingress != nullptr) {
        std::fill(body.begin() + static_cast<std::ptrdiff_t>(quoted),
                  body.begin() + static_cast<std::ptrdiff_t>(field), std::uint8_t{0});
        net::ByteWriter writer(body.subspan(field));
        net::encode_extensions(writer, information);
        rest |= static_cast<std::uint32_t>(field / 4) << kQuoteWordsShift;
    }
    auto& icmp = layout_at<IcmpLayout>(error, header_bytes);
    icmp.type = static_cast<std::uint8_t>(draft.message.type);
    icmp.code = draft.message.code;
    icmp.checksum = {};
    icmp.rest = net::Big32::from_host(rest);
    icmp.checksum = net::internet_checksum(first_bytes(error).subspan(header_bytes));
    return error;
}

}  // namespace

bool limit_admits(Environment& env, rte_mbuf* packet, net::IcmpType type, Ipv4Address to) {
    using Answer = net::IcmpRateLimit::Answer;
    switch (env.icmp_limit.ask(type, meta(packet).ingress.value(), to, env.now_cycles,
                               env.interfaces->icmp_errors_per_second)) {
        case Answer::Send:
            return true;
        case Answer::OverRate:
            count_silence(env, IcmpSilence::OverRate);
            return false;
        case Answer::OverShare:
            count_silence(env, IcmpSilence::OverShare);
            return false;
    }
    return false;
}

void send_error(Graph& graph, Environment& env, rte_mbuf* about, const IcmpErrorDraft& draft) {
    rte_mbuf* error = make_error(env, about, draft);
    if (error == nullptr) {
        count_silence(env, IcmpSilence::NoBuffer);
        return;
    }
    env.counters.icmp_errors.add(1);
    env.counters.originated.add(1);
    graph.next(api::NodeId::Ip4Lookup, error);
}

}  // namespace godwit::dataplane
