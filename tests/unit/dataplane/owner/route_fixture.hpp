// Real tables without workers, and the records of a control plane that numbers them right.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/owner/hops.hpp"
#include "dataplane/owner/route_table.hpp"
#include "dataplane/tables/reclaimer.hpp"

namespace godwit::dataplane {

class CountingDemand final : public NeighborDemand {
public:
    bool refer(const NeighborKey& key) override {
        if (refuse) {
            return false;
        }
        ++references[key];
        return true;
    }
    void unrefer(const NeighborKey& key) override {
        EXPECT_GT(references[key], 0) << key.address.to_string();
        if (--references[key] == 0) {
            references.erase(key);
        }
    }
    std::map<NeighborKey, int> references;
    bool refuse = false;
};

struct RouteTables {
    explicit RouteTables(std::size_t max_routes = 10000, std::uint32_t max_hops = 1024)
        : fib(reclaimer, max_routes + 100),
          next_hops(reclaimer, max_hops, max_hops + 64, 64),
          table(reclaimer),
          hops(next_hops, table, demand),
          routes(fib, hops, max_routes) {
        auto snapshot = std::make_unique<InterfaceSnapshot>();
        snapshot->entries.resize(4);
        for (std::uint16_t id = 1; id < 4; ++id) {
            InterfaceEntry& entry = snapshot->entries[id];
            entry.id = net::InterfaceId(id);
            entry.type = api::InterfaceType::Port;
            entry.up = true;
            entry.port = id;
            entry.mtu = 1500;
            entry.vlan = id == 3 ? std::uint16_t{20} : std::uint16_t{0};
            entry.mac = net::MacAddress({2, 0, 0, 0, 0, static_cast<std::uint8_t>(id)});
        }
        table.replace(std::move(snapshot));
        routes.session_opened();
    }

    // ---- records, numbered
    template <class Body>
    void apply(api::RouteType type, Body body, std::span<const std::uint32_t> rest = {}) {
        body.sequence = ++sequence;
        std::vector<std::byte> bytes(sizeof(Body) + rest.size_bytes());
        std::memcpy(bytes.data(), &body, sizeof(Body));
        if (!rest.empty()) {
            std::memcpy(bytes.data() + sizeof(Body), rest.data(), rest.size_bytes());
        }
        routes.apply({static_cast<std::uint32_t>(type), bytes});
    }
    void session() {
        routes.session_opened();
        sequence = 0;
    }
    void sync_begin(std::uint64_t generation) {
        apply(api::RouteType::SyncBegin, api::SyncRecord{0, generation});
    }
    void sync_end(std::uint64_t generation) {
        apply(api::RouteType::SyncEnd, api::SyncRecord{0, generation});
    }
    void next_hop(std::uint32_t number, api::NextHopKind kind, std::uint16_t interface = 0,
                  net::Ipv4Address gateway = {}) {
        api::NextHopSetRecord record;
        record.number = number;
        record.kind = kind;
        record.interface = interface;
        record.gateway = gateway.value();
        apply(api::RouteType::NextHopSet, record);
    }
    void group(std::uint32_t number, const std::vector<std::uint32_t>& members) {
        api::GroupSetRecord record;
        record.number = number;
        record.count = static_cast<std::uint32_t>(members.size());
        apply(api::RouteType::GroupSet, record, members);
    }
    void delete_next_hop(std::uint32_t number) {
        api::NextHopDeleteRecord record;
        record.number = number;
        apply(api::RouteType::NextHopDelete, record);
    }
    void route(const net::Ipv4Prefix& prefix, std::uint32_t number) {
        api::RouteSetRecord record;
        record.prefix = prefix.address().value();
        record.length = prefix.length();
        record.number = number;
        apply(api::RouteType::RouteSet, record);
    }
    void route(const char* prefix, std::uint32_t number) {
        route(*net::Ipv4Prefix::parse(prefix), number);
    }
    void delete_route(const net::Ipv4Prefix& prefix) {
        api::RouteDeleteRecord record;
        record.prefix = prefix.address().value();
        record.length = prefix.length();
        apply(api::RouteType::RouteDelete, record);
    }
    void delete_route(const char* prefix) { delete_route(*net::Ipv4Prefix::parse(prefix)); }

    void neighbor_up(const NeighborKey& key, const net::MacAddress& mac) {
        hops.neighbor_up(key, mac);
        routes.neighbor_up(key);
    }
    void neighbor_down(const NeighborKey& key) {
        routes.neighbor_down(key);
        hops.neighbor_down(key);
    }

    // ---- what workers see
    NextHopEntry lookup(const char* address) {
        return next_hops.entry(fib.lookup(net::Ipv4Address::parse(address)->value()));
    }
    const Adjacency& adjacency(const char* address) {
        return next_hops.adjacency(lookup(address).target);
    }
    // Everything that a worker could read of the routes, as text.
    std::map<net::Ipv4Prefix, std::string> dump() {
        std::map<net::Ipv4Prefix, std::string> result;
        fib.walk({}, [&](const Fib::Route& route) {
            const NextHopEntry entry = next_hops.entry(route.next_hop);
            result[route.prefix] = std::to_string(route.next_hop) + "/" +
                                   std::to_string(static_cast<int>(entry.verdict)) + "/" +
                                   std::to_string(entry.target);
            return true;
        });
        return result;
    }
    // The route of exactly this prefix is a neighbour's own.
    bool is_from_neighbor(const char* prefix) {
        const Hop* const hop =
            hops.find(fib.find(*net::Ipv4Prefix::parse(prefix)).value_or(Fib::kNoRoute));
        return hop != nullptr && hop->of_neighbor;
    }
    std::vector<api::RouteRejection> rejections() {
        std::vector<api::RouteRejection> result;
        for (const auto& rejected : routes.take_rejections()) {
            result.push_back(rejected.reason);
        }
        return result;
    }

    Reclaimer reclaimer{1};
    Fib fib;
    NextHops next_hops;
    InterfaceTable table;
    CountingDemand demand;
    Hops hops;
    RouteTable routes;
    std::uint64_t sequence = 0;
};

}  // namespace godwit::dataplane
