// Packets as they come, to what NAT reads and writes of them: an ICMP error that is rewritten still
// has the checksum that it must have, a packet that is translated and restored is what it was, and
// of fragments in any order each goes out once, none before its ports are known.
//
// Input: a byte that says the direction and what it becomes, then packets: two bytes of length
// each, then that many bytes, whose IPv4 header is made valid as ip4-input would have found it.
#include <algorithm>
#include <deque>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nat/fragment_ports.hpp"
#include "dataplane/nodes/nat/nat_packet.hpp"
#include "dataplane/nodes/nat/rewrite.hpp"
#include "net/ipv4.hpp"
#include "tests/fuzz/fuzz_check.hpp"
#include "tests/support/loose_packet.hpp"

using namespace godwit;

namespace {

using Packet = test::LoosePacket<2112>;
using Bytes = std::vector<std::uint8_t>;
using dataplane::NatPacket;
using dataplane::nat::Direction;
using dataplane::nat::Endpoint;
using net::wire::Ipv4Layout;

constexpr std::size_t kHeaderBytes = sizeof(Ipv4Layout);

// What ip4-input has seen to.
void make_valid(Bytes& bytes) {
    const std::size_t words = std::clamp<std::size_t>(bytes[0] & 0xfU, 5, 15);
    const std::size_t header_bytes = std::min(words * 4, bytes.size() / 4 * 4);
    bytes[0] = static_cast<std::uint8_t>(0x40U | header_bytes / 4);
    bytes[2] = static_cast<std::uint8_t>(bytes.size() >> 8);
    bytes[3] = static_cast<std::uint8_t>(bytes.size());
    bytes[10] = bytes[11] = 0;
    const auto sum = net::internet_checksum(std::span(bytes).first(header_bytes)).host();
    bytes[10] = static_cast<std::uint8_t>(sum >> 8);
    bytes[11] = static_cast<std::uint8_t>(sum);
}

bool has_valid_icmp(rte_mbuf* packet) {
    const std::uint32_t at = (dataplane::layout_at<Ipv4Layout>(packet).version_ihl & 0xfU) * 4U;
    net::ChecksumSum sum;
    dataplane::add_bytes(sum, packet, at, packet->pkt_len - at);
    return sum.is_valid();
}

bool has_valid_header(rte_mbuf* packet) {
    const std::size_t bytes = (dataplane::layout_at<Ipv4Layout>(packet).version_ihl & 0xfU) * 4U;
    return net::has_valid_checksum(dataplane::first_bytes(packet).first(bytes));
}

dataplane::nat::Rewrite rewrite_to(net::IpProtocol protocol, Endpoint from, Endpoint to) {
    dataplane::nat::Rewrite rewrite;
    rewrite.endpoint = to;
    rewrite.ip.change(from.address, to.address);
    if (protocol != net::IpProtocol::Icmp) {
        rewrite.transport = rewrite.ip;
    }
    if (dataplane::nat::has_ports(protocol)) {
        rewrite.transport.change_port(from.port, to.port);
    }
    return rewrite;
}

void rewrite_an_error(Direction direction, rte_mbuf* packet, const NatPacket& read, Endpoint to) {
    const auto& flow = read.packet.flow;
    const bool is_inbound = direction == Direction::Inbound;
    const auto& header = dataplane::layout_at<Ipv4Layout>(packet);
    const auto outer = net::Ipv4Address::from_wire(is_inbound ? header.destination : header.source);
    dataplane::nat::QuotedDecision decision;
    decision.quoted = rewrite_to(flow.protocol, is_inbound ? flow.source : flow.destination, to);
    decision.outer = to.address;
    decision.outer_ip.change(outer, to.address);
    dataplane::rewrite_error(direction, packet, read, decision);
    fuzz::check(has_valid_icmp(packet), "a rewritten error has a right checksum");
    fuzz::check(has_valid_header(packet), "and so has its header");
    const NatPacket again = dataplane::read_packet(direction, packet);
    fuzz::check(again.kind == NatPacket::Kind::Error, "what it quotes can still be read");
    fuzz::check((is_inbound ? again.packet.flow.source : again.packet.flow.destination).address ==
                    to.address,
                "and says the new address");
}

void rewrite_and_restore(Direction direction, rte_mbuf* packet, const NatPacket& read,
                         Endpoint to) {
    const Bytes before(dataplane::first_bytes(packet).begin(),
                       dataplane::first_bytes(packet).end());
    const auto& flow = read.packet.flow;
    if (!dataplane::nat::has_ports(flow.protocol)) {
        to.port = 0;
    }
    dataplane::rewrite(
        direction, packet, read,
        rewrite_to(flow.protocol, direction == Direction::Outbound ? flow.source : flow.destination,
                   to));
    fuzz::check(has_valid_header(packet), "a translated packet has a right header");
    dataplane::restore(packet);
    Bytes after(dataplane::first_bytes(packet).begin(), dataplane::first_bytes(packet).end());
    // Two forms of zero: a sum of ones' complement may come back as the other one.
    const std::size_t at = read.transport + dataplane::transport_checksum_at(flow.protocol);
    if (read.transport != 0 && (before[at] == 0 || before[at] == 0xff) &&
        before[at] == before[at + 1]) {
        std::copy_n(before.begin() + static_cast<std::ptrdiff_t>(at), 2,
                    after.begin() + static_cast<std::ptrdiff_t>(at));
    }
    // The header's own checksum was valid, and there is one valid form but for zero.
    fuzz::check(has_valid_header(packet), "a restored packet has a right header");
    std::copy_n(before.begin() + 10, 2, after.begin() + 10);
    fuzz::check(after == before, "a restored packet is what it was");
}

void one_by_one(Direction direction, Endpoint to, const std::vector<Bytes>& inputs) {
    for (const Bytes& bytes : inputs) {
        Packet packet(bytes);
        dataplane::reset_meta(&packet.packet);
        const auto ports = dataplane::ports_of_first(&packet.packet);
        if (dataplane::is_fragment(&packet.packet) && ports) {
            dataplane::meta(&packet.packet).nat_source_port = ports->source;
            dataplane::meta(&packet.packet).nat_destination_port = ports->destination;
        }
        const NatPacket read = dataplane::read_packet(direction, &packet.packet);
        if (read.kind == NatPacket::Kind::Error) {
            rewrite_an_error(direction, &packet.packet, read, to);
        } else if (read.kind == NatPacket::Kind::Flow || read.kind == NatPacket::Kind::Request) {
            rewrite_and_restore(direction, &packet.packet, read, to);
        }
    }
}

void as_fragments(const std::vector<Bytes>& inputs) {
    dataplane::FragmentPorts ports({1, 2}, 1000);
    std::deque<Packet> packets;
    std::size_t out = 0;
    const auto take_out = [&ports, &out] {
        out += ports.ended().size();
        while (const rte_mbuf* released = ports.next_released()) {
            fuzz::check(dataplane::meta(const_cast<rte_mbuf*>(released)).nat_ports_known != 0,
                        "a released fragment knows its ports");
            ++out;
        }
    };
    std::uint64_t now = 1;
    for (const Bytes& bytes : inputs) {
        rte_mbuf* packet = &packets.emplace_back(bytes).packet;
        dataplane::reset_meta(packet);
        if (!dataplane::is_fragment(packet)) {
            packets.pop_back();
            continue;
        }
        const auto fate = ports.take(packet, now++);
        out += fate == dataplane::FragmentPorts::Fate::Held ? 0U : 1U;
        fuzz::check(fate != dataplane::FragmentPorts::Fate::Goes ||
                        dataplane::meta(packet).nat_ports_known != 0,
                    "what goes on knows its ports");
        take_out();
    }
    for (unsigned round = 0; round < 100 && !ports.is_idle(); ++round) {
        ports.expire(1'000'000'000);
        take_out();
    }
    fuzz::check(out == packets.size(), "every fragment goes out once");
    fuzz::check(ports.is_idle() && ports.held() == 0, "nothing stays behind");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) {
        return 0;
    }
    const Direction direction = (data[0] & 1U) != 0 ? Direction::Inbound : Direction::Outbound;
    const Endpoint to{net::Ipv4Address(0xc0000200U | data[0]),
                      static_cast<std::uint16_t>(1024U + data[0])};
    std::vector<Bytes> inputs;
    for (std::size_t at = 1; at + 2 <= size && inputs.size() < 100;) {
        const std::size_t wanted = std::size_t{data[at]} << 8 | data[at + 1];
        at += 2;
        const std::size_t length = std::min({wanted, size - at, std::size_t{1500}});
        if (length >= kHeaderBytes) {
            inputs.emplace_back(data + at, data + at + length);
            make_valid(inputs.back());
        }
        at += length;
    }
    one_by_one(direction, to, inputs);
    as_fragments(inputs);
    return 0;
}
