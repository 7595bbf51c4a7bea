#include "controlplane/rib/download.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace godwit::control {

// ---- numbers

std::uint32_t Download::allocate() {
    std::uint32_t number = 0;
    if (!free_numbers_.empty()) {
        number = *free_numbers_.begin();
        free_numbers_.erase(free_numbers_.begin());
    } else if (objects_.size() <= max_numbers_) {
        number = static_cast<std::uint32_t>(objects_.size());
        objects_.emplace_back();
    } else {
        ++numbers_refused_;
        return kNoTarget;
    }
    objects_[number] = Object();
    objects_[number].allocated = true;
    return number;
}

void Download::release_number(std::uint32_t number) {
    Object& object = objects_[number];
    if (!object.is_group) {
        next_hop_numbers_.erase(object.next_hop);
    }
    idle_objects_.erase(number);
    new_next_hops_.erase(number);
    changed_groups_.erase(number);
    stop_waiting(number);
    returned_.erase(number);
    stranded_groups_.erase(number);
    object = Object();
    free_numbers_.insert(number);
    ++numbers_freed_;
}

std::uint32_t Download::want_next_hop(const RibNextHop& next_hop) {
    const auto known = next_hop_numbers_.find(next_hop);
    if (known != next_hop_numbers_.end()) {
        // Perhaps idle until now; its deletion is then void.
        ++objects_[known->second].wanted;
        idle_objects_.erase(known->second);
        if (objects_[known->second].missing && !objects_[known->second].waits) {
            new_next_hops_.insert(known->second);  // nobody asked again while nobody wanted it
        }
        return known->second;
    }
    const std::uint32_t number = allocate();
    if (number != kNoTarget) {
        objects_[number].next_hop = next_hop;
        objects_[number].wanted = 1;
        next_hop_numbers_.emplace(next_hop, number);
        new_next_hops_.insert(number);
    }
    return number;
}

std::vector<std::uint32_t> Download::want_members(std::span<const RibNextHop> next_hops) {
    std::vector<std::uint32_t> members;
    if (next_hops.size() > kMaxGroupMembers) {
        members_dropped_ += next_hops.size() - kMaxGroupMembers;
        next_hops = next_hops.first(kMaxGroupMembers);
    }
    for (const RibNextHop& next_hop : next_hops) {
        if (const std::uint32_t number = want_next_hop(next_hop); number != kNoTarget) {
            members.push_back(number);
        }
    }
    return members;
}

void Download::unwant(std::uint32_t number) {
    --objects_[number].wanted;
    retire_if_idle(number);
}

void Download::unuse(std::uint32_t number) {
    --objects_[number].used;
    retire_if_idle(number);
}

void Download::retire_if_idle(std::uint32_t number) {
    const Object& object = objects_[number];
    if (object.wanted > 0 || object.used > 0) {
        return;
    }
    if (object.sent) {
        idle_objects_.insert(number);
    } else {
        release_number(number);
    }
}

// ---- targets

TargetNumber Download::add_direct(const RibNextHop& next_hop) {
    return want_next_hop(next_hop);
}

TargetNumber Download::add_group(std::span<const RibNextHop> next_hops) {
    const std::uint32_t number = allocate();
    if (number == kNoTarget) {
        return kNoTarget;
    }
    std::vector<std::uint32_t> members = want_members(next_hops);
    Object& group = objects_[number];
    group.is_group = true;
    if (members.empty()) {
        release_number(number);
        return kNoTarget;
    }
    group.wanted = 1;
    group.members = std::move(members);
    changed_groups_.insert(number);
    return number;
}

bool Download::change_group(TargetNumber number, std::span<const RibNextHop> next_hops) {
    std::vector<std::uint32_t> members = want_members(next_hops);
    if (members.empty()) {
        return false;
    }
    Object& group = objects_[number];
    const std::vector<std::uint32_t> before = std::exchange(group.members, std::move(members));
    changed_groups_.insert(number);
    for (const std::uint32_t member : before) {
        unwant(member);
    }
    return true;
}

void Download::drop_target(TargetNumber target) {
    Object& object = objects_[target];
    if (object.is_group) {
        // Its members are needed no more by what is wanted; what was sent still uses them.
        const std::vector<std::uint32_t> members = std::exchange(object.members, {});
        changed_groups_.erase(target);
        for (const std::uint32_t member : members) {
            unwant(member);
        }
    }
    unwant(target);
}

