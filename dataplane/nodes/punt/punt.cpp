// punt: packets for the control plane. Each is put into its class (punt_class.hpp), policed by it
// and by its interface (policer.hpp), copied from its IPv4 header on into the worker's punt ring of
// its priority, and freed. A ring that is full of one priority has no say over the others. The
// control plane is woken at most once a burst, and only when it sleeps. Without a control plane, or
// with one that does not keep up, packets are dropped and counted: a worker waits for nobody.
#include <unistd.h>

#include <bitset>
#include <cstring>

#include "dataplane/graph/packet_bytes.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "dataplane/nodes/punt/punt_class.hpp"
#include "dataplane/nodes/punt/punt_copy.hpp"

namespace godwit::dataplane {

namespace {

using api::DropReason;
using api::PuntClass;

using Touched = std::bitset<api::kPuntPriorityCount>;  // rings that were written to

bool write_record(const Environment& env, const rte_mbuf* packet, const PacketMeta& about,
                  PuntClass punt_class, Touched& touched) {
    if (packet->pkt_len > api::kMaxPacketBytes) {
        return false;  // no IPv4 packet: no reader has room for it
    }
    const auto priority = static_cast<std::size_t>(api::priority_of(punt_class));
    const std::span<std::byte> body = env.punt->producers[priority].reserve(
        api::kPuntRecord, sizeof(api::PuntRecord) + packet->pkt_len);
    if (body.empty()) {
        return false;
    }
    touched.set(priority);
    const bool to_group = about.link_group != 0 || about.punt_class == PuntClass::Broadcast ||
                          about.punt_class == PuntClass::Multicast;
    api::PuntRecord record;
    record.interface = about.ingress.value();
    record.punt_class = punt_class;
    record.worker = static_cast<std::uint8_t>(env.worker);
    record.packet_bytes = packet->pkt_len;
    record.arrival_tsc = about.arrival_tsc;
    record.source_mac = about.source_mac;
    record.flags = to_group ? api::kPuntToGroup : std::uint16_t{0};
    std::memcpy(body.data(), &record, sizeof record);
    copy_bytes(packet,
               {reinterpret_cast<std::uint8_t*>(body.data()) + sizeof record, packet->pkt_len});
    return true;
}

void publish(PuntRings& rings, const Touched& touched) {
    bool sleeps = false;
    for (std::size_t priority = 0; priority < touched.size(); ++priority) {
        if (touched.test(priority) && rings.producers[priority].publish()) {
            sleeps = true;
        }
    }
    if (sleeps) {
        const std::uint64_t one = 1;
        // A wake-up that does not fit finds the control plane awake already.
        [[maybe_unused]] const auto written = write(rings.signal_fd, &one, sizeof one);
    }
}

}  // namespace

void punt(Graph& graph, Environment& env, Packets packets) {
    std::array<rte_mbuf*, kBurst> done;
    unsigned done_count = 0;
    Touched touched;
    for (rte_mbuf* packet : packets) {
        const PacketMeta& about = meta(packet);
        const PuntClass punt_class = punt_class_of(packet, about.punt_class);
        api::PuntCounters& counters = env.counters.punts[static_cast<std::size_t>(punt_class)];
        if (env.punt == nullptr) {
            counters.no_control_plane.add(1);
            graph.drop(packet, DropReason::PuntNoControlPlane);
        } else if (!env.policer.admits(punt_class, about.ingress, env.now_cycles)) {
            counters.policed.add(1);
            graph.drop(packet, DropReason::PuntPoliced);
        } else if (!write_record(env, packet, about, punt_class, touched)) {
            counters.ring_full.add(1);
            graph.drop(packet, DropReason::PuntRingFull);
        } else {
            counters.punted.add(1);
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
    publish(*env.punt, touched);
}

void copy_to_control_plane(Environment& env, rte_mbuf* packet, PuntClass came_as) {
    PacketMeta& about = meta(packet);
    about.punt_class = came_as;
    const PuntClass punt_class = punt_class_of(packet, came_as);
    api::PuntCounters& counters = env.counters.punts[static_cast<std::size_t>(punt_class)];
    Touched touched;
    if (env.punt == nullptr) {
        counters.no_control_plane.add(1);
    } else if (!env.policer.admits(punt_class, about.ingress, env.now_cycles)) {
        counters.policed.add(1);
    } else if (!write_record(env, packet, about, punt_class, touched)) {
        counters.ring_full.add(1);
    } else {
        counters.punted.add(1);
        publish(*env.punt, touched);
    }
}

}  // namespace godwit::dataplane
