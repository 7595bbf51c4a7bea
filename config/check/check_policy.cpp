// Policies: names that lead nowhere, ranges that nothing can be in, terms that no route reaches.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/check/check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

class PolicyCheck {
public:
    PolicyCheck(const Model& model, std::vector<Finding>& findings)
        : model_(model), findings_(findings) {
        for (const auto& [name, set] : model.policy.prefix_sets) {
            sets_.push_back(name);
        }
        for (const auto& [name, interface] : model.interfaces) {
            interfaces_.push_back(name);
        }
    }

    void run() {
        for (const auto& [name, policy] : model_.policy.policies) {
            check_policy(name, policy);
        }
        for (const auto& [name, ranges] : model_.policy.prefix_sets) {
            check_set(name, ranges);
        }
        check_users();
    }

private:
    static Path path_of(const std::string& policy, const PolicyTerm& term,
                        std::initializer_list<const char*> keys = {},
                        const std::string& item = {}) {
        Path path = {{"policy"}, {"policies"}, {policy}, {"terms"}, {term.name, true}};
        for (const char* key : keys) {
            path.push_back({key});
        }
        if (!item.empty()) {
            path.push_back({item, true});
        }
        return path;
    }

    bool full() const { return findings_.size() >= kMostFindings; }

    void error(std::string id, Path path, std::string what, std::string help,
               std::string suggestion = {}) {
        if (!full()) {
            findings_.push_back({false, std::move(id), std::move(path), std::move(what),
                                 std::move(suggestion), std::move(help)});
        }
    }
    void warning(std::string id, Path path, std::string what, std::string help) {
        if (!full()) {
            findings_.push_back(
                {true, std::move(id), std::move(path), std::move(what), {}, std::move(help)});
        }
    }

    void check_names(const std::string& policy, const PolicyTerm& term, const char* key,
                     const std::vector<std::string>& names, const std::vector<std::string>& known,
                     const char* what, const char* help) {
        for (const std::string& name : names) {
            if (std::find(known.begin(), known.end(), name) == known.end()) {
                // A single value stands for itself, a list has items.
                error("dangling-reference",
                      path_of(policy, term, {"match", key}, names.size() > 1 ? name : ""),
                      fmt::format("there is no {} '{}'", what, name), help,
                      nearest_word(name, known));
            }
        }
    }

    void check_sets(const std::string& policy, const PolicyTerm& term, const char* key,
                    const std::vector<std::string>& names) {
        check_names(policy, term, key, names, sets_, "prefix set",
                    "Name a set of 'policy.prefix-sets', or add it there.");
    }

    void check_range(const std::string& policy, const PolicyTerm& term, const char* key,
                     const std::optional<NumberRange>& range) {
        if (range && range->least > range->most) {
            error("out-of-range", path_of(policy, term, {"match", key}),
                  fmt::format("nothing is at least {} and at most {}", range->least, range->most),
                  "Exchange min and max.");
        }
    }

    static bool applies_to_everything(const PolicyMatch& match) { return match == PolicyMatch(); }

    void check_policy(const std::string& name, const RoutePolicy& policy) {
        const PolicyTerm* last_word = nullptr;  // decides about whatever comes to it
        for (auto term = policy.terms.begin(); term != policy.terms.end(); ++term) {
            check_term(name, *term);
            if (last_word != nullptr) {
                warning("unreachable-term", path_of(name, *term),
                        fmt::format("no route comes to '{}': '{}' before it takes them all",
                                    term->name, last_word->name),
                        "Put it in front, or remove it.");
                continue;
            }
            const auto same =
                std::find_if(policy.terms.begin(), term, [&](const PolicyTerm& earlier) {
                    return earlier.match == term->match && earlier.then != PolicyAction::Next;
                });
            if (same != term) {
                warning("unreachable-term", path_of(name, *term),
                        fmt::format("no route comes to '{}': '{}' before it takes the same",
                                    term->name, same->name),
                        "Make them differ, or remove one.");
            }
            if (applies_to_everything(term->match) && term->then != PolicyAction::Next) {
                last_word = &*term;
            }
        }
    }

    void check_term(const std::string& policy, const PolicyTerm& term) {
        check_sets(policy, term, "prefix-set", term.match.prefix_sets);
        check_sets(policy, term, "next-hop-set", term.match.next_hop_sets);
        check_names(policy, term, "interface", term.match.interfaces, interfaces_, "interface",
                    "Name an interface of this file, or add it under 'interfaces'.");
        check_range(policy, term, "prefix-length", term.match.prefix_length);
        check_range(policy, term, "metric", term.match.metric);
        if (term.then == PolicyAction::Reject && term.set != PolicySet()) {
            warning("void-change", path_of(policy, term, {"set"}),
                    fmt::format("what '{}' sets is lost: it rejects the route", term.name),
                    "Remove `set`, or let the route pass.");
        }
        if (term.set.next_hop) {
            check_next_hop(policy, term, *term.set.next_hop);
        }
    }

    void check_next_hop(const std::string& policy, const PolicyTerm& term,
                        net::Ipv4Address address) {
        // RFC 1812 5.3.7.
        if (address.is_multicast() || address.is_limited_broadcast() || address.is_reserved() ||
            address.is_this_network() || address.is_loopback()) {
            error("invalid-next-hop", path_of(policy, term, {"set", "next-hop"}),
                  fmt::format("{} is not the address of a neighbour", address.to_string()),
                  "Name the address of a router.");
        }
    }

    // Everyone who names a policy.
    void check_users() {
        for (const auto& [name, interface] : model_.rip.interfaces) {
            check_use({{"rip"}, {"interfaces"}, {name}, {"import"}}, interface.import);
            check_use({{"rip"}, {"interfaces"}, {name}, {"export"}}, interface.exported);
        }
        for (const auto& rule : model_.rip.redistribute) {
            check_use({{"rip"}, {"redistribute"}}, rule.policy);
        }
    }

    void check_use(Path path, const std::optional<std::string>& policy) {
        if (!policy || model_.policy.policies.contains(*policy)) {
            return;
        }
        std::vector<std::string> known;
        for (const auto& [name, definition] : model_.policy.policies) {
            known.push_back(name);
        }
        error("dangling-reference", std::move(path),
              fmt::format("there is no policy '{}'", *policy),
              "Name a policy of 'policy.policies', or add it there.", nearest_word(*policy, known));
    }

    void check_set(const std::string& name, const std::vector<net::Ipv4PrefixRange>& ranges) {
        std::set<net::Ipv4PrefixRange> seen;
        for (const net::Ipv4PrefixRange& range : ranges) {
            if (!seen.insert(range).second) {
                warning("duplicate-prefix",
                        {{"policy"}, {"prefix-sets"}, {name}, {range.to_string(), true, 1}},
                        fmt::format("{} is in the set twice", range.to_string()),
                        "Keep one of the two.");
            }
        }
    }

    const Model& model_;
    std::vector<Finding>& findings_;
    std::vector<std::string> sets_;
    std::vector<std::string> interfaces_;
};

}  // namespace

void check_policy(const Model& model, std::vector<Finding>& findings) {
    PolicyCheck(model, findings).run();
}

}  // namespace godwit::config
