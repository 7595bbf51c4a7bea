// RIP against the interfaces, its keys, and the times among each other.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/check/section_check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

class RipCheck : SectionCheck {
public:
    RipCheck(const Model& model, std::vector<Finding>& findings)
        : SectionCheck(model, findings), rip_(model.rip) {
        for (const auto& [name, interface] : model.interfaces) {
            interface_names_.push_back(name);
        }
        for (const auto& [name, chain] : rip_.key_chains) {
            chain_names_.push_back(name);
        }
    }

    void run() {
        for (const auto& [name, interface] : rip_.interfaces) {
            if (findings_.size() > kMostFindings) {
                return;
            }
            check_interface(name, interface);
        }
        check_timers();
        check_redistribution();
        for (const auto& [name, chain] : rip_.key_chains) {
            check_chain(name, chain);
        }
    }

private:
    static Path path_of(const std::string& interface, std::string_view key = {}) {
        Path path = {{"rip"}, {"interfaces"}, {interface}};
        if (!key.empty()) {
            path.push_back({std::string(key)});
        }
        return path;
    }

    void check_interface(const std::string& name, const RipInterface& rip) {
        const auto found = model_.interfaces.find(name);
        if (found == model_.interfaces.end()) {
            error("dangling-reference", path_of(name),
                  fmt::format("there is no interface '{}'", name),
                  "Name an interface of this file, or add it under 'interfaces'.",
                  nearest_word(name, interface_names_));
            return;
        }
        const Interface& interface = found->second;
        if (interface.addresses.empty()) {
            warning("no-address", path_of(name),
                    fmt::format("'{}' has no address, so RIP is not spoken there", name),
                    "Give it an address; RIP knows no links without (RFC 2453 5.4).");
        }
        if (std::holds_alternative<Loopback>(interface.kind) && !rip.passive) {
            error("wrong-reference", path_of(name),
                  fmt::format("'{}' is a loopback: nobody can be told anything there", name),
                  "Add 'passive: true' to have its addresses told on the other interfaces.");
        }
        for (const net::Ipv4Address neighbor : rip.neighbors) {
            check_neighbor(name, interface, neighbor);
        }
        check_proof(name, rip);
    }

    void check_neighbor(const std::string& name, const Interface& interface,
                        net::Ipv4Address neighbor) {
        Path path = path_of(name, "neighbors");
        path.push_back({neighbor.to_string(), true});
        const auto& own = interface.addresses;
        const bool ours = std::any_of(own.begin(), own.end(), [&](const auto& address) {
            return address.address == neighbor;
        });
        const bool on_link = std::any_of(own.begin(), own.end(), [&](const auto& address) {
            return address.subnet().contains(neighbor);
        });
        if (ours || !on_link) {
            error("invalid-neighbor", std::move(path),
                  ours ? fmt::format("{} is this router's own address", neighbor.to_string())
                       : fmt::format("{} is in no subnet of '{}'", neighbor.to_string(), name),
                  "Name a router on the network of the interface (RFC 2453 3.9.2).");
        }
    }

    void check_proof(const std::string& name, const RipInterface& rip) {
        if (!rip.authentication) {
            return;
        }
        Path path = path_of(name, "authentication");
        if (rip.send == RipSend::Version1) {
            error("conflicting-keys", path, "version 1 has no authentication",
                  "Send version 2, or remove the authentication (RFC 2453 5.2).");
        } else if (rip.receive == RipReceive::Version1 || rip.receive == RipReceive::Both) {
            warning("never-accepted", path_of(name, "receive"),
                    "with authentication, packets of version 1 are dropped all the same",
                    "They prove nothing (RFC 2453 5.2).");
        }
        const auto& proof = rip.authentication->proof;
        if (const auto* chain = std::get_if<RipChainName>(&proof)) {
            path.push_back({"key-chain"});
            if (!chain->name.empty() && !rip_.key_chains.contains(chain->name)) {
                error("dangling-reference", std::move(path),
                      fmt::format("there is no key chain '{}'", chain->name),
                      "Name one of 'rip.key-chains', or add it there.",
                      nearest_word(chain->name, chain_names_));
            }
        } else if (const auto* password = std::get_if<RipPassword>(&proof)) {
            path.push_back({"password"});
            check_secret(password->password, path);
        } else {
            const auto& key = std::get<RipSingleKey>(proof);
            path.push_back(
                {std::string(kRipAlgorithmWords[static_cast<std::size_t>(key.algorithm)])});
            path.push_back({"key"});
            check_secret(key.key, path);
        }
    }

    void check_secret(const Secret& secret, Path path) {
        if (secret.place == Secret::Place::File && !secret.name.empty() && secret.name[0] != '/') {
            path.push_back({"file"});
            error("invalid-value", std::move(path),
                  fmt::format("'{}' is no absolute path", secret.name),
                  "Write the path from the root, for example /etc/godwit/rip.key.");
        }
    }

    void check_timers() {
        const RipTimers& timers = rip_.timers;
        if (timers.timeout <= timers.update) {
            error("out-of-range", {{"rip"}, {"timers"}, {"timeout"}},
                  "the timeout must be longer than the time between two updates",
                  "Six times as long is usual (RFC 2453 3.8).");
        } else if (timers.timeout < 2 * timers.update + timers.update / 2) {
            warning("short-timeout", {{"rip"}, {"timers"}, {"timeout"}},
                    "one lost update loses all routes", "Six times the update is usual.");
        }
    }

    void check_redistribution() {
        std::set<RipSource> seen;
        for (const RipRedistribution& redistribution : rip_.redistribute) {
            if (!seen.insert(redistribution.from).second) {
                error("duplicate-source", {{"rip"}, {"redistribute"}},
                      fmt::format("'{}' is there twice",
                                  kRipSourceWords[static_cast<std::size_t>(redistribution.from)]),
                      "Put what differs into one policy.");
            }
        }
    }

    void check_chain(const std::string& name, const RipKeyChain& chain) {
        const Path path = {{"rip"}, {"key-chains"}, {name}};
        if (chain.keys.empty()) {
            error("missing-key", path, fmt::format("'{}' has no key", name),
                  "Add one, or remove the chain.");
        }
        std::map<std::uint8_t, std::string> ids;
        for (const auto& [key_name, key] : chain.keys) {
            Path key_path = path;
            key_path.push_back({"keys"});
            key_path.push_back({key_name});
            const auto [known, is_new] = ids.emplace(key.id, key_name);
            if (!is_new) {
                error("duplicate-key-id", key_path,
                      fmt::format("{} is the number of the key '{}' too", key.id, known->second),
                      "Give each key of a chain a number of its own.");
            }
            for (const auto* lifetime : {&key.send, &key.accept}) {
                if (lifetime->from && lifetime->until && *lifetime->until <= *lifetime->from) {
                    Path at = key_path;
                    at.push_back({lifetime == &key.send ? "send" : "accept"});
                    error("out-of-range", std::move(at), "it ends before it begins",
                          "Put 'until' behind 'from'.");
                }
            }
            key_path.push_back({"key"});
            check_secret(key.key, key_path);
        }
    }

    const Rip& rip_;
    std::vector<std::string> interface_names_;
    std::vector<std::string> chain_names_;
};

}  // namespace

void check_rip(const Model& model, std::vector<Finding>& findings) {
    RipCheck(model, findings).run();
}

}  // namespace godwit::config
