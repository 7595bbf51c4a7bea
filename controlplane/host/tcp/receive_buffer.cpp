#include "controlplane/host/tcp/receive_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace godwit::control::tcp {

std::size_t ReceiveBuffer::insert(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) {
        return 0;
    }
    std::uint64_t begin = offset;
    std::uint64_t end = offset + bytes.size();
    // The islands that the new bytes touch: [first, last).
    const auto first = std::find_if(islands_.begin(), islands_.end(),
                                    [&](const Island& island) { return island.end >= begin; });
    auto last = first;
    while (last != islands_.end() && last->begin <= end) {
        ++last;
    }
    if (begin > next_ && first == last && islands_.size() >= kMaxIslands) {
        return 0;
    }
    ring_.write(static_cast<std::size_t>(offset - read_), bytes);
    if (first != last) {
        begin = std::min(begin, first->begin);
        end = std::max(end, (last - 1)->end);
    }
    const auto place = islands_.erase(first, last);
    if (begin > next_) {
        islands_.insert(place, {begin, end, ++changes_});
        return 0;
    }
    const auto moved = static_cast<std::size_t>(end - next_);
    next_ = end;
    if (islands_.empty()) {
        std::vector<Island>().swap(islands_);
    }
    return moved;
}

std::size_t ReceiveBuffer::read(std::span<std::uint8_t> into) {
    const std::size_t count = std::min(into.size(), readable());
    const ByteRing::Parts parts = ring_.read(0, count);
    if (!parts.first.empty()) {
        std::memcpy(into.data(), parts.first.data(), parts.first.size());
    }
    if (!parts.rest.empty()) {
        std::memcpy(into.data() + parts.first.size(), parts.rest.data(), parts.rest.size());
    }
    ring_.drop_front(count);
    read_ += count;
    return count;
}

void ReceiveBuffer::forget_islands() {
    std::vector<Island>().swap(islands_);
}

std::size_t ReceiveBuffer::latest_islands(std::span<Island> into) const {
    const auto end = std::partial_sort_copy(
        islands_.begin(), islands_.end(), into.begin(), into.end(),
        [](const Island& a, const Island& b) { return a.changed > b.changed; });
    return static_cast<std::size_t>(end - into.begin());
}

const ReceiveBuffer::Island* ReceiveBuffer::island_over(std::uint64_t begin,
                                                        std::uint64_t end) const {
    const auto found = std::find_if(islands_.begin(), islands_.end(), [&](const Island& island) {
        return island.begin <= begin && end <= island.end;
    });
    return found == islands_.end() ? nullptr : &*found;
}

}  // namespace godwit::control::tcp
