// punt: packets for the control plane. Each is policed by its class, copied from its IPv4 header on
// into the worker's punt ring, and freed. The control plane is woken at most once a burst, and only
// when it sleeps. Without a control plane, or with one that does not keep up, packets are dropped
// and counted: a worker waits for nobody.
#include <unistd.h>

#include <cstring>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"

namespace godwit::dataplane {

namespace {

bool write_record(const Environment& env, const rte_mbuf* packet, const PacketMeta& about) {
    if (packet->pkt_len > api::kMaxFrameBytes) {
        return false;  // no reader has room for it
    }
    const std::span<std::byte> body =
        env.punt->producer.reserve(api::kPuntRecord, sizeof(api::PuntRecord) + packet->pkt_len);
    if (body.empty()) {
        return false;
    }
    api::PuntRecord record;
    record.interface = about.ingress.value();
    record.punt_class = about.punt_class;
    record.worker = static_cast<std::uint8_t>(env.worker);
    record.packet_bytes = packet->pkt_len;
    record.arrival_tsc = about.arrival_tsc;
    record.source_mac = about.source_mac;
    std::memcpy(body.data(), &record, sizeof record);
    copy_bytes(packet,
               {reinterpret_cast<std::uint8_t*>(body.data()) + sizeof record, packet->pkt_len});
    return true;
}

}  // namespace

void punt(Graph& graph, Environment& env, Packets packets) {
    std::array<rte_mbuf*, kBurst> done;
    unsigned done_count = 0;
    for (rte_mbuf* packet : packets) {
        const PacketMeta& about = meta(packet);
        if (env.punt == nullptr) {
            graph.drop(packet, api::DropReason::PuntNoControlPlane);
        } else if (!env.policer.admits(about.punt_class, env.now_cycles)) {
            graph.drop(packet, api::DropReason::PuntPoliced);
        } else if (!write_record(env, packet, about)) {
            graph.drop(packet, api::DropReason::PuntRingFull);
        } else {
            if (!about.ingress.is_none()) {
                env.counters_of(about.ingress).in_punted.add(1);
            }
            done[done_count++] = packet;
        }
    }
    if (done_count == 0) {
        return;
    }
    env.counters.punted.add(done_count);
    rte_pktmbuf_free_bulk(done.data(), done_count);
    if (env.punt->producer.publish()) {
        const std::uint64_t one = 1;
        // A wake-up that does not fit finds the control plane awake already.
        [[maybe_unused]] const auto written = write(env.punt->signal_fd, &one, sizeof one);
    }
}

}  // namespace godwit::dataplane
