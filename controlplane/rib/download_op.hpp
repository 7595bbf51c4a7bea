// What the dataplane must do so that its tables agree with the RIB, as values in the order in which
// they must be carried out. Whoever owns the route ring turns each into one record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/rib/route.hpp"

namespace godwit::control {

constexpr std::size_t kMaxGroupMembers = 64;  // of equal cost; the dataplane's own limit

// Next hops and groups share one space of numbers, from 1; 0 is none. A number means the same next
// hop until its DeleteNextHop; a group's members may be set anew at any time.
struct SetNextHop {
    std::uint32_t number = 0;
    RibNextHop next_hop;  // resolved: never recursive
    friend bool operator==(const SetNextHop&, const SetNextHop&) = default;
};
struct SetGroup {
    std::uint32_t number = 0;
    std::vector<std::uint32_t> members;  // 1 to kMaxGroupMembers numbers of next hops, no groups
    friend bool operator==(const SetGroup&, const SetGroup&) = default;
};
struct DeleteNextHop {  // or a group
    std::uint32_t number = 0;
    friend bool operator==(const DeleteNextHop&, const DeleteNextHop&) = default;
};
struct SetRoute {
    net::Ipv4Prefix prefix;
    std::uint32_t number = 0;
    friend bool operator==(const SetRoute&, const SetRoute&) = default;
};
struct DeleteRoute {
    net::Ipv4Prefix prefix;
    friend bool operator==(const DeleteRoute&, const DeleteRoute&) = default;
};
using DownloadOp = std::variant<SetNextHop, SetGroup, DeleteNextHop, SetRoute, DeleteRoute>;

enum class InstallState : std::uint8_t {
    NotSelected,
    Pending,    // to be downloaded, or downloaded and not acknowledged yet
    Installed,  // acknowledged
    Waiting,    // the dataplane has no room for it, and gets it again when it has; see `reason`
    Rejected,   // the dataplane (or a limit of ours) refused it; `reason` says why
};

// What the dataplane has no more of.
enum class Shortage : std::uint8_t { Routes, LookupTable, NextHops, Groups, Neighbors, kCount };
constexpr std::size_t kShortageCount = static_cast<std::size_t>(Shortage::kCount);

// Why the dataplane did not carry out an operation.
struct Refusal {
    std::string reason;                // for a person
    std::optional<Shortage> shortage;  // it can be carried out when there is room again
    bool unknown_next_hop = false;     // the next hop, or members of the group, are not there
};

struct InstallStatus {
    InstallState state = InstallState::NotSelected;
    std::string reason;
    friend bool operator==(const InstallStatus&, const InstallStatus&) = default;
};

}  // namespace godwit::control
