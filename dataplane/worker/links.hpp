// The rings between threads of the dataplane: worker to worker (hand-over), worker to table owner,
// owner to worker. All carry mbufs whose meta says where to go on (`resume`). rte_ring, never
// blocking: a full ring drops and counts.
//
// The table owner has two: one for ARP messages, which it empties first, and one for packets that
// wait for a neighbour. A scan of addresses that nobody has fills the second; the answers of those
// that are there, without which it would never empty, come by the first.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct rte_mbuf;
struct rte_ring;

namespace godwit::dataplane {

class Links {
public:
    // What a ring takes; a full one takes no more.
    static constexpr unsigned kRingPackets = 4096;
    static constexpr unsigned kArpRingPackets = 1024;  // what comes in is policed (ArpPolicer)

    explicit Links(unsigned workers);
    ~Links();
    Links(const Links&) = delete;
    Links& operator=(const Links&) = delete;

    [[nodiscard]] unsigned workers() const { return workers_; }

    // Worker `from` → worker `to`. How many were taken; the rest stays with the caller.
    unsigned hand_over(unsigned from, unsigned to, std::span<rte_mbuf*> packets);
    // What others (workers and the owner) gave to worker `to`.
    unsigned take_handed(unsigned to, std::span<rte_mbuf*> into);

    // Worker → owner: ARP messages to learn from (resume = ArpInput), packets that wait for a
    // neighbour (resume = ArpResolve). Wakes the owner when it sleeps. How many were taken.
    unsigned give_owner_arp(unsigned from, std::span<rte_mbuf*> messages);
    unsigned give_owner(unsigned from, std::span<rte_mbuf*> packets);
    // ARP messages first, yet of what fits they take no more than three quarters from packets that
    // wait.
    unsigned take_for_owner(std::span<rte_mbuf*> into);

    // Owner → worker: resume = Ip4Lookup, Ip4Rewrite (with next_hop), InterfaceOutput (a whole
    // frame, egress set) or IcmpError (icmp_type, icmp_code and drop_reason set). How many were
    // taken; the rest stays with the caller.
    unsigned give_worker(unsigned to, std::span<rte_mbuf*> packets);

    // A worker that sleeps is woken through this eventfd by what is given to it. It says first that
    // it will sleep, then looks once more for packets.
    [[nodiscard]] int worker_event_fd(unsigned worker) const { return sleepers_[worker].event_fd; }
    void worker_prepares_to_wait(unsigned worker);
    void worker_woke(unsigned worker);
    // Without a packet: there is something else for it.
    void wake_worker(unsigned worker) { sleepers_[worker].wake(); }

    // The owner sleeps in epoll on this eventfd. It says so first; false: packets came in, do not
    // sleep.
    [[nodiscard]] int owner_event_fd() const { return owner_.event_fd; }
    [[nodiscard]] bool owner_prepares_to_wait();
    void owner_woke();

private:
    // Who sleeps at the other end of a ring.
    struct alignas(64) Sleeper {
        int event_fd = -1;
        std::atomic<bool> waits{false};
        void prepare();
        void wake();  // after a packet was put into the ring
    };

    unsigned give(unsigned to, std::span<rte_mbuf*> packets);
    unsigned give_owner_by(rte_ring* ring, std::span<rte_mbuf*> packets);

    unsigned workers_;
    std::vector<rte_ring*> to_worker_;  // multi-producer, single-consumer
    rte_ring* arp_to_owner_ = nullptr;
    rte_ring* to_owner_ = nullptr;
    Sleeper owner_;
    std::vector<Sleeper> sleepers_;  // by worker
};

}  // namespace godwit::dataplane
