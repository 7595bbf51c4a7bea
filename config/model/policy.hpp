// The section `policy`: sets of prefixes, and the policies that routes pass on their way between
// sources. What it means is in controlplane/policy; here are the values of the file.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/ipv4_address.hpp"
#include "net/ipv4_prefix_range.hpp"

namespace godwit::config {

// Where a route comes from, as a file names it.
enum class RouteOrigin : std::uint8_t { Connected, Static, Rip, Ospf, ExternalBgp, InternalBgp };
constexpr std::array<std::string_view, 6> kRouteOriginWords = {"connected", "static", "rip",
                                                               "ospf",      "ebgp",   "ibgp"};

// From `min` to `max`, both of them included.
struct NumberRange {
    std::uint32_t least = 0;
    std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    friend constexpr auto operator<=>(const NumberRange&, const NumberRange&) = default;
};

// Each key that is there must hold; a key with several values holds when one of them does.
struct PolicyMatch {
    std::vector<std::string> prefix_sets = {};
    std::vector<net::Ipv4PrefixRange> prefixes = {};
    std::optional<NumberRange> prefix_length = {};
    std::vector<RouteOrigin> sources = {};
    std::vector<std::uint32_t> tags = {};
    std::optional<NumberRange> metric = {};
    std::vector<std::string> interfaces = {};
    std::vector<net::Ipv4Address> next_hops = {};
    std::vector<std::string> next_hop_sets = {};  // prefix sets
    friend bool operator==(const PolicyMatch&, const PolicyMatch&) = default;
};

struct PolicySet {
    std::optional<std::uint32_t> metric = {};  // this, or one of the two below
    std::optional<std::uint32_t> add_metric = {};
    std::optional<std::uint32_t> subtract_metric = {};
    std::optional<std::uint32_t> tag = {};
    std::optional<std::uint8_t> distance = {};
    std::optional<net::Ipv4Address> next_hop = {};
    friend bool operator==(const PolicySet&, const PolicySet&) = default;
};

enum class PolicyAction : std::uint8_t { Accept, Reject, Next };
constexpr std::array<std::string_view, 3> kPolicyActionWords = {"accept", "reject", "next"};

struct PolicyTerm {
    std::string name;
    PolicyMatch match;
    PolicySet set;
    PolicyAction then = PolicyAction::Reject;
    friend bool operator==(const PolicyTerm&, const PolicyTerm&) = default;
};

struct RoutePolicy {
    PolicyAction otherwise = PolicyAction::Reject;  // `default`: accept or reject
    std::vector<PolicyTerm> terms;
    friend bool operator==(const RoutePolicy&, const RoutePolicy&) = default;
};

struct PolicySection {
    std::map<std::string, std::vector<net::Ipv4PrefixRange>> prefix_sets;
    std::map<std::string, RoutePolicy> policies;
    friend bool operator==(const PolicySection&, const PolicySection&) = default;
};

}  // namespace godwit::config
