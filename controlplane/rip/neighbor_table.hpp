// The routers that are heard on the interfaces, with what was wrong with their packets (RFC 1724,
// rip2PeerTable).
//
// RIP has no adjacencies: a neighbour is there while it is heard. It is *lost* after a timeout
// without a good packet; then its entry is kept only for what it has proved: the sequence numbers
// of its keys, so that an old packet of it is not taken for a new one (RFC 4822 2.3.2). What has
// proved nothing is forgotten.
//
// Limit: kMaxNeighbors an interface. At the limit the lost one that was silent for longest makes
// room; when none is lost, packets of further ones are dropped.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "controlplane/rip/packet/fault.hpp"
#include "controlplane/rip/types.hpp"

namespace godwit::control::rip {

constexpr std::size_t kMaxNeighbors = 256;  // of one interface

struct Neighbor {
    std::optional<Instant> heard;  // the last good packet from its RIP port
    Instant seen{};                // the last packet of any kind
    bool up = false;
    std::uint8_t version = 2;                         // of its last good packet
    std::optional<std::uint8_t> key_id;               // that it signs with
    std::map<std::uint8_t, std::uint32_t> sequences;  // the last, by key
    std::uint64_t packets = 0;                        // good ones
    bool at_limit = false;                            // and said so
    FaultCounters faults;
};

class NeighborTable {
public:
    using Entries = std::map<NeighborId, Neighbor>;

    // The entry, made when there is room; null when there is none.
    Neighbor* get(const NeighborId& id, Instant now);
    // Whether it was not up before.
    static bool heard(Neighbor& neighbor, std::uint8_t version, Instant now);

    // Those not heard for `timeout` are lost; gives their ids.
    std::vector<NeighborId> expire(Duration timeout, Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline(Duration timeout) const;
    void forget(net::InterfaceId interface);
    bool forget(const NeighborId& id) { return entries_.erase(id) > 0; }

    // The keys that live neighbours on an interface sign with.
    [[nodiscard]] std::set<std::uint8_t> keys_in_use(net::InterfaceId interface) const;
    [[nodiscard]] const Entries& entries() const { return entries_; }

private:
    bool make_room(net::InterfaceId interface);
    [[nodiscard]] Entries::iterator first_of(net::InterfaceId interface) {
        return entries_.lower_bound({interface, net::Ipv4Address()});
    }

    Entries entries_;
};

}  // namespace godwit::control::rip