// ---- routes

void Download::set_route(RouteNumber route, TargetNumber target, std::uint8_t rank) {
    RouteSlot& slot = slot_of(route);
    if (stop_waiting(route)) {
        slot.again = slot.sent != kNoTarget;
    }
    if (slot.refused) {
        slot.refused = false;
        reasons_.erase(route);
        slot.again = slot.sent != kNoTarget;
    }
    const bool changes = target != slot.sent || slot.again;
    if (slot.queued && (!changes || slot.rank != rank)) {
        changed_routes_.remove(route);
    }
    slot.wanted = target;
    slot.rank = rank;
    if (target != kNoTarget && !objects_[target].waits) {
        objects_[target].rank = std::min(objects_[target].rank, rank);
    }
    if (changes && !slot.queued) {
        changed_routes_.add(route);
    }
}

void Download::refuse_route(RouteNumber route, std::string reason) {
    set_route(route, kNoTarget);
    slot_of(route).refused = true;
    reasons_[route] = std::move(reason);
}

// ---- taking

bool Download::take_next_hop(std::vector<DownloadOp>& out) {
    if (new_next_hops_.empty()) {
        return false;
    }
    const std::uint32_t number = *new_next_hops_.begin();
    new_next_hops_.erase(new_next_hops_.begin());
    Object& object = objects_[number];
    object.sent = true;
    object.sent_at = operations_taken_ + 1;
    note_asked_again(number);
    out.emplace_back(SetNextHop{number, objects_[number].next_hop});
    return true;
}

bool Download::take_group(std::vector<DownloadOp>& out) {
    while (!changed_groups_.empty()) {
        const std::uint32_t number = *changed_groups_.begin();
        changed_groups_.erase(changed_groups_.begin());
        Object& group = objects_[number];
        if (group.sent && group.sent_members == group.members && !group.again) {
            continue;
        }
        stop_waiting(number);  // for a change it is asked for as well
        group.sent = true;
        group.again = false;
        group.sent_at = operations_taken_ + 1;
        note_asked_again(number);
        const std::vector<std::uint32_t> before = std::exchange(group.sent_members, group.members);
        for (const std::uint32_t member : group.sent_members) {
            ++objects_[member].used;
        }
        out.emplace_back(SetGroup{number, group.members});
        for (const std::uint32_t member : before) {
            unuse(member);
        }
        return true;
    }
    return false;
}

bool Download::take_route(std::vector<DownloadOp>& out) {
    if (changed_routes_.empty()) {
        return false;
    }
    const RouteNumber route = changed_routes_.take();
    const net::Ipv4Prefix prefix = table_[route].prefix;
    RouteSlot& slot = slot_of(route);
    const TargetNumber before = std::exchange(slot.sent, slot.wanted);
    slot.sent_at = operations_taken_ + 1;
    slot.again = false;
    if (slot.sent != kNoTarget) {
        ++objects_[slot.sent].used;
        out.emplace_back(SetRoute{prefix, slot.sent});
    } else {
        out.emplace_back(DeleteRoute{prefix});
        if (slot.is_idle()) {
            idle_routes_.push_back(route);
        }
    }
    if (before != kNoTarget) {
        unuse(before);
    }
    return true;
}

bool Download::take_deletion(std::vector<DownloadOp>& out) {
    if (idle_objects_.empty()) {
        return false;
    }
    const std::uint32_t number = *idle_objects_.begin();
    out.emplace_back(DeleteNextHop{number});
    const std::vector<std::uint32_t> members = std::exchange(objects_[number].sent_members, {});
    release_number(number);
    for (const std::uint32_t member : members) {
        unuse(member);
    }
    return true;
}

std::vector<DownloadOp> Download::take(std::size_t limit) {
    std::vector<DownloadOp> out;
    walk(walk_a_take_);
    ask_again();
    while (out.size() < limit && (take_next_hop(out) || take_group(out) ||
                                  (!walking_ && (take_route(out) || take_deletion(out))))) {
        ++operations_taken_;
    }
    return out;
}

