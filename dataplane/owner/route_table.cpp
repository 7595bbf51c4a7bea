// The route table's records: numbers, groups, routes, and the sweep at the end of a
// synchronisation. What becomes of neighbours' own host routes beside them is in
// route_table_hosts.cpp.
#include "dataplane/owner/route_table.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace godwit::dataplane {

namespace {

// The bytes are the control plane's: the length is checked, the values are checked where they are
// used.
template <class Body>
std::optional<Body> read(std::span<const std::byte> bytes) {
    static_assert(std::is_trivially_copyable_v<Body>);
    if (bytes.size() < sizeof(Body)) {
        return std::nullopt;
    }
    Body body;
    std::memcpy(&body, bytes.data(), sizeof(Body));
    return body;
}

// Every record of the route ring begins with its sequence number.
std::optional<std::uint64_t> sequence_of(const api::Record& record) {
    return read<std::uint64_t>(record.body);
}

std::optional<net::Ipv4Prefix> prefix_of(std::uint32_t address, std::uint8_t length) {
    if (length > 32) {
        return std::nullopt;
    }
    const net::Ipv4Prefix prefix = net::Ipv4Prefix::covering(net::Ipv4Address(address), length);
    return prefix.address().value() == address ? std::optional(prefix) : std::nullopt;
}

}  // namespace

void RouteTable::session_opened() {
    orphans_.clear();
    orphan_groups_.clear();
    for (std::uint32_t index = 1; index < hops_.end(); ++index) {
        Hop* hop = hops_.find(index);
        if (hop == nullptr || hop->of_neighbor) {
            continue;
        }
        hop->number.reset();
        if (hop->is_group()) {
            orphan_groups_.emplace(hop->members, index);
        } else {
            orphans_.emplace(hop->target, index);
        }
    }
    numbers_.clear();
    last_sequence_ = 0;
    begun_ = false;
    synchronizing_.reset();
    sweeping_.reset();
    shortages_.clear();
    rejections_.clear();
    sync_done_.reset();
}

void RouteTable::apply(const api::Record& record) {
    const auto sequence = sequence_of(record);
    Outcome refusal;
    if (!sequence || *sequence != last_sequence_ + 1) {
        refusal = Refusal{api::RouteRejection::OutOfSequence, {}, 0};
    } else {
        last_sequence_ = *sequence;
        refusal = carry_out(record);
    }
    if (!refusal) {
        ++statistics_.applied;
        return;
    }
    ++statistics_.rejected;
    if (api::is_for_want_of_room(refusal->reason)) {
        note_shortage(refusal->reason);
    }
    api::RouteRejectedRecord rejected;
    rejected.sequence = sequence.value_or(0);
    rejected.prefix = refusal->prefix.address().value();
    rejected.length = refusal->prefix.length();
    rejected.number = refusal->number;
    rejected.reason = refusal->reason;
    rejections_.push_back(rejected);
}

void RouteTable::note_shortage(api::RouteRejection reason) {
    if (reason == api::RouteRejection::TableFull) {
        ++statistics_.routes_refused;
    }
    shortages_[reason] = freed();
}

void RouteTable::look_for_room(bool reclaiming, bool neighbors_have_room) {
    // What was given back before a refusal may only now have come free.
    if (std::exchange(reclaiming_, reclaiming) && !reclaiming) {
        ++freed_;
    }
    neighbors_have_room_ = neighbors_have_room;
}

std::vector<api::RouteRejection> RouteTable::take_room() {
    std::vector<api::RouteRejection> reasons;
    for (auto shortage = shortages_.begin(); shortage != shortages_.end();) {
        const auto& [reason, freed_then] = *shortage;
        const bool room =
            reason == api::RouteRejection::TableFull
                ? downloaded_ < max_routes_
                : freed() != freed_then ||
                      (reason == api::RouteRejection::NeighborsFull && neighbors_have_room_);
        if (room) {
            reasons.push_back(reason);
            shortage = shortages_.erase(shortage);
        } else {
            ++shortage;
        }
    }
    return reasons;
}

