// Rules of NAT among each other and against the interfaces, and the times that the RFCs allow. The
// dataplane compiles the same rules and refuses the same contradictions; here they have the line of
// the file.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "config/check/section_check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

constexpr std::uint64_t kMostOutsideAddresses = 65536;  // of all rules
constexpr std::uint32_t kLeastDeterministicPorts = 64;  // of one subscriber

Path path_of(const char* list, const std::string& rule, std::string_view key = {},
             const std::string& item = {}) {
    Path path = {{"nat"}, {list}, {rule, true}};
    if (!key.empty()) {
        path.push_back({std::string(key)});
    }
    if (!item.empty()) {
        path.push_back({item, true});
    }
    return path;
}

std::string why_not_outside(const AddressRange& range) {
    const auto is_bad = [](net::Ipv4Address address) {
        return address.is_multicast() || address.is_reserved() || address.is_this_network() ||
               address.is_loopback() || address.is_limited_broadcast();
    };
    return is_bad(range.first) || is_bad(range.last)
               ? range.to_string() + " holds addresses that no host can have"
               : "";
}

// A run of addresses that a rule hands out or listens to, for the search for overlaps.
struct Claim {
    AddressRange range;
    Path path;
    const std::string* rule = nullptr;
};

class NatCheck : SectionCheck {
public:
    NatCheck(const Model& model, std::vector<Finding>& findings)
        : SectionCheck(model, findings), nat_(model.nat) {
        for (const auto& [name, interface] : model.interfaces) {
            names_.push_back(name);
        }
    }

    void run() {
        check_names();
        for (const NatSourceRule& rule : nat_.source) {
            check_source(rule);
        }
        check_order();
        for (const NatStaticRule& rule : nat_.static_) {
            check_static_rule(rule);
        }
        for (const NatDestinationRule& rule : nat_.destination) {
            check_destination(rule);
        }
        check_pools();
        check_statics();
        check_forwards();
        check_timeouts();
    }

private:
    // A name stands for a rule in views and in the journal, whatever its list.
    void check_names() {
        std::map<std::string, const char*> owners;
        const auto look = [&](const auto& rules, const char* list) {
            for (const auto& rule : rules) {
                const auto [owner, is_new] = owners.emplace(rule.name, list);
                if (!is_new && owner->second != list && !rule.name.empty()) {
                    error("duplicate-name", path_of(list, rule.name, "name"),
                          fmt::format("'{}' is the name of a rule of nat.{} too", rule.name,
                                      owner->second),
                          "Give each rule of NAT a name of its own.");
                }
            }
        };
        look(nat_.source, "source");
        look(nat_.static_, "static");
        look(nat_.destination, "destination");
    }

    // The interface a rule names; says so when there is none, or nothing leaves by it.
    const Interface* interface_of(const std::string& name, const Path& path, bool must_send) {
        if (name.empty()) {
            return nullptr;
        }
        const auto found = model_.interfaces.find(name);
        if (found == model_.interfaces.end()) {
            error("dangling-reference", path, fmt::format("there is no interface '{}'", name),
                  "Name an interface of this file, or add it under 'interfaces'.",
                  nearest_word(name, names_));
            return nullptr;
        }
        if (must_send && std::holds_alternative<Loopback>(found->second.kind)) {
            error("wrong-reference", path,
                  fmt::format("'{}' is a loopback: nothing leaves by it", name),
                  "Name a port or a VLAN sub-interface.");
            return nullptr;
        }
        return &found->second;
    }

    std::optional<net::Ipv4Address> primary_address(const Interface& interface, const Path& path) {
        if (interface.addresses.empty()) {
            error("no-address", path,
                  fmt::format("'{}' has no address that packets could get", interface.name),
                  fmt::format("Give '{}' an address, or name one here.", interface.name));
            return std::nullopt;
        }
        return interface.addresses.front().address;
    }

