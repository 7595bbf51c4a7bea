// ARP announcements: when one of our addresses appears on a link, and when a link comes up, its
// neighbours are told twice, two seconds apart (RFC 5227 2.3: ANNOUNCE_NUM, ANNOUNCE_INTERVAL), so
// that stale entries about us are mended. A core without I/O, as Neighbors.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/neighbors.hpp"

namespace godwit::dataplane {

class Announcements {
public:
    static constexpr unsigned kCount = 2;
    static constexpr Duration kInterval = std::chrono::seconds(2);

    // Begins anew when the address is being announced already.
    void start(const NeighborKey& own_address, Instant now) { due_[own_address] = {now, kCount}; }
    // Of addresses that `interface` does not have any more; all of them when it is gone.
    void keep_only(const InterfaceEntry& interface);
    void interface_removed(net::InterfaceId interface);

    // The addresses to announce now, each at most once.
    std::vector<NeighborKey> take_due(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

private:
    struct Pending {
        Instant at{};
        unsigned left = 0;
    };
    std::map<NeighborKey, Pending> due_;  // bounded by the addresses that the configuration has
};

}  // namespace godwit::dataplane
