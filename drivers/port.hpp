// Ports: EAL started from the model, devices opened, queues set up, link state and statistics.
//
// `Eal` and `Ports` are made once, on the main lcore, by dataplane/app (and by in-process tests). A
// port that does not start keeps its place with `failed` and a sentence why; the others run.
// Nothing here is called by a worker per packet: workers call rte_eth_rx_burst and rte_eth_tx_burst
// with the numbers they find in Port, through drivers/burst.hpp where a device can be taken away
// under them (memif).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "net/mac_address.hpp"
#include "net/result.hpp"

struct rte_mempool;

namespace godwit::drivers {

// What a start-up mistake says to a person: what is wrong, and what to do. Never an EAL log.
struct Problem {
    std::string id;  // stable: "core-missing", "hugepages-missing", "device-in-use", ...
    std::string what;
    std::string mend;
};

// What DPDK memory the model needs, from the model alone (pure): printed at start, refused early.
struct MemoryBudget {
    std::uint64_t packet_count = 0;        // buffers in the pool
    std::uint64_t reassembly_packets = 0;  // of them, at most so many wait as fragments
    std::uint64_t packet_bytes = 0;        // of one buffer, everything included
    std::uint64_t pool_bytes = 0;
    std::uint64_t ring_bytes = 0;
    std::uint64_t device_bytes = 0;  // descriptors and device areas
    std::uint64_t total_bytes = 0;
    std::uint64_t configured_bytes = 0;  // workers.memory
};
MemoryBudget memory_budget(const config::Model& model);
std::optional<Problem> check_memory(const MemoryBudget& budget);
std::string describe(const MemoryBudget& budget);  // one line for a person

struct EalOptions {
    bool in_process_test =
        false;  // no huge pages, no PCI, no shared files, any user; a private file prefix
};

// rte_eal_init once a process; its memory goes back with the process (see eal.cpp). Lcore 0 is the
// main lcore on workers.main-core, lcore 1 + i is worker i on its CPU (several lcores may share a
// CPU).
class Eal {
public:
    static net::Result<std::unique_ptr<Eal>, Problem> start(const config::Model& model,
                                                            const EalOptions& options);
    ~Eal();
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;

    [[nodiscard]] bool uses_hugepages() const { return uses_hugepages_; }
    [[nodiscard]] const std::string& hugepage_note() const {
        return hugepage_note_;
    }  // why not, for a person

private:
    struct State;
    Eal();
    std::unique_ptr<State> state_;
    bool uses_hugepages_ = false;
    std::string hugepage_note_;
};

// How many workers the model asks for: workers.cores, or one on the main core.
unsigned worker_count(const config::Model& model);

struct Port {
    std::string interface_name;
    std::string device;         // "net_tap0", "0000:8a:00.0"
    std::uint16_t port_id = 0;  // DPDK's; meaningless when failed
    bool failed = false;
    std::optional<Problem> problem;
    net::MacAddress mac;
    std::uint16_t mtu = 0;
    std::uint16_t max_mtu = 0;  // the device's own limit
    std::uint16_t rx_queues = 0;
    std::uint16_t tx_queues = 0;
    bool device_rss = false;  // the device spreads flows over its queues and delivers a hash
    bool may_vanish = false;  // memory can be unmapped under the poller (memif): use guarded bursts
    bool tx_ip_checksum = false;  // the device completes IPv4 header checksums
    bool partial_checksums =
        false;  // delivers packets of this machine's kernel with unfinished TCP/UDP checksums
};

struct PortStatistics {
    std::uint64_t rx_missed = 0;
    std::uint64_t rx_no_buffer = 0;
    std::uint64_t rx_errors = 0;
    std::uint64_t tx_errors = 0;
};

struct LinkState {
    bool up = false;
    std::uint32_t speed_mbps = 0;
    friend bool operator==(const LinkState&, const LinkState&) = default;
};

class Ports {
public:
    // Opens every port of the model with `workers` transmit queues where the device can, and one
    // packet pool whose buffers have `private_bytes` of room for the graph's own data.
    static net::Result<std::unique_ptr<Ports>, Problem> open(const config::Model& model,
                                                             unsigned workers,
                                                             std::uint16_t private_bytes);
    ~Ports();
    Ports(const Ports&) = delete;
    Ports& operator=(const Ports&) = delete;

    [[nodiscard]] const std::vector<Port>& all() const { return ports_; }
    [[nodiscard]] const Port* find(const std::string& interface_name) const;
    [[nodiscard]] rte_mempool* pool() const { return pool_; }

    // Live changes; each says what the device could not do.
    std::optional<Problem> set_mtu(const std::string& interface_name, std::uint16_t mtu);
    std::optional<Problem> set_mac(const std::string& interface_name, const net::MacAddress& mac);
    std::optional<Problem> set_promiscuous(const std::string& interface_name, bool on);
    std::optional<Problem> set_enabled(const std::string& interface_name, bool up);

    // Polled by the owner every 100 ms or so: this is also what brings a port that vanished under a
    // worker (memif) back when its peer returns.
    [[nodiscard]] LinkState link(const Port& port) const;
    [[nodiscard]] PortStatistics statistics(const Port& port) const;

    // Stops and closes the devices, which gives back the packets they hold; the pool stays, so that
    // packets_in_use() tells what leaked. No worker may poll any more.
    void close();
    [[nodiscard]] unsigned packets_in_use() const;

private:
    struct State;
    Ports();
    std::vector<Port> ports_;
    rte_mempool* pool_ = nullptr;
    std::unique_ptr<State> state_;
};

}  // namespace godwit::drivers