    void check_source(const NatSourceRule& rule) {
        const Interface* out =
            interface_of(rule.out_interface, path_of("source", rule.name, "out-interface"), true);
        for (std::size_t at = 0; at < rule.from.size(); ++at) {
            for (std::size_t other = 0; other < at; ++other) {
                if (rule.from[at].overlaps(rule.from[other])) {
                    error("overlapping-prefix",
                          path_of("source", rule.name, "from", rule.from[at].to_string()),
                          fmt::format("{} overlaps {} of the same list", rule.from[at].to_string(),
                                      rule.from[other].to_string()),
                          "Keep the shorter of the two.");
                    break;
                }
            }
        }
        std::uint64_t addresses = 0;
        if (rule.to_interface_address) {
            const Path path = path_of("source", rule.name, "to", "interface-address");
            if (!rule.to.empty()) {
                error("conflicting-values", path,
                      "'interface-address' cannot stand beside a pool: whether the address is "
                      "kept would depend on the interface",
                      "Keep one of the two.");
            } else if (out != nullptr) {
                if (const auto address = primary_address(*out, path)) {
                    pools_.push_back({{*address, *address}, path, &rule.name});
                }
            }
            ++addresses;
        }
        for (const AddressRange& range : rule.to) {
            const Path path = path_of("source", rule.name, "to", range.to_string());
            addresses += range.count();
            if (const std::string why = why_not_outside(range); !why.empty()) {
                error("invalid-address", path, why, "Use unicast addresses.");
                continue;
            }
            pools_.push_back({range, path, &rule.name});
        }
        if (addresses > kMostOutsideAddresses) {
            error("out-of-range", path_of("source", rule.name, "to"),
                  fmt::format("the pool has {} addresses; at most {} are possible", addresses,
                              kMostOutsideAddresses),
                  "Make it smaller.");
        }
        if (rule.ports.count() < 2) {
            error("out-of-range", path_of("source", rule.name, "ports"),
                  "a rule needs two ports at least",
                  "Leave 'ports' out, or write a range such as 1024-65535.");
        }
        check_shares(rule, addresses);
    }

    // Whether each subscriber gets a fair number of ports.
    void check_shares(const NatSourceRule& rule, std::uint64_t addresses) {
        if (rule.deterministic && addresses > 0) {
            std::uint64_t subscribers = 0;
            for (const net::Ipv4Prefix& prefix : rule.from) {
                subscribers += std::uint64_t{1} << (32U - prefix.length());
            }
            const std::uint64_t sharing = (subscribers + addresses - 1) / addresses;
            const std::uint64_t each =
                sharing == 0 ? 0 : (rule.ports.count() / sharing) & ~std::uint64_t{1};
            if (each < kLeastDeterministicPorts && sharing > 0) {
                error("too-few-ports", path_of("source", rule.name, "deterministic"),
                      fmt::format("{} inside addresses share {} outside ones, which leaves each {} "
                                  "ports; {} are the least",
                                  subscribers, addresses, each, kLeastDeterministicPorts),
                      "Enlarge the pool, or say under 'from' which prefixes there really are.");
            }
        }
        if (rule.port_block && rule.port_block->size > rule.ports.count()) {
            Path path = path_of("source", rule.name, "port-block");
            path.push_back({"size"});
            error("out-of-range", std::move(path),
                  fmt::format("a block of {} ports is larger than the {} ports that there are",
                              rule.port_block->size, rule.ports.count()),
                  "Make it smaller.");
        }
    }

    // A rule behind one that takes all of its packets.
    void check_order() {
        for (std::size_t at = 0; at < nat_.source.size(); ++at) {
            const NatSourceRule& rule = nat_.source[at];
            for (std::size_t before = 0; before < at; ++before) {
                const NatSourceRule& earlier = nat_.source[before];
                const bool is_hidden =
                    earlier.out_interface == rule.out_interface && !rule.from.empty() &&
                    std::ranges::all_of(rule.from, [&](const net::Ipv4Prefix& prefix) {
                        return std::ranges::any_of(earlier.from, [&](const auto& wider) {
                            return wider.contains(prefix);
                        });
                    });
                if (is_hidden) {
                    warning("hidden-rule", path_of("source", rule.name, "name"),
                            fmt::format("'{}' stands before it and takes all of its packets",
                                        earlier.name),
                            "Put the narrower rule first.");
                    break;
                }
            }
        }
    }

    void check_static_rule(const NatStaticRule& rule) {
        interface_of(rule.out_interface, path_of("static", rule.name, "out-interface"), true);
        const net::Ipv4Prefix& outside = rule.outside;
        const bool is_written = rule.inside != net::Ipv4Prefix() && outside != net::Ipv4Prefix();
        if (is_written && rule.inside.length() != outside.length()) {
            error("length-mismatch", path_of("static", rule.name, "outside"),
                  fmt::format("{} and {} do not hold equally many addresses",
                              rule.inside.to_string(), outside.to_string()),
                  "Each inside address has one outside; write prefixes of one length.");
        } else if (is_written && outside.length() < 16) {
            error("out-of-range", path_of("static", rule.name, "outside"),
                  fmt::format("{} has more addresses than one rule may have", outside.to_string()),
                  "Use a /16 or longer.");
        }
        const std::string why = why_not_outside({outside.address(), outside.last_address()});
        if (is_written && !why.empty()) {
            error("invalid-address", path_of("static", rule.name, "outside"), why,
                  "Use unicast addresses.");
        }
    }