bool RouteTable::sweep(std::size_t limit) {
    while (sweeping_ && limit > 0) {
        RouteSweep& sweep = *sweeping_;
        if (sweep.stage == RouteSweep::Stage::Routes) {
            sweep_routes(sweep, limit);
            continue;
        }
        // Groups before the hops that they hold.
        const bool groups = sweep.stage == RouteSweep::Stage::Groups;
        while (sweep.index < hops_.end() && limit > 0) {
            --limit;
            const std::uint32_t index = sweep.index++;
            const Hop* hop = hops_.find(index);
            if (hop != nullptr && !hop->of_neighbor && hop->is_group() == groups &&
                hop->mark != mark_ && !hop->is_referenced()) {
                unbind(index);
                hops_.release(index);
                ++sweep.done.next_hops_swept;
            }
        }
        if (sweep.index < hops_.end()) {
            continue;
        }
        if (groups) {
            sweep.stage = RouteSweep::Stage::Hops;
            sweep.index = 1;
            continue;
        }
        sync_done_ = sweep.done;
        sweeping_.reset();
        orphans_.clear();
        orphan_groups_.clear();
    }
    return sweeping_.has_value();
}

// A walk ends where something is removed, and a new one begins there: with an on-link route go the
// host routes below it.
void RouteTable::sweep_routes(RouteSweep& sweep, std::size_t& limit) {
    std::optional<Fib::Route> old;
    bool more = false;
    fib_.walk(sweep.from, [&](const Fib::Route& route) {
        sweep.from = route.prefix;
        more = limit == 0;
        if (more) {
            return false;
        }
        --limit;
        if (route.mark != route_mark_ && is_downloaded(route)) {
            old = route;
        }
        return !old;
    });
    if (old) {
        remove_downloaded(*old);
        ++sweep.done.routes_swept;
    } else if (!more) {
        sweep.stage = RouteSweep::Stage::Groups;
    }
}

// ---- records

RouteTable::Outcome RouteTable::carry_out(const api::Record& record) {
    const Refusal bad{api::RouteRejection::BadRecord, {}, 0};
    const auto type = static_cast<api::RouteType>(record.type);
    if (!begun_ && type != api::RouteType::SyncBegin) {
        return bad;  // nothing is known yet about what the control plane means to keep
    }
    switch (type) {
        case api::RouteType::SyncBegin: {
            const auto body = read<api::SyncRecord>(record.body);
            return body ? sync_begin(*body) : bad;
        }
        case api::RouteType::SyncEnd: {
            const auto body = read<api::SyncRecord>(record.body);
            return body ? sync_end(*body) : bad;
        }
        case api::RouteType::NextHopSet: {
            const auto body = read<api::NextHopSetRecord>(record.body);
            return body ? set_next_hop(*body) : bad;
        }
        case api::RouteType::GroupSet:
            return set_group(record);
        case api::RouteType::NextHopDelete: {
            const auto body = read<api::NextHopDeleteRecord>(record.body);
            return body ? delete_next_hop(*body) : bad;
        }
        case api::RouteType::RouteSet: {
            const auto body = read<api::RouteSetRecord>(record.body);
            return body ? set_route(*body) : bad;
        }
        case api::RouteType::RouteDelete: {
            const auto body = read<api::RouteDeleteRecord>(record.body);
            return body ? delete_route(*body) : bad;
        }
    }
    return bad;
}

RouteTable::Outcome RouteTable::sync_begin(const api::SyncRecord& record) {
    // A sweep that still goes on is overtaken: the new mark covers what it had left.
    sweeping_.reset();
    begun_ = true;
    synchronizing_ = record.generation;
    begin_mark();
    return std::nullopt;
}

void RouteTable::begin_mark() {
    ++mark_;
    const auto unused =
        std::find(downloaded_by_mark_.begin(), downloaded_by_mark_.end(), std::size_t{0});
    if (unused != downloaded_by_mark_.end()) {
        route_mark_ = static_cast<Fib::Mark>(unused - downloaded_by_mark_.begin());
        return;
    }
    fib_.unmark();
    downloaded_by_mark_ = {downloaded_};
    route_mark_ = 1;
}

RouteTable::Outcome RouteTable::sync_end(const api::SyncRecord& record) {
    if (synchronizing_ != record.generation) {
        return Refusal{api::RouteRejection::BadRecord, {}, 0};
    }
    synchronizing_.reset();
    sweeping_.emplace();
    sweeping_->end_sequence = record.sequence;
    sweeping_->done.generation = record.generation;
    return std::nullopt;
}

