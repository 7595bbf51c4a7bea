// The routes that an import policy has refused, so that whoever looks for one can be told why it is
// not there. Nothing is decided by them.
//
// A refusal is forgotten when its neighbour tells the route so that it passes, or as unreachable;
// when it has not been heard again for the timeout; and with its neighbour, its interface or the
// policy. Times are looked at with the regular update: there is no timer for each.
//
// Limit: as many as who notes one says. At the limit a further one is counted and not kept.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "controlplane/rip/database.hpp"
#include "controlplane/rip/types.hpp"

namespace godwit::control::rip {

struct RefusedRoute {
    Said said;
    net::Ipv4Address next_hop;
    Instant heard;
};

class RefusedRoutes {
public:
    struct Key {
        net::Ipv4Prefix prefix;
        NeighborId neighbor;
        friend constexpr auto operator<=>(const Key&, const Key&) = default;
    };
    using Entries = std::map<Key, RefusedRoute>;

    // `limit`: of all together.
    void note(const Key& key, const RefusedRoute& route, std::size_t limit);
    void forget(const Key& key) {
        if (!entries_.empty()) {  // as nearly always, for each route that is heard
            entries_.erase(key);
        }
    }
    void forget(const NeighborId& neighbor);
    void forget(net::InterfaceId interface);
    // Those that were heard at `oldest` or before.
    void forget_until(Instant oldest);

    // Those of one prefix, by neighbour.
    [[nodiscard]] std::pair<Entries::const_iterator, Entries::const_iterator> of(
        const net::Ipv4Prefix& prefix) const;
    [[nodiscard]] std::size_t count() const { return entries_.size(); }
    [[nodiscard]] std::uint64_t over_limit() const { return over_limit_; }

private:
    Entries entries_;
    std::uint64_t over_limit_ = 0;
};

}  // namespace godwit::control::rip
