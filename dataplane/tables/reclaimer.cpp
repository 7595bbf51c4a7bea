#include "dataplane/tables/reclaimer.hpp"

#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace godwit::dataplane {

namespace {

rte_rcu_qsbr* make_qsbr(unsigned workers) {
    // Plain memory: no other process takes part, and unit tests need no EAL for it.
    const std::size_t bytes = rte_rcu_qsbr_get_memsize(workers);
    const std::size_t rounded = (bytes + RTE_CACHE_LINE_SIZE - 1) / RTE_CACHE_LINE_SIZE;
    auto* qsbr = static_cast<rte_rcu_qsbr*>(
        std::aligned_alloc(RTE_CACHE_LINE_SIZE, rounded * RTE_CACHE_LINE_SIZE));
    if (qsbr == nullptr || rte_rcu_qsbr_init(qsbr, workers) != 0) {
        std::free(qsbr);
        throw std::bad_alloc();
    }
    // Registered for ever and offline: an offline worker is waited for by nobody.
    for (unsigned worker = 0; worker < workers; ++worker) {
        rte_rcu_qsbr_thread_register(qsbr, worker);
    }
    return qsbr;
}

}  // namespace

Reclaimer::Reclaimer(unsigned workers)
    : qsbr_(make_qsbr(workers == 0 ? 1 : workers), [](void* memory) { std::free(memory); }) {}

Reclaimer::~Reclaimer() {
    drain();
}

void Reclaimer::defer(std::function<void()> release) {
    if (pending_.size() >= kMaxPending) {
        ++waits_at_limit_;
        while (poll() == 0) {
            rte_pause();
        }
    }
    pending_.push_back({rte_rcu_qsbr_start(qsbr_.get()), std::move(release)});
}

std::size_t Reclaimer::poll() {
    std::size_t released = 0;
    // Tokens grow, so the first that is not due ends the search.
    while (!pending_.empty() &&
           rte_rcu_qsbr_check(qsbr_.get(), pending_.front().token, false) == 1) {
        // Out of the queue first: a release may defer again.
        const auto release = std::move(pending_.front().release);
        pending_.pop_front();
        release();
        ++released;
    }
    return released;
}

void Reclaimer::drain() {
    while (!pending_.empty()) {
        rte_rcu_qsbr_check(qsbr_.get(), pending_.front().token, true);
        poll();
    }
}

void Reclaimer::online(unsigned worker) {
    rte_rcu_qsbr_thread_online(qsbr_.get(), worker);
}

void Reclaimer::offline(unsigned worker) {
    rte_rcu_qsbr_thread_offline(qsbr_.get(), worker);
}

void Reclaimer::quiescent(unsigned worker) {
    rte_rcu_qsbr_quiescent(qsbr_.get(), worker);
}

}  // namespace godwit::dataplane
