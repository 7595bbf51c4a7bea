// A router in this process for the bench: the real tables and workers on ports made of rings, which
// cost next to nothing and whose other ends are the bench's.
//
// Worker n receives on its own port west<n> and sends through transmit queue n of the port east,
// where all neighbours are: next hop h of a RouteOfTable is the neighbour 198.18.0.1 + h, whose MAC
// address says h, so that each sent frame tells which route it followed. There is no control plane
// and no table owner: nothing in these runs needs them, and a packet that would is a loss that the
// cases report.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/worker/worker.hpp"
#include "drivers/ring_port.hpp"
#include "net/result.hpp"
#include "tests/bench/harness/bench.hpp"
#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/traffic/frames.hpp"
#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench {

struct RouterPlan {
    unsigned workers = 1;
    std::uint32_t next_hops = 100;
    std::size_t spare_routes = 0;  // room for routes that are added later
    config::IdleMode idle = config::IdleMode::Poll;
    // In place before the workers' first packet. West ports are interfaces 2 and up, east is 1.
    std::optional<dataplane::nat::NatTable::Wanted> nat = {};
};

class Router {
public:
    static net::Result<std::unique_ptr<Router>, Problem> build(
        Dpdk& dpdk, const RouterPlan& plan, std::span<const RouteOfTable> routes);
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    [[nodiscard]] dataplane::Worker& worker(unsigned number) { return *workers_[number]; }
    [[nodiscard]] dataplane::Reclaimer& reclaimer() { return reclaimer_; }
    [[nodiscard]] dataplane::nat::NatTable& nat() { return nat_; }
    [[nodiscard]] dataplane::Fib& fib() { return fib_; }
    [[nodiscard]] const api::CounterBlock& counters(unsigned worker) const {
        return counters_->blocks[worker];
    }
    [[nodiscard]] drivers::RingPort& west(unsigned worker) { return west_[worker]; }
    [[nodiscard]] drivers::RingPort& east() { return east_.front(); }

    // The value in the FIB of next hop h of a RouteOfTable.
    [[nodiscard]] std::uint32_t fib_value(std::uint32_t next_hop) const {
        return fib_values_[next_hop];
    }
    bool set_route(const net::Ipv4Prefix& prefix, std::uint32_t next_hop);
    bool remove_route(const net::Ipv4Prefix& prefix) { return fib_.remove(prefix); }

    // What frames for worker n must be addressed from and to; destinations and sizes are empty.
    [[nodiscard]] FrameSequence addressing(unsigned worker) const;
    // The next hop whose neighbour a sent frame is addressed to; 0: none of ours.
    static std::uint32_t next_hop_of(const rte_mbuf* sent);

private:
    Router(const RouterPlan& plan, std::size_t max_routes, rte_mempool* pool);
    std::optional<Problem> open_ports(Dpdk& dpdk);
    void publish_interfaces();
    std::optional<Problem> write_next_hops();
    std::optional<Problem> write_routes(std::span<const RouteOfTable> routes);
    void make_workers();
    std::optional<Problem> install_nat();

    RouterPlan plan_;
    rte_mempool* pool_;
    std::unique_ptr<api::CountersRegion> counters_;
    std::vector<drivers::RingPort> west_;
    std::vector<drivers::RingPort> east_;  // one
    dataplane::Reclaimer reclaimer_;
    dataplane::Fib fib_;
    dataplane::NextHops next_hops_;
    dataplane::InterfaceTable interfaces_;
    dataplane::Links links_;
    dataplane::nat::NatTable nat_;
    std::vector<std::uint32_t> fib_values_;
    std::vector<std::unique_ptr<dataplane::Worker>> workers_;
};

}  // namespace godwit::bench
