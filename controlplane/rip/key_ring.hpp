// Which key of an interface is used now, and which are taken (RFC 4822 2.2, 3.2 and 5.1).
//
// A key is sent in its send lifetime and taken in its accept lifetime. When several may be sent,
// the one that became valid last is; while a live neighbour still signs with another one that may
// be sent too, packets go out under both (5.1 (1)). When no key is left, the one that ended last
// goes on as if it had no end, unless the interface is to fail secure (5.1 (2)).
#pragma once

#include <set>
#include <vector>

#include "controlplane/rip/settings.hpp"

namespace godwit::control::rip {

class KeyRing {
public:
    explicit KeyRing(const Keys& keys) : keys_(keys) {}

    // The keys to send under, the newest first; `in_use`: ids that live neighbours sign with.
    [[nodiscard]] std::vector<const Key*> to_send(const std::set<std::uint8_t>& in_use,
                                                  WallTime now) const;
    // The key with this id, if it may be taken.
    [[nodiscard]] const Key* to_accept(std::uint8_t id, WallTime now) const;
    // The key that goes on beyond its end; null while one is valid, or when there is none.
    [[nodiscard]] const Key* overdue(WallTime now) const;

private:
    const Keys& keys_;
};

}  // namespace godwit::control::rip
