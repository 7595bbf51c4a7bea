#include "controlplane/policy/condition.hpp"

#include <algorithm>

namespace godwit::control {

namespace {

using PrefixSets = std::map<std::string, std::vector<net::Ipv4PrefixRange>>;

std::string joined(std::string text, std::string_view more) {
    if (!text.empty()) {
        text += ", ";
    }
    text += more;
    return text;
}

std::string range_text(const config::NumberRange& range) {
    const config::NumberRange all;
    if (range.least == range.most) {
        return std::to_string(range.least);
    }
    if (range.most == all.most) {
        return "from " + std::to_string(range.least);
    }
    return std::to_string(range.least) + " to " + std::to_string(range.most);
}

bool within(std::uint32_t value, const config::NumberRange& range) {
    return value >= range.least && value <= range.most;
}

std::vector<net::Ipv4PrefixRange> ranges_of(const std::vector<std::string>& names,
                                            const PrefixSets& sets) {
    std::vector<net::Ipv4PrefixRange> ranges;
    for (const std::string& name : names) {
        if (const auto found = sets.find(name); found != sets.end()) {
            ranges.insert(ranges.end(), found->second.begin(), found->second.end());
        }
    }
    return ranges;
}

std::string set_names(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text = joined(std::move(text), name);
    }
    return text;
}

}  // namespace

RouteSource source_of(config::RouteOrigin origin) {
    switch (origin) {
        case config::RouteOrigin::Connected:
            return RouteSource::Connected;
        case config::RouteOrigin::Static:
            return RouteSource::Static;
        case config::RouteOrigin::Rip:
            return RouteSource::Rip;
        case config::RouteOrigin::Ospf:
            return RouteSource::Ospf;
        case config::RouteOrigin::ExternalBgp:
            return RouteSource::ExternalBgp;
        case config::RouteOrigin::InternalBgp:
            return RouteSource::InternalBgp;
    }
    return RouteSource::Static;
}

bool HasPrefixLength::holds(const PolicyRoute& route) const {
    return within(route.prefix.length(), range);
}

bool HasMetric::holds(const PolicyRoute& route) const {
    return within(route.metric, range);
}

bool IsFromSource::holds(const PolicyRoute& route) const {
    return (sources >> static_cast<unsigned>(route.source) & 1U) != 0;
}

bool HasTag::holds(const PolicyRoute& route) const {
    return std::binary_search(tags.begin(), tags.end(), route.tag);
}

bool LeadsThroughInterface::holds(const PolicyRoute& route) const {
    return std::any_of(
        route.next_hops.begin(), route.next_hops.end(), [&](const RibNextHop& next_hop) {
            return std::binary_search(interfaces.begin(), interfaces.end(), next_hop.interface);
        });
}

bool LeadsToNextHop::holds(const PolicyRoute& route) const {
    const auto named = [&](net::Ipv4Address address) {
        return std::binary_search(routers.begin(), routers.end(), address) || set.covers(address);
    };
    if (route.next_hop_set) {
        return named(*route.next_hop_set);
    }
    return std::any_of(
        route.next_hops.begin(), route.next_hops.end(),
        [&](const RibNextHop& next_hop) { return next_hop.via && named(*next_hop.via); });
}

bool holds(const Condition& condition, const PolicyRoute& route) {
    return std::visit([&](const auto& one) { return one.holds(route); }, condition);
}

namespace {

struct ConditionText {
    std::string operator()(const InPrefixSet& one) const { return one.text; }
    std::string operator()(const HasPrefixLength& one) const {
        return "prefix-length " + range_text(one.range);
    }
    std::string operator()(const HasMetric& one) const { return "metric " + range_text(one.range); }
    std::string operator()(const IsFromSource& one) const {
        std::string text;
        for (std::size_t i = 0; i < kRouteSourceCount; ++i) {
            if ((one.sources >> i & 1U) != 0) {
                text = joined(std::move(text), kRouteSourceNames[i]);
            }
        }
        return "source " + text;
    }
    std::string operator()(const HasTag& one) const {
        std::string text;
        for (const std::uint32_t tag : one.tags) {
            text = joined(std::move(text), std::to_string(tag));
        }
        return "tag " + text;
    }
    std::string operator()(const LeadsThroughInterface& one) const {
        return "interface " + set_names(one.names);
    }
    std::string operator()(const LeadsToNextHop& one) const { return one.text; }
};

}  // namespace

std::string to_string(const Condition& condition) {
    return std::visit(ConditionText{}, condition);
}

std::vector<Condition> conditions_of(const config::PolicyMatch& match, const PrefixSets& sets,
                                     const InterfaceNumbers& interfaces) {
    std::vector<Condition> conditions;
    // The cheap ones first: most routes end at the first condition that does not hold.
    if (!match.sources.empty()) {
        IsFromSource from;
        for (const config::RouteOrigin origin : match.sources) {
            from.sources |= 1U << static_cast<unsigned>(source_of(origin));
        }
        conditions.emplace_back(from);
    }
    if (match.prefix_length) {
        conditions.emplace_back(HasPrefixLength{*match.prefix_length});
    }
    if (!match.tags.empty()) {
        HasTag has{match.tags};
        std::sort(has.tags.begin(), has.tags.end());
        conditions.emplace_back(std::move(has));
    }
    if (match.metric) {
        conditions.emplace_back(HasMetric{*match.metric});
    }
    if (!match.prefix_sets.empty()) {
        conditions.emplace_back(InPrefixSet{"prefix-set " + set_names(match.prefix_sets),
                                            PrefixSet(ranges_of(match.prefix_sets, sets))});
    }
    if (!match.prefixes.empty()) {
        std::string text;
        for (const net::Ipv4PrefixRange& range : match.prefixes) {
            text = joined(std::move(text), range.to_string());
        }
        conditions.emplace_back(InPrefixSet{"prefix " + text, PrefixSet(match.prefixes)});
    }
    if (!match.interfaces.empty()) {
        LeadsThroughInterface leads{match.interfaces, {}};
        for (const std::string& name : match.interfaces) {
            if (const net::InterfaceId id = interfaces(name); !id.is_none()) {
                leads.interfaces.push_back(id);
            }
        }
        std::sort(leads.interfaces.begin(), leads.interfaces.end());
        conditions.emplace_back(std::move(leads));
    }
    if (!match.next_hops.empty()) {
        LeadsToNextHop leads;
        for (const net::Ipv4Address router : match.next_hops) {
            leads.text = joined(std::move(leads.text), router.to_string());
        }
        leads.text.insert(0, "next-hop ");
        leads.routers = match.next_hops;
        std::sort(leads.routers.begin(), leads.routers.end());
        conditions.emplace_back(std::move(leads));
    }
    if (!match.next_hop_sets.empty()) {
        conditions.emplace_back(LeadsToNextHop{"next-hop-set " + set_names(match.next_hop_sets),
                                               {},
                                               PrefixSet(ranges_of(match.next_hop_sets, sets))});
    }
    return conditions;
}

}  // namespace godwit::control
