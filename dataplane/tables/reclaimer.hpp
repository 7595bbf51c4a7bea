// Frees what workers may still be reading: a value taken out of a table is destroyed only after
// every worker has passed a quiescent state (RCU, rte_rcu_qsbr). One owner thread; workers only
// report.
//
// What waits is limited: with kMaxPending releases waiting, defer() runs due ones until there is
// room, and counts that it had to. A worker passes a quiescent state every loop and is offline
// before it sleeps or ends, so that wait is as short as a worker's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

struct rte_rcu_qsbr;

namespace godwit::dataplane {

class Reclaimer {
public:
    static constexpr std::size_t kMaxPending = 1U << 16;

    explicit Reclaimer(unsigned workers);
    ~Reclaimer();
    Reclaimer(const Reclaimer&) = delete;
    Reclaimer& operator=(const Reclaimer&) = delete;

    // Owner. `release` runs in a later poll(), when no worker can hold what it frees.
    void defer(std::function<void()> release);
    std::size_t poll();  // runs what is due; how many
    void drain();  // waits for all workers and runs everything; for shutdown, with workers stopped
                   // or offline
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }
    [[nodiscard]] std::uint64_t waits_at_limit() const { return waits_at_limit_; }

    // Workers, by number.
    void online(unsigned worker);
    void offline(unsigned worker);  // before any sleep
    void quiescent(unsigned worker);

private:
    struct Pending {
        std::uint64_t token;
        std::function<void()> release;
    };
    std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr_;
    std::deque<Pending> pending_;
    std::uint64_t waits_at_limit_ = 0;
};

}  // namespace godwit::dataplane
