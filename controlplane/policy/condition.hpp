// The conditions of a term: one struct a key of `match`. Each says whether it holds for a route,
// and what it asks, for a trace. A key that is added to the language gets a struct here, a place in
// the variant, and a line in conditions_of().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/model/policy.hpp"
#include "controlplane/policy/policy_route.hpp"
#include "controlplane/policy/prefix_set.hpp"

namespace godwit::control {

// The number of an interface by its name; none while the dataplane has not named it. A condition
// on it then holds for nothing.
using InterfaceNumbers = std::function<net::InterfaceId(std::string_view)>;

RouteSource source_of(config::RouteOrigin origin);

// Of `prefix` and `prefix-set`: the union of all that is named.
struct InPrefixSet {
    std::string text;
    PrefixSet set;
    [[nodiscard]] bool holds(const PolicyRoute& route) const { return set.contains(route.prefix); }
};

struct HasPrefixLength {
    config::NumberRange range;
    [[nodiscard]] bool holds(const PolicyRoute& route) const;
};

struct HasMetric {
    config::NumberRange range;
    [[nodiscard]] bool holds(const PolicyRoute& route) const;
};

struct IsFromSource {
    std::uint32_t sources = 0;  // a bit for each RouteSource
    [[nodiscard]] bool holds(const PolicyRoute& route) const;
};

struct HasTag {
    std::vector<std::uint32_t> tags;  // sorted
    [[nodiscard]] bool holds(const PolicyRoute& route) const;
};

// One of the next hops leads through one of these.
struct LeadsThroughInterface {
    std::vector<std::string> names;
    std::vector<net::InterfaceId> interfaces;  // sorted, those that are known
    [[nodiscard]] bool holds(const PolicyRoute& route) const;
};

// One of the next hops is one of these routers, or in one of these prefixes.
struct LeadsToNextHop {
    std::string text;
    std::vector<net::Ipv4Address> routers;  // sorted
    PrefixSet set;
    [[nodiscard]] bool holds(const PolicyRoute& route) const;
};

using Condition = std::variant<InPrefixSet, HasPrefixLength, IsFromSource, HasTag, HasMetric,
                               LeadsThroughInterface, LeadsToNextHop>;

[[nodiscard]] bool holds(const Condition& condition, const PolicyRoute& route);
// "prefix-set bogons", "metric 1 to 15".
[[nodiscard]] std::string to_string(const Condition& condition);

// All of them must hold. A set that `sets` does not have is empty: config/check refuses it before.
std::vector<Condition> conditions_of(
    const config::PolicyMatch& match,
    const std::map<std::string, std::vector<net::Ipv4PrefixRange>>& sets,
    const InterfaceNumbers& interfaces);

}  // namespace godwit::control