RouteTable::Outcome RouteTable::set_next_hop(const api::NextHopSetRecord& record) {
    const auto refuse = [&](api::RouteRejection reason) {
        return Refusal{reason, {}, record.number};
    };
    if (record.number >= api::kMaxNextHopNumber) {
        return refuse(api::RouteRejection::BadRecord);
    }
    HopTarget target{record.kind, net::InterfaceId(record.interface),
                     record.kind == api::NextHopKind::Gateway ? net::Ipv4Address(record.gateway)
                                                              : net::Ipv4Address()};
    if (target.kind == api::NextHopKind::NoRoute || target.kind == api::NextHopKind::Blackhole) {
        target.interface = net::InterfaceId();
    }
    if (const std::uint32_t index = hop_of_number(record.number); index != 0) {
        const api::NextHopKind before = hops_.find(index)->target.kind;
        if (const auto reason = hops_.change(index, target)) {
            return refuse(*reason);
        }
        hops_.find(index)->mark = mark_;
        if (before == api::NextHopKind::Glean || target.kind == api::NextHopKind::Glean) {
            settle_all();
        }
        return std::nullopt;
    }
    std::uint32_t index = adopt(target);
    if (index == 0) {
        const Hops::Made made = hops_.make(target);
        if (!made) {
            return refuse(made.error());
        }
        index = *made;
    }
    bind(record.number, index);
    return std::nullopt;
}

RouteTable::Outcome RouteTable::set_group(const api::Record& record) {
    const auto body = read<api::GroupSetRecord>(record.body);
    if (!body) {
        return Refusal{api::RouteRejection::BadRecord, {}, 0};
    }
    const auto refuse = [&](api::RouteRejection reason) {
        return Refusal{reason, {}, body->number};
    };
    const auto rest = record.body.subspan(sizeof(api::GroupSetRecord));
    if (body->number >= api::kMaxNextHopNumber || body->count == 0 ||
        body->count > api::kMaxGroupMembers || rest.size() < body->count * sizeof(std::uint32_t)) {
        return refuse(api::RouteRejection::BadRecord);
    }
    std::vector<std::uint32_t> members;
    for (std::size_t i = 0; i < body->count; ++i) {
        std::uint32_t number = 0;
        std::memcpy(&number, rest.data() + i * sizeof number, sizeof number);
        const std::uint32_t member = hop_of_number(number);
        if (member == 0) {
            continue;
        }
        if (hops_.find(member)->is_group() || number == body->number) {
            return refuse(api::RouteRejection::BadRecord);
        }
        members.push_back(member);
    }
    const Outcome outcome = members.size() < body->count
                                ? Outcome(refuse(api::RouteRejection::UnknownNextHop))
                                : std::nullopt;
    if (members.empty()) {
        const std::uint32_t index = hop_of_number(body->number);
        if (index != 0 && hops_.find(index)->is_group()) {
            hops_.change(index, HopTarget{});
        }
        return outcome;
    }
    const std::uint32_t first = members.front();
    if (const std::uint32_t index = hop_of_number(body->number); index != 0) {
        Hop& hop = *hops_.find(index);
        if (hop.group_references != 0) {
            return refuse(api::RouteRejection::NextHopInUse);  // a group in a group
        }
        const api::NextHopKind before = hop.target.kind;
        if (hops_.change_to_group(index, std::move(members))) {
            return reduce_group(body->number, first);
        }
        hop.mark = mark_;
        if (before == api::NextHopKind::Glean) {
            settle_all();
        }
        return outcome;
    }
    std::uint32_t index = adopt_group(members);
    if (index == 0) {
        const Hops::Made made = hops_.make_group(std::move(members));
        if (!made && made.error() == api::RouteRejection::GroupsFull) {
            return reduce_group(body->number, first);
        }
        if (!made) {
            return refuse(made.error());
        }
        index = *made;
    }
    bind(body->number, index);
    return outcome;
}

