// The neighbour table: which MAC address answers for an IPv4 address on an interface (ARP).
//
// A core without I/O: packets that wait, ARP messages, references from routes and the time go in;
// actions come out, in the order in which they must be carried out. One caller (the table owner).
//
// The life of an entry:
//
//                     packet or reference                 answered
//     (nothing) ------------------------> Incomplete -----------------> Reachable <----+
//         |                                   | 3 requests unanswered       | 60 s     | answered
//         | asked us                          v                             v          |
//         +----------> Stale               Failed <---------------------- Probe -------+
//               (known, not in use)                3 probes unanswered
//
// - An entry is *in use* from the moment a packet or a route needed it: its adjacency is then in
// the
//   hands of the workers, who do not report back, so such an entry is polled before it expires (RFC
//   1122 2.3.2.1 (2)) for as long as its host answers. An entry that was only learnt from a request
//   to us is Stale: remembered for a minute, never polled, and the first to go when room is needed.
// - Requests to one destination are at least a second apart (RFC 1122 2.3.2.1).
// - Packets wait only while an entry is Incomplete: a few a neighbour, the oldest gives way (RFC
//   1122 2.3.2.2 asks for the latest), and a limit over all.
// - Failed is a short negative cache: packets are answered with host unreachable (RFC 1812 4.3.3.1)
//   without a new request. A neighbour that a route refers to is asked again at the end of each
//   such time, so it comes back by itself.
// - Permanent entries are configured; no message from the network changes them.
//
// Learning follows RFC 826: a known sender is updated, whatever the message; a new entry is made
// only when the message is a request for an address of ours. Never learnt: our own address (that is
// a conflict, RFC 5227 2.4), a sender outside the interface's subnets, 0.0.0.0 (a probe, RFC 5227
// 2.1.1), network and broadcast addresses, group MAC addresses. The MAC of an entry changes at most
// once a second, so that two hosts with one address cannot keep the owner busy.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/api/drop_reason.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/owner/instant.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

struct rte_mbuf;

namespace godwit::dataplane {

struct NeighborKey {
    net::InterfaceId interface;
    net::Ipv4Address address;
    friend constexpr auto operator<=>(const NeighborKey&, const NeighborKey&) = default;
};

// ---- actions

// A request for `key.address` out of `key.interface`: broadcast, or to the MAC that is to be
// confirmed.
struct SendArpRequest {
    NeighborKey key;
    std::optional<net::MacAddress> to;
};
// The neighbour can be sent to: new, or with another MAC than before.
struct AdjacencyUp {
    NeighborKey key;
    net::MacAddress mac;
};
struct AdjacencyDown {
    NeighborKey key;
};
// A packet that waited, or need not wait: send it to the neighbour, whose AdjacencyUp came before.
struct ForwardPacket {
    NeighborKey key;
    rte_mbuf* packet = nullptr;
};
struct DropPacket {
    rte_mbuf* packet = nullptr;
    api::DropReason reason{};
    bool host_unreachable = false;  // tell its sender so
};
struct NeighborChanged {
    api::NeighborRecord record;
};
struct ConflictSeen {
    api::NeighborRecord record;  // our address, the other host's MAC
};
using NeighborAction = std::variant<SendArpRequest, AdjacencyUp, AdjacencyDown, ForwardPacket,
                                    DropPacket, NeighborChanged, ConflictSeen>;
using NeighborActions = std::vector<NeighborAction>;

// ---- the table

struct NeighborSettings {
    std::size_t max_entries = 16384;
    std::size_t max_unresolved = 2048;    // Incomplete because of packets; bounds the requests sent
    std::size_t max_held_per_entry = 16;  // packets
    std::size_t max_held = 1024;          // packets, over all entries: a share of the packet pool
    unsigned tries = 3;
    Duration retry_interval = std::chrono::seconds(1);
    Duration reachable_time = std::chrono::seconds(60);
    Duration stale_time = std::chrono::seconds(60);
    Duration negative_time = std::chrono::seconds(3);
    Duration mac_change_interval = std::chrono::seconds(1);
    Duration conflict_interval = std::chrono::seconds(10);  // RFC 5227 2.4 DEFEND_INTERVAL
};

// An ARP message that has the form of RFC 826 for IPv4 over Ethernet.
struct ArpSeen {
    bool is_request = false;
    net::MacAddress sender_mac;
    net::Ipv4Address sender;
    net::Ipv4Address target;
};

struct NeighborStatistics {
    std::uint64_t table_full = 0;           // an entry was needed and there was no room
    std::uint64_t evicted = 0;              // an entry that nobody used gave its place
    std::uint64_t mac_changes_ignored = 0;  // too soon after the last one, or Permanent
    std::uint64_t not_learnt = 0;           // messages whose sender must not be learnt
    std::uint64_t conflicts = 0;
};

class Neighbors {
public:
    explicit Neighbors(const NeighborSettings& settings) : settings_(settings) {}

