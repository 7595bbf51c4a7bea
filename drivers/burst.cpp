// The guard itself: see burst.hpp for what it promises.
//
// State here is global where a signal handler or a device number leaves no other way: one jump
// buffer a thread, the previous signal actions, and one small block a port.
#include "drivers/burst.hpp"

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <setjmp.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

namespace godwit::drivers {
namespace {

constexpr std::uint16_t kChunk = 64;  // packets of one guarded call
// A chain of a frame larger than one buffer needs more buffers than packets.
constexpr unsigned kCacheReserve = kChunk * 2;
constexpr auto kPausePatience = std::chrono::milliseconds(200);  // a worker may be preempted

struct Guard {
    sigjmp_buf jump;
    volatile sig_atomic_t armed = 0;
};
thread_local Guard guard;

struct alignas(64) GuardedPort {
    std::atomic<bool> paused{false};
    std::atomic<std::uint32_t> inside{0};  // threads in a burst
    rte_mempool* pool = nullptr;
    std::atomic<std::uint64_t> rx_faults{0};
    std::atomic<std::uint64_t> tx_faults{0};
    std::atomic<std::uint64_t> recovered{0};
    std::atomic<std::uint64_t> lost{0};
};
std::array<GuardedPort, RTE_MAX_ETHPORTS> guarded;

struct sigaction previous_segv;
struct sigaction previous_bus;

void on_fault(int signal_number, siginfo_t* info, void* /*context*/) {
    // si_code tells the processor's faults from a signal that another process sent.
    if (info->si_code > 0 && guard.armed != 0) {
        guard.armed = 0;
        siglongjmp(guard.jump, 1);
    }
    sigaction(signal_number, signal_number == SIGSEGV ? &previous_segv : &previous_bus, nullptr);
    if (info->si_code <= 0) {
        raise(signal_number);
    }
    // Otherwise the instruction runs again, and faults into the action that was here before.
}

// Counts this thread into the port, so that pause_port can wait until nobody is inside. Sequential
// consistency: either the pauser sees us inside, or we see the pause.
class Visit {
public:
    explicit Visit(GuardedPort& port) : port_(port) {
        port_.inside.fetch_add(1, std::memory_order_seq_cst);
        admitted_ = !port_.paused.load(std::memory_order_seq_cst);
    }
    ~Visit() { port_.inside.fetch_sub(1, std::memory_order_release); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    [[nodiscard]] bool admitted() const { return admitted_; }

private:
    GuardedPort& port_;
    bool admitted_;
};

// The frames that a fault unwinds are the driver's and these two, which own nothing. No signal mask
// is saved: the handler runs with SA_NODEFER, so none is changed.
bool shielded_rx(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets, std::uint16_t count,
                 std::uint16_t& received) {
    if (sigsetjmp(guard.jump, 0) != 0) {
        return false;
    }
    guard.armed = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    received = rte_eth_rx_burst(port, queue, packets, count);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    guard.armed = 0;
    return true;
}

bool shielded_tx(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets, std::uint16_t count,
                 std::uint16_t& sent) {
    if (sigsetjmp(guard.jump, 0) != 0) {
        return false;
    }
    guard.armed = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    sent = rte_eth_tx_burst(port, queue, packets, count);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    guard.armed = 0;
    return true;
}

// The driver allocates one buffer at a time from this lcore's cache. With enough in the cache
// before the burst, it is not refilled during it, and what was popped stays readable above `len`.
void fill_cache(rte_mempool* pool, rte_mempool_cache* cache) {
    if (cache == nullptr || cache->len >= kCacheReserve) {
        return;
    }
    std::array<void*, kCacheReserve> buffers;
    if (rte_mempool_get_bulk(pool, buffers.data(), kCacheReserve) == 0) {
        rte_mempool_put_bulk(pool, buffers.data(), kCacheReserve);
    }
}

// Frees the buffers that were popped after the last returned packet.
void recover_buffers(GuardedPort& port, rte_mempool_cache* cache, std::uint32_t length_before,
                     rte_mbuf* last_returned) {
    if (cache == nullptr || cache->len > length_before) {
        port.lost.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    void* const last =
        last_returned == nullptr ? nullptr : static_cast<void*>(rte_pktmbuf_lastseg(last_returned));
    std::array<rte_mbuf*, RTE_MEMPOOL_CACHE_MAX_SIZE * 2> half_done;
    std::uint32_t count = 0;
    for (std::uint32_t i = cache->len; i < length_before && cache->objs[i] != last; ++i) {
        half_done[count++] = static_cast<rte_mbuf*>(cache->objs[i]);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        half_done[i]->next = nullptr;
        half_done[i]->nb_segs = 1;
        rte_mbuf_raw_free(half_done[i]);
    }
    port.recovered.fetch_add(count, std::memory_order_relaxed);
}

void hold(rte_mbuf* packet, std::int16_t by) {
    for (rte_mbuf* segment = packet; segment != nullptr; segment = segment->next) {
        rte_mbuf_refcnt_update(segment, by);
    }
}

std::uint16_t receive_chunk(GuardedPort& state, std::uint16_t port, std::uint16_t queue,
                            rte_mbuf** packets, std::uint16_t count) {
    const Visit visit(state);
    if (!visit.admitted()) {
        return 0;
    }
    rte_mempool_cache* cache = rte_mempool_default_cache(state.pool, rte_lcore_id());
    fill_cache(state.pool, cache);
    const std::uint32_t length_before = cache == nullptr ? 0 : cache->len;
    std::fill_n(packets, count, nullptr);

    std::uint16_t received = 0;
    if (shielded_rx(port, queue, packets, count, received)) {
        return received;
    }
    state.paused.store(true, std::memory_order_seq_cst);
    state.rx_faults.fetch_add(1, std::memory_order_relaxed);
    const auto complete =
        static_cast<std::uint16_t>(std::find(packets, packets + count, nullptr) - packets);
    recover_buffers(state, cache, length_before, complete == 0 ? nullptr : packets[complete - 1]);
    return complete;
}

std::uint16_t send_chunk(GuardedPort& state, std::uint16_t port, std::uint16_t queue,
                         rte_mbuf** packets, std::uint16_t count) {
    const Visit visit(state);
    if (!visit.admitted()) {
        return 0;
    }
    std::array<std::uint16_t, kChunk> references;
    for (std::uint16_t i = 0; i < count; ++i) {
        hold(packets[i], 1);
        references[i] = rte_mbuf_refcnt_read(packets[i]);
    }
    std::uint16_t sent = 0;
    if (!shielded_tx(port, queue, packets, count, sent)) {
        state.paused.store(true, std::memory_order_seq_cst);
        state.tx_faults.fetch_add(1, std::memory_order_relaxed);
        // The driver frees in order; the first that still has our reference and its own was not
        // reached.
        sent = 0;
        while (sent < count && rte_mbuf_refcnt_read(packets[sent]) < references[sent]) {
            ++sent;
        }
    }
    for (std::uint16_t i = 0; i < count; ++i) {
        if (i < sent) {
            rte_pktmbuf_free(packets[i]);
        } else {
            hold(packets[i], -1);
        }
    }
    return sent;
}

}  // namespace

std::uint16_t guarded_rx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                               std::uint16_t count) {
    return receive_chunk(guarded[port], port, queue, packets, std::min(count, kChunk));
}

std::uint16_t guarded_tx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                               std::uint16_t count) {
    std::uint16_t sent = 0;
    while (sent < count) {
        const auto chunk =
            std::min<std::uint16_t>(kChunk, static_cast<std::uint16_t>(count - sent));
        const std::uint16_t taken = send_chunk(guarded[port], port, queue, packets + sent, chunk);
        sent = static_cast<std::uint16_t>(sent + taken);
        if (taken < chunk) {
            break;
        }
    }
    return sent;
}

BurstFaults burst_faults(std::uint16_t port) {
    const GuardedPort& state = guarded[port];
    return {.rx = state.rx_faults.load(std::memory_order_relaxed),
            .tx = state.tx_faults.load(std::memory_order_relaxed),
            .buffers_recovered = state.recovered.load(std::memory_order_relaxed),
            .buffers_lost = state.lost.load(std::memory_order_relaxed)};
}

void guard_port(std::uint16_t port, rte_mempool* pool) {
    guarded[port].pool = pool;
    guarded[port].paused.store(false, std::memory_order_seq_cst);
}

bool is_paused(std::uint16_t port) {
    return guarded[port].paused.load(std::memory_order_acquire);
}

bool pause_port(std::uint16_t port) {
    guarded[port].paused.store(true, std::memory_order_seq_cst);
    const auto deadline = std::chrono::steady_clock::now() + kPausePatience;
    while (guarded[port].inside.load(std::memory_order_seq_cst) != 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        rte_pause();
    }
    return true;
}

void resume_port(std::uint16_t port) {
    guarded[port].paused.store(false, std::memory_order_seq_cst);
}

void install_burst_guard() {
    struct sigaction current {};
    sigaction(SIGSEGV, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == on_fault) {
        return;
    }
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
}

}  // namespace godwit::drivers
