#include "dataplane/owner/nat_configure.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "net/router_ports.hpp"

namespace godwit::dataplane {

namespace {

using config::Model;
using net::IpProtocol;

constexpr std::uint32_t kEventsHeld = 65536;  // of all workers, while nobody takes them
constexpr std::uint32_t kHeldSyns = 4096;     // of all workers

// The primary address; config/check has seen that there is one.
std::optional<net::Ipv4Address> address_of(const Model& model, const std::string& interface) {
    const auto found = model.interfaces.find(interface);
    if (found == model.interfaces.end() || found->second.addresses.empty()) {
        return std::nullopt;
    }
    return found->second.addresses.front().address;
}

nat::Filtering filtering_of(config::NatFiltering filtering) {
    switch (filtering) {
        case config::NatFiltering::EndpointIndependent:
            return nat::Filtering::EndpointIndependent;
        case config::NatFiltering::AddressDependent:
            return nat::Filtering::AddressDependent;
        case config::NatFiltering::AddressAndPortDependent:
            return nat::Filtering::AddressAndPortDependent;
    }
    return nat::Filtering::EndpointIndependent;
}

nat::AtLimit at_limit_of(config::NatAtLimit at_limit) {
    return at_limit == config::NatAtLimit::Refuse ? nat::AtLimit::Refuse
                                                  : nat::AtLimit::EndOldestTransitory;
}

nat::SubscriberLimits limits_of(const config::NatLimits& limits) {
    return {limits.ports, limits.sessions, limits.sessions_per_second};
}

nat::RulePolicy policy_of(const config::NatSourceRule& rule) {
    nat::RulePolicy policy;
    if (rule.filtering) {
        policy.filtering = filtering_of(*rule.filtering);
    }
    if (rule.limits) {
        policy.limits = limits_of(*rule.limits);
    }
    if (rule.at_limit) {
        policy.at_limit = at_limit_of(*rule.at_limit);
    }
    return policy;
}

nat::Logging logging_of(config::NatLogged logged) {
    switch (logged) {
        case config::NatLogged::Nothing:
            return nat::Logging::Nothing;
        case config::NatLogged::Bindings:
            return nat::Logging::Bindings;
        case config::NatLogged::Sessions:
            return nat::Logging::Sessions;
    }
    return nat::Logging::Nothing;
}

nat::Seconds seconds_of(std::chrono::seconds time) {
    return nat::Seconds{static_cast<std::uint32_t>(time.count())};
}

nat::Settings settings_of(const config::Nat& from) {
    nat::Settings settings;
    settings.max_sessions = from.max_sessions;
    settings.max_held_syns = kHeldSyns;
    settings.event_capacity = kEventsHeld;
    settings.filtering = filtering_of(from.filtering);
    settings.keeps_peers = std::ranges::any_of(from.source, [](const config::NatSourceRule& rule) {
        return rule.filtering == config::NatFiltering::AddressDependent;
    });
    settings.at_limit = at_limit_of(from.at_limit);
    settings.logging = logging_of(from.log.events);
    settings.unsolicited_syn = from.unsolicited_syn == config::NatUnsolicitedSyn::Drop
                                   ? nat::UnsolicitedSyn::Drop
                                   : nat::UnsolicitedSyn::Hold;
    settings.inbound_refreshes = from.inbound_refresh;
    settings.ftp = from.alg.ftp;
    settings.most_resting_ports = from.quarantine_ports;
    settings.most_requested = from.pcp.mappings_per_subscriber;
    const config::NatTimeouts& times = from.timeouts;
    settings.timeouts.tcp_established = seconds_of(times.tcp_established);
    settings.timeouts.tcp_opening = seconds_of(times.tcp_opening.value_or(times.tcp_transitory));
    settings.timeouts.tcp_closing = seconds_of(times.tcp_closing.value_or(times.tcp_transitory));
    settings.timeouts.udp = seconds_of(times.udp);
    settings.timeouts.icmp = seconds_of(times.icmp);
    settings.timeouts.port_quarantine = seconds_of(times.port_quarantine);
    settings.timeouts.syn_hold = seconds_of(times.syn_hold);
    settings.limits = limits_of(from.limits);
    return settings;
}

class Compiler {
public:
    Compiler(const Model& model, NatRuleNumbers& numbers,
             const std::function<net::InterfaceId(const std::string&)>& number_of,
             std::span<const api::OwnPortRecord> own_ports)
        : model_(model), numbers_(numbers), number_of_(number_of), own_ports_(own_ports) {}

    nat::RuleSet rules() {
        for (const config::NatSourceRule& rule : model_.nat.source) {
            add(rule);
        }
        for (const config::NatStaticRule& rule : model_.nat.static_) {
            rules_.one_to_one.push_back({number({NatRuleKind::OneToOne, rule.name}), rule.name,
                                         rule.inside, rule.outside,
                                         number_of_(rule.out_interface)});
        }
        for (const config::NatDestinationRule& rule : model_.nat.destination) {
            add(rule);
        }
        add_own_ports();
        return std::move(rules_);
    }
    std::map<NatRuleKey, nat::RuleId> used() { return std::move(used_); }

private:
    nat::RuleId number(const NatRuleKey& key) {
        const nat::RuleId id = numbers_.number(key);
        used_[key] = id;
        return id;
    }

