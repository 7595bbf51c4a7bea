// One worker: receive, walk the graph, send, report quiescent. One thread, one lcore; it waits for
// nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/model/model.hpp"
#include "dataplane/api/counters.hpp"
#include "dataplane/api/ring.hpp"
#include "dataplane/tables/fib.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "dataplane/tables/next_hops.hpp"
#include "dataplane/worker/links.hpp"

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
};

// The punt ring of one worker for one session of the control plane. The owner publishes a new one
// (or null) with Worker::set_punt and lets the old one go through the Reclaimer.
struct PuntRing {
    api::RingProducer producer;
    int signal_fd = -1;  // eventfd of the control plane
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

    void run(const std::atomic<bool>& stop);  // until `stop`; registers with the Reclaimer itself
    unsigned run_once();  // one loop; how many packets it handled. For tests, and used by run()

    void set_punt(PuntRing* ring);  // owner; null: no control plane
    [[nodiscard]] unsigned number() const;
    [[nodiscard]] const std::vector<RxQueue>& queues() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace godwit::dataplane
