#include "controlplane/host/path_mtu.hpp"

#include <algorithm>
#include <array>

namespace godwit::control {

namespace {

// RFC 1191 7.1.
constexpr std::array<std::uint16_t, 11> kPlateaus{65535, 32000, 17914, 8166, 4352, 2002,
                                                  1492,  1006,  508,   296,  68};

}  // namespace

bool PathMtuCache::learn(net::Ipv4Address destination, std::uint16_t told,
                         std::uint16_t packet_bytes, Instant now) {
    std::uint16_t mtu = std::max(told, kLeast);
    if (told == 0) {
        const auto* const lower =
            std::find_if(kPlateaus.begin(), kPlateaus.end(),
                         [&](std::uint16_t plateau) { return plateau < packet_bytes; });
        mtu = lower == kPlateaus.end() ? kLeast : *lower;
    }
    const auto known = entries_.find(destination);
    if (mtu >= packet_bytes || (known != entries_.end() && mtu >= known->second.mtu)) {
        return false;
    }
    entries_[destination] = {mtu, ++last_lesson_};
    lessons_.push_back({destination, last_lesson_, now + kAge});
    // One destination may be told smaller ones for long: what was replaced counts too.
    while (lessons_.size() > limit_) {
        const Lesson oldest = lessons_.front();
        lessons_.pop_front();
        const auto entry = entries_.find(oldest.destination);
        if (entry != entries_.end() && entry->second.lesson == oldest.number) {
            entries_.erase(entry);
            ++given_way_;
        }
    }
    return true;
}

std::optional<std::uint16_t> PathMtuCache::find(net::Ipv4Address destination) const {
    const auto found = entries_.find(destination);
    return found == entries_.end() ? std::nullopt : std::optional(found->second.mtu);
}

void PathMtuCache::expire(Instant now) {
    while (!lessons_.empty() && lessons_.front().until <= now) {
        const auto entry = entries_.find(lessons_.front().destination);
        if (entry != entries_.end() && entry->second.lesson == lessons_.front().number) {
            entries_.erase(entry);
        }
        lessons_.pop_front();
    }
}

std::optional<Instant> PathMtuCache::next_deadline() const {
    return lessons_.empty() ? std::nullopt : std::optional(lessons_.front().until);
}

}  // namespace godwit::control
