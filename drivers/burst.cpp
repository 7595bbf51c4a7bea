// The guard itself: see burst.hpp for what it promises.
//
// What a burst took and gave is read from this lcore's mempool cache, so the straight way pays for
// a burst and hardly for its packets. The cache is a stack, `objs[0 .. len)`, and its slots keep
// what they held until something else is put there:
//  - the driver pops the buffers that it fills: after a fault they stand above `len`, the first one
//    topmost. A refill in between would overwrite them, and would change the lowest slot.
//  - the driver pushes the buffers of the packets that it has copied, one packet after the other:
//    after a fault they stand between the old `len` and the new one. Room for them all is made
//    before, because a cache that overflows goes to the pool as a whole.
// So does net_memif of DPDK 22.11 without zero-copy, which needs EAL's --single-file-segments, and
// that we never give. A free cannot fault halfway: it touches only memory of our own.
//
// State here is global where a signal handler or a device number leaves no other way: one jump
// buffer a thread, the previous signal actions, and one small block a port and an lcore.
#include "drivers/burst.hpp"

#include <linux/membarrier.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <span>

#include "drivers/buffer_size.hpp"

namespace godwit::drivers {
namespace {

constexpr std::uint16_t kChunk = 256;  // packets of one guarded call
// A chain of a frame larger than one buffer needs more buffers than packets. Both fit together into
// a cache of kCachePackets, which may grow by half before it overflows: where it stands between
// bursts, neither has to go to the pool.
constexpr unsigned kCacheReserve = kChunk + kChunk / 2;
constexpr unsigned kCacheRoom = kChunk + kChunk / 2;
static_assert(kCacheReserve < kCachePackets && kCacheReserve + kCacheRoom <= kCachePackets * 3 / 2);
constexpr auto kPausePatience = std::chrono::milliseconds(200);  // a worker may be preempted

// The compiler's own jump: all it saves is where the stack is and where to go on.
struct Guard {
    std::array<void*, 5> jump;
    volatile sig_atomic_t armed = 0;
};
thread_local Guard guard;

struct alignas(64) GuardedPort {
    std::atomic<bool> paused{false};
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
        __builtin_longjmp(guard.jump.data(), 1);
    }
    sigaction(signal_number, signal_number == SIGSEGV ? &previous_segv : &previous_bus, nullptr);
    if (info->si_code <= 0) {
        raise(signal_number);
    }
    // Otherwise the instruction runs again, and faults into the action that was here before.
}

// Says which port this lcore is in, so that pause_port can wait until nobody is inside. Only its
// lcore writes it, and without a fence, which would wait twice a burst for all stores of the device
// to reach the memory that the peer reads. The fence is the pauser's, on all CPUs at once: either
// it then sees us inside, or we see the pause.
struct alignas(64) Whereabouts {
    static constexpr std::uint32_t kNowhere = RTE_MAX_ETHPORTS;
    std::atomic<std::uint32_t> port{kNowhere};
};
std::array<Whereabouts, RTE_MAX_LCORE> whereabouts;

long membarrier(int command) {
    return syscall(SYS_membarrier, command, 0, 0);
}

// False: the kernel cannot (membarrier(2) came with Linux 4.14), and every visit has a fence.
bool fences_are_remote = false;

class Visit {
public:
    Visit(unsigned lcore, std::uint16_t port) : here_(whereabouts[lcore].port) {
        here_.store(port, std::memory_order_relaxed);
        if (fences_are_remote) [[likely]] {
            std::atomic_signal_fence(std::memory_order_seq_cst);
        } else {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        }
        admitted_ = !guarded[port].paused.load(std::memory_order_acquire);
    }
    ~Visit() { here_.store(Whereabouts::kNowhere, std::memory_order_release); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    [[nodiscard]] bool admitted() const { return admitted_; }

private:
    std::atomic<std::uint32_t>& here_;
    bool admitted_;
};

bool somebody_inside(std::uint16_t port) {
    return std::any_of(whereabouts.begin(), whereabouts.end(), [port](const Whereabouts& lcore) {
        return lcore.port.load(std::memory_order_acquire) == port;
    });
}

// Runs a burst of the driver: how many packets, or nothing after a fault. The frames that a fault
// unwinds are the driver's and this one, which own nothing. It stays a function of its own, because
// a jump brings no register back but that of the stack. No signal mask is saved: the handler runs
// with SA_NODEFER, so none is changed.
template <auto kBurst>
[[gnu::noinline]] std::optional<std::uint16_t> shielded(std::uint16_t port, std::uint16_t queue,
                                                        rte_mbuf** packets, std::uint16_t count) {
    if (__builtin_setjmp(guard.jump.data()) != 0) {
        return std::nullopt;
    }
    guard.armed = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const std::uint16_t done = kBurst(port, queue, packets, count);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    guard.armed = 0;
    return done;
}

void fill_cache(rte_mempool* pool, const rte_mempool_cache& cache, std::uint32_t at_least) {
    if (cache.len >= at_least) {
        return;
    }
    std::array<void*, kCacheReserve> buffers;
    if (rte_mempool_get_bulk(pool, buffers.data(), kCacheReserve) == 0) {
        rte_mempool_put_bulk(pool, buffers.data(), kCacheReserve);
    }
}

// Gives the cache back what was popped for packets that were not completed.
void undo_pops(GuardedPort& state, rte_mempool_cache& cache, std::uint32_t length_before,
               const void* lowest_before, std::span<rte_mbuf* const> complete) {
    std::uint32_t kept = 0;
    for (const rte_mbuf* packet : complete) {
        kept += packet->nb_segs;
    }
    // Empty: the driver may have had more from the pool itself.
    const bool readable = cache.len != 0 && cache.objs[0] == lowest_before;
    if (!readable || cache.len + kept > length_before) {
        state.lost.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    const std::uint32_t unfinished = length_before - kept - cache.len;
    if (unfinished == 0) {
        return;
    }
    const auto is_unfinished = [complete](const void* buffer) {
        return std::none_of(complete.begin(), complete.end(), [buffer](const rte_mbuf* packet) {
            while (packet != nullptr && packet != buffer) {
                packet = packet->next;
            }
            return packet != nullptr;
        });
    };
    // In place: those to come back move down to where `len` stands.
    void** const begin = cache.objs + cache.len;
    void** const end = std::partition(begin, cache.objs + length_before, is_unfinished);
    if (end - begin != unfinished) {
        state.lost.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    for (void* const buffer : std::span(begin, end)) {
        static_cast<rte_mbuf*>(buffer)->next = nullptr;
        static_cast<rte_mbuf*>(buffer)->nb_segs = 1;
    }
    cache.len += unfinished;
    state.recovered.fetch_add(unfinished, std::memory_order_relaxed);
}

std::uint16_t receive_chunk(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                            std::uint16_t count) {
    GuardedPort& state = guarded[port];
    const unsigned lcore = rte_lcore_id();
    rte_mempool_cache* const cache = rte_mempool_default_cache(state.pool, lcore);
    if (cache == nullptr) {
        return 0;
    }
    const Visit visit(lcore, port);
    if (!visit.admitted()) {
        return 0;
    }
    fill_cache(state.pool, *cache, kCacheReserve);  // or the driver would refill it
    const std::uint32_t length_before = cache->len;
    const void* const lowest_before = cache->objs[0];
    std::fill_n(packets, count, nullptr);

    if (const auto received = shielded<rte_eth_rx_burst>(port, queue, packets, count)) {
        return *received;
    }
    state.paused.store(true, std::memory_order_seq_cst);
    state.rx_faults.fetch_add(1, std::memory_order_relaxed);
    const auto complete =
        static_cast<std::uint16_t>(std::find(packets, packets + count, nullptr) - packets);
    undo_pops(state, *cache, length_before, lowest_before, std::span(packets, complete));
    return complete;
}

// So that what the driver frees stays in the cache. Half of it goes, or the next burst would be
// here again.
void make_room(rte_mempool* pool, rte_mempool_cache& cache) {
    if (cache.len + kCacheRoom <= cache.flushthresh) {
        return;
    }
    const std::uint32_t keep = cache.size / 2;
    rte_mempool_ops_enqueue_bulk(pool, cache.objs + keep, cache.len - keep);
    cache.len = keep;
}

// How many of the packets, from the first on, have been freed into the cache. A packet's first
// buffer is the first that is freed; the packet's further ones are forgotten by then.
std::uint16_t count_freed(GuardedPort& state, const rte_mempool_cache& cache,
                          std::uint32_t length_before, const void* lowest_before,
                          std::span<rte_mbuf* const> packets) {
    if (length_before == 0 || cache.objs[0] != lowest_before) {
        // Chains longer than we made room for. What was sent and what was not cannot be told
        // apart, and a buffer lost is better than one that is freed twice.
        state.lost.fetch_add(1, std::memory_order_relaxed);
        return static_cast<std::uint16_t>(packets.size());
    }
    std::uint16_t freed = 0;
    for (std::uint32_t i = length_before; i < cache.len && freed < packets.size(); ++i) {
        if (cache.objs[i] == packets[freed]) {
            ++freed;
        }
    }
    return freed;
}

std::uint16_t send_chunk(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                         std::uint16_t count) {
    GuardedPort& state = guarded[port];
    const unsigned lcore = rte_lcore_id();
    rte_mempool_cache* const cache = rte_mempool_default_cache(state.pool, lcore);
    if (cache == nullptr) {
        return 0;
    }
    const Visit visit(lcore, port);
    if (!visit.admitted()) {
        return 0;
    }
    fill_cache(state.pool, *cache, 1);  // its lowest buffer tells whether it overflowed
    make_room(state.pool, *cache);
    const std::uint32_t length_before = cache->len;
    const void* const lowest_before = cache->objs[0];
    if (const auto sent = shielded<rte_eth_tx_burst>(port, queue, packets, count)) {
        return *sent;
    }
    state.paused.store(true, std::memory_order_seq_cst);
    state.tx_faults.fetch_add(1, std::memory_order_relaxed);
    return count_freed(state, *cache, length_before, lowest_before, std::span(packets, count));
}

}  // namespace

std::uint16_t guarded_rx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                               std::uint16_t count) {
    return receive_chunk(port, queue, packets, std::min(count, kChunk));
}

std::uint16_t guarded_tx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets,
                               std::uint16_t count) {
    std::uint16_t sent = 0;
    while (sent < count) {
        const auto chunk =
            std::min<std::uint16_t>(kChunk, static_cast<std::uint16_t>(count - sent));
        const std::uint16_t taken = send_chunk(port, queue, packets + sent, chunk);
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
    if (fences_are_remote) {
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
    const auto deadline = std::chrono::steady_clock::now() + kPausePatience;
    while (somebody_inside(port)) {
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
    fences_are_remote = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
}

}  // namespace godwit::drivers
