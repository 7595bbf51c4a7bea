// What the dataplane knows, what it should know, and the operations between the two.
//
// Objects are the things that have a number: a next hop, or a group of next hops. A *target* is
// what a route points to: a next hop itself ("direct"), or a group, whose members can be changed
// without touching the routes that use it. Next hops are shared by value.
//
// For every object and route two states are kept: wanted (by the RIB) and sent (taken by the
// caller). take() walks the queues of what differs in the only safe order: new next hops, groups,
// routes, and last the deletion of objects that nothing sent refers to any more. Counting the
// references of the *sent* state is what makes a partial take() safe: a change may arrive between
// any two operations. A number is free again when its deletion has been taken.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/rib/download_op.hpp"

namespace godwit::control {

using TargetNumber = std::uint32_t;
constexpr TargetNumber kNoTarget = 0;

class Download {
public:
    // Numbers from 1 to `max_numbers`.
    explicit Download(std::uint32_t max_numbers) : max_numbers_(max_numbers) {}

    // A target; every one is dropped once. kNoTarget: no number is free. A group takes the first
    // kMaxGroupMembers, and only those that get a number; the others are counted.
    TargetNumber add_direct(const RibNextHop& next_hop);
    TargetNumber add_group(std::span<const RibNextHop> next_hops);
    // False: no number was free for any of them, and the group is as it was.
    bool change_group(TargetNumber group, std::span<const RibNextHop> next_hops);
    // No wanted route points to it any more.
    void drop_target(TargetNumber target);

    // kNoTarget: the route is not wanted (or, by refuse_route, cannot be).
    void set_route(const net::Ipv4Prefix& prefix, TargetNumber target);
    void refuse_route(const net::Ipv4Prefix& prefix, std::string reason);

    std::vector<DownloadOp> take(std::size_t limit);
    [[nodiscard]] bool has_operations() const;
    void begin_resync();
    void acknowledged(std::uint64_t operations);
    void rejected(const net::Ipv4Prefix& prefix, TargetNumber number, std::string reason);

    [[nodiscard]] InstallStatus status(const net::Ipv4Prefix& prefix) const;
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
    };
    struct RouteSlot {
        TargetNumber wanted = kNoTarget;
        TargetNumber sent = kNoTarget;
        std::uint64_t sent_at = 0;  // number of the operation that sent it
        bool refused = false;       // `reasons_` has why
        bool again = false;         // to be sent although it was sent: the dataplane had refused it
    };

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
    std::vector<Object> objects_{1};  // by number; 0 is never used
    std::set<std::uint32_t> free_numbers_;
    std::map<RibNextHop, std::uint32_t> next_hop_numbers_;
    std::unordered_map<net::Ipv4Prefix, RouteSlot> routes_;
    std::unordered_map<net::Ipv4Prefix, std::string> reasons_;

    // What differs between wanted and sent, exactly: what becomes void is taken out again, so that
    // they stay within the number of objects and routes however long nobody takes.
    std::set<std::uint32_t> new_next_hops_;
    std::set<std::uint32_t> changed_groups_;
    std::set<net::Ipv4Prefix> changed_routes_;
    net::Ipv4Prefix route_cursor_;  // routes are taken in turn, so that none waits for ever
    std::set<std::uint32_t> idle_objects_;

    std::uint64_t operations_taken_ = 0;
    std::uint64_t operations_acknowledged_ = 0;
    std::uint64_t numbers_refused_ = 0;
    std::uint64_t numbers_freed_ = 0;
    std::uint64_t members_dropped_ = 0;
};

}  // namespace godwit::control
