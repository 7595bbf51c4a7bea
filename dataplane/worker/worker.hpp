// One worker: receive, walk the graph, send, report quiescent. One thread, one lcore; it waits for
// nobody.
//
// A queue is polled only while the untagged interface of its port is up in the snapshot, and a
// frame is sent only on an interface that is up: before a port is stopped, publish a snapshot that
// says so and let the Reclaimer pass (every worker has then left the port). Of the ledger, a worker
// counts everything but what the owner does: packets that it gives to the owner or to another
// worker are handed_out here, packets that come over the Links are handed_in here.
//
// Adaptive idle: a worker that found nothing for kSpinMicroseconds sleeps until a packet comes for
// it: on a device that can wake it (drivers/rx_wait.hpp), or over the Links. Where a queue of its
// own cannot wake it, it sleeps by time besides: a little longer each time, at most
// kLongestSleepMicroseconds; a packet of that queue waits for half of that sleep. Everything is
// armed before the last look at all queues and the ring, and no packet is kept over a sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/counters.hpp"
#include "dataplane/nat/nat_table.hpp"
#include "dataplane/nodes/punt/punt_rings.hpp"
#include "dataplane/tables/fib.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/tables/next_hops.hpp"
#include "dataplane/worker/links.hpp"
#include "net/siphash.hpp"

struct rte_mempool;

namespace godwit::dataplane {

// What all workers share; owned by dataplane/app (or a test), outlives them.
struct Shared {
    Reclaimer& reclaimer;
    Fib& fib;
    NextHops& next_hops;
    InterfaceTable& interfaces;
    Links& links;
    rte_mempool* pool;
    nat::NatTable* nat = nullptr;  // null: this dataplane never translates
    // The time that the policers go by, in cycles of rte_get_tsc_hz(); null: the CPU's counter.
    std::uint64_t (*cycles)() = nullptr;
    // The time of day that packets are stamped with; null: the system's clock.
    std::uint32_t (*universal_milliseconds)() = nullptr;
    // What workers draw by chance is drawn from; without it, from a key that nobody knows.
    std::optional<net::SipKey> random_key = {};
};

struct RxQueue {
    std::uint16_t port = 0;
    std::uint16_t queue = 0;
};

class Worker {
public:
    Worker(unsigned number, const Shared& shared, api::CounterBlock& counters,
           std::vector<RxQueue> queues, config::IdleMode idle);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    static constexpr unsigned kSpinMicroseconds = 50;
    static constexpr unsigned kFirstSleepMicroseconds = 10;
    static constexpr unsigned kLongestSleepMicroseconds = 1000;
    static constexpr unsigned kLongestWakableSleepMicroseconds = 10'000;

    void run(const std::atomic<bool>& stop);  // until `stop`; registers with the Reclaimer itself
    unsigned run_once();  // one loop; how many packets it handled. For tests, and used by run()

    void set_punt(PuntRings* ring);  // owner; null: no control plane
    [[nodiscard]] unsigned number() const;
    [[nodiscard]] const std::vector<RxQueue>& queues() const;
    // Any thread may read these.
    [[nodiscard]] const api::CounterBlock& counters() const;
    [[nodiscard]] std::uint32_t fragments_held() const;      // packet buffers
    [[nodiscard]] std::uint32_t max_fragments_held() const;  // 0 until the first fragment came

private:
    unsigned loop_once();

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace godwit::dataplane