    void add(const config::NatSourceRule& from) {
        nat::SourceRule rule;
        rule.id = number({NatRuleKind::Source, from.name});
        rule.name = from.name;
        rule.from = from.from;
        rule.out = number_of_(from.out_interface);
        if (from.to_interface_address) {
            if (const auto own = address_of(model_, from.out_interface)) {
                rule.pool.push_back(net::Ipv4Prefix::covering(*own, 32));
            }
        }
        for (const config::AddressRange& range : from.to) {
            const auto prefixes = range.prefixes();
            rule.pool.insert(rule.pool.end(), prefixes.begin(), prefixes.end());
        }
        rule.ports = {from.ports.first, from.ports.last};
        rule.policy = policy_of(from);
        if (from.deterministic) {
            rule.allocation = nat::PortAllocation::Deterministic;
        } else if (from.port_block) {
            rule.allocation = nat::PortAllocation::Blocks;
            rule.block_ports = from.port_block->size;
            rule.max_blocks = from.port_block->per_subscriber;
        }
        for (const net::Ipv4Prefix& destination : from.exclude) {
            for (const net::Ipv4Prefix& inside : from.from) {
                rules_.exclusions.push_back({inside, destination, std::nullopt});
            }
        }
        rules_.source.push_back(std::move(rule));
    }

    void add(const config::NatDestinationRule& from) {
        const auto outside =
            from.address ? from.address : address_of(model_, from.in_interface.value_or(""));
        if (!outside) {
            return;
        }
        for (const IpProtocol protocol : {IpProtocol::Tcp, IpProtocol::Udp}) {
            const auto other =
                protocol == IpProtocol::Tcp ? config::NatProtocol::Udp : config::NatProtocol::Tcp;
            if (from.protocol == other) {
                continue;
            }
            nat::RulePolicy policy;
            if (from.at_limit) {
                policy.at_limit = at_limit_of(*from.at_limit);
            }
            rules_.forward.push_back({number({NatRuleKind::Destination, from.name, protocol}),
                                      from.name,
                                      protocol,
                                      *outside,
                                      {from.port.first, from.port.last},
                                      from.to.address,
                                      from.to.port.value_or(from.port.first),
                                      interface_of(from, *outside),
                                      policy});
        }
    }

    // Where the outside address is; none: on no link of ours, so it may be anywhere.
    net::InterfaceId interface_of(const config::NatDestinationRule& rule,
                                  net::Ipv4Address outside) const {
        if (rule.in_interface) {
            return number_of_(*rule.in_interface);
        }
        for (const auto& [name, interface] : model_.interfaces) {
            for (const net::Ipv4InterfaceAddress& own : interface.addresses) {
                if (own.subnet().contains(outside)) {
                    return number_of_(name);
                }
            }
        }
        return {};
    }

    // Where an outside address is the router's own too, what the router itself begins keeps its
    // ports, and so do those who listen there.
    void add_own_ports() {
        for (const auto& [name, interface] : model_.interfaces) {
            for (const net::Ipv4InterfaceAddress& own : interface.addresses) {
                const bool is_outside =
                    std::ranges::any_of(rules_.source, [&](const nat::SourceRule& rule) {
                        return std::ranges::any_of(rule.pool, [&](const net::Ipv4Prefix& prefix) {
                            return prefix.contains(own.address);
                        });
                    });
                if (is_outside) {
                    rules_.own.push_back(
                        {std::nullopt, own.address, {net::kFirstRouterPort, net::kLastRouterPort}});
                    for (const api::OwnPortRecord& each : own_ports_) {
                        if (each.address == 0 || each.address == own.address.value()) {
                            rules_.own.push_back(
                                {IpProtocol{each.protocol}, own.address, {each.port, each.port}});
                        }
                    }
                }
            }
        }
    }

    const Model& model_;
    NatRuleNumbers& numbers_;
    const std::function<net::InterfaceId(const std::string&)>& number_of_;
    std::span<const api::OwnPortRecord> own_ports_;
    nat::RuleSet rules_;
    std::map<NatRuleKey, nat::RuleId> used_;
};

}  // namespace

nat::RuleId NatRuleNumbers::number(const NatRuleKey& key) {
    if (const auto found = numbers_.find(key); found != numbers_.end()) {
        return found->second;
    }
    nat::RuleId id{};
    if (names_.size() < nat::kMaxRules) {
        id = nat::RuleId{static_cast<std::uint16_t>(names_.size())};
        names_.emplace_back();
    } else {
        id = free_.front();
        free_.pop_front();
    }
    numbers_.emplace(key, id);
    names_[static_cast<std::size_t>(id)] = key.name;
    return id;
}

const std::string& NatRuleNumbers::name_of(nat::RuleId id) const {
    static const std::string nothing;
    const auto place = static_cast<std::size_t>(id);
    return place < names_.size() ? names_[place] : nothing;
}

void NatRuleNumbers::keep_only(const std::map<NatRuleKey, nat::RuleId>& used) {
    for (auto at = numbers_.begin(); at != numbers_.end();) {
        if (used.contains(at->first)) {
            ++at;
        } else {
            free_.push_back(at->second);
            at = numbers_.erase(at);
        }
    }
}

net::Result<NatPlan, std::string> nat_plan(
    const Model& model, NatRuleNumbers& numbers,
    const std::function<net::InterfaceId(const std::string&)>& number_of,
    std::span<const api::OwnPortRecord> own_ports) {
    if (!model.nat.is_used()) {
        return NatPlan{};
    }
    Compiler compiler(model, numbers, number_of, own_ports);
    auto rules = nat::NatRules::compile(compiler.rules());
    if (!rules) {
        return net::unexpected(rules.error());
    }
    return NatPlan{nat::NatTable::Wanted{settings_of(model.nat), std::move(*rules)},
                   compiler.used()};
}

}  // namespace godwit::dataplane
