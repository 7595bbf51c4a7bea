// Where churn changes routes, and what every packet sent there may follow.
//
// Four kinds of change, each in a corner of 100.64/10 that no other route reaches into:
//   flap-24  a /24 comes and goes inside a /16 that stays: its addresses follow one or the other
//   swap-16  a /16 moves between two next hops
//   long-28  a /28 comes and goes inside a /24 that stays: a group is made and taken apart
//   default  the default route moves between two next hops; it is what nothing else matches
// So each destination has two valid answers at any moment, whatever the order of changes: a packet
// that follows a third one was misrouted. What the changes do not touch has exactly one.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "tests/bench/router/router.hpp"
#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench {

enum class ChangeKind : std::uint8_t { Flap24, Swap16, Long28, Default };
constexpr std::array<ChangeKind, 4> kAllChangeKinds{ChangeKind::Flap24, ChangeKind::Swap16,
                                                    ChangeKind::Long28, ChangeKind::Default};
std::string_view name_of(ChangeKind kind);

constexpr std::uint32_t kStableNextHops = 100;  // of the routes that stay
constexpr std::uint32_t kChurnNextHops = kStableNextHops + 8;

struct ValidAnswers {
    std::uint32_t one = 0;
    std::uint32_t other = 0;
    [[nodiscard]] bool contains(std::uint32_t next_hop) const {
        return next_hop == one || next_hop == other;
    }
};

// The routes that must be there before the first change.
std::vector<RouteOfTable> ground_routes();

struct Destination {
    std::uint32_t address = 0;
    ValidAnswers valid;
};
// A random address that changes of this kind concern.
Destination ground_destination(ChangeKind kind, std::mt19937_64& random);

// Makes one change after another; the table is always in a state where all answers are valid.
class RouteChanger {
public:
    RouteChanger(Router& router, std::span<const ChangeKind> kinds, std::uint64_t seed);
    // False: the table refused it.
    bool change();
    [[nodiscard]] std::uint64_t changes(ChangeKind kind) const {
        return changes_[static_cast<std::size_t>(kind)];
    }

private:
    struct Place {
        ChangeKind kind;
        net::Ipv4Prefix prefix;
        bool moved = false;  // the second answer is in the table
    };
    Router& router_;
    std::mt19937_64 random_;
    std::vector<std::vector<Place>> places_;  // by kind that takes part
    std::array<std::uint64_t, kAllChangeKinds.size()> changes_{};
};

}  // namespace godwit::bench