    // A packet for a neighbour. Takes it over: it comes back in an action, at once or later.
    void handle_packet(const NeighborKey& key, rte_mbuf* packet, Instant now,
                       NeighborActions& actions);
    // An ARP message that came in on `interface`.
    void handle_arp(const InterfaceEntry& interface, const ArpSeen& message, Instant now,
                    NeighborActions& actions);

    // A next hop leads to the neighbour; it is resolved at once, and kept so. False: no room in the
    // table (the limit of unresolved entries is for what strangers' packets cause, not for routes).
    bool refer(const NeighborKey& key, Instant now, NeighborActions& actions);
    void unrefer(const NeighborKey& key, Instant now);

    // Configured entries stand outside the limit: the configuration bounds them.
    void set_permanent(const NeighborKey& key, const net::MacAddress& mac, Instant now,
                       NeighborActions& actions);
    // The entry is resolved like any other when it is still referred to, else forgotten.
    void remove_permanent(const NeighborKey& key, Instant now, NeighborActions& actions);

    // The link came back: what is not known for certain is asked again.
    void link_up(net::InterfaceId interface, Instant now, NeighborActions& actions);
    // Its addresses changed: entries outside its subnets, and of addresses that are now ours, go.
    // Referenced and Permanent ones stay.
    void addresses_changed(const InterfaceEntry& interface, Instant now, NeighborActions& actions);
    // It leads to another network now (another VLAN): only what is configured is still known.
    void interface_moved(net::InterfaceId interface, Instant now, NeighborActions& actions);
    void interface_removed(net::InterfaceId interface, Instant now, NeighborActions& actions);
    // Gives back every packet that waits.
    void drop_held(api::DropReason reason, NeighborActions& actions);

    // Carries out what is due, at most `limit` entries.
    void advance(Instant now, NeighborActions& actions, std::size_t limit = 256);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t held() const { return held_; }
    [[nodiscard]] const NeighborStatistics& statistics() const { return statistics_; }
    [[nodiscard]] std::optional<api::NeighborRecord> find(const NeighborKey& key,
                                                          Instant now) const;
    // In order of interface and address from `from` on, until `visit` returns false.
    void walk(
        const NeighborKey& from, Instant now,
        const std::function<bool(const NeighborKey&, const api::NeighborRecord&)>& visit) const;

private:
    using State = api::NeighborState;

    struct Entry {
        State state = State::Incomplete;
        net::MacAddress mac;  // zero while unknown
        bool in_use = false;  // AdjacencyUp was given out
        std::uint32_t references = 0;
        unsigned requests = 0;  // sent in this state
        Instant confirmed{};    // last message from the neighbour itself
        Instant mac_changed{};
        Instant last_request{};
        bool ever_requested = false;
        std::optional<Instant> deadline;
        std::optional<Instant> evictable_since;
        std::deque<rte_mbuf*> held;
    };
    using Entries = std::map<NeighborKey, Entry>;
    using Position = Entries::iterator;

    Position create(const NeighborKey& key, State state, Instant now, NeighborActions& actions);
    bool make_room(Instant now, NeighborActions& actions);
    void forget(Position position, Instant now, NeighborActions& actions);
    void change_state(Position position, State state, Instant now, NeighborActions& actions);
    void resolved(Position position, const net::MacAddress& mac, Instant now,
                  NeighborActions& actions);
    void put_in_use(Position position, NeighborActions& actions);
    void take_out_of_use(Position position, NeighborActions& actions);
    void request(Position position, bool unicast, Instant now, NeighborActions& actions);
    void hold(Position position, rte_mbuf* packet, NeighborActions& actions);
    void release_held(Position position, NeighborActions& actions);
    void drop_held_of(Position position, api::DropReason reason, bool host_unreachable,
                      NeighborActions& actions);
    void due(Position position, Instant now, NeighborActions& actions);
    void arm(Position position, std::optional<Instant> deadline);
    void update_evictable(Position position, Instant now);
    void seen_conflict(const InterfaceEntry& interface, const ArpSeen& message, Instant now,
                       NeighborActions& actions);
    [[nodiscard]] Duration with_jitter(Duration time, const NeighborKey& key) const;
    [[nodiscard]] static api::NeighborRecord record_of(const NeighborKey& key, const Entry& entry,
                                                       Instant now);

    NeighborSettings settings_;
    NeighborStatistics statistics_;
    Entries entries_;
    std::set<std::pair<Instant, NeighborKey>> timers_;
    std::set<std::pair<Instant, NeighborKey>> evictable_;  // by age
    std::map<NeighborKey, Instant> conflicts_;             // own address → last reported
    std::size_t held_ = 0;
    std::size_t unresolved_ = 0;  // entries that are Incomplete
};

}  // namespace godwit::dataplane
