// The routes of RIP: what neighbours have told, and what this router adds of its own.
//
// An entry has two parts. *Learned*: one metric and the paths that have it (RFC 2453 3.4: the best
// known, not all that is known); it goes to the RIB. *Local*: a network of ours, a route of another
// source, or the default that we originate; it comes from the RIB and is what is told to others.
// A local route that is trusted more than RIP keeps learned ones out, as what is forwarded by it
// makes them no better.
//
// A learned route that has lost its last path stays, with metric 16, until it has been told to
// everybody long enough ("deletion process", RFC 2453 3.8); so does a local one that has gone.
//
// Every change that others must hear of gets the next change number: who has told everything up to
// a number sends what is above it (the route change flag of RFC 2453 3.10.1, but for that a number
// can be kept by each of several updates under way).
//
// Timers are kept lazily: an entry is looked at when its oldest deadline comes; hearing it again
// only moves a time in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "controlplane/rib/route.hpp"
#include "controlplane/rip/types.hpp"

namespace godwit::control::rip {

// What a neighbour says about a destination, before an import policy and the cost of its network.
struct Said {
    Metric metric;
    std::uint16_t tag = 0;
    friend bool operator==(const Said&, const Said&) = default;
};

// The same when both have been at it.
struct Learned {
    net::Ipv4Prefix prefix;
    Metric metric;
    std::uint16_t tag = 0;
    NeighborId neighbor;
    net::Ipv4Address next_hop;
    Said said{};
};

struct Path {
    NeighborId neighbor;
    net::Ipv4Address next_hop;
    Said said;
    Instant heard;
};

struct LocalRoute {
    RouteSource source = RouteSource::Connected;
    std::uint8_t distance = 0;
    Metric metric = Metric::of(1);
    std::uint16_t tag = 0;
    net::InterfaceId interface;  // where it leads; of a network of ours, its interface
    std::optional<net::Ipv4Address> next_hop;  // a router on `interface`
    bool own_network = false;                  // of an interface that speaks RIP
    friend bool operator==(const LocalRoute&, const LocalRoute&) = default;
};

struct DatabaseEntry {
    std::optional<LocalRoute> local;
    Metric learned_metric;
    std::uint16_t learned_tag = 0;
    std::vector<Path> paths;                // empty: nothing learned is in use
    std::optional<Instant> deleting_since;  // RFC 2453 3.8
    std::uint64_t changed = 0;

    // What others are told.
    [[nodiscard]] Metric metric() const { return local ? local->metric : learned_metric; }
    [[nodiscard]] std::uint16_t tag() const { return local ? local->tag : learned_tag; }
    [[nodiscard]] const Path* path_of(const NeighborId& neighbor) const;

private:
    friend class Database;
    std::optional<Instant> check_at_;
    bool untold_ = false;  // the RIB does not know the last change
    bool in_rib_ = false;
};

// What the RIB shall do.
struct RouteUpdate {
    net::Ipv4Prefix prefix;
    std::optional<Route> route;  // none: withdrawn
};

struct DatabaseLimits {
    Duration timeout = std::chrono::seconds(180);
    Duration garbage_collect = std::chrono::seconds(120);
    std::uint8_t distance = 120;
    std::size_t max_paths = 1;
    std::size_t max_routes = 20'000;
    friend bool operator==(const DatabaseLimits&, const DatabaseLimits&) = default;
};

class Database {
public:
    using Entries = std::map<net::Ipv4Prefix, DatabaseEntry>;

    enum class Learning : std::uint8_t {
        Ignored,  // no better than what there is
        Taken,    // adopted, refreshed or, with an infinite metric, withdrawn
        OverNeighborLimit,
        OverLimit,
    };
    // RFC 2453 3.9.2. `neighbor_limit`: paths of this neighbour at most.
    Learning learn(const Learned& learned, std::size_t neighbor_limit, Instant now);

    void set_local(const net::Ipv4Prefix& prefix, const LocalRoute& route, Instant now);
    void remove_local(const net::Ipv4Prefix& prefix, Instant now);
    void forget(net::InterfaceId interface, Instant now);
    void forget(const NeighborId& neighbor, Instant now);

    void set_limits(const DatabaseLimits& limits, Instant now);
    [[nodiscard]] const DatabaseLimits& limits() const { return limits_; }

    // Timeouts and the end of deletions that are due.
    void advance(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // What the RIB has not been told yet.
    std::vector<RouteUpdate> take_updates();

    [[nodiscard]] const Entries& entries() const { return entries_; }
    [[nodiscard]] const DatabaseEntry* find(const net::Ipv4Prefix& prefix) const;
    [[nodiscard]] std::uint64_t last_change() const { return last_change_; }
    [[nodiscard]] std::size_t learned_count() const { return learned_count_; }
    [[nodiscard]] std::size_t paths_of(const NeighborId& neighbor) const;

private:
    void change(DatabaseEntry& entry) { entry.changed = ++last_change_; }
    void tell_rib(const net::Ipv4Prefix& prefix, DatabaseEntry& entry);
    void add_path(DatabaseEntry& entry, const Learned& learned, Instant now);
    void drop_path(DatabaseEntry& entry, std::size_t index);
    void drop_paths(DatabaseEntry& entry);
    template <class Matches>
    void drop_matching(const Matches& matches, Instant now);
    // After the last path has gone.
    void begin_deletion(const net::Ipv4Prefix& prefix, DatabaseEntry& entry, Instant now);
    Learning hear_again(const Learned& learned, DatabaseEntry& entry, Path& path, Instant now);
    [[nodiscard]] std::optional<Instant> deadline_of(const DatabaseEntry& entry) const;
    void arm(const net::Ipv4Prefix& prefix, DatabaseEntry& entry);
    void disarm(const net::Ipv4Prefix& prefix, DatabaseEntry& entry);

    DatabaseLimits limits_;
    Entries entries_;
    std::set<std::pair<Instant, net::Ipv4Prefix>> timers_;
    std::map<NeighborId, std::size_t> paths_of_;
    std::vector<net::Ipv4Prefix> untold_;
    std::uint64_t last_change_ = 0;
    std::size_t learned_count_ = 0;  // entries with paths
};

}  // namespace godwit::control::rip
