#include "dataplane/nat/requested_mappings.hpp"

namespace godwit::dataplane::nat {

bool RequestedMapping::lets_in(Endpoint remote) const {
    return filter_count == 0 ||
           std::any_of(filters.begin(), filters.begin() + filter_count,
                       [remote](const MappingFilter& filter) { return filter.lets_in(remote); });
}

std::uint32_t RequestedMappings::add(std::uint32_t mapping, const MappingNonce& nonce,
                                     Instant deadline) {
    const std::uint32_t index = requests_.take();
    RequestedMapping& request = requests_[index];
    request.nonce = nonce;
    request.mapping = mapping;
    request.deadline = deadline.time_since_epoch().count();
    request.is_used = true;
    by_mapping_.insert(hash(mapping), index);
    heap_.push_back(index);
    put(heap_.size() - 1, index);
    settle(heap_.size() - 1);
    return index;
}

void RequestedMappings::remove(std::uint32_t index) {
    const std::size_t place = requests_[index].place;
    released_ -= requests_[index].is_released ? 1U : 0U;
    by_mapping_.erase(hash(requests_[index].mapping), index);
    requests_.give_back(index);
    const std::uint32_t last = heap_.back();
    heap_.pop_back();
    if (place < heap_.size()) {
        put(place, last);
        settle(place);
    }
}

void RequestedMappings::set_deadline(std::uint32_t index, Instant deadline) {
    requests_[index].deadline = deadline.time_since_epoch().count();
    settle(requests_[index].place);
}

void RequestedMappings::release(std::uint32_t index, Instant now) {
    requests_[index].is_released = true;
    ++released_;
    set_deadline(index, now + kReleasedHeld);
}

void RequestedMappings::revive(std::uint32_t index, const MappingNonce& nonce) {
    requests_[index].is_released = false;
    --released_;
    requests_[index].nonce = nonce;
}

std::uint32_t RequestedMappings::find(std::uint32_t mapping) const {
    return by_mapping_.find(
        hash(mapping), [&](std::uint32_t index) { return requests_[index].mapping == mapping; });
}

void RequestedMappings::put(std::size_t place, std::uint32_t index) {
    heap_[place] = index;
    requests_[index].place = static_cast<std::uint32_t>(place);
}

// Moves what stands at `place` up or down to where it belongs.
void RequestedMappings::settle(std::size_t place) {
    const std::uint32_t index = heap_[place];
    while (place != 0 && is_before(index, heap_[(place - 1) / 2])) {
        put(place, heap_[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    while (true) {
        std::size_t child = 2 * place + 1;
        if (child + 1 < heap_.size() && is_before(heap_[child + 1], heap_[child])) {
            ++child;
        }
        if (child >= heap_.size() || !is_before(heap_[child], index)) {
            break;
        }
        put(place, heap_[child]);
        place = child;
    }
    put(place, index);
}

}  // namespace godwit::dataplane::nat
