#include "controlplane/rip/key_ring.hpp"

#include <algorithm>

namespace godwit::control::rip {

namespace {

bool within(const std::optional<WallTime>& from, const std::optional<WallTime>& until,
            WallTime now) {
    return (!from || *from <= now) && (!until || now < *until);
}

bool can_be_sent(const Key& key, WallTime now) {
    return within(key.send_from, key.send_until, now);
}

// "Valid since": a key without a beginning is the oldest.
bool began_later(const Key& left, const Key& right) {
    return left.send_from.value_or(WallTime::min()) > right.send_from.value_or(WallTime::min());
}

}  // namespace

std::vector<const Key*> KeyRing::to_send(const std::set<std::uint8_t>& in_use, WallTime now) const {
    const Key* newest = nullptr;
    for (const Key& key : keys_.keys) {
        if (can_be_sent(key, now) && (newest == nullptr || began_later(key, *newest))) {
            newest = &key;
        }
    }
    if (newest == nullptr) {
        const Key* const last = overdue(now);
        return last == nullptr || keys_.fail_secure ? std::vector<const Key*>()
                                                    : std::vector<const Key*>{last};
    }
    std::vector<const Key*> keys{newest};
    for (const Key& key : keys_.keys) {
        if (&key != newest && can_be_sent(key, now) && in_use.contains(key.id)) {
            keys.push_back(&key);
        }
    }
    return keys;
}

const Key* KeyRing::to_accept(std::uint8_t id, WallTime now) const {
    const auto found = std::find_if(keys_.keys.begin(), keys_.keys.end(),
                                    [&](const Key& key) { return key.id == id; });
    if (found == keys_.keys.end()) {
        return nullptr;
    }
    if (within(found->accept_from, found->accept_until, now)) {
        return &*found;
    }
    return !keys_.fail_secure && overdue(now) == &*found ? &*found : nullptr;
}

const Key* KeyRing::overdue(WallTime now) const {
    const Key* last = nullptr;
    for (const Key& key : keys_.keys) {
        if (can_be_sent(key, now)) {
            return nullptr;
        }
        if (key.send_until && *key.send_until <= now &&
            (last == nullptr || *key.send_until > *last->send_until)) {
            last = &key;
        }
    }
    return last;
}

}  // namespace godwit::control::rip
