// A dataplane without packets: the real end of the channel, behind it tables that only remember.
// Enough to see what a router says to its dataplane, and to say anything to the router.
#pragma once

#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/store/store.hpp"
#include "dataplane/api/decode.hpp"
#include "dataplane/api/wake.hpp"
#include "dataplane/channel/server.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control::test {

class TestDataplane final : public dataplane::ChannelHandler {
public:
    TestDataplane(std::string path, std::uint64_t boot_id, const std::string& yaml)
        : path_(std::move(path)), yaml_(yaml) {
        counters = std::move(*dataplane::CountersMemory::create(1, 1'000'000'000, boot_id));
        dataplane::ChannelSizes sizes;
        sizes.route_ring_bytes = 1U << 14U;  // small, so that it fills
        auto made = dataplane::ChannelServer::listen(path_, sizes, *counters, *this);
        if (!made) {
            throw std::runtime_error(made.error());
        }
        server = std::move(*made);
        server->set_config_sha256(config::sha256_hex(yaml));
    }
    ~TestDataplane() override { server->close(); }

    void turn() {
        server->poll(64);
        (void)server->prepare_to_wait();
    }

    // ---- what the test arranges

    void add_interface(std::uint16_t id, const std::string& name, bool up = true,
                       api::InterfaceType type = api::InterfaceType::Port) {
        api::InterfaceRecord record;
        record.interface = id;
        record.type = type;
        record.flags = api::kInterfaceEnabled | (up ? api::kInterfaceLinkUp : 0U);
        record.mtu = 1500;
        record.mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(id)};
        api::set_bounded_text(record.name, name);
        interfaces[id] = record;
    }
    void set_link(std::uint16_t id, bool up) {
        api::InterfaceRecord& record = interfaces.at(id);
        record.flags = api::kInterfaceEnabled | (up ? api::kInterfaceLinkUp : 0U);
        server->emit(api::EventType::InterfaceChanged, record);
    }
    bool punt(const std::vector<std::uint8_t>& packet, api::PuntClass what = api::PuntClass::Udp) {
        api::RingProducer& ring = rings.punt[0][static_cast<std::size_t>(api::priority_of(what))];
        const auto place = ring.reserve(api::kPuntRecord, sizeof(api::PuntRecord) + packet.size());
        if (place.empty()) {
            return false;
        }
        api::PuntRecord header;
        header.interface = 1;
        header.punt_class = what;
        header.flags = what == api::PuntClass::Broadcast ? api::kPuntToGroup : std::uint16_t{0};
        header.packet_bytes = static_cast<std::uint32_t>(packet.size());
        std::memcpy(place.data(), &header, sizeof header);
        std::memcpy(place.data() + sizeof header, packet.data(), packet.size());
        if (ring.publish()) {
            api::wake(rings.punt_signal_fd);
        }
        return true;
    }

    // ---- what the test looks at

    // The routes that it would forward by.
    [[nodiscard]] std::set<std::string> prefixes() const {
        std::set<std::string> texts;
        for (const auto& [prefix, route] : routes) {
            texts.insert(prefix.to_string());
        }
        return texts;
    }
    [[nodiscard]] api::NextHopSetRecord next_hop_of(const std::string& prefix) const {
        const auto route = routes.find(*net::Ipv4Prefix::parse(prefix));
        return route == routes.end() ? api::NextHopSetRecord() : lead(route->second.number);
    }

    // The next hop of a number: itself, or the first of a group.
    [[nodiscard]] api::NextHopSetRecord lead(std::uint32_t number) const {
        const auto group = groups.find(number);
        return next_hops.at(group == groups.end() ? number : group->second.at(0));
    }

    // ---- ChannelHandler

    void session_opened(dataplane::SessionRings opened) override {
        rings = std::move(opened);
        next_hops.clear();  // numbers hold for one session
        groups.clear();
        for (const auto& [id, record] : interfaces) {
            server->emit(api::EventType::InterfaceChanged, record);
        }
    }
    void session_closed() override { rings = {}; }

    void route_record(const api::Record& record) override {
        switch (static_cast<api::RouteType>(record.type)) {
            case api::RouteType::SyncBegin:
                ++syncs_begun;
                ++mark_;
                break;
            case api::RouteType::SyncEnd:
                ++syncs_ended;
                swept += std::erase_if(
                    routes, [this](const auto& each) { return each.second.mark != mark_; });
                break;
            case api::RouteType::NextHopSet: {
                const auto body = *api::read_exact<api::NextHopSetRecord>(record.body);
                next_hops[body.number] = body;
                break;
            }
            case api::RouteType::NextHopDelete:
                next_hops.erase(api::read_exact<api::NextHopDeleteRecord>(record.body)->number);
                groups.erase(api::read_exact<api::NextHopDeleteRecord>(record.body)->number);
                break;
            case api::RouteType::RouteSet: {
                const auto body = *api::read_exact<api::RouteSetRecord>(record.body);
                const auto prefix =
                    net::Ipv4Prefix::covering(net::Ipv4Address(body.prefix), body.length);
                if (rejects.contains(prefix.to_string()) ||
                    (!routes.contains(prefix) && routes.size() >= max_routes)) {
                    ++refused;
                    short_of_room_ = true;
                    api::RouteRejectedRecord rejected;
                    rejected.sequence = body.sequence;
                    rejected.prefix = body.prefix;
                    rejected.length = body.length;
                    rejected.number = body.number;
                    rejected.reason = api::RouteRejection::TableFull;
                    server->emit(api::EventType::RouteRejected, rejected);
                } else {
                    routes[prefix] = {body.number, mark_};
                }
                break;
            }
            case api::RouteType::RouteDelete: {
                const auto body = *api::read_exact<api::RouteDeleteRecord>(record.body);
                routes.erase(net::Ipv4Prefix::covering(net::Ipv4Address(body.prefix), body.length));
                if (routes.size() < max_routes && std::exchange(short_of_room_, false)) {
                    server->emit(api::EventType::RoomReturned,
                                 api::RoomReturnedRecord{api::RouteRejection::TableFull, 0});
                }
                break;
            }
            case api::RouteType::GroupSet: {
                const auto body = *api::read_front<api::GroupSetRecord>(record.body);
                std::vector<std::uint32_t> members(body.count);
                std::memcpy(members.data(), record.body.data() + sizeof body,
                            members.size() * sizeof(std::uint32_t));
                groups[body.number] = std::move(members);
                break;
            }
        }
        ++route_records;
        server->acknowledge(*api::check_route(record));
    }
    void injected(const api::InjectRecord& header, std::span<const std::byte> packet) override {
        sent_as.push_back(header);
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(packet.data());
        sent.emplace_back(bytes, bytes + packet.size());
    }
    void query(const api::QueryBody& query, dataplane::QueryPage& page) override {
        std::uint64_t row = 0;
        const auto add = [&](const auto& record) {
            if (row++ >= query.cursor && !page.add(record)) {
                page.next_cursor = row - 1;
                return false;
            }
            return true;
        };
        switch (query.kind) {
            case api::QueryKind::Interfaces:
                for (const auto& [id, record] : interfaces) {
                    if (!add(record)) {
                        return;
                    }
                }
                break;
            case api::QueryKind::Fib:
                for (const auto& [prefix, route] : routes) {
                    api::FibRecord record;
                    record.prefix = prefix.address().value();
                    record.length = prefix.length();
                    record.next_hop = route.number;
                    const auto group = groups.find(route.number);
                    if (group != groups.end() && group->second.size() > 1) {
                        record.kind = api::NextHopKind::Group;
                    } else {
                        record.kind = lead(route.number).kind;
                        record.interface = lead(route.number).interface;
                        record.gateway = lead(route.number).gateway;
                    }
                    if (!add(record)) {
                        return;
                    }
                }
                break;
            case api::QueryKind::NextHops:
                for (const auto& [number, next_hop] : next_hops) {
                    api::NextHopRecord record;
                    record.next_hop = number;
                    record.kind = next_hop.kind;
                    record.interface = next_hop.interface;
                    record.gateway = next_hop.gateway;
                    record.resolved = 1;
                    if (!add(record)) {
                        return;
                    }
                }
                break;
            case api::QueryKind::Neighbors:
                for (const auto& record : neighbors) {
                    if (!add(record)) {
                        return;
                    }
                }
                break;
            case api::QueryKind::Limits: {
                api::LimitRecord record;
                record.limit = api::TableLimit::Routes;
                record.used = routes.size();
                record.capacity = max_routes;
                record.refused = refused;
                add(record);
                record = {};
                record.limit = api::TableLimit::Fragments;
                record.used = fragments_held;
                record.capacity = 1000;
                add(record);
                break;
            }
            case api::QueryKind::NatTotals:
                add(nat_totals);
                break;
            case api::QueryKind::NatRules:
                for (const auto& record : nat_rules) {
                    if (!add(record)) {
                        return;
                    }
                }
                break;
            case api::QueryKind::Workers: {
                api::WorkerRecord record;
                record.cpu = 1;
                api::set_bounded_text(record.queues, "lan0/0");
                add(record);
                break;
            }
        }
    }
    void nat_asked(std::uint64_t session, std::uint32_t request,
                   const api::NatAskBody& ask) override {
        nat_asks.push_back(ask);
        api::NatAnswerBody header;
        header.kind = ask.kind;
        header.outcome = nat_outcome;
        header.record_bytes = static_cast<std::uint32_t>(api::record_bytes_of(ask.kind));
        std::span<const std::byte> records;
        std::vector<api::NatSessionRecord> page;
        if (nat_outcome != api::NatAskOutcome::Done) {
            server->answer_nat(session, request, header, {});
            return;
        }
        switch (ask.kind) {
            case api::NatAskKind::Sessions:
                // Two a page, whatever the filter.
                for (std::uint64_t at = ask.cursor; at < nat_sessions.size() && page.size() < 2;
                     ++at) {
                    page.push_back(nat_sessions[at]);
                }
                if (ask.cursor + page.size() < nat_sessions.size()) {
                    header.next_cursor = ask.cursor + page.size();
                }
                header.record_count = static_cast<std::uint32_t>(page.size());
                records = std::as_bytes(std::span(page));
                break;
            case api::NatAskKind::Subscribers:
                header.record_count = static_cast<std::uint32_t>(nat_subscribers.size());
                records = std::as_bytes(std::span(nat_subscribers));
                break;
            case api::NatAskKind::Ports:
                header.record_count = static_cast<std::uint32_t>(nat_ports.size());
                records = std::as_bytes(std::span(nat_ports));
                break;
            case api::NatAskKind::Clear:
            case api::NatAskKind::ClearMappings:
                header.cleared = nat_sessions.size();
                break;
            case api::NatAskKind::Mappings:
                header.record_count = static_cast<std::uint32_t>(nat_mappings.size());
                records = std::as_bytes(std::span(nat_mappings));
                break;
            case api::NatAskKind::Map:
                header.record_count = 1;
                records = std::as_bytes(std::span(&nat_granted, 1));
                break;
        }
        server->answer_nat(session, request, header, records);
    }
    api::ConfigureOutcome configure(api::ConfigurePhase phase, std::uint64_t revision,
                                    std::string_view yaml, std::string& text) override {
        configured.emplace_back(phase, revision);
        api::ConfigureOutcome outcome = api::ConfigureOutcome::Done;
        if (!outcomes.empty()) {
            outcome = outcomes.front();
            outcomes.pop_front();
        }
        if (outcome != api::ConfigureOutcome::Done) {
            text = "lan0: the device says no\n";
        } else if (phase == api::ConfigurePhase::Commit) {
            yaml_ = yaml;
            server->set_config_sha256(config::sha256_hex(yaml_));
        }
        return outcome;
    }
    api::ConfigureOutcome own_ports(std::span<const api::OwnPortRecord> told,
                                    std::string& /*text*/) override {
        ports.assign(told.begin(), told.end());
        ++ports_told;
        return api::ConfigureOutcome::Done;
    }
    void restart_requested() override { ++restarts; }

    [[nodiscard]] const std::string& yaml() const { return yaml_; }

    struct Route {
        std::uint32_t number = 0;
        std::uint64_t mark = 0;
    };
    std::unique_ptr<dataplane::CountersMemory> counters;
    std::unique_ptr<dataplane::ChannelServer> server;
    dataplane::SessionRings rings;
    std::map<std::uint16_t, api::InterfaceRecord> interfaces;
    std::map<net::Ipv4Prefix, Route> routes;
    std::map<std::uint32_t, api::NextHopSetRecord> next_hops;
    std::map<std::uint32_t, std::vector<std::uint32_t>> groups;
    std::vector<api::NeighborRecord> neighbors;
    std::set<std::string> rejects;
    std::vector<std::vector<std::uint8_t>> sent;
    std::vector<api::InjectRecord> sent_as;  // the header of each
    std::vector<std::pair<api::ConfigurePhase, std::uint64_t>> configured;
    std::vector<api::NatAskBody> nat_asks;
    api::NatAskOutcome nat_outcome = api::NatAskOutcome::Done;
    api::NatTotalsRecord nat_totals;
    std::vector<api::NatRuleRecord> nat_rules;
    std::vector<api::NatSessionRecord> nat_sessions;
    std::vector<api::NatSubscriberRecord> nat_subscribers;
    std::vector<api::NatPortRecord> nat_ports;
    std::vector<api::NatMappingRecord> nat_mappings;
    api::NatMapRecord nat_granted;               // the answer to every Map
    std::deque<api::ConfigureOutcome> outcomes;  // of the next phases; Done when there is none
    std::size_t max_routes = 1'000'000;
    std::uint64_t refused = 0;
    std::uint64_t fragments_held = 0;  // buffers of those that wait for others
    std::uint64_t route_records = 0;
    std::size_t swept = 0;
    int syncs_begun = 0;
    int syncs_ended = 0;
    std::vector<api::OwnPortRecord> ports;
    int ports_told = 0;
    int restarts = 0;

private:
    std::string path_;
    std::string yaml_;
    std::uint64_t mark_ = 0;
    bool short_of_room_ = false;
};

}  // namespace godwit::control::test