    void check_destination(const NatDestinationRule& rule) {
        if (rule.in_interface) {
            const Path path = path_of("destination", rule.name, "in-interface");
            if (const Interface* in = interface_of(*rule.in_interface, path, false)) {
                if (const auto address = primary_address(*in, path)) {
                    outside_of_[&rule] = *address;
                }
            }
        } else if (rule.address) {
            const std::string why = why_not_outside({*rule.address, *rule.address});
            if (!why.empty()) {
                error("invalid-address", path_of("destination", rule.name, "address"), why,
                      "Use a unicast address.");
            } else {
                outside_of_[&rule] = *rule.address;
            }
        }
        if (!why_not_outside({rule.to.address, rule.to.address}).empty() &&
            rule.to != InsideEndpoint()) {
            error("invalid-address", path_of("destination", rule.name, "to"),
                  fmt::format("{} is not the address of a host", rule.to.address.to_string()),
                  "Name the host inside.");
        }
        const std::uint32_t last_inside =
            std::uint32_t{rule.to.port.value_or(rule.port.first)} + rule.port.count() - 1;
        if (last_inside > 65535) {
            error("out-of-range", path_of("destination", rule.name, "to"),
                  fmt::format("{} ports from {} on end at {}, behind 65535", rule.port.count(),
                              *rule.to.port, last_inside),
                  "Begin lower.");
        }
    }

    const NatSourceRule* source_rule(const std::string& name) const {
        const auto found = std::ranges::find(nat_.source, name, &NatSourceRule::name);
        return found == nat_.source.end() ? nullptr : &*found;
    }

    // Two rules may share addresses as long as both give out single ports.
    void check_pools() {
        const auto is_plain = [this](const std::string& name) {
            const NatSourceRule* rule = source_rule(name);
            return rule == nullptr || (!rule->deterministic && !rule->port_block);
        };
        for (std::size_t at = 0; at < pools_.size(); ++at) {
            for (std::size_t other = 0; other < at; ++other) {
                const Claim& claim = pools_[at];
                const Claim& earlier = pools_[other];
                if (!claim.range.overlaps(earlier.range)) {
                    continue;
                }
                if (claim.rule == earlier.rule) {
                    error("overlapping-pool", claim.path,
                          fmt::format("{} overlaps {} of the same pool", claim.range.to_string(),
                                      earlier.range.to_string()),
                          "Name each address once.");
                } else if (!is_plain(*claim.rule) || !is_plain(*earlier.rule)) {
                    error("overlapping-pool", claim.path,
                          fmt::format("{} overlaps the pool of '{}', and one of the two gives out "
                                      "ports in blocks or by place",
                                      claim.range.to_string(), *earlier.rule),
                          "Give the rules different addresses.");
                }
                if (findings_.size() > kMostFindings) {
                    return;
                }
            }
        }
    }

    void check_statics() {
        for (std::size_t at = 0; at < nat_.static_.size(); ++at) {
            const NatStaticRule& rule = nat_.static_[at];
            if (rule.inside == net::Ipv4Prefix() || rule.outside == net::Ipv4Prefix()) {
                continue;
            }
            for (std::size_t other = 0; other < at; ++other) {
                const NatStaticRule& earlier = nat_.static_[other];
                const bool inside = rule.inside.overlaps(earlier.inside);
                if (inside || rule.outside.overlaps(earlier.outside)) {
                    error("overlapping-static",
                          path_of("static", rule.name, inside ? "inside" : "outside"),
                          fmt::format("{} overlaps that of '{}'",
                                      (inside ? rule.inside : rule.outside).to_string(),
                                      earlier.name),
                          "An address has one counterpart only.");
                }
            }
            const AddressRange range{rule.outside.address(), rule.outside.last_address()};
            for (const Claim& pool : pools_) {
                if (pool.range.overlaps(range)) {
                    error(
                        "overlapping-static", path_of("static", rule.name, "outside"),
                        fmt::format("{} overlaps the pool of '{}'", range.to_string(), *pool.rule),
                        "A one-to-one rule has all ports of its addresses; use others.");
                    break;
                }
            }
            for (const auto& [name, interface] : model_.interfaces) {
                for (const net::Ipv4InterfaceAddress& own : interface.addresses) {
                    if (rule.outside.contains(own.address)) {
                        error("own-address", path_of("static", rule.name, "outside"),
                              fmt::format("{} is this router's own address, of '{}'",
                                          own.address.to_string(), name),
                              "Use another address: the host inside would get all that is meant "
                              "for the router.");
                    }
                }
            }
        }
    }

    // A forward as the two protocols that it may be of.
    struct Forward {
        bool is_udp = false;
        net::Ipv4Address address;
        PortRange ports;
        const NatDestinationRule* rule = nullptr;
    };

