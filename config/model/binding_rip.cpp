#include "config/model/binding_rip.hpp"

#include <utility>

namespace godwit::config {

namespace {

constexpr std::array<std::string_view, 3> kSplitHorizons = {"off", "simple", "poison-reverse"};
constexpr std::array<std::string_view, 4> kSends = {"multicast", "broadcast", "compatible",
                                                    "version-1"};
constexpr std::array<std::string_view, 4> kReceives = {"version-2", "version-1", "both", "none"};
constexpr std::array<std::string_view, 2> kAuthLengths = {"digest", "digest-and-trailer"};
constexpr std::array<std::string_view, 2> kWhenExpired = {"continue", "stop"};

Secret read_secret(const Reader& from) {
    Secret secret;
    if (const auto* variable = Reader::get<std::string>(from.find("env"))) {
        return {Secret::Place::Environment, *variable};
    }
    from.text("file", secret.name);
    return secret;
}

Value write_secret(const Secret& secret) {
    Value to;
    to.add(secret.place == Secret::Place::File ? "file" : "env", secret.name);
    return to;
}

void read_name(const Reader& from, std::string_view key, std::optional<std::string>& field) {
    if (const auto* text = Reader::get<std::string>(from.find(key))) {
        field = *text;
    }
}

Lifetime read_lifetime(const Reader& from) {
    const auto read = [&](std::string_view key) -> std::optional<std::chrono::sys_seconds> {
        const auto* text = Reader::get<std::string>(from.find(key));
        return text == nullptr ? std::nullopt : parse_timestamp(*text);
    };
    return {read("from"), read("until")};
}

Value write_lifetime(const Lifetime& lifetime) {
    Value to;
    if (lifetime.from) {
        to.add("from", timestamp_text(*lifetime.from));
    }
    if (lifetime.until) {
        to.add("until", timestamp_text(*lifetime.until));
    }
    return to;
}

std::optional<RipAuthentication> read_authentication(const Reader& from) {
    RipAuthentication result;
    from.choice("auth-length", kAuthLengths, result.length);
    if (from.find("password") != nullptr) {
        result.proof = RipPassword{read_secret(from.section("password"))};
    } else if (from.find("key-chain") != nullptr) {
        RipChainName chain;
        from.text("key-chain", chain.name);
        result.proof = std::move(chain);
    } else {
        for (std::size_t i = 0; i < kRipAlgorithmWords.size(); ++i) {
            if (from.find(kRipAlgorithmWords[i]) == nullptr) {
                continue;
            }
            const Reader section = from.section(kRipAlgorithmWords[i]);
            RipSingleKey key;
            key.algorithm = static_cast<RipAlgorithm>(i);
            section.number("id", key.id);
            key.key = read_secret(section.section("key"));
            result.proof = std::move(key);
            return result;
        }
        if (from.entries().empty()) {
            return std::nullopt;  // refused, and said so
        }
    }
    return result;
}

Value write_authentication(const RipAuthentication& authentication) {
    Value to;
    if (const auto* password = std::get_if<RipPassword>(&authentication.proof)) {
        to.add("password", write_secret(password->password));
    } else if (const auto* key = std::get_if<RipSingleKey>(&authentication.proof)) {
        Value section;
        section.add("id", number_value(key->id));
        section.add("key", write_secret(key->key));
        to.add(std::string(kRipAlgorithmWords[static_cast<std::size_t>(key->algorithm)]),
               std::move(section));
    } else {
        to.add("key-chain", std::get<RipChainName>(authentication.proof).name);
    }
    to.add("auth-length", word_of(authentication.length, kAuthLengths));
    return to;
}

RipInterface read_interface(const Reader& from) {
    RipInterface interface;
    from.number("cost", interface.cost);
    from.flag("passive", interface.passive);
    from.choice("split-horizon", kSplitHorizons, interface.split_horizon);
    from.choice("send", kSends, interface.send);
    from.choice("receive", kReceives, interface.receive);
    from.flag("ttl-security", interface.ttl_security);
    for (const Value& item : from.list("neighbors")) {
        if (const auto* text = Reader::get<std::string>(&item)) {
            if (const auto address = net::Ipv4Address::parse(*text)) {
                interface.neighbors.push_back(*address);
            }
        }
    }
    from.number("max-routes", interface.max_routes);
    read_name(from, "import", interface.import);
    read_name(from, "export", interface.exported);
    if (from.find("authentication") != nullptr) {
        interface.authentication = read_authentication(from.section("authentication"));
    }
    return interface;
}

Value write_interface(const RipInterface& interface) {
    Value to;
    to.add("cost", number_value(interface.cost));
    to.add("passive", Value(interface.passive));
    to.add("split-horizon", word_of(interface.split_horizon, kSplitHorizons));
    to.add("send", word_of(interface.send, kSends));
    to.add("receive", word_of(interface.receive, kReceives));
    to.add("ttl-security", Value(interface.ttl_security));
    Value::List neighbors;
    for (const net::Ipv4Address neighbor : interface.neighbors) {
        neighbors.emplace_back(neighbor.to_string());
    }
    to.add("neighbors", std::move(neighbors));
    to.add("max-routes", number_value(interface.max_routes));
    if (interface.import) {
        to.add("import", *interface.import);
    }
    if (interface.exported) {
        to.add("export", *interface.exported);
    }
    if (interface.authentication) {
        to.add("authentication", write_authentication(*interface.authentication));
    }
    return to;
}

RipRedistribution read_redistribution(const Reader& from) {
    RipRedistribution redistribution;
    from.choice("from", kRipSourceWords, redistribution.from);
    read_name(from, "policy", redistribution.policy);
    if (const auto* metric = Reader::get<std::uint64_t>(from.find("metric"))) {
        redistribution.metric = static_cast<std::uint8_t>(*metric);
    }
    return redistribution;
}

Value write_redistribution(const RipRedistribution& redistribution) {
    Value to;
    to.add("from", word_of(redistribution.from, kRipSourceWords));
    if (redistribution.policy) {
        to.add("policy", *redistribution.policy);
    }
    if (redistribution.metric) {
        to.add("metric", number_value(*redistribution.metric));
    }
    return to;
}

RipKeyChain read_key_chain(const Reader& from) {
    RipKeyChain chain;
    for (const Entry& entry : from.section("keys").entries()) {
        const Reader section(&entry.value);
        RipKey key;
        section.number("id", key.id);
        section.choice("algorithm", kRipAlgorithmWords, key.algorithm);
        key.key = read_secret(section.section("key"));
        key.send = read_lifetime(section.section("send"));
        key.accept = read_lifetime(section.section("accept"));
        chain.keys.emplace(entry.key, std::move(key));
    }
    std::uint8_t stops = 0;
    from.choice("when-expired", kWhenExpired, stops);
    chain.stop_when_expired = stops != 0;
    return chain;
}

Value write_key_chain(const RipKeyChain& chain) {
    Value keys;
    for (const auto& [name, key] : chain.keys) {
        Value section;
        section.add("id", number_value(key.id));
        section.add("algorithm", word_of(key.algorithm, kRipAlgorithmWords));
        section.add("key", write_secret(key.key));
        section.add("send", write_lifetime(key.send));
        section.add("accept", write_lifetime(key.accept));
        keys.add(name, std::move(section));
    }
    Value to;
    to.add("keys", std::move(keys));
    to.add("when-expired", std::string(kWhenExpired[chain.stop_when_expired ? 1 : 0]));
    return to;
}

}  // namespace

Rip read_rip(const Reader& from) {
    Rip rip;
    for (const Entry& entry : from.section("interfaces").entries()) {
        rip.interfaces.emplace(entry.key, read_interface(Reader(&entry.value)));
    }
    const Reader timers = from.section("timers");
    timers.duration("update", rip.timers.update);
    timers.duration("timeout", rip.timers.timeout);
    timers.duration("garbage-collect", rip.timers.garbage_collect);
    for (const Value& item : from.list("redistribute")) {
        rip.redistribute.push_back(read_redistribution(Reader(&item)));
    }
    from.flag("originate-default", rip.originate_default);
    from.number("default-metric", rip.default_metric);
    from.number("distance", rip.distance);
    from.number("max-paths", rip.max_paths);
    from.number("max-routes", rip.max_routes);
    for (const Entry& entry : from.section("key-chains").entries()) {
        rip.key_chains.emplace(entry.key, read_key_chain(Reader(&entry.value)));
    }
    return rip;
}

Value write_rip(const Rip& rip) {
    Value interfaces;
    for (const auto& [name, interface] : rip.interfaces) {
        interfaces.add(name, write_interface(interface));
    }
    Value timers;
    timers.add("update", duration_value(rip.timers.update));
    timers.add("timeout", duration_value(rip.timers.timeout));
    timers.add("garbage-collect", duration_value(rip.timers.garbage_collect));
    Value::List redistribute;
    for (const RipRedistribution& redistribution : rip.redistribute) {
        redistribute.push_back(write_redistribution(redistribution));
    }
    Value key_chains;
    for (const auto& [name, chain] : rip.key_chains) {
        key_chains.add(name, write_key_chain(chain));
    }
    Value to;
    to.add("interfaces", std::move(interfaces));
    to.add("timers", std::move(timers));
    to.add("redistribute", std::move(redistribute));
    to.add("originate-default", Value(rip.originate_default));
    to.add("default-metric", number_value(rip.default_metric));
    to.add("distance", number_value(rip.distance));
    to.add("max-paths", number_value(rip.max_paths));
    to.add("max-routes", number_value(rip.max_routes));
    to.add("key-chains", std::move(key_chains));
    return to;
}

}  // namespace godwit::config
