// A dataplane in one process, without a kernel, a privilege or a second thread: the real tables,
// the real workers stepped by run_once(), ports made of rings. What the table owner does with
// packets is played here as simply as it can be, so that what a test sees is the workers'.
//
// A testbed is built from a Topology, fed with frames, run until nothing moves, and then compared:
// frames out by port, drops by reason, packets punted, packets given to the owner. `faults()` says
// what must hold after every run: both ledgers of api/counters.hpp, and that no buffer is lost.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/ring.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/worker/worker.hpp"
#include "drivers/ring_port.hpp"
#include "tests/packet/frame_text.hpp"

namespace godwit::packet_test {

struct TestInterface {
    std::string name;
    std::string parent;  // of a VLAN
    std::uint16_t vlan = 0;
    net::MacAddress mac;
    std::uint16_t mtu = 1500;
    bool up = true;
    bool promiscuous = false;
    bool software_rss = false;
    bool partial_checksums = false;
    bool redirects = true;
    std::uint16_t tx_queues = 1;
    std::vector<net::Ipv4InterfaceAddress> addresses;
    dataplane::SourceValidation source_validation = dataplane::SourceValidation::Off;
    bool source_route = false;
    bool directed_broadcast = false;
    std::vector<net::Ipv4InterfaceAddress> tentative = {};  // with their routes, as the others
    bool proxy_arp = false;
    std::map<net::MacAddress, net::Ipv4Address> rarp = {};
};

struct TestNeighbor {
    net::Ipv4Address address;
    std::string interface;
    net::MacAddress mac;
    std::uint16_t mtu = 0;  // of the way to it; 0: its interface's
};

struct TestRoute {
    net::Ipv4Prefix prefix;
    std::vector<net::Ipv4Address> via;  // several: equal cost; none: blackhole
};

// What the played table owner does with a packet that waits for a neighbour.
enum class OwnerAnswer : std::uint8_t { Drop, HostUnreachable };

// Rules name interfaces by their place in Topology::interfaces, counted from 1, as the testbed
// numbers them.
struct TestNat {
    dataplane::nat::Settings settings;
    dataplane::nat::RuleSet rules;
};

struct Topology {
    unsigned workers = 1;
    std::vector<TestInterface> interfaces;  // a parent stands before its VLANs
    std::vector<TestNeighbor> neighbors;
    std::vector<TestRoute> routes;
    bool control_plane = true;
    config::IdleMode idle = config::IdleMode::Poll;
    bool standing_time = true;          // policers let their burst through and nothing more
    bool control_plane_stalls = false;  // takes nothing out of its rings until run() is over
    OwnerAnswer owner_answer = OwnerAnswer::Drop;
    bool icmp_interface_information = false;
    std::uint32_t icmp_errors_per_second = 1000;
    std::optional<TestNat> nat = {};
};

class Testbed {
public:
    // What chance is drawn from in it, the same in each run.
    static constexpr net::SipKey kRandomKey{0x676f64776974ULL, 1812};

    Testbed(const Topology& topology, rte_mempool* pool);
    ~Testbed();
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    // Into receive queue 0 of a port; false: no buffer or no room.
    bool receive(const std::string& port, const Frame& frame);
    // The same as a chain of buffers of `segment_bytes` each, as a device that scatters delivers
    // it.
    bool receive_chained(const std::string& port, const Frame& frame, std::size_t segment_bytes);
    // For all testbeds of the process.
    void pass(std::chrono::seconds time);
    // Steps all workers and the owner until none has anything to do.
    void run();
    // What was sent since the last call, in order; queue by queue.
    std::vector<Frame> sent(const std::string& port);
    void discard_sent();

    // As the table owner would: one packet over the Links, made by it, counted as injected.
    bool give_worker(unsigned worker, rte_mbuf* packet);

    [[nodiscard]] dataplane::Worker& worker(unsigned number) { return *workers_[number]; }
    [[nodiscard]] dataplane::Reclaimer& reclaimer() { return reclaimer_; }
    [[nodiscard]] dataplane::nat::NatTable& nat() { return nat_; }
    // Other rules or settings, or none; in place when the next run() is over.
    void want_nat(const std::optional<TestNat>& nat);
    [[nodiscard]] dataplane::NextHops& next_hops() { return next_hops_; }
    [[nodiscard]] std::uint32_t next_hop_of(net::Ipv4Address address) const {
        return fib_.lookup(address.value());
    }
    [[nodiscard]] std::uint64_t dropped_for(api::DropReason reason) const;
    [[nodiscard]] const api::CounterBlock& counters(unsigned block) const {
        return counters_->blocks[block];
    }
    // Sums over all blocks.
    [[nodiscard]] std::map<std::string, std::uint64_t> drops() const;
    [[nodiscard]] std::map<std::string, std::uint64_t> icmp_silences() const;
    [[nodiscard]] std::uint64_t total(api::Counter api::CounterBlock::*field) const;
    [[nodiscard]] const std::map<std::string, unsigned>& punted() const { return punted_; }
    // Of the punted packets that have options, those.
    [[nodiscard]] const std::vector<Frame>& punted_options() const { return punted_options_; }
    [[nodiscard]] const std::map<std::string, unsigned>& given_to_owner() const {
        return given_to_owner_;
    }
    // Sentences about ledgers that do not balance; empty when all is well.
    [[nodiscard]] std::vector<std::string> faults() const;

private:
    struct PortOfTest {
        std::string name;
        drivers::RingPort rings;
        std::uint16_t tx_queues;
    };

    void open_ports(const Topology& topology);
    void publish_interfaces(const Topology& topology);
    void write_routes(const Topology& topology);
    std::uint32_t neighbor_index(net::Ipv4Address address);
    void start_workers(const Topology& topology);
    unsigned step_owner();
    void finish_at_owner(rte_mbuf* packet);
    unsigned drain_punt_rings();
    unsigned drain_punt_ring(api::RingConsumer& ring, api::PuntPriority priority);
    void keep_options(std::span<const std::byte> packet);
    const PortOfTest& port_named(const std::string& name) const;
    std::vector<std::string> ledger_faults(unsigned block) const;

    rte_mempool* pool_;
    unsigned workers_count_;
    OwnerAnswer owner_answer_;
    bool control_plane_stalls_;
    std::unique_ptr<api::CountersRegion> counters_;
    std::vector<PortOfTest> ports_;
    dataplane::Reclaimer reclaimer_;
    dataplane::Fib fib_;
    dataplane::NextHops next_hops_;
    dataplane::InterfaceTable interfaces_;
    dataplane::Links links_;
    dataplane::nat::NatTable nat_;
    std::map<net::Ipv4Address, std::uint32_t> neighbors_;
    std::vector<std::unique_ptr<dataplane::Worker>> workers_;
    struct PuntMemory;
    std::vector<std::unique_ptr<PuntMemory>> punt_;
    std::map<std::string, unsigned> punted_;
    std::vector<Frame> punted_options_;
    std::map<std::string, unsigned> given_to_owner_;
};

// EAL without huge pages, files or devices, and one packet pool.
class TestEal {
public:
    TestEal();
    ~TestEal();
    [[nodiscard]] rte_mempool* pool() const { return pool_; }
    [[nodiscard]] unsigned packets_in_use() const;

private:
    std::unique_ptr<drivers::Eal> eal_;
    rte_mempool* pool_ = nullptr;
};

}  // namespace godwit::packet_test
