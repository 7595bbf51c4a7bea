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
    const RouteNumber route = table_.number_of(prefix);
    if (route != kNoRoute && slot_of(route).sent_at == operation && slot_of(route).sent == number) {
        if (slot_of(route).wanted == number) {
            route_rejected(operation, route, std::move(refusal));
        }
    } else if (number < objects_.size() && objects_[number].sent &&
               objects_[number].sent_at == operation) {
        object_rejected(number, refusal);
    }
}

void Download::route_rejected(std::uint64_t operation, RouteNumber route, Refusal refusal) {
    RouteSlot& slot = slot_of(route);
    if (slot.again) {
        return;  // it is on its way again already
    }
    const Object& object = objects_[slot.sent];
    if (refusal.shortage) {
        wait(route, *refusal.shortage);
    } else if (refusal.unknown_next_hop && object.missing) {
        stranded_routes_[slot.sent].insert(route);
        slot.stranded = true;
        ++routes_waiting_;
    } else if (refusal.unknown_next_hop && object.sent_at > operation) {
        slot.again = true;  // the next hop was asked for again after the route
        changed_routes_.add(route);
    } else {
        slot.refused = true;
        reasons_[route] = std::move(refusal.reason);
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
        send_again({0, number, {}, kNoRoute});
    }
}

// ---- want of room

void Download::wait(RouteNumber route, Shortage shortage) {
    slot_of(route).waits = static_cast<std::uint8_t>(shortage);
    waiting_[static_cast<std::size_t>(shortage)].insert(waiting_route(route));
    ++routes_waiting_;
}

void Download::wait(std::uint32_t number, Shortage shortage) {
    Object& object = objects_[number];
    object.waits = shortage;
    waiting_[static_cast<std::size_t>(shortage)].insert({object.rank, number, {}, kNoRoute});
    ++objects_waiting_;
}

bool Download::stop_waiting(RouteNumber route) {
    RouteSlot& slot = slot_of(route);
    if (!slot.is_waiting() && !slot.stranded) {
        return false;
    }
    --routes_waiting_;
    if (slot.is_waiting()) {
        waiting_[slot.waits].erase(waiting_route(route));
        slot.waits = RouteSlot::kWaitsForNothing;
    }
    if (slot.stranded) {
        slot.stranded = false;
        const auto place = stranded_routes_.find(slot.sent);
        place->second.erase(route);
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
        waiting_[static_cast<std::size_t>(*object.waits)].erase(
            {object.rank, number, {}, kNoRoute});
        object.waits.reset();
    }
}

void Download::room_returned(Shortage shortage) {
    open_[static_cast<std::size_t>(shortage)] = true;
}

void Download::send_again(Waiting what) {  // a copy: what it says leaves its set here
    if (what.object == 0) {
        stop_waiting(what.route);
        slot_of(what.route).again = true;
        changed_routes_.add(what.route);
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
        send_again({0, 0, {}, *stranded_routes_.at(*returned_.begin()).begin()});
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
