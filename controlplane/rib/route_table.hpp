// The routes that all sources offer, by prefix, and the sets of next hops that they share.
//
// A NextHopSet is the list of next hops as a source said it: routes that say the same share one,
// and with it its resolution and its place in the download. The exception are recursive routes of
// prefixes that may themselves be asked for a next hop ("tracked": a recursive next hop's address
// lies inside): what such a route may be resolved through depends on its own prefix, so its set has
// an owner and is not shared.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "controlplane/rib/download.hpp"
#include "controlplane/rib/rib.hpp"
#include "controlplane/rib/route.hpp"

namespace godwit::control {

// What one next hop comes to.
struct HopResolution {
    bool active = false;
    NextHopProblem problem = NextHopProblem::None;
    std::optional<net::Ipv4Prefix> through;
    std::vector<RibNextHop> resolved;  // sorted, without doubles
    friend bool operator==(const HopResolution&, const HopResolution&) = default;
};

struct NextHopSet {
    struct User {
        net::Ipv4Prefix prefix;
        RouteSource source{};
    };

    std::uint64_t serial = 0;  // of its creation: the order in which sets are worked off
    std::optional<net::Ipv4Prefix> owner;
    std::vector<RibNextHop> next_hops;  // sorted, without doubles
    bool recursive = false;             // at least one of them

    std::vector<HopResolution> hops;   // one for each of next_hops
    std::vector<RibNextHop> resolved;  // of all of them together
    std::vector<User> users;           // every route that says so, in no order
    std::size_t selected_users = 0;    // prefixes that are downloaded with it
    TargetNumber target = kNoTarget;   // only while there are selected users
    bool dirty = false;

    [[nodiscard]] bool active() const { return !resolved.empty(); }
    // Downloaded as the next hop itself: what it comes to can never change, only whether it is
    // active.
    [[nodiscard]] bool direct() const { return next_hops.size() == 1 && !recursive; }
};

struct Candidate {
    RouteSource source{};
    std::uint8_t distance = 0;
    std::uint32_t metric = 0;
    std::uint32_t tag = 0;
    NextHopSet* set = nullptr;
    std::size_t user_index = 0;  // in set->users

    [[nodiscard]] bool better_than(const Candidate& other) const {
        if (distance != other.distance) {
            return distance < other.distance;
        }
        if (metric != other.metric) {
            return metric < other.metric;
        }
        return source < other.source;
    }
};

struct RouteEntry {
    std::vector<Candidate> candidates;  // best first, one a source
    NextHopSet* chosen = nullptr;       // what it is downloaded with
    std::size_t tracked = 0;            // recursive next-hop addresses inside the prefix

    [[nodiscard]] Candidate* candidate_of(RouteSource source) {
        const auto found =
            std::find_if(candidates.begin(), candidates.end(),
                         [&](const Candidate& candidate) { return candidate.source == source; });
        return found == candidates.end() ? nullptr : &*found;
    }
    // The best one that leads anywhere; null when none does.
    [[nodiscard]] const Candidate* best() const {
        const auto found =
            std::find_if(candidates.begin(), candidates.end(),
                         [](const Candidate& candidate) { return candidate.set->active(); });
        return found == candidates.end() ? nullptr : &*found;
    }
};

class RouteTable {
public:
    using Entries = std::map<net::Ipv4Prefix, RouteEntry>;

    [[nodiscard]] const Entries& entries() const { return entries_; }
    [[nodiscard]] RouteEntry* find(const net::Ipv4Prefix& prefix) {
        const auto found = entries_.find(prefix);
        return found == entries_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] const RouteEntry* find(const net::Ipv4Prefix& prefix) const {
        const auto found = entries_.find(prefix);
        return found == entries_.end() ? nullptr : &found->second;
    }
    RouteEntry& add(const net::Ipv4Prefix& prefix) {
        ++length_counts_[prefix.length()];
        return entries_[prefix];
    }
    void erase(const net::Ipv4Prefix& prefix) {
        --length_counts_[prefix.length()];
        entries_.erase(prefix);
    }

    // The prefixes that contain `address`, the longest first, until `visit(prefix)` returns false.
    template <class Visit>
    void for_each_covering(net::Ipv4Address address, const Visit& visit) const {
        for (std::size_t length = length_counts_.size(); length-- > 0;) {
            if (length_counts_[length] == 0) {
                continue;
            }
            const auto prefix =
                net::Ipv4Prefix::covering(address, static_cast<std::uint8_t>(length));
            if (entries_.contains(prefix) && !visit(prefix)) {
                return;
            }
        }
    }

private:
    Entries entries_;
    std::array<std::size_t, 33> length_counts_{};  // entries by prefix length
};

}  // namespace godwit::control
