#include "dataplane/owner/announcements.hpp"

#include <algorithm>

namespace godwit::dataplane {

void Announcements::keep_only(const InterfaceEntry& interface) {
    std::erase_if(due_, [&](const auto& pair) {
        return pair.first.interface == interface.id && !interface.owns(pair.first.address);
    });
}

void Announcements::interface_removed(net::InterfaceId interface) {
    std::erase_if(due_, [&](const auto& pair) { return pair.first.interface == interface; });
}

std::vector<NeighborKey> Announcements::take_due(Instant now) {
    std::vector<NeighborKey> result;
    for (auto position = due_.begin(); position != due_.end();) {
        Pending& pending = position->second;
        if (pending.at > now) {
            ++position;
            continue;
        }
        result.push_back(position->first);
        pending.at = now + kInterval;
        position = --pending.left == 0 ? due_.erase(position) : std::next(position);
    }
    return result;
}

std::optional<Instant> Announcements::next_deadline() const {
    std::optional<Instant> result;
    for (const auto& [key, pending] : due_) {
        if (!result || pending.at < *result) {
            result = pending.at;
        }
    }
    return result;
}

}  // namespace godwit::dataplane
