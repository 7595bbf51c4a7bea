// What the dataplane reports to the router, and what the RIB has met: state is brought up to date,
// and what a person should know becomes an event (event_log.hpp).
#include <fmt/format.h>

#include <array>
#include <utility>

#include "controlplane/management/nat_journal.hpp"
#include "controlplane/management/nat_view.hpp"
#include "controlplane/management/router.hpp"
#include "dataplane/api/decode.hpp"

namespace godwit::control {

namespace {

std::optional<Shortage> shortage_of(api::RouteRejection reason) {
    switch (reason) {
        case api::RouteRejection::TableFull:
            return Shortage::Routes;
        case api::RouteRejection::LookupFull:
            return Shortage::LookupTable;
        case api::RouteRejection::NextHopsFull:
            return Shortage::NextHops;
        case api::RouteRejection::GroupsFull:
            return Shortage::Groups;
        case api::RouteRejection::NeighborsFull:
            return Shortage::Neighbors;
        case api::RouteRejection::UnknownNextHop:
        case api::RouteRejection::UnknownInterface:
        case api::RouteRejection::BadRecord:
        case api::RouteRejection::NextHopInUse:
        case api::RouteRejection::OutOfSequence:
            break;
    }
    return std::nullopt;
}

}  // namespace

void Router::event(api::EventType type, std::span<const std::byte> body) {
    switch (type) {
        case api::EventType::InterfaceChanged:
            if (const auto record = api::read_exact<api::InterfaceRecord>(body)) {
                interface_changed(*record);
            }
            break;
        case api::EventType::InterfaceRemoved:
            if (const auto record = api::read_exact<api::InterfaceRemovedRecord>(body)) {
                told_since_.insert(net::InterfaceId(record->interface));
                interfaces_.remove(net::InterfaceId(record->interface));
                refresh_later();
            }
            break;
        case api::EventType::RouteRejected:
            if (const auto record = api::read_exact<api::RouteRejectedRecord>(body)) {
                route_rejected(*record);
            }
            break;
        case api::EventType::SyncDone:
            if (const auto record = api::read_exact<api::SyncDoneRecord>(body)) {
                events_.note(
                    EventTopic::Routes, EventLevel::Info,
                    fmt::format("routes are in step again: {} old routes and {} next hops removed",
                                record->routes_swept, record->next_hops_swept));
            }
            break;
        case api::EventType::AddressConflict:
            if (const auto record = api::read_exact<api::NeighborRecord>(body)) {
                const bool in_use = record->state == api::NeighborState::Failed;
                events_.note_some(
                    EventTopic::Addresses, EventLevel::Warning,
                    fmt::format("{} {} our address {} on {}{}; give one of the two another address",
                                net::MacAddress(record->mac).to_string(),
                                in_use ? "also uses" : "already has",
                                net::Ipv4Address(record->address).to_string(),
                                name_of(interfaces_.names(), net::InterfaceId(record->interface)),
                                in_use ? "" : ", so it is not used"),
                    timers_.now());
            }
            break;
        case api::EventType::RoomReturned:
            if (const auto record = api::read_exact<api::RoomReturnedRecord>(body)) {
                if (const auto shortage = shortage_of(record->reason)) {
                    rib_.room_returned(*shortage);
                    run_download();
                }
            }
            break;
        case api::EventType::NatBinding:
            if (const auto record = api::read_exact<api::NatBindingRecord>(body);
                record && nat_journal_ != nullptr) {
                nat_journal_->add(nat_journal_line(*record));
            }
            break;
        case api::EventType::NeighborChanged:
            break;  // asked for when somebody wants to see it
    }
}

void Router::interface_changed(const api::InterfaceRecord& record) {
    const net::InterfaceId id(record.interface);
    const bool was_up = interfaces_.is_up(id);
    if (!interfaces_.update(record)) {
        ++counters_.bad_interface_records;
        return;
    }
    told_since_.insert(id);
    if (session_ == Session::Open && was_up != interfaces_.is_up(id)) {
        events_.note(EventTopic::Interfaces, EventLevel::Info,
                     fmt::format("interface {} is {}", name_of(interfaces_.names(), id),
                                 interfaces_.is_up(id) ? "up" : "down"));
    }
    refresh_later();
}

void Router::route_rejected(const api::RouteRejectedRecord& record) {
    ++counters_.routes_rejected;
    const net::Ipv4Prefix prefix = prefix_of(record.prefix, record.length);
    Refusal refusal{fmt::format("the dataplane says {}", word(record.reason)),
                    shortage_of(record.reason),
                    record.reason == api::RouteRejection::UnknownNextHop};
    events_.note_some(
        EventTopic::Routes, EventLevel::Warning,
        fmt::format("route {} not installed: {}{}", prefix.to_string(), refusal.reason,
                    refusal.shortage ? "; it is tried again when there is room" : ""),
        timers_.now());
    download_.rejected(record.sequence, prefix, record.number, std::move(refusal));
}

// The RIB counts what it refuses and says nothing; that it begins to is an event.
void Router::look_at_limits() {
    constexpr std::array kWhat{
        "the table of routes is full: what sources tell beyond it is not taken",
        "no number is free for another next hop: its routes are not installed until one is",
        "a route has more next hops of equal cost than are used: the others of it are left out",
    };
    const RibCounters counters = rib_.counters();
    const std::array now{counters.routes_refused, counters.next_hops_refused,
                         counters.group_members_dropped};
    for (std::size_t i = 0; i < now.size(); ++i) {
        const bool grows = now[i] != std::exchange(limits_met_[i], now[i]);
        if (grows && !limits_told_[i]) {
            events_.note(EventTopic::Routes, EventLevel::Warning,
                         fmt::format("{} ({} since the start)", kWhat[i], now[i]));
        }
        limits_told_[i] = grows;
    }
}

}  // namespace godwit::control