    void check_forwards() {
        std::vector<Forward> outside;
        std::vector<Forward> inside;
        for (const NatDestinationRule& rule : nat_.destination) {
            for (const bool is_udp : {false, true}) {
                const NatProtocol other = is_udp ? NatProtocol::Tcp : NatProtocol::Udp;
                const auto found = outside_of_.find(&rule);
                if (rule.protocol == other || found == outside_of_.end()) {
                    continue;
                }
                const std::uint16_t first = rule.to.port.value_or(rule.port.first);
                const auto last = static_cast<std::uint16_t>(
                    std::min<std::uint32_t>(first + rule.port.count() - 1, 65535));
                outside.push_back({is_udp, found->second, rule.port, &rule});
                inside.push_back({is_udp, rule.to.address, {first, last}, &rule});
            }
        }
        compare_forwards(outside, "port", "is forwarded by",
                         "Take the port out of one of the two.");
        // An answer could not tell which of the two it belongs to.
        compare_forwards(inside, "to", "is where a rule leads to already:",
                         "Let the server listen on a second port, or forward once.");
        std::set<const NatDestinationRule*> told;
        for (const Forward& forward : outside) {
            if (!told.insert(forward.rule).second) {
                continue;
            }
            for (const NatStaticRule& rule : nat_.static_) {
                if (rule.outside != net::Ipv4Prefix() && rule.outside.contains(forward.address)) {
                    error("overlapping-forward", path_of("destination", forward.rule->name),
                          fmt::format("{} belongs to the one-to-one rule '{}', which has all its "
                                      "ports",
                                      forward.address.to_string(), rule.name),
                          "Use another address.");
                }
            }
        }
    }

    void compare_forwards(std::vector<Forward>& forwards, std::string_view key,
                          std::string_view relation, const std::string& help) {
        std::ranges::stable_sort(forwards, {}, [](const Forward& each) {
            return std::tuple(each.is_udp, each.address, each.ports.first);
        });
        std::set<std::pair<const NatDestinationRule*, const NatDestinationRule*>> told;
        for (std::size_t at = 1; at < forwards.size(); ++at) {
            const Forward* first = &forwards[at - 1];
            const Forward* second = &forwards[at];
            if (first->is_udp != second->is_udp || first->address != second->address ||
                !first->ports.overlaps(second->ports)) {
                continue;
            }
            // The later of the two in the file is the one to mend.
            if (first->rule > second->rule) {
                std::swap(first, second);
            }
            if (!told.emplace(first->rule, second->rule).second) {
                continue;
            }
            error("overlapping-forward", path_of("destination", second->rule->name, key),
                  fmt::format("{} port {} of {} {} '{}'", second->is_udp ? "UDP" : "TCP",
                              std::max(first->ports.first, second->ports.first),
                              second->address.to_string(), relation, first->rule->name),
                  help);
        }
    }

    void check_timeouts() {
        const NatTimeouts& times = nat_.timeouts;
        struct Least {
            const char* key;
            std::optional<std::chrono::seconds> given;
            std::chrono::seconds least;
            const char* clause;
        };
        for (const Least& each :
             {Least{"tcp-established", times.tcp_established, std::chrono::seconds(7440),
                    "RFC 5382 REQ-5 allows"},
              Least{"tcp-transitory", times.tcp_transitory, std::chrono::seconds(240),
                    "RFC 5382 REQ-5 allows"},
              Least{"tcp-opening", times.tcp_opening, std::chrono::seconds(30),
                    "a handshake that repeats its SYN needs"},
              Least{"tcp-closing", times.tcp_closing, std::chrono::seconds(240),
                    "RFC 5382 REQ-5 allows"},
              Least{"udp", times.udp, std::chrono::seconds(120), "RFC 4787 REQ-5 allows"},
              Least{"icmp", times.icmp, std::chrono::seconds(60), "RFC 5508 REQ-2 allows"},
              Least{"syn-hold", times.syn_hold, std::chrono::seconds(6),
                    "RFC 5382 REQ-4 allows"}}) {
            if (each.given && *each.given < each.least) {
                error("timeout-too-short", {{"nat"}, {"timeouts"}, {each.key}},
                      fmt::format("{}s is less than {}", each.given->count(), each.clause),
                      fmt::format("Make it {}s at least.", each.least.count()));
            }
        }
    }

    const Nat& nat_;
    std::vector<std::string> names_;
    std::vector<Claim> pools_;
    std::map<const NatDestinationRule*, net::Ipv4Address> outside_of_;
};

}  // namespace

void check_nat(const Model& model, std::vector<Finding>& findings) {
    NatCheck(model, findings).run();
}

}  // namespace godwit::config
