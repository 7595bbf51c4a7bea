// What the RIB's rules say, computed anew from nothing at every question: no sharing, no index, no
// memory. Slow and plain on purpose; the property test holds the RIB against it.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "controlplane/rib/rib.hpp"

namespace godwit::control::testing {

class Oracle {
public:
    using Hops = std::set<RibNextHop>;

    std::map<std::pair<net::Ipv4Prefix, RouteSource>, Route> routes;
    std::set<net::InterfaceId> up;

    [[nodiscard]] std::map<net::Ipv4Prefix, Hops> fib() const {
        std::map<net::Ipv4Prefix, Hops> all;
        for (const auto& [key, route] : routes) {
            bool looped = false;
            if (Hops hops = best(key.first, {}, looped); !hops.empty()) {
                all[key.first] = hops;
            }
        }
        return all;
    }

private:
    using Path = std::vector<net::Ipv4Prefix>;

    // `blocked` becomes true when the answer is empty because of a loop with `path`, or of its
    // length.
    [[nodiscard]] Hops best(const net::Ipv4Prefix& prefix, Path path, bool& blocked) const {
        std::vector<Route> candidates;
        for (const auto& [key, route] : routes) {
            if (key.first == prefix) {
                candidates.push_back(route);
            }
        }
        std::sort(candidates.begin(), candidates.end(), [](const Route& a, const Route& b) {
            return std::tie(a.distance, a.metric, a.source) <
                   std::tie(b.distance, b.metric, b.source);
        });
        path.push_back(prefix);
        std::set<net::Ipv4Prefix> met;
        bool too_deep = false;
        for (const Route& route : candidates) {
            Hops hops;
            for (const RibNextHop& next_hop : route.next_hops) {
                hops.merge(resolve(next_hop, path, met, too_deep));
            }
            if (!hops.empty()) {
                return hops;
            }
        }
        met.erase(prefix);
        blocked = too_deep || !met.empty();
        met_ = met;
        too_deep_ = too_deep;
        return {};
    }

    Hops resolve(const RibNextHop& next_hop, const Path& path, std::set<net::Ipv4Prefix>& met,
                 bool& too_deep) const {
        if (next_hop.kind == RibNextHop::Kind::Blackhole) {
            return {next_hop};
        }
        if (!next_hop.is_recursive()) {
            return up.contains(next_hop.interface) ? Hops{next_hop} : Hops{};
        }
        for (int length = 32; length > 0; --length) {
            const auto prefix =
                net::Ipv4Prefix::covering(*next_hop.via, static_cast<std::uint8_t>(length));
            if (std::none_of(routes.begin(), routes.end(),
                             [&](const auto& item) { return item.first.first == prefix; })) {
                continue;
            }
            if (std::find(path.begin(), path.end(), prefix) != path.end()) {
                met.insert(prefix);
                return {};
            }
            if (path.size() > kMaxRecursion) {
                too_deep = true;
                return {};
            }
            bool blocked = false;
            const Hops through = best(prefix, path, blocked);
            if (through.empty() && blocked) {
                met.insert(met_.begin(), met_.end());
                too_deep = too_deep || too_deep_;
                return {};
            }
            if (!through.empty()) {
                Hops hops;
                for (const RibNextHop& found : through) {
                    if (found.kind == RibNextHop::Kind::Glean) {
                        hops.insert(RibNextHop::gateway(*next_hop.via, found.interface));
                    } else if (found.kind == RibNextHop::Kind::Gateway ||
                               found.kind == RibNextHop::Kind::Blackhole) {
                        hops.insert(found);
                    }
                }
                return hops;
            }
        }
        return {};
    }

    // Why the last empty best() was blocked.
    mutable std::set<net::Ipv4Prefix> met_;
    mutable bool too_deep_ = false;
};

}  // namespace godwit::control::testing
