// The list of next hops as a source said it: routes that say the same share one, and with it its
// resolution and its place in the download. The exception are recursive routes of prefixes that may
// themselves be asked for a next hop ("tracked": a recursive next hop's address lies inside): what
// such a route may be resolved through depends on its own prefix, so its set has an owner and is
// not shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "controlplane/rib/rib.hpp"
#include "controlplane/rib/route.hpp"
#include "controlplane/rib/route_slot.hpp"

namespace godwit::control {

enum class CandidateNumber : std::uint32_t {};
constexpr CandidateNumber kNoCandidate{};

// What one next hop comes to.
struct HopResolution {
    bool active = false;
    NextHopProblem problem = NextHopProblem::None;
    std::optional<net::Ipv4Prefix> through;
    std::vector<RibNextHop> resolved;  // sorted, without doubles
    friend bool operator==(const HopResolution&, const HopResolution&) = default;
};

struct NextHopSet {
    std::uint64_t serial = 0;  // of its creation: the order in which sets are worked off
    std::optional<net::Ipv4Prefix> owner;
    std::vector<RibNextHop> next_hops;  // sorted, without doubles
    bool recursive = false;             // at least one of them

    std::vector<HopResolution> hops;   // one for each of next_hops
    std::vector<RibNextHop> resolved;  // of all of them together
    // Every route that says so, as two rings through the candidates, in no order: those that have
    // chosen since the set came to lead elsewhere, and those that still have to (rib_state.hpp).
    CandidateNumber first_user = kNoCandidate;
    CandidateNumber first_behind = kNoCandidate;
    std::size_t users = 0;
    std::size_t selected_users = 0;   // prefixes that are downloaded with it
    TargetNumber target = kNoTarget;  // only while there are selected users
    bool dirty = false;
    std::size_t visit_rank = 0;  // while some are behind: its users when they came to be

    [[nodiscard]] bool active() const { return !resolved.empty(); }
    // Downloaded as the next hop itself: what it comes to can never change, only whether it is
    // active.
    [[nodiscard]] bool direct() const { return next_hops.size() == 1 && !recursive; }
};

// What makes two sets the same.
struct NextHopSetKey {
    std::optional<net::Ipv4Prefix> owner;
    std::span<const RibNextHop> next_hops;

    static NextHopSetKey of(const NextHopSet& set) { return {set.owner, set.next_hops}; }
    [[nodiscard]] std::size_t hash() const;
    friend bool operator==(const NextHopSetKey& left, const NextHopSetKey& right);
};

}  // namespace godwit::control
