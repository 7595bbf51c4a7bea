#include "dataplane/owner/held_packets.hpp"

#include <utility>

namespace godwit::dataplane {

rte_mbuf* HeldPackets::add(const NeighborKey& key, rte_mbuf* packet) {
    if (max_per_neighbor_ == 0 || max_total_ == 0) {
        ++pushed_out_;
        return packet;
    }
    rte_mbuf* gave_way = nullptr;
    if (const auto own = queues_.find(key);
        own != queues_.end() && own->second.packets.size() >= max_per_neighbor_) {
        gave_way = push_out(own);
    } else if (total_ >= max_total_) {
        gave_way = push_out(queues_.find(begun_.begin()->second));
    }
    Queue& queue = queues_[key];
    if (queue.packets.empty()) {
        queue.begun = next_++;
        begun_.emplace(queue.begun, key);
    }
    queue.packets.push_back(packet);
    ++total_;
    return gave_way;
}

std::deque<rte_mbuf*> HeldPackets::take(const NeighborKey& key) {
    const auto position = queues_.find(key);
    if (position == queues_.end()) {
        return {};
    }
    std::deque<rte_mbuf*> packets = std::move(position->second.packets);
    total_ -= packets.size();
    end(position);
    return packets;
}

std::size_t HeldPackets::of(const NeighborKey& key) const {
    const auto position = queues_.find(key);
    return position == queues_.end() ? 0 : position->second.packets.size();
}

rte_mbuf* HeldPackets::push_out(Queues::iterator queue) {
    rte_mbuf* oldest = queue->second.packets.front();
    queue->second.packets.pop_front();
    --total_;
    ++pushed_out_;
    if (queue->second.packets.empty()) {
        end(queue);
    }
    return oldest;
}

void HeldPackets::end(Queues::iterator queue) {
    begun_.erase(queue->second.begun);
    queues_.erase(queue);
}

}  // namespace godwit::dataplane