RouteTable::Outcome RouteTable::reduce_group(std::uint32_t number, std::uint32_t member) {
    const HopTarget target = hops_.find(member)->target;
    if (const std::uint32_t index = hop_of_number(number); index != 0) {
        // The member's neighbour is referred to already, so there is nothing to refuse.
        hops_.change(index, target);
        hops_.find(index)->mark = mark_;
        settle_all();
    } else {
        const Hops::Made made = hops_.make(target);
        if (!made) {
            return Refusal{made.error(), {}, number};
        }
        bind(number, *made);
    }
    return Refusal{api::RouteRejection::GroupsFull, {}, number};
}

RouteTable::Outcome RouteTable::delete_next_hop(const api::NextHopDeleteRecord& record) {
    const std::uint32_t index = hop_of_number(record.number);
    if (index == 0) {
        return Refusal{api::RouteRejection::UnknownNextHop, {}, record.number};
    }
    if (hops_.find(index)->is_referenced()) {
        return Refusal{api::RouteRejection::NextHopInUse, {}, record.number};
    }
    unbind(index);
    hops_.release(index);
    return std::nullopt;
}

RouteTable::Outcome RouteTable::set_route(const api::RouteSetRecord& record) {
    const auto prefix = prefix_of(record.prefix, record.length);
    if (!prefix) {
        return Refusal{api::RouteRejection::BadRecord, {}, record.number};
    }
    const auto refuse = [&](api::RouteRejection reason) {
        return Refusal{reason, *prefix, record.number};
    };
    const std::uint32_t index = hop_of_number(record.number);
    const auto before = find_downloaded(*prefix);
    if (index == 0) {
        if (before) {
            remove_downloaded(*before);
        }
        return refuse(api::RouteRejection::UnknownNextHop);
    }
    const bool full = !before && downloaded_ >= max_routes_;
    if (full || fib_.set(*prefix, index, route_mark_) == Fib::Change::TableFull) {
        if (before) {
            remove_downloaded(*before);
        }
        return refuse(full ? api::RouteRejection::TableFull : api::RouteRejection::LookupFull);
    }
    ++downloaded_by_mark_[route_mark_];
    if (before) {
        --downloaded_by_mark_[before->mark];
        if (before->next_hop == index) {
            return std::nullopt;
        }
        --hops_.find(before->next_hop)->route_references;
        ++freed_;  // perhaps the last one that led there
    } else {
        ++downloaded_;
        ++downloaded_by_length_[prefix->length()];
    }
    ++hops_.find(index)->route_references;
    cover_set(*prefix);
    return std::nullopt;
}

RouteTable::Outcome RouteTable::delete_route(const api::RouteDeleteRecord& record) {
    const auto prefix = prefix_of(record.prefix, record.length);
    if (!prefix) {
        return Refusal{api::RouteRejection::BadRecord, {}, 0};
    }
    // A route that is not there is as the control plane wants it.
    if (const auto known = find_downloaded(*prefix)) {
        remove_downloaded(*known);
    }
    return std::nullopt;
}

// ---- numbers

void RouteTable::bind(std::uint32_t number, std::uint32_t index) {
    if (number >= numbers_.size()) {
        numbers_.resize(number + 1);
    }
    numbers_[number] = index;
    Hop& hop = *hops_.find(index);
    hop.number = number;
    hop.mark = mark_;
}

void RouteTable::unbind(std::uint32_t index) {
    Hop& hop = *hops_.find(index);
    if (hop.number) {
        numbers_[*hop.number] = 0;
        hop.number.reset();
    }
}

std::uint32_t RouteTable::adopt(const HopTarget& target) {
    for (auto position = orphans_.find(target);
         position != orphans_.end() && position->first == target;) {
        const std::uint32_t index = position->second;
        position = orphans_.erase(position);
        const Hop* hop = hops_.find(index);
        if (hop != nullptr && !hop->of_neighbor && !hop->number && hop->target == target) {
            return index;
        }
    }
    return 0;
}

std::uint32_t RouteTable::adopt_group(const std::vector<std::uint32_t>& members) {
    for (auto position = orphan_groups_.find(members);
         position != orphan_groups_.end() && position->first == members;) {
        const std::uint32_t index = position->second;
        position = orphan_groups_.erase(position);
        const Hop* hop = hops_.find(index);
        if (hop != nullptr && !hop->number && hop->is_group() && hop->members == members) {
            return index;
        }
    }
    return 0;
}

}  // namespace godwit::dataplane
