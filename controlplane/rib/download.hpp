// What the dataplane knows, what it should know, and the operations between the two.
//
// Objects are the things that have a number: a next hop, or a group of next hops. A *target* is
// what a route points to: a next hop itself ("direct"), or a group, whose members can be changed
// without touching the routes that use it. Next hops are shared by value.
//
// For every object and route two states are kept: wanted (by the RIB) and sent (taken by the
// caller); those of a route in its own entry of the table (route_slot.hpp). take() walks the queues
// of what differs in the only safe order: new next hops, groups, routes, and last the deletion of
// objects that nothing sent refers to any more. Counting the references of the *sent* state is what
// makes a partial take() safe: a change may arrive between any two operations. A number is free
// again when its deletion has been taken.
//
// A resynchronisation forgets what was sent. It begins at once, whatever the number of routes: each
// slot has an epoch, and one of an epoch before is reset when it is asked for, or by the walk over
// all of them that take() goes on with, a portion each time. No route is sent before the walk has
// ended, so that they go by rank from the first one on.
//
// What the dataplane has no room for *waits*, a set for each shortage, in order of rank (a lower
// distance first). That there is room again *opens* the shortage: what waits is queued anew, at
// most kRetryWindow at a time, and a next portion only when the last one has been acknowledged; the
// first refusal for this shortage closes it. So nothing is asked again without cause, and nothing
// that would fit goes on waiting: what is now refused for another shortage waits for that one.
// Routes that point to a next hop which waits are *stranded*: they follow when it has been taken.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/rib/download_op.hpp"
#include "controlplane/rib/route_queue.hpp"
#include "controlplane/rib/route_table.hpp"

namespace godwit::control {

class Download {
public:
    // Numbers from 1 to `max_numbers`; the walk of a resynchronisation looks at `walk_a_take`
    // routes each time that something is taken. `table` outlives this.
    Download(std::uint32_t max_numbers, std::size_t walk_a_take, RouteTable& table)
        : max_numbers_(max_numbers),
          walk_a_take_(walk_a_take),
          table_(table),
          changed_routes_(table) {}

    // A target; every one is dropped once. kNoTarget: no number is free. A group takes the first
    // kMaxGroupMembers, and only those that get a number; the others are counted.
    TargetNumber add_direct(const RibNextHop& next_hop);
    TargetNumber add_group(std::span<const RibNextHop> next_hops);
    // False: no number was free for any of them, and the group is as it was.
    bool change_group(TargetNumber group, std::span<const RibNextHop> next_hops);
    // No wanted route points to it any more.
    void drop_target(TargetNumber target);

    // kNoTarget: the route is not wanted (or, by refuse_route, cannot be).
    // Of what waits for room, a lower `rank` is asked for first.
    void set_route(RouteNumber route, TargetNumber target,
                   std::uint8_t rank = RouteSlot::kLastRank);
    void refuse_route(RouteNumber route, std::string reason);
    // Routes that take() or begin_resync() found idle; to be asked after each of them.
    [[nodiscard]] std::vector<RouteNumber> take_idle() { return std::exchange(idle_routes_, {}); }

    std::vector<DownloadOp> take(std::size_t limit);
    [[nodiscard]] bool has_operations() const;
    void begin_resync();
    void acknowledged(std::uint64_t operations);
    // Operation `operation` (the first is 1) about `prefix` or, of a next hop, `number`.
    void rejected(std::uint64_t operation, const net::Ipv4Prefix& prefix, TargetNumber number,
                  Refusal refusal);
    void room_returned(Shortage shortage);

    [[nodiscard]] InstallStatus status(RouteNumber route) const;
    // Routes that are not installed for want of room.
    [[nodiscard]] std::size_t routes_waiting() const { return routes_waiting_; }
    // Next hops and groups that are not, or not whole, in the dataplane for want of room.
    [[nodiscard]] std::size_t next_hops_waiting() const { return objects_waiting_; }
    // Routes, next hops and groups that the dataplane had no room for, each time that it said so.
    [[nodiscard]] std::uint64_t refused_for_room() const { return refused_for_room_; }

    static constexpr std::size_t kRetryWindow = 64;

