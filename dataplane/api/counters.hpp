// The counters region: written by the dataplane, mapped read-only by the control plane.
//
// One block a worker and one for the table owner (index `worker_count`). A block has one writer,
// which stores with relaxed atomics; a reader may see packets before bytes, never a torn number.
// Counters only grow while the dataplane lives; a new session maps the same region.
//
// The ledger. For every block, summed over its interfaces where a field is by interface:
//
//     received + handed_in + originated + injected = sent + punted + dropped + handed_out + in
//     flight
//
// `received` counts what the device delivered; `handed_in` and `handed_out` what workers and the
// table owner gave each other; `originated` packets that this program made (ARP requests, ICMP
// errors); `injected` packets from the control plane. "In flight" is what rings and hold queues
// contain now; it is zero in a router at rest. For every interface, summed over all blocks:
//
//     rx_packets = in_sent + in_punted + in_dropped + in flight
//
// A packet that is turned into its answer in place (an echo reply, the answer to an ARP probe) was
// received and is sent: `in_sent` of its ingress. ARP messages that teach end at the table owner,
// which counts them as punted (`in_punted` of their ingress); the answer to one is originated. What
// was originated or injected has no ingress, and is in no interface's `in_` counters.
//
// The first fragment of a packet is that packet, the others are originated. Of fragments that are
// put together the first goes on as the whole datagram, and the others are punted: the router took
// them. Until then they are in flight, for a minute at most.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/drop_reason.hpp"
#include "dataplane/api/icmp_silence.hpp"
#include "dataplane/api/node_id.hpp"
#include "dataplane/api/punt_class.hpp"

namespace godwit::api {

constexpr std::size_t kMaxWorkers = 64;
constexpr std::size_t kMaxInterfaces = 256;  // interface ids are below this

// One writer; adds without a locked instruction.
class Counter {
public:
    void add(std::uint64_t amount) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};
static_assert(sizeof(Counter) == 8 && std::atomic<std::uint64_t>::is_always_lock_free);

struct alignas(64) InterfaceCounters {
    Counter rx_packets;
    Counter rx_bytes;  // Ethernet header included, frame check sequence not
    Counter in_sent;   // received here, and sent somewhere (as it was, or turned into its answer)
    Counter in_punted;
    Counter in_dropped;
    Counter tx_packets;  // taken by the device
    Counter tx_bytes;
    Counter tx_dropped;  // meant for this interface and dropped at it
};
static_assert(sizeof(InterfaceCounters) == 64);

// Received bursts are counted by size: of 1 packet, 2-3, 4-7, 8-15, 16-31, 32-63, 64-127, and 128
// or more. An empty poll is no burst.
constexpr std::size_t kBurstBuckets = 8;
constexpr std::size_t burst_bucket(unsigned packets) {
    const auto power = static_cast<std::size_t>(std::bit_width(packets | 1U)) - 1;
    return power < kBurstBuckets ? power : kBurstBuckets - 1;
}
static_assert(burst_bucket(1) == 0 && burst_bucket(2) == 1 && burst_bucket(3) == 1);
static_assert(burst_bucket(64) == 6 && burst_bucket(128) == 7 && burst_bucket(65535) == 7);

struct NodeCounters {
    Counter calls;
    Counter packets;
    Counter cycles;
};

// What became of the packets of one punt class; the last three are drops of three reasons, here by
// class.
struct PuntCounters {
    Counter punted;
    Counter policed;           // PuntPoliced
    Counter ring_full;         // PuntRingFull
    Counter no_control_plane;  // PuntNoControlPlane
};

struct alignas(64) CounterBlock {
    // the ledger
    Counter received;
    Counter handed_in;
    Counter originated;
    Counter injected;
    Counter sent;
    Counter punted;
    Counter dropped;
    Counter handed_out;
    // the loop
    Counter loops;
    Counter busy_cycles;  // in loops that had packets
    Counter idle_cycles;  // in loops that had none, sleep included
    Counter sleeps;
    Counter wakeups;           // sleeps that a device or another thread ended, and not time
    Counter icmp_errors;       // ICMP errors sent; why others were not: icmp_silences
    Counter checksums_mended;  // partial transport checksums from virtual devices, completed
    Counter reserved;
    std::array<Counter, kBurstBuckets> burst_sizes;  // bursts that devices gave, by burst_bucket()
    // fragments
    Counter datagrams_reassembled;
    Counter datagrams_fragmented;
    Counter fragments_made;    // of those; all but one of each are originated
    Counter fragments_merged;  // ended as a part of a reassembled datagram; punted, in the ledger
    std::array<Counter, 4> reserved_fragments;

    std::array<Counter, kDropReasonCount> drops;
    std::array<Counter, kIcmpSilenceCount> icmp_silences;
    std::array<NodeCounters, kNodeCount> nodes;
    std::array<PuntCounters, kPuntClassCount> punts;
    std::array<InterfaceCounters, kMaxInterfaces> interfaces;
};

struct alignas(64) CountersRegion {
    std::uint64_t boot_id = 0;  // random, of this run of the dataplane
    std::uint64_t tsc_hz = 0;
    std::uint32_t worker_count =
        0;  // blocks[0 .. worker_count-1] are workers, blocks[worker_count] the table owner
    std::uint32_t reserved = 0;
    std::array<CounterBlock, kMaxWorkers + 1> blocks;
};

}  // namespace godwit::api
