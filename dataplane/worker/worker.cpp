#include "dataplane/worker/worker.hpp"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "dataplane/graph/graph.hpp"
#include "dataplane/nodes/environment.hpp"
#include "dataplane/nodes/nodes.hpp"
#include "dataplane/nodes/straight/straight_path.hpp"
#include "dataplane/worker/transmit.hpp"
#include "drivers/burst.hpp"
#include "drivers/rx_wait.hpp"

namespace godwit::dataplane {

struct Worker::State {
    State(unsigned number_in, const Shared& shared_in, api::CounterBlock& counters_in,
          std::vector<RxQueue> queues_in, config::IdleMode idle_in)
        : number(number_in),
          shared(shared_in),
          counters(counters_in),
          queues(std::move(queues_in)),
          idle(idle_in),
          graph(counters_in),
          env(number_in, shared_in.links.workers(), shared_in.fib, shared_in.next_hops,
              shared_in.pool, counters_in, rte_get_tsc_hz(),
              shared_in.random_key.value_or(random_key()),
              shared_in.nat != nullptr ? &shared_in.nat->seat(number_in) : nullptr),
          transmit(graph, env, shared_in.links) {
        if (shared_in.universal_milliseconds != nullptr) {
            env.universal_milliseconds = shared_in.universal_milliseconds;
        }
    }

    void begin_loop(std::uint64_t now) {
        env.now_cycles = shared.cycles != nullptr ? shared.cycles() : now;
        env.interfaces = &shared.interfaces.current();
        env.punt = punt.load(std::memory_order_acquire);
        env.nat.begin(env.now_cycles);
    }

    unsigned receive(const RxQueue& queue) {
        const auto& port = env.interfaces->ports[queue.port % kMaxPorts];
        const InterfaceEntry* entry = env.interfaces->find(port.untagged);
        if (entry == nullptr || !entry->up) {
            return 0;
        }
        std::array<rte_mbuf*, kDeviceBurst> packets;
        const std::uint16_t count =
            port.may_vanish
                ? drivers::guarded_rx_burst(queue.port, queue.queue, packets.data(), kDeviceBurst)
                : rte_eth_rx_burst(queue.port, queue.queue, packets.data(), kDeviceBurst);
        if (count == 0) {
            return 0;
        }
        counters.received.add(count);
        counters.burst_sizes[api::burst_bucket(count)].add(1);
        for (unsigned first = 0; first < count; first += kBurst) {
            const std::span burst(&packets[first], std::min(count - first, kBurst));
            if (port.straight) {
                straight_path(graph, env, queue.port, burst);
            } else {
                begin_at_ethernet(queue.port, burst);
            }
            walk(graph, env);
            transmit.flush_bursts();
        }
        return count;
    }

    void begin_at_ethernet(std::uint16_t port, std::span<rte_mbuf* const> packets) {
        for (rte_mbuf* packet : packets) {
            packet->port = port;  // net_ring leaves that of the packet's last life
            reset_meta(packet);
            meta(packet).arrival_tsc = env.now_cycles;
            graph.next(api::NodeId::EthernetInput, packet);
        }
    }

    unsigned expire_fragments() {
        const unsigned expired = expire_datagrams(graph, env);
        if (expired > 0) [[unlikely]] {
            walk(graph, env);
            transmit.flush_bursts();
        }
        return expired;
    }

    unsigned keep_up_nat() {
        const unsigned done = nat_upkeep(graph, env);
        if (done > 0) [[unlikely]] {
            walk(graph, env);
            transmit.flush_bursts();
        }
        return done;
    }

    // As many a loop as may come from a device, or they would pile up.
    unsigned take_handed() {
        std::array<rte_mbuf*, kDeviceBurst> packets;
        const unsigned count = shared.links.take_handed(number, packets);
        counters.handed_in.add(count);
        for (unsigned first = 0; first < count; first += kBurst) {
            for (rte_mbuf* packet : std::span(&packets[first], std::min(count - first, kBurst))) {
                graph.next(meta(packet).resume, packet);
            }
            walk(graph, env);
            transmit.flush_bursts();
        }
        return count;
    }

