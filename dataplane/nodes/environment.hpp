// What a node works with beside the packets: the tables, this worker's own state, and the outboxes
// that lead out of the graph. One a worker; the worker renews what may change (snapshot, time, punt
// ring) at the beginning of each loop.
#pragma once

#include <rte_random.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/graph/outbox.hpp"
#include "dataplane/graph/universal_time.hpp"
#include "dataplane/nodes/arp/arp_policer.hpp"
#include "dataplane/nodes/fragment/fragment_queue.hpp"
#include "dataplane/nodes/fragment/reassembler.hpp"
#include "dataplane/nodes/ip4/identification.hpp"
#include "dataplane/nodes/nat/nat_state.hpp"
#include "dataplane/nodes/punt/policer.hpp"
#include "dataplane/nodes/punt/punt_rings.hpp"
#include "dataplane/tables/fib.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/tables/next_hops.hpp"
#include "net/icmp_rate_limit.hpp"
#include "net/siphash.hpp"

struct rte_mempool;

namespace godwit::dataplane {

// For Environment: of this run of the program, and known to nobody outside.
inline net::SipKey random_key() {
    std::random_device device;
    const auto word = [&device] { return std::uint64_t{device()} << 32 | device(); };
    return {word(), word()};
}

struct Environment {
    Environment(unsigned worker_in, unsigned worker_count_in, const Fib& fib_in,
                const NextHops& next_hops_in, rte_mempool* pool_in, api::CounterBlock& counters_in,
                std::uint64_t cycles_per_second, const net::SipKey& random_key_in,
                nat::Seat* nat_seat = nullptr)
        : worker(worker_in),
          worker_count(worker_count_in),
          fib(fib_in),
          next_hops(next_hops_in),
          hits(next_hops_in.hit_counters(worker_in)),
          pool(pool_in),
          counters(counters_in),
          policer(cycles_per_second),
          arp_policer(cycles_per_second),
          icmp_limit(cycles_per_second, api::kMaxInterfaces, worker_count_in, random_key_in),
          identification(random_key_in, worker_in, identification_counters(worker_count_in)),
          reassembler(rte_rand(), cycles_per_second),
          nat(nat_seat, cycles_per_second, random_key_in),
          to_worker(worker_count_in),
          to_port(kMaxPorts) {}

    // Null for "none", and for an interface that is gone.
    [[nodiscard]] const InterfaceEntry* interface(net::InterfaceId id) const {
        return interfaces->find(id);
    }
    // The counters of an interface; nobody shows those of "none".
    [[nodiscard]] api::InterfaceCounters& counters_of(net::InterfaceId id) const {
        return counters.interfaces[std::min<std::size_t>(id.value(), api::kMaxInterfaces - 1)];
    }

    // Whole frames whose passage is set.
    void leave_by(std::uint16_t port, std::span<rte_mbuf* const> packets) {
        if (to_port[port].put(packets)) [[unlikely]] {
            ports_with_packets.set(port);
        }
    }
    void leave_by(std::uint16_t port, rte_mbuf* packet) {
        if (to_port[port].put(packet)) [[unlikely]] {
            ports_with_packets.set(port);
        }
    }

    const unsigned worker;
    const unsigned worker_count;
    const Fib& fib;
    const NextHops& next_hops;
    api::Counter* const hits;  // of packets that leave, by adjacency slot
    rte_mempool* const pool;
    api::CounterBlock& counters;
    PuntPolicer policer;
    ArpPolicer arp_policer;
    net::IcmpRateLimit icmp_limit;
    Identification identification;  // of IPv4 packets made here
    // The time of day, for stamps in packets.
    std::uint32_t (*universal_milliseconds)() = dataplane::universal_milliseconds;

    FragmentQueue fragments;
    Reassembler reassembler;
    struct ReassemblyLimits {  // of all workers, as the reassembler has its share of them
        std::uint32_t datagrams = 0;
        std::uint32_t datagrams_per_interface = 0;
    } reassembly_limits;

    NatState nat;

    // of this loop
    const InterfaceSnapshot* interfaces = nullptr;
    PuntRings* punt = nullptr;
    std::uint64_t now_cycles = 0;

    Outbox arp_to_owner;            // ARP messages to learn from
    Outbox to_owner;                // packets that wait for a neighbour
    std::vector<Outbox> to_worker;  // resume is set
    std::vector<Outbox> to_port;    // by DPDK port
    std::bitset<kMaxPorts> ports_with_packets;
};

}  // namespace godwit::dataplane
