// Our own addresses on a link, and other hosts that have one of them: RFC 5227.
//
// A core without I/O, as Neighbors: the configuration, links, ARP messages and the time go in,
// actions come out. Random waits come from a generator whose seed the caller gives.
//
//     Waiting --link up--> Probing --3 probes--> Listening --2 s of silence--> InUse
//        ^                  ^  |                     |                           |
//        |             60 s |  | another host has it, or probes for it           | link up again:
//        |                  |  v                     |                           | Probing
//        |                Refused <------------------+                           v
//        +-- link down, from all but InUse
//
// - Where an interface has `conflict-detection: probe`, an address is used only from InUse on, and
//   proved again when the link comes back (2.1): it may be another network. Meanwhile the owner
//   keeps it in InterfaceEntry::tentative: it is not answered for, nothing is sent from it, and
//   what is for it is dropped (Ip4NotYetOurs).
// - Refused is tried again after RATE_LIMIT_INTERVAL, from the first conflict on (2.1.1 asks for it
//   from MAX_CONFLICTS on): an address of a router has no substitute that could be tried at once.
//   From MAX_CONFLICTS on, all addresses of the interface share one attempt an interval.
// - In use, an address is never given up: a router is what others have configured (2.4 (c)). It is
//   defended with one announcement, at most once in DEFEND_INTERVAL; every conflict is counted, and
//   told as often as it is defended.
//
// DEVIATION(5227, 2.1): with `conflict-detection: defend`, the default, an address is used at once
// and announced, not probed first. A router that comes back must forward at once, and one that
// shares a link with a host of the same address would otherwise stay away at the host's pleasure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/neighbor_key.hpp"
#include "dataplane/owner/neighbors.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

namespace godwit::dataplane {

// ---- actions

// A request for our address from 0.0.0.0 (2.1.1).
struct SendArpProbe {
    NeighborKey own;
};
// One announcement (2.4 (c)).
struct DefendAddress {
    NeighborKey own;
};
// The address has become ours to use, or is not any more.
struct AddressUseChanged {
    NeighborKey own;
    bool in_use = false;
};
struct ConflictSeen {
    NeighborKey own;
    net::MacAddress other;
    bool in_use = false;  // defended; else not used
};
using ConflictAction = std::variant<SendArpProbe, DefendAddress, AddressUseChanged, ConflictSeen>;
using ConflictActions = std::vector<ConflictAction>;

struct ConflictStatistics {
    std::uint64_t conflicts = 0;  // messages that claim an address that we use
    std::uint64_t refused = 0;    // an address was not taken into use: another host has it
    std::uint64_t defended = 0;   // announcements
};

class Conflicts {
public:
    // RFC 5227 1.1
    static constexpr Duration kProbeWait = std::chrono::seconds(1);
    static constexpr unsigned kProbeCount = 3;
    static constexpr Duration kProbeMin = std::chrono::seconds(1);
    static constexpr Duration kProbeMax = std::chrono::seconds(2);
    static constexpr Duration kAnnounceWait = std::chrono::seconds(2);
    static constexpr unsigned kMaxConflicts = 10;
    static constexpr Duration kRateLimitInterval = std::chrono::seconds(60);
    static constexpr Duration kDefendInterval = std::chrono::seconds(10);

    enum class State : std::uint8_t {
        Waiting,    // for the link
        Probing,    // probes are left to be sent
        Listening,  // the last probe was sent
        InUse,
        Refused,  // another host has it
    };

    explicit Conflicts(std::uint64_t seed) : random_(seed) {}

    // What the interface is to have. An address that stays keeps its state; one that need not be
    // probed (any more) is in use at once, without an action: the caller is about to use all.
    void configure(net::InterfaceId interface, std::span<const net::Ipv4InterfaceAddress> addresses,
                   bool probe, bool link_up, Instant now);
    void interface_removed(net::InterfaceId interface);
    // Also when it leads to another network now.
    void link_up(net::InterfaceId interface, Instant now, ConflictActions& actions);
    void link_down(net::InterfaceId interface);

    // Any ARP message whose sender's MAC address is none of the router's own (2.1.1, NOTE).
    void handle_arp(net::InterfaceId interface, const ArpSeen& message, Instant now,
                    ConflictActions& actions);

    void advance(Instant now, ConflictActions& actions);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // False also for an address that is not configured.
    [[nodiscard]] bool is_in_use(const NeighborKey& own) const;
    [[nodiscard]] std::optional<State> state(const NeighborKey& own) const;
    [[nodiscard]] std::size_t size() const { return claims_.size(); }
    [[nodiscard]] std::size_t not_in_use() const { return claims_.size() - in_use_; }
    [[nodiscard]] const ConflictStatistics& statistics() const { return statistics_; }

private:
    struct Claim {
        State state = State::Waiting;
        unsigned probes = 0;  // sent
        std::optional<Instant> deadline;
        std::optional<Instant> defended;
    };
    struct OnInterface {
        bool probe = false;
        unsigned conflicts = 0;
        Instant next_attempt{};  // of any of its addresses, from kMaxConflicts on
    };
    using Claims = std::map<NeighborKey, Claim>;
    using Position = Claims::iterator;

    void change_state(Position position, State state, std::optional<Instant> deadline);
    void begin(Position position, Instant now);
    void refuse(Position position, const net::MacAddress& other, Instant now,
                ConflictActions& actions);
    void defend(Position position, const net::MacAddress& other, Instant now,
                ConflictActions& actions);
    void due(Position position, Instant now, ConflictActions& actions);
    void erase(Position position);
    Duration between(Duration least, Duration most);

    std::mt19937_64 random_;
    ConflictStatistics statistics_;
    Claims claims_;
    std::map<net::InterfaceId, OnInterface> interfaces_;
    std::set<std::pair<Instant, NeighborKey>> timers_;
    std::size_t in_use_ = 0;
};

}  // namespace godwit::dataplane