    [[nodiscard]] std::uint64_t numbers_refused() const { return numbers_refused_; }
    [[nodiscard]] std::uint64_t members_dropped() const { return members_dropped_; }
    // Goes up whenever a number becomes free: what was refused may be tried again.
    [[nodiscard]] std::uint64_t numbers_freed() const { return numbers_freed_; }

private:
    struct Object {
        bool allocated = false;
        bool is_group = false;
        bool sent = false;
        RibNextHop next_hop;                      // of a next hop
        std::uint32_t wanted = 0;                 // targets and wanted groups that need it
        std::uint32_t used = 0;                   // sent routes and sent groups that refer to it
        std::vector<std::uint32_t> members;       // of a group, as wanted
        std::vector<std::uint32_t> sent_members;  // of a group, as sent
        std::uint64_t sent_at = 0;                // number of the operation that sent it
        std::optional<Shortage> waits;
        bool missing = false;     // the dataplane refused it: nothing can point to it
        bool again = false;       // a group to be sent although it is as sent
        std::uint8_t rank = 255;  // of the first of the routes that pointed to it
    };
    // A route, or (it has no number then) an object.
    struct Waiting {
        std::uint8_t rank = 255;
        std::uint32_t object = 0;
        net::Ipv4Prefix prefix;
        RouteNumber route = kNoRoute;
        friend constexpr auto operator<=>(const Waiting&, const Waiting&) = default;
    };

    // As it is in this epoch.
    RouteSlot& slot_of(RouteNumber route) {
        RouteSlot& slot = table_[route].slot;
        if (slot.epoch != epoch_) {
            reset(route);
        }
        return slot;
    }
    void reset(RouteNumber route);
    void walk(std::size_t most);
    Waiting waiting_route(RouteNumber route) {
        return {slot_of(route).rank, 0, table_[route].prefix, route};
    }
    void wait(RouteNumber route, Shortage shortage);
    void wait(std::uint32_t number, Shortage shortage);
    // No longer waits, nor is stranded. True: it did, or was.
    bool stop_waiting(RouteNumber route);
    void stop_waiting(std::uint32_t number);
    void route_rejected(std::uint64_t operation, RouteNumber route, Refusal refusal);
    void object_rejected(std::uint32_t number, const Refusal& refusal);
    void send_again(Waiting what);
    void note_asked_again(std::uint32_t number);
    [[nodiscard]] Shortage shortage_of(TargetNumber target) const;
    static std::string reason_of(Shortage shortage);
    [[nodiscard]] bool may_ask_again() const;
    void ask_again();
    [[nodiscard]] bool is_queued() const;

    std::uint32_t allocate();
    void release_number(std::uint32_t number);
    std::uint32_t want_next_hop(const RibNextHop& next_hop);
    std::vector<std::uint32_t> want_members(std::span<const RibNextHop> next_hops);
    void unwant(std::uint32_t number);
    void unuse(std::uint32_t number);
    void retire_if_idle(std::uint32_t number);
    bool take_next_hop(std::vector<DownloadOp>& out);
    bool take_group(std::vector<DownloadOp>& out);
    bool take_route(std::vector<DownloadOp>& out);
    bool take_deletion(std::vector<DownloadOp>& out);

    std::uint32_t max_numbers_;
    std::size_t walk_a_take_;
    RouteTable& table_;
    std::vector<Object> objects_{1};  // by number; 0 is never used
    std::set<std::uint32_t> free_numbers_;
    std::map<RibNextHop, std::uint32_t> next_hop_numbers_;
    std::map<RouteNumber, std::string> reasons_;  // of those that are refused

    // What differs between wanted and sent, exactly: what becomes void is taken out again, so that
    // they stay within the number of objects and routes however long nobody takes.
    std::set<std::uint32_t> new_next_hops_;
    std::set<std::uint32_t> changed_groups_;
    RouteQueue changed_routes_;
    std::set<std::uint32_t> idle_objects_;

    std::array<std::set<Waiting>, kShortageCount> waiting_;
    std::array<bool, kShortageCount> open_{};
    // By the number of the object that they need.
    std::map<std::uint32_t, std::set<RouteNumber>> stranded_routes_;
    std::map<std::uint32_t, std::set<std::uint32_t>> stranded_groups_;
    std::map<std::uint64_t, std::uint32_t> asked_again_;  // objects, by the operation that did
    std::set<std::uint32_t> returned_;                    // objects whose stranded routes may go
    std::uint64_t retry_barrier_ = 0;  // acknowledged: the next portion may be asked for
    std::size_t routes_waiting_ = 0;
    std::size_t objects_waiting_ = 0;
    std::uint64_t refused_for_room_ = 0;

    std::uint8_t epoch_ = 0;
    bool walking_ = false;
    std::optional<net::Ipv4Prefix> walked_;  // the last one

    std::vector<RouteNumber> idle_routes_;

    std::uint64_t operations_taken_ = 0;
    std::uint64_t operations_acknowledged_ = 0;
    std::uint64_t numbers_refused_ = 0;
    std::uint64_t numbers_freed_ = 0;
    std::uint64_t members_dropped_ = 0;
};

}  // namespace godwit::control
