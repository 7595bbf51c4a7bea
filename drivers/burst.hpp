// Receive and send on a port whose memory another process can take away (Port::may_vanish: memif).
//
// net_memif polls memory that it shares with its peer. When the peer dies, the driver's interrupt
// thread unmaps that memory at once, under a worker that may be in the middle of a burst: SIGSEGV;
// and a hostile peer can shrink the file below it: SIGBUS. So these bursts run inside a guard of
// their thread: the fault jumps out of the driver, the port stops being polled, and Ports::link()
// brings it back. A fault outside of an armed guard ends the program as it would without us.
//
// Nothing of the pool is lost at a fault:
//  - receive: what the driver had completed is returned, and the buffers of the packet that it was
//    filling go back to the pool.
//  - transmit: what the driver had copied and freed counts as sent, the rest stays the caller's.
// Both are read from this lcore's mempool cache after the fact (drivers/burst.cpp), so a burst
// without a fault pays nothing for it. That asks of the packets sent: they are of the port's pool,
// and nobody else holds a reference to them.
#pragma once

#include <cstdint>

struct rte_mbuf;
struct rte_mempool;

namespace godwit::drivers {

// As rte_eth_rx_burst and rte_eth_tx_burst; 0 while the port is paused, and for a thread that is no
// lcore: it has no mempool cache.
std::uint16_t guarded_rx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                               std::uint16_t count);
std::uint16_t guarded_tx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                               std::uint16_t count);

struct BurstFaults {
    std::uint64_t rx = 0;  // bursts that ended in a fault
    std::uint64_t tx = 0;
    std::uint64_t buffers_recovered = 0;
    std::uint64_t buffers_lost = 0;  // bursts whose buffers could not be told apart: some may be
};
BurstFaults burst_faults(std::uint16_t port);

// For Ports, on the main lcore. A paused port is not polled; a fault pauses by itself.
void guard_port(std::uint16_t port, rte_mempool* pool);
bool is_paused(std::uint16_t port);
bool pause_port(std::uint16_t port);  // false: a worker did not leave its burst in time
void resume_port(std::uint16_t port);

// The fault handlers, once a process; the ones before them get every fault that is not ours.
void install_burst_guard();

}  // namespace godwit::drivers