bool Download::has_operations() const {
    return walking_ || is_queued() || may_ask_again();
}

bool Download::is_queued() const {
    return !new_next_hops_.empty() || !changed_groups_.empty() || !changed_routes_.empty() ||
           !idle_objects_.empty();
}

// ---- the dataplane's side

void Download::begin_resync() {
    operations_taken_ = 0;
    operations_acknowledged_ = 0;
    new_next_hops_.clear();
    changed_groups_.clear();
    changed_routes_.forget();
    idle_objects_.clear();
    for (std::set<Waiting>& waiting : waiting_) {
        waiting.clear();
    }
    open_.fill(false);
    stranded_routes_.clear();
    stranded_groups_.clear();
    asked_again_.clear();
    returned_.clear();
    retry_barrier_ = 0;
    routes_waiting_ = 0;
    objects_waiting_ = 0;
    for (std::uint32_t number = 1; number < objects_.size(); ++number) {
        Object& object = objects_[number];
        if (!object.allocated) {
            continue;
        }
        object.used = 0;
        object.sent = false;
        object.sent_members.clear();
        object.waits.reset();
        object.missing = false;
        object.again = false;
        if (object.wanted == 0) {
            release_number(number);
        } else if (object.is_group) {
            changed_groups_.insert(number);
        } else {
            new_next_hops_.insert(number);
        }
    }
    walking_ = true;
    walked_.reset();
    if (++epoch_ == 0) {
        // So many began without one that came to its end: none of their slots may be taken for one
        // of an epoch to come.
        walk(std::numeric_limits<std::size_t>::max());
    }
}

void Download::reset(RouteNumber route) {
    RouteSlot& slot = table_[route].slot;
    slot.epoch = epoch_;
    slot.sent = kNoTarget;
    slot.again = false;
    slot.stranded = false;
    slot.waits = RouteSlot::kWaitsForNothing;
    slot.queued = false;
    if (slot.wanted != kNoTarget) {
        if (slot.refused) {
            slot.refused = false;
            reasons_.erase(route);
        }
        changed_routes_.add(route);
    }
}

void Download::walk(std::size_t most) {
    for (; walking_ && most > 0; --most) {
        const RouteNumber route = table_.entry_behind(walked_);
        if (route == kNoRoute) {
            walking_ = false;
            return;
        }
        walked_ = table_[route].prefix;
        if (slot_of(route).is_idle()) {
            idle_routes_.push_back(route);
        }
    }
}

void Download::acknowledged(std::uint64_t operations) {
    operations_acknowledged_ =
        std::max(operations_acknowledged_, std::min(operations, operations_taken_));
    // A rejection comes before the acknowledgement: what is not missing now is there.
    while (!asked_again_.empty() && asked_again_.begin()->first <= operations_acknowledged_) {
        const auto [operation, number] = *asked_again_.begin();
        asked_again_.erase(asked_again_.begin());
        const Object& object = objects_[number];
        if (!object.allocated || object.missing || object.sent_at != operation) {
            continue;
        }
        if (stranded_routes_.contains(number)) {
            returned_.insert(number);
        }
        if (const auto groups = stranded_groups_.extract(number)) {
            for (const std::uint32_t group : groups.mapped()) {
                send_again({0, group, {}, kNoRoute});
            }
        }
    }
}

InstallStatus Download::status(RouteNumber route) const {
    const RouteSlot& slot = std::as_const(table_)[route].slot;
    if (slot.epoch != epoch_ && slot.wanted != kNoTarget) {
        return {InstallState::Pending, {}};
    }
    if (slot.refused) {
        return {InstallState::Rejected, reasons_.at(route)};
    }
    if (slot.wanted == kNoTarget) {
        return {};
    }
    if (slot.is_waiting() || slot.stranded ||
        (slot.sent != kNoTarget && objects_[slot.sent].missing)) {
        return {InstallState::Waiting,
                reason_of(slot.is_waiting() ? static_cast<Shortage>(slot.waits)
                                            : shortage_of(slot.sent))};
    }
    const bool installed = slot.sent == slot.wanted && slot.sent_at <= operations_acknowledged_;
    return {installed ? InstallState::Installed : InstallState::Pending, {}};
}

}  // namespace godwit::control
