#include "drivers/ring_port.hpp"

#include <fmt/format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <utility>

namespace godwit::drivers {
namespace {

Problem ring_problem(const std::string& device, const char* step) {
    return {"ring-failed",
            fmt::format("ring port {}: {} failed: {}", device, step, rte_strerror(rte_errno)),
            "raise workers.memory, or choose a shorter device name that is not in use"};
}

}  // namespace

net::Result<std::uint16_t, Problem> make_port_of_rings(const std::string& device,
                                                       std::span<rte_ring* const> receive,
                                                       std::span<rte_ring* const> send) {
    // The driver only reads these arrays.
    std::vector<rte_ring*> rx(receive.begin(), receive.end());
    std::vector<rte_ring*> tx(send.begin(), send.end());
    const int port =
        rte_eth_from_rings(device.c_str(), rx.data(), static_cast<unsigned>(rx.size()), tx.data(),
                           static_cast<unsigned>(tx.size()), static_cast<unsigned>(SOCKET_ID_ANY));
    if (port < 0) {
        return net::unexpected(ring_problem(device, "making the port"));
    }
    return static_cast<std::uint16_t>(port);
}

net::Result<std::vector<rte_ring*>, Problem> make_rings(const std::string& device, unsigned count,
                                                        unsigned slots) {
    std::vector<rte_ring*> rings;
    for (unsigned i = 0; i < count; ++i) {
        const std::string name = fmt::format("{}_{}", device, i);
        // An exact size holds `slots` packets; a plain ring would hold one less.
        rte_ring* ring = rte_ring_create(name.c_str(), slots, SOCKET_ID_ANY,
                                         RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
        if (ring == nullptr) {
            free_rings(rings);
            return net::unexpected(ring_problem(device, "making its rings"));
        }
        rings.push_back(ring);
    }
    return rings;
}

void free_rings(std::span<rte_ring* const> rings) {
    for (rte_ring* ring : rings) {
        void* packet = nullptr;
        while (rte_ring_dequeue(ring, &packet) == 0) {
            rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
        }
        rte_ring_free(ring);
    }
}

net::Result<RingPort, Problem> RingPort::open(const std::string& device, std::uint16_t rx_queues,
                                              std::uint16_t tx_queues, rte_mempool* pool,
                                              unsigned slots) {
    RingPort port;
    auto to_port = make_rings(device + "_in", rx_queues, slots);
    if (!to_port) {
        return net::unexpected(to_port.error());
    }
    port.to_port_ = std::move(*to_port);
    auto from_port = make_rings(device + "_out", tx_queues, slots);
    if (!from_port) {
        return net::unexpected(from_port.error());
    }
    port.from_port_ = std::move(*from_port);
    auto number = make_port_of_rings(device, port.to_port_, port.from_port_);
    if (!number) {
        return net::unexpected(number.error());
    }
    port.port_id_ = *number;
    port.open_ = true;

    const rte_eth_conf plain{};
    int failed = rte_eth_dev_configure(port.port_id_, rx_queues, tx_queues, &plain);
    for (std::uint16_t queue = 0; failed == 0 && queue < rx_queues; ++queue) {
        failed = rte_eth_rx_queue_setup(port.port_id_, queue, 0, 0, nullptr, pool);
    }
    for (std::uint16_t queue = 0; failed == 0 && queue < tx_queues; ++queue) {
        failed = rte_eth_tx_queue_setup(port.port_id_, queue, 0, 0, nullptr);
    }
    if (failed != 0 || rte_eth_dev_start(port.port_id_) != 0) {
        return net::unexpected(ring_problem(device, "starting"));
    }
    return port;
}

RingPort::RingPort(RingPort&& other) noexcept
    : port_id_(other.port_id_),
      open_(std::exchange(other.open_, false)),
      to_port_(std::exchange(other.to_port_, {})),
      from_port_(std::exchange(other.from_port_, {})) {}

RingPort::~RingPort() {
    if (open_) {
        rte_eth_dev_info info{};
        rte_eth_dev_info_get(port_id_, &info);
        rte_device* const device = info.device;
        rte_eth_dev_stop(port_id_);
        rte_eth_dev_close(port_id_);
        if (device != nullptr) {
            rte_dev_remove(device);  // or its name stays taken
        }
    }
    free_rings(to_port_);
    free_rings(from_port_);
}

}  // namespace godwit::drivers
