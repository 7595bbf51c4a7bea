// What the download keeps of a route (download.hpp), in the route's own entry of the table.
#pragma once

#include <cstdint>
#include <limits>

#include "controlplane/rib/download_op.hpp"

namespace godwit::control {

// The number of a prefix in the table: the same as long as the prefix has a route, or the dataplane
// has one that it has not yet been told to delete.
enum class RouteNumber : std::uint32_t {};
constexpr RouteNumber kNoRoute{};

using TargetNumber = std::uint32_t;
constexpr TargetNumber kNoTarget = 0;

struct RouteSlot {
    static constexpr std::uint8_t kWaitsForNothing = kShortageCount;
    static constexpr std::uint8_t kLastRank = std::numeric_limits<std::uint8_t>::max();

    TargetNumber wanted = kNoTarget;
    TargetNumber sent = kNoTarget;
    std::uint64_t sent_at = 0;  // number of the operation that sent it
    // The neighbours in the queue of its rank, while it is in one.
    RouteNumber queued_before = kNoRoute;
    RouteNumber queued_behind = kNoRoute;
    std::uint8_t rank = kLastRank;
    std::uint8_t waits = kWaitsForNothing;  // a Shortage: in the set of what waits for it
    std::uint8_t epoch = 0;                 // of the resynchronisation that this is of
    bool queued : 1 = false;
    bool refused : 1 = false;   // there is a reason kept for it
    bool again : 1 = false;     // to be sent although it was sent: the dataplane had refused it
    bool stranded : 1 = false;  // among those that wait for their target

    [[nodiscard]] bool is_waiting() const { return waits != kWaitsForNothing; }
    // Nothing is in the dataplane, and nothing is to come there.
    [[nodiscard]] bool is_idle() const {
        return wanted == kNoTarget && sent == kNoTarget && !refused && !queued;
    }
};

}  // namespace godwit::control
