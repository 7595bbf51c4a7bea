#include "controlplane/management/rip_settings.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "controlplane/management/secret_reader.hpp"

namespace godwit::control {

namespace {

static_assert(static_cast<int>(config::RipAlgorithm::HmacSha512) ==
              static_cast<int>(rip::Algorithm::HmacSha512));
static_assert(static_cast<int>(config::RipSend::Version1) ==
              static_cast<int>(rip::SendForm::Version1));
static_assert(static_cast<int>(config::RipReceive::None) ==
              static_cast<int>(rip::ReceiveForm::None));
static_assert(static_cast<int>(config::RipSplitHorizon::PoisonReverse) ==
              static_cast<int>(rip::SplitHorizon::PoisonReverse));

class Reading {
public:
    explicit Reading(const config::Rip& rip) : rip_(rip) {}

    rip::Authentication authentication(const std::string& interface,
                                       const config::RipAuthentication& from) {
        const auto length = from.length == config::RipAuthLength::Digest
                                ? rip::DataLength::Digest
                                : rip::DataLength::DigestAndTrailer;
        if (const auto* password = std::get_if<config::RipPassword>(&from.proof)) {
            const auto text = read(interface, password->password);
            if (!text) {
                return rip::Unreadable{};
            }
            return rip::Password{*text};
        }
        rip::Keys keys;
        keys.data_length = length;
        if (const auto* single = std::get_if<config::RipSingleKey>(&from.proof)) {
            if (!add(interface, {single->id, single->algorithm, single->key, {}, {}}, keys)) {
                return rip::Unreadable{};
            }
            return keys;
        }
        const auto found = rip_.key_chains.find(std::get<config::RipChainName>(from.proof).name);
        if (found == rip_.key_chains.end()) {
            return rip::Unreadable{};
        }
        keys.fail_secure = found->second.stop_when_expired;
        for (const auto& [name, key] : found->second.keys) {
            add(interface, key, keys);  // the others of the chain serve without this one
        }
        if (keys.keys.empty()) {
            return rip::Unreadable{};
        }
        return keys;
    }

    std::vector<std::string> problems;

private:
    std::optional<std::string> read(const std::string& interface, const config::Secret& secret) {
        auto text = read_secret(secret);
        if (!text) {
            problems.push_back(fmt::format("rip on {}: {}", interface, text.error()));
            return std::nullopt;
        }
        return *text;
    }

    bool add(const std::string& interface, const config::RipKey& from, rip::Keys& keys) {
        const auto text = read(interface, from.key);
        if (!text) {
            return false;
        }
        rip::Key key;
        key.id = from.id;
        key.algorithm = static_cast<rip::Algorithm>(from.algorithm);
        key.secret = *text;
        key.send_from = from.send.from;
        key.send_until = from.send.until;
        key.accept_from = from.accept.from;
        key.accept_until = from.accept.until;
        keys.keys.push_back(std::move(key));
        return true;
    }

    const config::Rip& rip_;
};

// A route as RIP shows it to a policy. It holds what the route only looks at, so it stays where it
// is.
class ShownRoute {
public:
    explicit ShownRoute(const rip::PolicyInput& input)
        : next_hop_{input.next_hop ? RibNextHop::gateway(*input.next_hop, input.interface)
                                   : RibNextHop::glean(input.interface)} {
        route_.prefix = input.prefix;
        route_.source = input.source;
        route_.distance = distance_of(input.source);
        route_.metric = input.metric;
        route_.tag = input.tag;
        if (!input.interface.is_none()) {
            route_.next_hops = next_hop_;
        }
    }
    ShownRoute(const ShownRoute&) = delete;
    ShownRoute& operator=(const ShownRoute&) = delete;

    [[nodiscard]] const PolicyRoute& route() const { return route_; }

private:
    std::array<RibNextHop, 1> next_hop_;
    PolicyRoute route_;
};

rip::RoutePolicy policy_of(const std::optional<std::string>& name, const PolicyTable& policies) {
    rip::RoutePolicy policy;
    if (!name) {
        return policy;
    }
    policy.name = *name;
    const PolicyGate gate = policies.gate(name, WithoutPolicy::AcceptAll);
    // A policy that decides otherwise is another object, and this one is kept as long as it is
    // used: so its address says which it is.
    policy.revision = reinterpret_cast<std::uintptr_t>(gate.policy());
    policy.evaluate = [gate](const rip::PolicyInput& input,
                             rip::Asking asking) -> std::optional<rip::PolicyOutput> {
        const ShownRoute shown(input);
        PolicyTrace trace;
        const PolicyResult result = asking == rip::Asking::Passing
                                        ? gate.evaluate(shown.route())
                                        : gate.explain(shown.route(), trace);
        if (!result.accepted) {
            return std::nullopt;
        }
        return rip::PolicyOutput{result.route.metric, result.route.tag};
    };
    return policy;
}

}  // namespace

PolicyTrace explain_rip_policy(const std::string& name, const PolicyTable& policies,
                               const rip::PolicyInput& input) {
    const PolicyGate gate =
        policies.gate(name.empty() ? std::nullopt : std::optional(name), WithoutPolicy::AcceptAll);
    PolicyTrace trace;
    gate.explain(ShownRoute(input).route(), trace);
    return trace;
}

std::vector<std::string> rip_secret_problems(const config::Rip& rip) {
    return rip_settings_of(rip, PolicyTable()).problems;
}

RipSettings rip_settings_of(const config::Rip& from, const PolicyTable& policies) {
    RipSettings result;
    Reading reading(from);
    rip::Settings& settings = result.settings;
    settings.update = from.timers.update;
    settings.timeout = from.timers.timeout;
    settings.garbage_collect = from.timers.garbage_collect;
    settings.distance = from.distance;
    settings.max_paths = from.max_paths;
    settings.max_routes = from.max_routes;
    settings.default_metric = rip::Metric::of(from.default_metric);
    settings.originate_default = from.originate_default;
    for (const auto& [name, interface] : from.interfaces) {
        rip::InterfaceSettings& to = settings.interfaces[name];
        to.cost = interface.cost;
        to.passive = interface.passive;
        to.send = static_cast<rip::SendForm>(interface.send);
        to.receive = static_cast<rip::ReceiveForm>(interface.receive);
        to.split_horizon = static_cast<rip::SplitHorizon>(interface.split_horizon);
        to.ttl_security = interface.ttl_security;
        to.neighbors = interface.neighbors;
        to.max_routes = interface.max_routes;
        to.import = policy_of(interface.import, policies);
        to.exported = policy_of(interface.exported, policies);
        if (interface.authentication) {
            to.authentication = reading.authentication(name, *interface.authentication);
        }
    }
    result.problems = std::move(reading.problems);
    return result;
}

}  // namespace godwit::control
