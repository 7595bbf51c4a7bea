// What the dataplane refuses, and the part of it that waits for room (see download.hpp).
#include "controlplane/rib/download.hpp"

#include <algorithm>
#include <utility>

namespace godwit::control {

void Download::rejected(std::uint64_t operation, const net::Ipv4Prefix& prefix, TargetNumber number,
                        Refusal refusal) {
    if (refusal.shortage) {
        ++refused_for_room_;
        open_[static_cast<std::size_t>(*refusal.shortage)] = false;
    }
    if (number == kNoTarget) {
        return;
    }
    // What was sent by another operation has changed since.
    if (const auto found = routes_.find(prefix); found != routes_.end() &&
                                                 found->second.sent_at == operation &&
                                                 found->second.sent == number) {
        if (found->second.wanted == number) {
            route_rejected(operation, prefix, found->second, std::move(refusal));
        }
    } else if (number < objects_.size() && objects_[number].sent &&
               objects_[number].sent_at == operation) {
        object_rejected(number, refusal);
    }
}

void Download::route_rejected(std::uint64_t operation, const net::Ipv4Prefix& prefix,
                              RouteSlot& slot, Refusal refusal) {
    if (slot.again) {
        return;  // it is on its way again already
    }
    const Object& object = objects_[slot.sent];
    if (refusal.shortage) {
        wait(prefix, slot, *refusal.shortage);
    } else if (refusal.unknown_next_hop && object.missing) {
        stranded_routes_[slot.sent].insert(prefix);
        slot.stranded = true;
        ++routes_waiting_;
    } else if (refusal.unknown_next_hop && object.sent_at > operation) {
        slot.again = true;  // the next hop was asked for again after the route
        queue(prefix, slot);
    } else {
        slot.refused = true;
        reasons_[prefix] = std::move(refusal.reason);
    }
}

void Download::object_rejected(std::uint32_t number, const Refusal& refusal) {
    Object& object = objects_[number];
    if (refusal.shortage) {
        // Of a group without room the dataplane uses the first member alone.
        object.missing = *refusal.shortage != Shortage::Groups;
        wait(number, *refusal.shortage);
        return;
    }
    if (!object.is_group || !refusal.unknown_next_hop) {
        return;  // its routes are refused one by one
    }
    // The dataplane uses those members that it has.
    object.missing = true;
    bool since = false;  // asked for again after the group
    for (const std::uint32_t member : object.sent_members) {
        if (objects_[member].missing) {
            stranded_groups_[member].insert(number);
        } else {
            since = since || objects_[member].sent_at > object.sent_at;
            object.missing = object.missing && objects_[member].sent_at > object.sent_at;
        }
    }
    if (since) {
        send_again({0, number, {}});
    }
}

// ---- want of room

void Download::wait(const net::Ipv4Prefix& prefix, RouteSlot& slot, Shortage shortage) {
    slot.waits = shortage;
    waiting_[static_cast<std::size_t>(shortage)].insert({slot.rank, 0, prefix});
    ++routes_waiting_;
}

void Download::wait(std::uint32_t number, Shortage shortage) {
    Object& object = objects_[number];
    object.waits = shortage;
    waiting_[static_cast<std::size_t>(shortage)].insert({object.rank, number, {}});
    ++objects_waiting_;
}

bool Download::stop_waiting(const net::Ipv4Prefix& prefix, RouteSlot& slot) {
    if (!slot.waits && !slot.stranded) {
        return false;
    }
    --routes_waiting_;
    if (slot.waits) {
        waiting_[static_cast<std::size_t>(*slot.waits)].erase({slot.rank, 0, prefix});
        slot.waits.reset();
    }
    if (std::exchange(slot.stranded, false)) {
        const auto place = stranded_routes_.find(slot.sent);
        place->second.erase(prefix);
        if (place->second.empty()) {
            returned_.erase(place->first);
            stranded_routes_.erase(place);
        }
    }
    return true;
}

void Download::stop_waiting(std::uint32_t number) {
    Object& object = objects_[number];
    if (object.waits) {
        --objects_waiting_;
        waiting_[static_cast<std::size_t>(*object.waits)].erase({object.rank, number, {}});
        object.waits.reset();
    }
}

void Download::room_returned(Shortage shortage) {
    open_[static_cast<std::size_t>(shortage)] = true;
}

void Download::send_again(Waiting what) {  // a copy: what it says leaves its set here
    if (what.object == 0) {
        RouteSlot& slot = routes_.at(what.prefix);
        stop_waiting(what.prefix, slot);
        slot.again = true;
        queue(what.prefix, slot);
        return;
    }
    Object& object = objects_[what.object];
    if (!object.allocated || !object.sent) {
        return;
    }
    stop_waiting(what.object);
    if (object.wanted == 0) {
        return;  // nothing needs it now but what is going to be deleted
    }
    if (object.is_group) {
        object.again = true;
        changed_groups_.insert(what.object);
    } else {
        new_next_hops_.insert(what.object);
    }
}

// The object has been sent, perhaps not for the first time.
void Download::note_asked_again(std::uint32_t number) {
    Object& object = objects_[number];
    object.missing = false;
    if (stranded_routes_.contains(number) || stranded_groups_.contains(number)) {
        asked_again_.emplace(object.sent_at, number);
    }
}

bool Download::may_ask_again() const {
    // Operations that became void may keep the barrier from being reached.
    if (operations_acknowledged_ < retry_barrier_ &&
        (is_queued() || operations_acknowledged_ < operations_taken_)) {
        return false;
    }
    if (!returned_.empty()) {
        return true;
    }
    for (std::size_t shortage = 0; shortage < kShortageCount; ++shortage) {
        if (open_[shortage] && !waiting_[shortage].empty()) {
            return true;
        }
    }
    return false;
}

void Download::ask_again() {
    if (!may_ask_again()) {
        return;
    }
    std::size_t left = kRetryWindow;
    while (left > 0 && !returned_.empty()) {
        --left;
        send_again({0, 0, *stranded_routes_.at(*returned_.begin()).begin()});
    }
    for (std::size_t shortage = 0; shortage < kShortageCount; ++shortage) {
        for (; left > 0 && open_[shortage] && !waiting_[shortage].empty(); --left) {
            send_again(*waiting_[shortage].begin());
        }
    }
    retry_barrier_ =
        operations_taken_ + new_next_hops_.size() + changed_groups_.size() + changed_routes_.size();
}

// What a next hop that is missing, or the missing members of a group, wait for.
Shortage Download::shortage_of(TargetNumber target) const {
    const Object& object = objects_[target];
    if (object.waits) {
        return *object.waits;
    }
    for (const std::uint32_t member : object.sent_members) {
        if (objects_[member].waits) {
            return *objects_[member].waits;
        }
    }
    return Shortage::NextHops;  // asked for again just now
}

// Why a route waits.
std::string Download::reason_of(Shortage shortage) {
    const char* what = "";
    switch (shortage) {
        case Shortage::Routes:
            what = "routes";
            break;
        case Shortage::LookupTable:
            what = "lookup memory";
            break;
        case Shortage::NextHops:
            what = "next hops";
            break;
        case Shortage::Groups:
            what = "groups of next hops";
            break;
        case Shortage::Neighbors:
            what = "neighbors";
            break;
        case Shortage::kCount:
            break;
    }
    return std::string("table full: the dataplane has no room for more ") + what +
           "; it is tried again when there is room";
}

}  // namespace godwit::control
