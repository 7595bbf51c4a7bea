#include "dataplane/worker/transmit.hpp"

#include <rte_ethdev.h>
#include <rte_pause.h>

#include <array>

#include "dataplane/nodes/nodes.hpp"
#include "drivers/burst.hpp"

namespace godwit::dataplane {

void Transmit::flush_bursts() {
    flush_full();
    // What the walk left to be cut or set free, a burst of fragments at a time.
    while (cut_fragments(graph_, env_) || release_fragments(graph_, env_)) {
        walk(graph_, env_);
        flush_full();
    }
}

void Transmit::flush_full() {
    for (std::size_t port = env_.ports_with_packets._Find_first(); port < kMaxPorts;
         port = env_.ports_with_packets._Find_next(port)) {
        if (env_.to_port[port].has_burst()) {
            flush_port(static_cast<std::uint16_t>(port));
        }
    }
    for (unsigned worker = 0; worker < env_.worker_count; ++worker) {
        if (env_.to_worker[worker].has_burst()) {
            flush_to_worker(worker);
        }
    }
    if (env_.arp_to_owner.has_burst() || env_.to_owner.has_burst()) {
        flush_to_owner();
    }
}

void Transmit::flush() {
    for (std::size_t port = env_.ports_with_packets._Find_first(); port < kMaxPorts;
         port = env_.ports_with_packets._Find_next(port)) {
        flush_port(static_cast<std::uint16_t>(port));
    }
    for (unsigned worker = 0; worker < env_.worker_count; ++worker) {
        flush_to_worker(worker);
    }
    flush_to_owner();
}

void Transmit::flush_port(std::uint16_t port) {
    env_.ports_with_packets.reset(port);
    std::span<rte_mbuf*> packets = env_.to_port[port].take();
    while (!packets.empty()) {
        const std::size_t count = std::min<std::size_t>(packets.size(), kDeviceBurst);
        send(port, packets.first(count));
        packets = packets.subspan(count);
    }
}

void Transmit::send(std::uint16_t port, std::span<rte_mbuf*> packets) {
    // The device frees what it takes: what the ledger needs is read before. Packets that leave
    // together mostly came together, and count as one.
    const Passage first = passage_of(packets.front());
    std::uint64_t bytes = 0;
    std::uint32_t differences = 0;
    for (const rte_mbuf* packet : packets) {
        differences |= packet->hash.usr ^ packets.front()->hash.usr;
        bytes += packet->pkt_len;
    }
    const bool one_way = differences == 0;
    std::array<Leaving, kDeviceBurst> leaving;
    if (!one_way) {
        for (std::size_t i = 0; i < packets.size(); ++i) {
            leaving[i] = {passage_of(packets[i]), packets[i]->pkt_len};
        }
    }

    const std::size_t sent = give_device(port, packets);
    const std::span<rte_mbuf*> unsent = packets.subspan(sent);
    if (one_way) {
        for (const rte_mbuf* packet : unsent) {
            bytes -= packet->pkt_len;
        }
        count_sent(first, sent, bytes);
    } else {
        for (const Leaving& one : std::span(leaving).first(sent)) {
            count_sent(one.passage, 1, one.bytes);
        }
    }
    for (rte_mbuf* packet : unsent) {
        const Passage passage = passage_of(packet);
        meta(packet).ingress = passage.ingress;
        meta(packet).egress = passage.egress;
    }
    drop(unsent, api::DropReason::TransmitQueueFull, true);
}

// How many it took.
std::size_t Transmit::give_device(std::uint16_t port, std::span<rte_mbuf*> packets) {
    const auto queue = static_cast<std::uint16_t>(env_.worker);
    const auto count = static_cast<std::uint16_t>(packets.size());
    const bool may_vanish = env_.interfaces->ports[port].may_vanish;
    std::uint16_t sent = 0;
    unsigned attempts = 0;
    while (sent < count && attempts < kAttempts) {
        rte_mbuf** rest = packets.data() + sent;
        const auto left = static_cast<std::uint16_t>(count - sent);
        const std::uint16_t taken = may_vanish ? drivers::guarded_tx_burst(port, queue, rest, left)
                                               : rte_eth_tx_burst(port, queue, rest, left);
        sent = static_cast<std::uint16_t>(sent + taken);
        if (taken == 0) {
            ++attempts;
            rte_pause();
        }
    }
    return sent;
}

void Transmit::count_sent(const Passage& passage, std::uint64_t packets, std::uint64_t bytes) {
    api::InterfaceCounters& egress = env_.counters_of(passage.egress);
    egress.tx_packets.add(packets);
    egress.tx_bytes.add(bytes);
    if (!passage.ingress.is_none()) {
        env_.counters_of(passage.ingress).in_sent.add(packets);
    }
    env_.counters.sent.add(packets);
}

void Transmit::flush_to_worker(unsigned worker) {
    const std::span<rte_mbuf*> packets = env_.to_worker[worker].take();
    if (packets.empty()) {
        return;
    }
    const unsigned taken = links_.hand_over(env_.worker, worker, packets);
    env_.counters.handed_out.add(taken);
    drop(packets.subspan(taken), api::DropReason::HandoffFull, false);
}

void Transmit::flush_to_owner() {
    if (const std::span<rte_mbuf*> messages = env_.arp_to_owner.take(); !messages.empty()) {
        const unsigned taken = links_.give_owner_arp(env_.worker, messages);
        env_.counters.handed_out.add(taken);
        drop(messages.subspan(taken), api::DropReason::ArpQueueFull, false);
    }
    if (const std::span<rte_mbuf*> packets = env_.to_owner.take(); !packets.empty()) {
        const unsigned taken = links_.give_owner(env_.worker, packets);
        env_.counters.handed_out.add(taken);
        drop(packets.subspan(taken), api::DropReason::OwnerRingFull, false);
    }
}

// A burst at a time: outboxes hold more than the graph's vector of dropped packets.
void Transmit::drop(std::span<rte_mbuf*> packets, api::DropReason reason, bool at_egress) {
    while (!packets.empty()) {
        const std::size_t count = std::min<std::size_t>(packets.size(), kBurst);
        for (rte_mbuf* packet : packets.first(count)) {
            if (at_egress) {
                env_.counters_of(meta(packet).egress).tx_dropped.add(1);
            }
            graph_.drop(packet, reason);
        }
        walk(graph_, env_);
        packets = packets.subspan(count);
    }
}

}  // namespace godwit::dataplane
