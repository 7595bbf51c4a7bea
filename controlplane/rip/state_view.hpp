// What people see of RIP: values, made of the core when somebody asks. `show` and the metrics read
// nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rip/core.hpp"

namespace godwit::control::rip {

struct InstanceView {
    Duration update{};
    Duration timeout{};
    Duration garbage_collect{};
    std::optional<Duration> next_update;
    std::uint8_t distance = 0;
    std::size_t routes = 0;  // learned
    std::size_t max_routes = 0;
    std::size_t entries = 0;  // learned, local, and being deleted
    std::size_t neighbors = 0;
    std::size_t refused_routes = 0;      // by import policies, and remembered
    std::size_t refused_over_limit = 0;  // told and not remembered, as there were too many
    bool converged = false;
};

struct InterfaceView {
    std::string name;
    InterfaceState state{};
    Cost cost = 1;
    bool passive = false;
    std::string_view send;
    std::string_view receive;
    std::string_view split_horizon;
    std::string_view authentication;  // "none", "password", "md5", …, "key-chain", "unreadable"
    std::size_t neighbors = 0;        // live ones
    InterfaceCounters counters;
};

struct NeighborView {
    net::Ipv4Address address;
    net::InterfaceId interface;
    bool up = false;
    std::uint8_t version = 2;
    std::optional<Duration> heard;    // so long ago
    std::optional<Duration> expires;  // in so long, if it is up
    std::optional<std::uint8_t> key_id;
    std::size_t routes = 0;
    std::uint64_t packets = 0;
    FaultCounters faults;
};

struct PathView {
    net::Ipv4Address neighbor;
    net::Ipv4Address next_hop;
    net::InterfaceId interface;
    Duration expires{};  // in so long
};

struct RouteEntryView {
    net::Ipv4Prefix prefix;
    Metric metric;
    std::uint16_t tag = 0;
    std::string_view origin;  // "learned", "interface", "connected", "static", "default", "none"
    std::vector<PathView> paths;
    std::optional<Duration> forgotten;  // in so long, when it is being deleted
};

InstanceView instance_view(const Core& core, Instant now);
std::vector<InterfaceView> interface_views(const Core& core);
std::vector<NeighborView> neighbor_views(const Core& core, Instant now);
// At most `limit` in the order of prefixes, behind `after`.
std::vector<RouteEntryView> route_views(const Core& core,
                                        const std::optional<net::Ipv4Prefix>& after,
                                        std::size_t limit, Instant now);

}  // namespace godwit::control::rip
