// Ports made of rte_rings (net_ring): two interfaces cross-connected in one process, and ports that
// a test or bench feeds and drains itself. Any MTU, no privilege, no copy.
//
// The rings are single-producer, single-consumer: one thread a queue on either side.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "drivers/port.hpp"
#include "net/result.hpp"

struct rte_ring;

namespace godwit::drivers {

// Ring `i` of `receive` is what the port's receive queue i takes from, ring `i` of `send` what its
// transmit queue i puts into. The rings must outlive the port. Answers the DPDK port number.
net::Result<std::uint16_t, Problem> make_port_of_rings(const std::string& device,
                                                       std::span<rte_ring* const> receive,
                                                       std::span<rte_ring* const> send);

// Rings of `slots` packets (a power of two), named after `device`.
net::Result<std::vector<rte_ring*>, Problem> make_rings(const std::string& device, unsigned count,
                                                        unsigned slots);
// Frees the rings and the packets in them.
void free_rings(std::span<rte_ring* const> rings);

// A started port whose other end is the caller's: enqueue mbufs into to_port[queue], dequeue what
// was sent from from_port[queue]. Everything is closed and freed by the destructor.
class RingPort {
public:
    static net::Result<RingPort, Problem> open(const std::string& device, std::uint16_t rx_queues,
                                               std::uint16_t tx_queues, rte_mempool* pool,
                                               unsigned slots = 1024);
    ~RingPort();
    RingPort(RingPort&& other) noexcept;
    RingPort& operator=(RingPort&&) = delete;
    RingPort(const RingPort&) = delete;
    RingPort& operator=(const RingPort&) = delete;

    [[nodiscard]] std::uint16_t port_id() const { return port_id_; }
    [[nodiscard]] rte_ring* to_port(std::uint16_t queue) const { return to_port_[queue]; }
    [[nodiscard]] rte_ring* from_port(std::uint16_t queue) const { return from_port_[queue]; }

private:
    RingPort() = default;
    std::uint16_t port_id_ = 0;
    bool open_ = false;
    std::vector<rte_ring*> to_port_;
    std::vector<rte_ring*> from_port_;
};

}  // namespace godwit::drivers
