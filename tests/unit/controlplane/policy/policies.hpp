// Short forms for policies in tests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/policy/policy.hpp"

namespace godwit::control::testing {

constexpr net::InterfaceId kLan0{1};
constexpr net::InterfaceId kWan0{2};

inline net::InterfaceId number_of(std::string_view name) {
    return name == "lan0" ? kLan0 : name == "wan0" ? kWan0 : net::InterfaceId();
}

inline net::Ipv4PrefixRange range(std::string_view text) {
    return net::Ipv4PrefixRange::parse(text).value();
}

using PrefixSets = std::map<std::string, std::vector<net::Ipv4PrefixRange>>;

inline config::PolicyTerm term(std::string name, config::PolicyMatch match,
                               config::PolicyAction then, config::PolicySet set = {}) {
    return {std::move(name), std::move(match), set, then};
}

inline Policy policy(std::vector<config::PolicyTerm> terms,
                     config::PolicyAction otherwise = config::PolicyAction::Reject,
                     const PrefixSets& sets = {}) {
    return {"tested", config::RoutePolicy{otherwise, std::move(terms)}, sets, number_of};
}

inline PolicyRoute route_to(std::string_view prefix, RouteSource source = RouteSource::Static) {
    PolicyRoute route;
    route.prefix = net::Ipv4Prefix::parse(prefix).value();
    route.source = source;
    return route;
}

}  // namespace godwit::control::testing
