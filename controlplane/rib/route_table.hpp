// The routes that all sources offer, by prefix.
//
// An entry is a prefix with a list of candidates, best first, one a source at most; a candidate is
// also in the list of the routes of its source, and in that of the set of next hops that it shares
// with others (next_hop_set.hpp). Lists run through numbers (slab.hpp), so that a route costs one
// entry, one candidate and a place in the index: the figures stand at the structs, and
// `godwit-bench rib` measures the sum.
//
// An entry without candidates is one that the dataplane still has to be told to delete. It is
// nobody's route: every question but number_of() passes it by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "controlplane/rib/next_hop_set.hpp"
#include "controlplane/rib/prefix_index.hpp"
#include "controlplane/rib/route.hpp"
#include "controlplane/rib/route_slot.hpp"
#include "controlplane/rib/slab.hpp"

namespace godwit::control {

struct Candidate {
    NextHopSet* set = nullptr;
    std::uint32_t metric = 0;
    std::uint32_t tag = 0;
    RouteNumber route = kNoRoute;                // whose it is
    CandidateNumber worse = kNoCandidate;        // the next one of the route
    CandidateNumber user_before = kNoCandidate;  // in one of the rings of the set
    CandidateNumber user_behind = kNoCandidate;
    CandidateNumber source_before = kNoCandidate;  // of the source
    CandidateNumber source_behind = kNoCandidate;
    RouteSource source{};
    std::uint8_t distance = 0;

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
static_assert(sizeof(Candidate) <= 48, "a candidate is in memory once a route");

struct RouteEntry {
    net::Ipv4Prefix prefix;
    RouteSlot slot;
    NextHopSet* chosen = nullptr;         // what it is downloaded with
    CandidateNumber best = kNoCandidate;  // the head of the candidates
    std::uint32_t tracked = 0;            // recursive next-hop addresses inside the prefix
    bool touched = false;                 // noted since the last time that changes were settled
};
static_assert(sizeof(RouteEntry) <= 64, "an entry is in memory once a prefix");

class RouteTable {
public:
    // kNoRoute: there is no entry, not even an empty one.
    [[nodiscard]] RouteNumber number_of(const net::Ipv4Prefix& prefix) const {
        return RouteNumber{index_.find(prefix)};
    }
    // The entry if it has a candidate.
    [[nodiscard]] RouteNumber find(const net::Ipv4Prefix& prefix) const {
        const RouteNumber number = number_of(prefix);
        return number != kNoRoute && (*this)[number].best != kNoCandidate ? number : kNoRoute;
    }
    // The first entry with a candidate behind `prefix`, or of all.
    [[nodiscard]] RouteNumber following(std::optional<net::Ipv4Prefix> prefix) const;

    [[nodiscard]] RouteEntry& operator[](RouteNumber number) { return entries_[number]; }
    [[nodiscard]] const RouteEntry& operator[](RouteNumber number) const {
        return entries_[number];
    }
    [[nodiscard]] Candidate& operator[](CandidateNumber number) { return candidates_[number]; }
    [[nodiscard]] const Candidate& operator[](CandidateNumber number) const {
        return candidates_[number];
    }

    RouteNumber add_entry(const net::Ipv4Prefix& prefix);
    void erase_entry(RouteNumber number);

    [[nodiscard]] CandidateNumber candidate_of(RouteNumber route, RouteSource source) const;
    // The best one that leads anywhere.
    [[nodiscard]] CandidateNumber active_candidate(RouteNumber route) const;
    // A candidate without a set, to be placed by place().
    CandidateNumber add_candidate(RouteNumber route, RouteSource source);
    // Puts it where its distance and metric belong; it may be there already.
    void place(CandidateNumber number);
    void remove_candidate(CandidateNumber number);  // it uses no set any more

    void use(CandidateNumber number, NextHopSet& set);
    void leave_set(CandidateNumber number);
    // All users of the set still have to choose; at once, whatever their number.
    void leave_behind(NextHopSet& set);
    // One that still had to, and now has; kNoCandidate: there is none.
    CandidateNumber take_behind(NextHopSet& set);

    // All users of a set; `visit(candidate number)` may move that one to another set.
    template <class Visit>
    void for_each_user(const NextHopSet& set, const Visit& visit) const {
        for (const CandidateNumber first : {set.first_user, set.first_behind}) {
            if (first == kNoCandidate) {
                continue;
            }
            const CandidateNumber last = (*this)[first].user_before;
            for (CandidateNumber user = first, next = first;; user = next) {
                next = (*this)[user].user_behind;
                visit(user);
                if (user == last) {
                    break;
                }
            }
        }
    }
    // All routes of a source; `visit(candidate number)` may remove that one.
    template <class Visit>
    void for_each_of(RouteSource source, const Visit& visit) const {
        for (CandidateNumber each = sources_[index_of(source)].first; each != kNoCandidate;) {
            const CandidateNumber next = (*this)[each].source_behind;
            visit(each);
            each = next;
        }
    }
    // The prefixes with routes that contain `address`, the longest first, until `visit(number)`
    // returns false.
    template <class Visit>
    void for_each_covering(net::Ipv4Address address, const Visit& visit) const {
        for (std::size_t length = length_counts_.size(); length-- > 0;) {
            if (length_counts_[length] == 0) {
                continue;
            }
            const RouteNumber number =
                find(net::Ipv4Prefix::covering(address, static_cast<std::uint8_t>(length)));
            if (number != kNoRoute && !visit(number)) {
                return;
            }
        }
    }

    // Every entry that contains `address`, with candidates or not.
    template <class Visit>
    void for_each_containing(net::Ipv4Address address, const Visit& visit) const {
        for (std::size_t length = 0; length < length_counts_.size(); ++length) {
            if (length_counts_[length] == 0) {
                continue;
            }
            const RouteNumber number =
                number_of(net::Ipv4Prefix::covering(address, static_cast<std::uint8_t>(length)));
            if (number != kNoRoute) {
                visit(number);
            }
        }
    }
    // The first entry behind `prefix`, or of all, with candidates or not.
    [[nodiscard]] RouteNumber entry_behind(const std::optional<net::Ipv4Prefix>& prefix) const {
        return RouteNumber{index_.following(prefix)};
    }

    [[nodiscard]] std::size_t size() const { return route_count_; }
    [[nodiscard]] std::size_t size(RouteSource source) const {
        return sources_[index_of(source)].count;
    }
    [[nodiscard]] std::size_t bytes() const {
        return index_.bytes() + entries_.bytes() + candidates_.bytes();
    }

private:
    struct SourceList {
        CandidateNumber first = kNoCandidate;
        std::size_t count = 0;
    };
    static std::size_t index_of(RouteSource source) { return static_cast<std::size_t>(source); }
    void unlink(CandidateNumber number);
    void join_ring(CandidateNumber number, CandidateNumber& first);
    void leave_ring(CandidateNumber number, CandidateNumber& first);

    PrefixIndex index_;
    Slab<RouteEntry, RouteNumber> entries_;
    Slab<Candidate, CandidateNumber> candidates_;
    std::array<std::size_t, 33> length_counts_{};  // entries by prefix length
    std::array<SourceList, kRouteSourceCount> sources_{};
    std::size_t route_count_ = 0;
};

}  // namespace godwit::control
