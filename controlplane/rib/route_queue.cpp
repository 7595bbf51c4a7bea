#include "controlplane/rib/route_queue.hpp"

#include <algorithm>

namespace godwit::control {

void RouteQueue::add(RouteNumber route) {
    RouteSlot& added = slot(route);
    if (added.queued) {
        return;
    }
    Queue& queue = queues_[added.rank];
    added.queued = true;
    added.queued_before = queue.last;
    added.queued_behind = kNoRoute;
    if (queue.last != kNoRoute) {
        slot(queue.last).queued_behind = route;
    } else {
        queue.first = route;
    }
    queue.last = route;
    ++size_;
}

void RouteQueue::remove(RouteNumber route) {
    RouteSlot& gone = slot(route);
    Queue& queue = queues_[gone.rank];
    (gone.queued_before != kNoRoute ? slot(gone.queued_before).queued_behind : queue.first) =
        gone.queued_behind;
    (gone.queued_behind != kNoRoute ? slot(gone.queued_behind).queued_before : queue.last) =
        gone.queued_before;
    gone.queued = false;
    --size_;
}

RouteNumber RouteQueue::take() {
    const auto waits = [](const Queue& queue) { return queue.first != kNoRoute; };
    RouteNumber next = kNoRoute;
    if (++turn_ % kTurnOfTheLast == 0) {
        next = std::find_if(queues_.rbegin(), queues_.rend(), waits)->first;
    } else {
        next = std::find_if(queues_.begin(), queues_.end(), waits)->first;
    }
    remove(next);
    return next;
}

void RouteQueue::forget() {
    queues_ = {};
    size_ = 0;
}

}  // namespace godwit::control
