#include "dataplane/worker/links.hpp"

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <system_error>

namespace godwit::dataplane {

namespace {

// In plain memory: the rings are of this process only, and need neither a name nor EAL.
//
// Producers use relaxed tail synchronisation (RTS): several workers may share a CPU, and with the
// classic mode one that is preempted in the middle of an enqueue would let the others spin.
rte_ring* make_ring(unsigned packets) {
    const unsigned slots = packets * 2;  // a power of two of which one is never used
    const ssize_t bytes = rte_ring_get_memsize(slots);
    if (bytes < 0) {
        throw std::bad_alloc();
    }
    const auto rounded = (static_cast<std::size_t>(bytes) + RTE_CACHE_LINE_SIZE - 1) /
                         RTE_CACHE_LINE_SIZE * RTE_CACHE_LINE_SIZE;
    auto* ring = static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, rounded));
    if (ring == nullptr ||
        rte_ring_init(ring, "godwit-link", packets,
                      RING_F_MP_RTS_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ) != 0) {
        std::free(ring);
        throw std::bad_alloc();
    }
    return ring;
}

void free_ring(rte_ring* ring) {
    void* packet = nullptr;
    while (rte_ring_dequeue(ring, &packet) == 0) {
        rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
    }
    std::free(ring);
}

unsigned put(rte_ring* ring, std::span<rte_mbuf*> packets) {
    return rte_ring_enqueue_burst(ring, reinterpret_cast<void* const*>(packets.data()),
                                  static_cast<unsigned>(packets.size()), nullptr);
}

unsigned take(rte_ring* ring, std::span<rte_mbuf*> into) {
    return rte_ring_dequeue_burst(ring, reinterpret_cast<void**>(into.data()),
                                  static_cast<unsigned>(into.size()), nullptr);
}

int make_eventfd() {
    const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    return fd;
}

}  // namespace

void Links::Sleeper::prepare() {
    waits.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Links::Sleeper::wake() {
    // Either this sees that the other end waits, or the other end, which says so first, sees the
    // packets.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (waits.load(std::memory_order_relaxed) && waits.exchange(false, std::memory_order_relaxed)) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = write(event_fd, &one, sizeof one);
    }
}

Links::Links(unsigned workers) : workers_(workers), sleepers_(workers) {
    owner_.event_fd = make_eventfd();
    arp_to_owner_ = make_ring(kArpRingPackets);
    to_owner_ = make_ring(kRingPackets);
    for (unsigned worker = 0; worker < workers; ++worker) {
        sleepers_[worker].event_fd = make_eventfd();
        to_worker_.push_back(make_ring(kRingPackets));
    }
}

Links::~Links() {
    for (unsigned worker = 0; worker < workers_; ++worker) {
        free_ring(to_worker_[worker]);
        close(sleepers_[worker].event_fd);
    }
    free_ring(arp_to_owner_);
    free_ring(to_owner_);
    close(owner_.event_fd);
}

unsigned Links::give(unsigned to, std::span<rte_mbuf*> packets) {
    const unsigned taken = put(to_worker_[to], packets);
    if (taken > 0) {
        sleepers_[to].wake();
    }
    return taken;
}

unsigned Links::hand_over(unsigned /*from*/, unsigned to, std::span<rte_mbuf*> packets) {
    return give(to, packets);
}

unsigned Links::take_handed(unsigned to, std::span<rte_mbuf*> into) {
    return take(to_worker_[to], into);
}

unsigned Links::give_owner_by(rte_ring* ring, std::span<rte_mbuf*> packets) {
    const unsigned taken = put(ring, packets);
    if (taken > 0) {
        owner_.wake();
    }
    return taken;
}

unsigned Links::give_owner_arp(unsigned /*from*/, std::span<rte_mbuf*> messages) {
    return give_owner_by(arp_to_owner_, messages);
}

unsigned Links::give_owner(unsigned /*from*/, std::span<rte_mbuf*> packets) {
    return give_owner_by(to_owner_, packets);
}

unsigned Links::take_for_owner(std::span<rte_mbuf*> into) {
    unsigned count = take(arp_to_owner_, into.first(into.size() - into.size() / 4));
    count += take(to_owner_, into.subspan(count));
    return count + take(arp_to_owner_, into.subspan(count));
}

unsigned Links::give_worker(unsigned to, std::span<rte_mbuf*> packets) {
    return give(to, packets);
}

void Links::worker_prepares_to_wait(unsigned worker) {
    sleepers_[worker].prepare();
}

// The eventfd is emptied by who waited on it.
void Links::worker_woke(unsigned worker) {
    sleepers_[worker].waits.store(false, std::memory_order_relaxed);
}

bool Links::owner_prepares_to_wait() {
    owner_.prepare();
    if (rte_ring_empty(arp_to_owner_) == 0 || rte_ring_empty(to_owner_) == 0) {
        owner_.waits.store(false, std::memory_order_relaxed);
        return false;
    }
    return true;
}

void Links::owner_woke() {
    owner_.waits.store(false, std::memory_order_relaxed);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto drained = read(owner_.event_fd, &count, sizeof count);
}

}  // namespace godwit::dataplane
