// The neighbour table: which MAC address answers for an IPv4 address on an interface (ARP).
//
// A core without I/O: packets that wait, ARP messages, references from routes, how often a
// neighbour was used, and the time go in; actions come out, in the order in which they must be
// carried out. One caller (the table owner). This file and neighbors.cpp have what may happen to
// the table, neighbor_states.cpp what an entry makes of it.
//
// The life of an entry:
//
//                  packet or reference             answered
//     (nothing) ---------------------> Incomplete ----------> Reachable <----------+
//         |                                | 3 requests        |     |             | answered
//         |                                | unanswered        |     | 60 s, used  |
//         | asked us                       v                   |     v             |
//         |                             Failed <---------------|-- Probe ----------+
//         |                                      3 unanswered  |
//         +----------> Stale <---------------------------------+
//               (known, not in use)        60 s, unused
//
// - An entry is *in use* from the moment a packet or a route needed it: its adjacency is then in
//   the hands of the workers, who count what leaves by it. One that was used since it was last
//   confirmed, or that a route refers to, is polled before it expires (RFC 1122 2.3.2.1 (2)) for as
//   long as its host answers. One that nobody used is not polled: it goes Stale.
// - Stale is remembered for a minute, never polled, and the first to go when room is needed. The
//   next packet puts it in use again.
// - Requests to one destination are at least a second apart (RFC 1122 2.3.2.1), and on an interface
//   only so many new neighbours are asked for in a second.
// - Packets wait only while an entry is Incomplete, in HeldPackets. Where too many are Incomplete,
//   the oldest of the interface that has the most gives way: a sweep of silent addresses pushes out
//   itself.
// - Failed is a short negative cache: packets are answered with host unreachable (RFC 1812 4.3.3.1)
//   without a new request. A neighbour that a route refers to is asked again at the end of each
//   such time, so it comes back by itself.
// - Permanent entries are configured; no message from the network changes them.
// - An interface has a limit of its own for what is not configured (`max-neighbors`). What a route
//   refers to is let in over it: the configuration and the routing protocols bound that.
//
// Learning follows RFC 826: a known sender is updated, whatever the message (so a gratuitous one
// moves an entry and never makes one); a new entry is made only when the message is a request for
// an address of ours. Never learnt: our own address (that is a conflict,
// dataplane/owner/conflicts.hpp), a sender outside the interface's subnets, 0.0.0.0 (a probe, RFC
// 5227 2.1.1), network and broadcast addresses, group MAC addresses. The MAC of an entry changes at
// most once a second, so that two hosts with one address cannot keep the owner busy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/api/drop_reason.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/owner/held_packets.hpp"
#include "dataplane/owner/instant.hpp"
#include "dataplane/owner/neighbor_key.hpp"
#include "dataplane/tables/interface_table.hpp"
#include "net/interface_id.hpp"
#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"

struct rte_mbuf;

namespace godwit::dataplane {

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
using NeighborAction = std::variant<SendArpRequest, AdjacencyUp, AdjacencyDown, ForwardPacket,
                                    DropPacket, NeighborChanged>;
using NeighborActions = std::vector<NeighborAction>;

// ---- the table

struct NeighborSettings {
    std::size_t max_entries = 16384;
    std::size_t max_unresolved = 2048;  // Incomplete because of packets; bounds the requests sent
    // Packets: the largest datagram, 45 fragments over an MTU of 1500, is to arrive even when it is
    // the first thing that anybody says to the neighbour.
    std::size_t max_held_per_entry = 64;
    std::size_t max_held = 1024;  // packets, over all entries: a share of the packet pool
    unsigned tries = 3;
    unsigned new_a_second = 1024;  // neighbours that packets ask for, on an interface
    Duration retry_interval = std::chrono::seconds(1);
    Duration reachable_time = std::chrono::seconds(60);
    Duration stale_time = std::chrono::seconds(60);
    Duration negative_time = std::chrono::seconds(3);
    Duration mac_change_interval = std::chrono::seconds(1);
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
    std::uint64_t interface_full = 0;       // the same, in what the interface may have
    std::uint64_t evicted = 0;              // an entry that nobody used gave its place
    std::uint64_t given_up_early = 0;       // one that was being asked for gave its place
    std::uint64_t throttled = 0;            // a new one was not asked for: too many in this second
    std::uint64_t mac_changes_ignored = 0;  // too soon after the last one, or Permanent
    std::uint64_t not_learnt = 0;           // messages whose sender must not be learnt
};

// How many packets the workers sent to a neighbour in all; only a change of it means something.
using NeighborUse = std::function<std::uint64_t(const NeighborKey&)>;

class Neighbors {
public:
    Neighbors(const NeighborSettings& settings, NeighborUse use)
        : settings_(settings),
          use_(std::move(use)),
          held_(settings.max_held_per_entry, settings.max_held) {}

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

