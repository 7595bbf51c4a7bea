// The working part of the RIB: how a change finds exactly what it concerns.
//
// A change first alters candidates (put, withdraw) or interfaces, and only notes what it touched;
// settle() then works it off in four steps:
//   1. Recursive routes of prefixes that became tracked get a set of their own (next_hop_set.hpp).
//   2. What depends on the change: the next-hop addresses inside a touched, tracked prefix lead to
//      sets; a set that belongs to a tracked prefix leads on. Nothing else is looked at.
//   3. Each such set is resolved anew. A set whose next hops changed rewrites its one group in the
//      download; only when it became active or inactive are its routes visited.
//   4. Each touched prefix chooses again, and tells the download when its set changed.
//
// A link that goes down may concern a million routes, and holds up nothing else: the users of a set
// that has come to lead somewhere, or nowhere, are left *behind* (one pointer), and visited in
// portions of kVisitsATurn: the first one at once, the others by settle_more(). The sets with few
// users go first, which are those of the interior. Until its turn a route is downloaded as before.
// Nothing is decided by what has been visited, only by the routes and interfaces themselves: so
// changes may come in between, and the end is the same.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "controlplane/rib/download.hpp"
#include "controlplane/rib/resolver.hpp"
#include "controlplane/rib/rib.hpp"
#include "controlplane/rib/route_table.hpp"

namespace godwit::control {

struct Rib::State {
    explicit State(RibLimits given);

    // Note changes; settle() must follow.
    bool put(Route route);
    bool withdraw(const net::Ipv4Prefix& prefix, RouteSource source);
    void withdraw(CandidateNumber number);
    void interface_changed(net::InterfaceId interface, bool up);
    // With as many visits as a turn has, unless others wait for theirs from a change before.
    void settle() { settle(behind_.empty() ? limits.visits_a_turn : 0); }
    void settle(std::size_t visits);
    [[nodiscard]] bool is_settling() const { return !behind_.empty(); }
    // Routes that got no number, now that numbers may be free.
    void retry_starved();
    // Entries that neither have a route nor anything to tell about one.
    void erase_idle();

    // What a prefix offers to other protocols (redistribution.hpp).
    [[nodiscard]] std::optional<PolicyRoute> offer(const net::Ipv4Prefix& prefix) const;
    [[nodiscard]] PrefixView view(RouteNumber route) const;

    RibLimits limits;
    RibCounters counters;
    RouteTable table;
    Download download;
    Redistribution redistribution;
    std::size_t selected_count = 0;

private:
    struct BySerial {
        bool operator()(const NextHopSet* left, const NextHopSet* right) const {
            return left->serial < right->serial;
        }
    };
    using Sets = std::set<NextHopSet*, BySerial>;
    struct ByVisitRank {
        bool operator()(const NextHopSet* left, const NextHopSet* right) const {
            return std::tie(left->visit_rank, left->serial) <
                   std::tie(right->visit_rank, right->serial);
        }
    };
    // The sets themselves, found by what they say.
    struct SetHash {
        using is_transparent = void;
        std::size_t operator()(const NextHopSetKey& key) const { return key.hash(); }
        std::size_t operator()(const std::unique_ptr<NextHopSet>& set) const {
            return NextHopSetKey::of(*set).hash();
        }
    };
    struct SetEqual {
        using is_transparent = void;
        bool operator()(const auto& left, const auto& right) const {
            return key_of(left) == key_of(right);
        }
        static const NextHopSetKey& key_of(const NextHopSetKey& key) { return key; }
        static NextHopSetKey key_of(const std::unique_ptr<NextHopSet>& set) {
            return NextHopSetKey::of(*set);
        }
    };

    NextHopSet& acquire(RouteNumber route, const std::vector<RibNextHop>& next_hops);
    void register_set(NextHopSet& set);
    void destroy_if_unused(NextHopSet& set);
    void leave_set(CandidateNumber number);
    void mark_dirty(NextHopSet& set);
    void touch(RouteNumber route);
    void leave_behind(NextHopSet& set);
    std::size_t visit_behind(std::size_t most);

    void own_sets_of_tracked();
    void find_dependents();
    void resolve_dirty();
    void note_moved(const NextHopSet& set);
    void choose(RouteNumber route);
    void hand_over_group(NextHopSet& from, NextHopSet& to);
    void attach(RouteNumber route, NextHopSet& set);
    void detach(NextHopSet& set);
    void make_target(NextHopSet& set);
    void lose_target(NextHopSet& set);
    void tell_download(RouteNumber route, const NextHopSet& set);
    template <class Visit>
    void for_each_chooser(const NextHopSet& set, const Visit& visit);

    std::vector<bool> interface_up_;
    Resolver resolver_;
    std::unordered_set<std::unique_ptr<NextHopSet>, SetHash, SetEqual> sets_;
    std::uint64_t next_serial_ = 1;
    std::map<net::Ipv4Address, Sets> sets_by_via_;  // recursive next hops only
    std::unordered_map<net::InterfaceId, Sets> sets_by_interface_;

    // Noted since the last settle().
    std::vector<RouteNumber> touched_;
    std::size_t followed_ = 0;  // of them: what depends on these has been found
    std::set<RouteNumber> newly_tracked_;
    Sets dirty_;
    Sets perhaps_unused_;
    Sets starved_;                               // chosen by someone, and without a number
    std::set<NextHopSet*, ByVisitRank> behind_;  // those with users that still have to choose
    std::uint64_t freed_at_last_retry_ = 0;
};

}  // namespace godwit::control
