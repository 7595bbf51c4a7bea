#include "controlplane/management/record_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>

#include "net/mac_address.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

template <class Enum, std::size_t kCount>
std::string look_up(Enum value,
                    const std::array<std::pair<Enum, std::string_view>, kCount>& words) {
    for (const auto& [each, text] : words) {
        if (each == value) {
            return std::string(text);
        }
    }
    return fmt::format("unknown-{}", static_cast<unsigned>(value));
}

json::object next_hop_member(api::NextHopKind kind, std::uint32_t gateway, std::uint16_t interface,
                             bool resolved, const InterfaceNames& names) {
    json::object member;
    member["kind"] = word(kind);
    if (kind == api::NextHopKind::Gateway) {
        member["via"] = net::Ipv4Address(gateway).to_string();
    } else {
        member["via"] = nullptr;
    }
    const net::InterfaceId id(interface);
    member["interface"] = id.is_none() ? json::value(nullptr) : json::value(name_of(names, id));
    member["resolved"] = resolved;
    return member;
}

// What needs no neighbour is always ready; a gateway is when its neighbour has answered.
bool is_resolved(const api::NextHopRecord& record) {
    return record.kind == api::NextHopKind::Gateway ? record.resolved != 0 : true;
}

}  // namespace

std::string printable(const char* text, std::size_t bytes) {
    std::string result(text, std::find(text, text + bytes, '\0'));
    std::replace_if(
        result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return result;
}

std::vector<std::string> sentences_of(const std::string& text) {
    std::vector<std::string> sentences;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        if (end > begin) {
            sentences.push_back(printable(text.data() + begin, end - begin));
        }
        begin = end + 1;
    }
    return sentences;
}

std::string word(api::InterfaceType type) {
    using enum api::InterfaceType;
    return look_up(type, std::to_array<std::pair<api::InterfaceType, std::string_view>>(
                             {{Port, "port"}, {Vlan, "vlan"}, {Loopback, "loopback"}}));
}

std::string word(api::NextHopKind kind) {
    using enum api::NextHopKind;
    return look_up(kind, std::to_array<std::pair<api::NextHopKind, std::string_view>>(
                             {{NoRoute, "no-route"},
                              {Blackhole, "blackhole"},
                              {Receive, "receive"},
                              {Broadcast, "broadcast"},
                              {Glean, "glean"},
                              {Gateway, "gateway"},
                              {Group, "group"}}));
}

std::string word(api::NeighborState state) {
    using enum api::NeighborState;
    return look_up(state, std::to_array<std::pair<api::NeighborState, std::string_view>>(
                              {{Incomplete, "incomplete"},
                               {Reachable, "reachable"},
                               {Stale, "stale"},
                               {Probe, "probe"},
                               {Failed, "failed"},
                               {Permanent, "permanent"}}));
}

std::string word(api::RouteRejection reason) {
    using enum api::RouteRejection;
    return look_up(reason, std::to_array<std::pair<api::RouteRejection, std::string_view>>(
                               {{UnknownNextHop, "unknown-next-hop"},
                                {UnknownInterface, "unknown-interface"},
                                {BadRecord, "bad-record"},
                                {TableFull, "table-full"},
                                {NextHopInUse, "next-hop-in-use"},
                                {OutOfSequence, "out-of-sequence"},
                                {LookupFull, "lookup-full"},
                                {NextHopsFull, "next-hops-full"},
                                {GroupsFull, "groups-full"},
                                {NeighborsFull, "neighbors-full"}}));
}

std::string word(api::TableLimit limit) {
    using enum api::TableLimit;
    return look_up(limit, std::to_array<std::pair<api::TableLimit, std::string_view>>(
                              {{Routes, "routes"},
                               {Lookup, "lookup"},
                               {NextHops, "next-hops"},
                               {Adjacencies, "adjacencies"},
                               {Neighbors, "neighbors"},
                               {HostRoutes, "host-routes"},
                               {InterfaceNeighbors, "interface-neighbors"},
                               {UnresolvedNeighbors, "unresolved-neighbors"},
                               {HeldPackets, "held-packets"},
                               {OwnAddresses, "own-addresses"},
                               {AddressConflicts, "address-conflicts"},
                               {Fragments, "fragments"},
                               {InterfaceFragments, "interface-fragments"},
                               {PacketBuffers, "packet-buffers"},
                               {NatSessions, "nat-sessions"},
                               {NatSubscribers, "nat-subscribers"},
                               {NatRequested, "nat-requested"},
                               {NatEvents, "nat-events"}}));
}

std::string name_of(const InterfaceNames& names, net::InterfaceId id) {
    const auto found = names.find(id);
    return found != names.end() ? found->second : fmt::format("interface-{}", id.value());
}

json::object fib_json(const api::FibRecord& record, const NextHopRecords& next_hops,
                      const InterfaceNames& names) {
    json::array members;
    const auto found = next_hops.find(record.next_hop);
    if (record.kind == api::NextHopKind::Group && found != next_hops.end()) {
        const std::size_t shown =
            std::min<std::size_t>(found->second.member_count, found->second.members.size());
        for (std::size_t i = 0; i < shown; ++i) {
            const auto member = next_hops.find(found->second.members[i]);
            if (member != next_hops.end()) {
                const api::NextHopRecord& each = member->second;
                members.push_back(next_hop_member(each.kind, each.gateway, each.interface,
                                                  is_resolved(each), names));
            }
        }
    } else {
        const bool resolved = record.from_neighbor != 0 ||
                              record.kind != api::NextHopKind::Gateway ||
                              (found != next_hops.end() && is_resolved(found->second));
        members.push_back(
            next_hop_member(record.kind, record.gateway, record.interface, resolved, names));
    }
    return json::object{
        {"prefix", prefix_of(record.prefix, record.length).to_string()},
        {"origin", record.from_neighbor != 0 ? "neighbor" : "route"},
        {"next-hop", record.next_hop},
        {"next-hops", members},
    };
}

json::object next_hop_json(const api::NextHopRecord& record, const InterfaceNames& names) {
    json::object object{{"next-hop", record.next_hop}};
    const json::object own =
        next_hop_member(record.kind, record.gateway, record.interface, is_resolved(record), names);
    for (const auto& [key, value] : own) {
        object[key] = value;
    }
    object["references"] = record.references;
    json::array members;
    if (record.kind == api::NextHopKind::Group) {
        const std::size_t shown = std::min<std::size_t>(record.member_count, record.members.size());
        for (std::size_t i = 0; i < shown; ++i) {
            members.push_back(record.members[i]);
        }
    }
    object["members"] = std::move(members);
    return object;
}

json::object neighbor_json(const api::NeighborRecord& record, const InterfaceNames& names) {
    const net::MacAddress mac{net::MacAddress::Bytes(record.mac)};
    return json::object{
        {"address", net::Ipv4Address(record.address).to_string()},
        {"interface", name_of(names, net::InterfaceId(record.interface))},
        {"mac", mac.is_zero() ? json::value(nullptr) : json::value(mac.to_string())},
        {"state", word(record.state)},
        {"age-seconds", record.age_ms / 1000},
        {"hits", record.hits},
        {"held-packets", record.held_packets},
    };
}

net::Ipv4Prefix prefix_of(std::uint32_t address, std::uint8_t length) {
    return net::Ipv4Prefix::covering(net::Ipv4Address(address), std::min<std::uint8_t>(length, 32));
}

}  // namespace godwit::control