    // The worker is offline meanwhile: nobody waits for it.
    void sleep(drivers::RxWait& wait, unsigned microseconds) {
        shared.reclaimer.offline(number);
        const auto woke = wait.wait(std::chrono::microseconds(microseconds));
        shared.reclaimer.online(number);
        counters.sleeps.add(1);
        if (woke == drivers::RxWait::Woke::Packet) {
            counters.wakeups.add(1);
        }
        spend(counters.idle_cycles);
    }

    // Counts the cycles since the last call. A loop begins where the last one ended, so none is
    // lost between them, and the counter is read once a loop.
    void spend(api::Counter& counter) {
        const std::uint64_t now = rte_rdtsc();
        counter.add(now - last_cycles);
        last_cycles = now;
    }

    unsigned number;
    Shared shared;
    api::CounterBlock& counters;
    std::vector<RxQueue> queues;
    config::IdleMode idle;
    Graph graph;
    Environment env;
    Transmit transmit;
    std::atomic<PuntRings*> punt{nullptr};
    std::uint64_t last_cycles = rte_rdtsc();  // of the last spend()
};

Worker::Worker(unsigned number, const Shared& shared, api::CounterBlock& counters,
               std::vector<RxQueue> queues, config::IdleMode idle)
    : state_(std::make_unique<State>(number, shared, counters, std::move(queues), idle)) {}

Worker::~Worker() = default;

unsigned Worker::run_once() {
    State& state = *state_;
    state.begin_loop(state.last_cycles);
    unsigned handled = state.expire_fragments();
    handled += state.keep_up_nat();
    handled += state.take_handed();
    for (const RxQueue& queue : state.queues) {
        handled += state.receive(queue);
    }
    if (handled > 0) {
        state.transmit.flush();
    }
    state.counters.loops.add(1);
    state.spend(handled > 0 ? state.counters.busy_cycles : state.counters.idle_cycles);
    return handled;
}

unsigned Worker::loop_once() {
    const unsigned handled = run_once();
    state_->shared.reclaimer.quiescent(state_->number);
    return handled;
}

void Worker::run(const std::atomic<bool>& stop) {
    State& state = *state_;
    // The kernel may otherwise add 50 µs to each sleep.
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    const std::uint64_t spin_cycles = rte_get_tsc_hz() / 1'000'000 * kSpinMicroseconds;
    state.last_cycles = rte_rdtsc();
    std::uint64_t last_packet = state.last_cycles;
    unsigned next_sleep = kFirstSleepMicroseconds;
    std::optional<drivers::RxWait> wait;
    if (state.idle == config::IdleMode::Adaptive) {
        std::vector<drivers::QueueId> queues;
        for (const RxQueue& queue : state.queues) {
            queues.push_back({queue.port, queue.queue});
        }
        wait.emplace(queues, state.shared.links.worker_event_fd(state.number));
    }

    state.shared.reclaimer.online(state.number);
    while (!stop.load(std::memory_order_relaxed)) {
        unsigned handled = loop_once();
        if (handled == 0 && wait && state.last_cycles - last_packet >= spin_cycles) {
            wait->arm();
            state.shared.links.worker_prepares_to_wait(state.number);
            handled = loop_once();
            if (handled == 0) {
                state.sleep(*wait,
                            wait->can_wake() ? kLongestWakableSleepMicroseconds : next_sleep);
                next_sleep = std::min(next_sleep * 2, kLongestSleepMicroseconds);
            }
            state.shared.links.worker_woke(state.number);
            wait->disarm();
        } else if (handled == 0) {
            rte_pause();
        }
        if (handled > 0) {
            last_packet = state.last_cycles;
            next_sleep = kFirstSleepMicroseconds;
        }
    }
    state.shared.reclaimer.offline(state.number);
}

void Worker::set_punt(PuntRings* ring) {
    state_->punt.store(ring, std::memory_order_release);
}

unsigned Worker::number() const {
    return state_->number;
}

const std::vector<RxQueue>& Worker::queues() const {
    return state_->queues;
}

const api::CounterBlock& Worker::counters() const {
    return state_->counters;
}

std::uint32_t Worker::fragments_held() const {
    return state_->env.reassembler.buffers();
}

std::uint32_t Worker::max_fragments_held() const {
    return state_->env.reassembler.max_buffers();
}

}  // namespace godwit::dataplane
