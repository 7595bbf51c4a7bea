#include "dataplane/owner/dispatch.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "dataplane/graph/flow_hash.hpp"
#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/ethernet/link_header.hpp"
#include "net/arp.hpp"
#include "net/byte_writer.hpp"
#include "net/checksum.hpp"
#include "net/ethernet.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

// What a worker relies on when it gets a packet behind ip4-input: a whole IPv4 packet, no more. The
// control plane is not trusted to have made one.
bool is_whole_ipv4(std::span<const std::byte> packet) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size());
    const auto view = net::wire::Ipv4View::parse(bytes);
    return view && view->total_bytes() == packet.size();
}

// The bytes in as many buffers as they need, chained; null without enough of them.
rte_mbuf* buffers_of(rte_mempool* pool, std::span<const std::byte> packet) {
    rte_mbuf* head = nullptr;
    while (!packet.empty()) {
        rte_mbuf* buffer = rte_pktmbuf_alloc(pool);
        if (buffer == nullptr) {
            rte_pktmbuf_free(head);
            return nullptr;
        }
        const auto count = std::min<std::size_t>(packet.size(), rte_pktmbuf_tailroom(buffer));
        char* place = rte_pktmbuf_append(buffer, static_cast<std::uint16_t>(count));
        std::memcpy(place, packet.data(), count);
        packet = packet.subspan(count);
        if (head == nullptr) {
            head = buffer;
        } else if (rte_pktmbuf_chain(head, buffer) != 0) {
            rte_pktmbuf_free(buffer);
            rte_pktmbuf_free(head);
            return nullptr;
        }
    }
    return head;
}

}  // namespace

Dispatch::Dispatch(Links& links, api::CounterBlock& counters, rte_mempool* pool,
                   const net::SipKey& random_key)
    : links_(links),
      counters_(counters),
      pool_(pool),
      identification_(random_key, links.workers(), identification_counters(links.workers())),
      waiting_(links.workers()) {}

Dispatch::~Dispatch() {
    for (auto& packets : waiting_) {
        for (rte_mbuf* packet : packets) {
            drop(packet, api::DropReason::ShuttingDown);
        }
    }
}

std::span<rte_mbuf*> Dispatch::take(std::span<rte_mbuf*> into) {
    const unsigned count = links_.take_for_owner(into);
    counters_.handed_in.add(count);
    return into.first(count);
}

void Dispatch::give(rte_mbuf* packet, api::NodeId resume) {
    meta(packet).resume = resume;
    // The worker that has the flow anyway, so that its packets stay in order.
    const unsigned worker =
        worker_of_flow(meta(packet).flow_hash, static_cast<unsigned>(waiting_.size()));
    waiting_[worker].push_back(packet);
    if (waiting_[worker].size() >= kBatch) {
        flush(worker);
    }
}

void Dispatch::flush() {
    for (unsigned worker = 0; worker < waiting_.size(); ++worker) {
        flush(worker);
    }
}

void Dispatch::flush(unsigned worker) {
    std::vector<rte_mbuf*>& packets = waiting_[worker];
    if (packets.empty()) {
        return;
    }
    const unsigned taken = links_.give_worker(worker, packets);
    counters_.handed_out.add(taken);
    for (std::size_t i = taken; i < packets.size(); ++i) {
        drop(packets[i], api::DropReason::HandoffFull);
    }
    packets.clear();
}

void Dispatch::drop(rte_mbuf* packet, api::DropReason reason) {
    count_drop(meta(packet).ingress, reason);
    rte_pktmbuf_free(packet);
}

void Dispatch::end(rte_mbuf* packet) {
    counters_.punted.add(1);
    const net::InterfaceId ingress = meta(packet).ingress;
    if (!ingress.is_none()) {
        counters_.interfaces[ingress.value() % api::kMaxInterfaces].in_punted.add(1);
    }
    rte_pktmbuf_free(packet);
}

void Dispatch::send_arp_request(const InterfaceEntry& interface, net::Ipv4Address sender,
                                net::Ipv4Address target, const std::optional<net::MacAddress>& to) {
    counters_.originated.add(1);
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    if (packet == nullptr) {
        count_drop({}, api::DropReason::NoBuffer);
        return;
    }
    reset_meta(packet);
    meta(packet).egress = interface.id;
    meta(packet).local_source = 1;
    char* place = rte_pktmbuf_append(packet, net::ArpMessage::encoded_size());
    if (place == nullptr ||
        !prepend_link_header(packet, interface, to.value_or(net::MacAddress::broadcast()),
                             net::EtherType::Arp)) {
        drop(packet, api::DropReason::NoBuffer);
        return;
    }
    // RFC 826: the target's hardware address is what is asked for, so it stays zero.
    net::ByteWriter writer(
        {reinterpret_cast<std::uint8_t*>(place), net::ArpMessage::encoded_size()});
    net::ArpMessage{net::ArpOperation::Request, interface.mac, sender, net::MacAddress(), target}
        .encode(writer);
    give(packet, api::NodeId::InterfaceOutput);
}

rte_mbuf* Dispatch::inject(std::span<const std::byte> packet) {
    if (!is_whole_ipv4(packet)) {
        refuse_injected(api::DropReason::InjectMalformed);
        return nullptr;
    }
    counters_.injected.add(1);
    rte_mbuf* buffer = buffers_of(pool_, packet);
    if (buffer == nullptr) {
        count_drop({}, api::DropReason::NoBuffer);
        return nullptr;
    }
    reset_meta(buffer);
    meta(buffer).local_source = 1;
    number(buffer);
    meta(buffer).flow_hash = flow_hash(first_bytes(buffer));
    return buffer;
}

// RFC 6864 4.3: the control plane knows nothing of the numbers of the workers, which may speak to
// the same host from the same address.
void Dispatch::number(rte_mbuf* packet) {
    auto& header = layout_at<net::wire::Ipv4Layout>(packet);
    if ((header.fragment.host() & (net::kIpv4MoreFragments | net::kIpv4OffsetMask)) != 0) {
        return;
    }
    const net::Big16 before = header.identification;
    header.identification = net::Big16::from_host(identification_.next(
        net::Ipv4Address::from_wire(header.source), net::Ipv4Address::from_wire(header.destination),
        net::IpProtocol{header.protocol}));
    header.checksum = net::update_checksum(header.checksum, before, header.identification);
}

void Dispatch::refuse_injected(api::DropReason reason) {
    counters_.injected.add(1);
    count_drop({}, reason);
}

void Dispatch::send_frame(rte_mbuf* packet, const InterfaceEntry& interface,
                          const net::MacAddress& to) {
    meta(packet).egress = interface.id;
    if (packet->pkt_len > interface.mtu) {
        counters_.interfaces[interface.id.value() % api::kMaxInterfaces].tx_dropped.add(1);
        drop(packet, api::DropReason::TransmitTooLong);
        return;
    }
    if (!prepend_link_header(packet, interface, to, net::EtherType::Ipv4)) {
        drop(packet, api::DropReason::NoBuffer);
        return;
    }
    give(packet, api::NodeId::InterfaceOutput);
}

void Dispatch::count_drop(net::InterfaceId ingress, api::DropReason reason) {
    counters_.dropped.add(1);
    counters_.drops[static_cast<std::size_t>(reason)].add(1);
    if (!ingress.is_none()) {
        counters_.interfaces[ingress.value() % api::kMaxInterfaces].in_dropped.add(1);
    }
}

}  // namespace godwit::dataplane
