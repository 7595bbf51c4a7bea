// From the outboxes to the devices and to other threads, and what the ledger says about it.
#pragma once

#include "dataplane/graph/graph.hpp"
#include "dataplane/nodes/environment.hpp"
#include "dataplane/worker/links.hpp"

namespace godwit::dataplane {

class Transmit {
public:
    Transmit(Graph& graph, Environment& env, Links& links)
        : graph_(graph), env_(env), links_(links) {}

    // Everything that makes a full burst, and what is to be cut into fragments; called after each
    // walk, so that the outboxes have room.
    void flush_bursts();
    // Everything; called at the end of a loop.
    void flush();

private:
    // How often a device that takes nothing is asked again. A queue that stays full is congestion:
    // its packets are dropped here, at its tail.
    static constexpr unsigned kAttempts = 4;

    struct Leaving {
        Passage passage;
        std::uint32_t bytes;
    };

    void flush_full();
    void flush_port(std::uint16_t port);
    void send(std::uint16_t port, std::span<rte_mbuf*> packets);
    std::size_t give_device(std::uint16_t port, std::span<rte_mbuf*> packets);
    void count_sent(const Passage& passage, std::uint64_t packets, std::uint64_t bytes);
    void flush_to_worker(unsigned worker);
    void flush_to_owner();
    void drop(std::span<rte_mbuf*> packets, api::DropReason reason, bool at_egress);

    Graph& graph_;
    Environment& env_;
    Links& links_;
};

}  // namespace godwit::dataplane
