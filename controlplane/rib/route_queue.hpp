// Routes that the dataplane has to be told about: a queue for each rank, through the slots of the
// routes themselves, so that a route in a queue costs nothing and can leave it at any place.
//
// The lowest rank goes first, so that connected and interior routes are there before a million
// others. One turn in eight belongs to the highest rank that waits: what comes all the time in
// front keeps nobody from getting there in the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "controlplane/rib/route_table.hpp"

namespace godwit::control {

class RouteQueue {
public:
    explicit RouteQueue(RouteTable& table) : table_(table) {}

    // At the end of the queue of its rank, unless it is in it already.
    void add(RouteNumber route);
    void remove(RouteNumber route);  // one that is in it
    RouteNumber take();              // there is one
    // Nothing is in it any more; whose slots say otherwise are not asked before they are reset.
    void forget();

    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    struct Queue {
        RouteNumber first = kNoRoute;
        RouteNumber last = kNoRoute;
    };
    static constexpr std::size_t kRanks = std::size_t{RouteSlot::kLastRank} + 1;
    static constexpr unsigned kTurnOfTheLast = 8;
    RouteSlot& slot(RouteNumber route) { return table_[route].slot; }

    RouteTable& table_;
    std::array<Queue, kRanks> queues_{};
    std::size_t size_ = 0;
    unsigned turn_ = 0;
};

}  // namespace godwit::control