    // What is learnt on the interface has room for `entries`.
    void set_limit(net::InterfaceId interface, std::size_t entries, Instant now,
                   NeighborActions& actions);

    // The link came back: what is not known for certain is asked again.
    void link_up(net::InterfaceId interface, Instant now, NeighborActions& actions);
    // Its addresses changed: entries outside its subnets (those of addresses that are not proved
    // free yet included), and of addresses that are now ours, go. Referenced and Permanent ones
    // stay.
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
    [[nodiscard]] std::size_t unresolved() const { return unresolved_; }
    [[nodiscard]] const HeldPackets& held() const { return held_; }
    [[nodiscard]] const NeighborStatistics& statistics() const { return statistics_; }
    [[nodiscard]] std::optional<api::NeighborRecord> find(const NeighborKey& key,
                                                          Instant now) const;
    // In order of interface and address from `from` on, until `visit` returns false.
    void walk(
        const NeighborKey& from, Instant now,
        const std::function<bool(const NeighborKey&, const api::NeighborRecord&)>& visit) const;

private:
    using State = api::NeighborState;

    // By when they came to be there. An entry is in at most one of them.
    using Ages = std::set<std::pair<Instant, NeighborKey>>;
    struct OnInterface {
        std::size_t entries = 0;  // that are not Permanent
        std::size_t limit = std::numeric_limits<std::size_t>::max();
        Ages unused;      // Stale or Failed, and no route refers to them
        Ages unresolved;  // Incomplete, and no route refers to them
        Instant second_began{};
        unsigned asked = 0;  // for the first time, in this second
    };

    struct Entry {
        State state = State::Incomplete;
        net::MacAddress mac;  // zero while unknown
        bool in_use = false;  // AdjacencyUp was given out
        bool ever_requested = false;
        std::uint32_t references = 0;
        unsigned requests = 0;            // sent in this state
        std::uint64_t use_confirmed = 0;  // what `use_` said when it was confirmed
        Instant confirmed{};              // last message from the neighbour itself
        Instant mac_changed{};
        Instant last_request{};
        std::optional<Instant> deadline;
        Ages* listed = nullptr;  // of its OnInterface
        Instant listed_since{};
    };
    using Entries = std::map<NeighborKey, Entry>;
    using Position = Entries::iterator;

    enum class For : std::uint8_t { Packet, Message, Route };
    // end() when there is no room for it.
    Position create(const NeighborKey& key, State state, For reason, Instant now,
                    NeighborActions& actions);
    bool make_room(Instant now, NeighborActions& actions);
    bool make_room_on(OnInterface& interface, Instant now, NeighborActions& actions);
    void give_up_oldest(Instant now, NeighborActions& actions);
    bool may_ask_anew(OnInterface& interface, Instant now);
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
    void list(Position position, Instant now);
    void take_off_list(Position position);
    [[nodiscard]] bool is_wanted(Position position) const;
    [[nodiscard]] Duration with_jitter(Duration time, const NeighborKey& key) const;
    [[nodiscard]] api::NeighborRecord record_of(const NeighborKey& key, const Entry& entry,
                                                Instant now) const;

    NeighborSettings settings_;
    NeighborUse use_;
    NeighborStatistics statistics_;
    HeldPackets held_;
    Entries entries_;
    std::map<net::InterfaceId, OnInterface> interfaces_;
    std::set<std::pair<Instant, NeighborKey>> timers_;
    std::size_t unresolved_ = 0;  // entries in the lists of that name
};

}  // namespace godwit::dataplane
