// The server of the Port Control Protocol against the interfaces and the rules of NAT. Whoever is
// answered opens ports, so that the interfaces of clients must be inside (RFC 6887 18.1).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "config/check/section_check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

const Path kPcp = {{"nat"}, {"pcp"}};

class PcpCheck : SectionCheck {
public:
    PcpCheck(const Model& model, std::vector<Finding>& findings)
        : SectionCheck(model, findings), pcp_(model.nat.pcp) {}

    void run() {
        check_lifetimes();
        if (!pcp_.interfaces.empty() && model_.nat.source.empty()) {
            error("missing-rule", path_of("interfaces"),
                  "no rule of nat.source translates anything, so there is no port to give",
                  "Add a rule under 'source', or remove 'pcp'.");
        }
        std::map<std::string, std::size_t> seen;
        for (const std::string& name : pcp_.interfaces) {
            Path path = path_of("interfaces");
            const std::size_t repeat = seen[name]++;
            path.push_back({name, true, repeat});
            if (repeat > 0) {
                error("duplicate-interface", std::move(path),
                      fmt::format("'{}' is in the list twice", name), "Name each interface once.");
            } else {
                check_interface(name, path);
            }
        }
    }

private:
    static Path path_of(std::string_view key) {
        Path path = kPcp;
        path.push_back({std::string(key)});
        return path;
    }

    void check_lifetimes() {
        if (pcp_.min_lifetime > pcp_.max_lifetime) {
            error("out-of-range", path_of("min-lifetime"),
                  fmt::format("{}s is longer than the {}s of 'max-lifetime'",
                              pcp_.min_lifetime.count(), pcp_.max_lifetime.count()),
                  "Make it shorter, or the other longer.");
        }
    }

    void check_interface(const std::string& name, const Path& path) {
        const auto found = model_.interfaces.find(name);
        if (found == model_.interfaces.end()) {
            error("dangling-reference", path, fmt::format("there is no interface '{}'", name),
                  "Name an interface of this file, or add it under 'interfaces'.",
                  nearest_word(name, names()));
            return;
        }
        if (std::holds_alternative<Loopback>(found->second.kind)) {
            error("wrong-reference", path,
                  fmt::format("'{}' is a loopback: no client is behind it", name),
                  "Name a port or a VLAN sub-interface.");
        } else if (const std::string rule = outside_of(name); !rule.empty()) {
            error(
                "wrong-reference", path,
                fmt::format("'{}' is outside for {}, and whoever is there could open ports inside",
                            name, rule),
                "Name interfaces that the hosts inside are behind.");
        } else if (found->second.addresses.empty()) {
            error("no-address", path,
                  fmt::format("'{}' has no address that clients could ask at", name),
                  fmt::format("Give '{}' an address, or take it out of the list.", name));
        }
    }

    // The first rule that has the world behind this interface.
    [[nodiscard]] std::string outside_of(const std::string& name) const {
        const auto told = [](const char* list, const std::string& rule) {
            return fmt::format("rule '{}' of nat.{}", rule, list);
        };
        const Nat& nat = model_.nat;
        for (const NatSourceRule& rule : nat.source) {
            if (rule.out_interface == name) {
                return told("source", rule.name);
            }
        }
        for (const NatStaticRule& rule : nat.static_) {
            if (rule.out_interface == name) {
                return told("static", rule.name);
            }
        }
        for (const NatDestinationRule& rule : nat.destination) {
            if (rule.in_interface == name) {
                return told("destination", rule.name);
            }
        }
        return "";
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& [name, interface] : model_.interfaces) {
            names.push_back(name);
        }
        return names;
    }

    const NatPcp& pcp_;
};

}  // namespace

void check_pcp(const Model& model, std::vector<Finding>& findings) {
    PcpCheck(model, findings).run();
}

}  // namespace godwit::config
