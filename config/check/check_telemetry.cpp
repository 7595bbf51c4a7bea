// Where metrics are told, against the interfaces, and against ports that lead elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "config/check/check.hpp"
#include "config/check/suggest.hpp"

namespace godwit::config {

namespace {

const Path kListen = {{"telemetry"}, {"prometheus"}, {"listen"}};

std::vector<std::string> names_of(const Model& model) {
    std::vector<std::string> names;
    for (const auto& [name, interface] : model.interfaces) {
        names.push_back(name);
    }
    return names;
}

bool is_own(const Model& model, net::Ipv4Address address) {
    return std::ranges::any_of(model.interfaces, [&](const auto& each) {
        return std::ranges::any_of(each.second.addresses,
                                   [&](const auto& own) { return own.address == address; });
    });
}

// The rule that takes TCP to this place to a host inside.
const NatDestinationRule* forwarded_by(const Model& model, net::Ipv4Address address,
                                       std::uint16_t port) {
    for (const NatDestinationRule& rule : model.nat.destination) {
        const auto in = model.interfaces.find(rule.in_interface.value_or(""));
        const bool of_interface = in != model.interfaces.end() && !in->second.addresses.empty() &&
                                  in->second.addresses.front().address == address;
        if (rule.protocol != NatProtocol::Udp && rule.port.first <= port &&
            port <= rule.port.last && (rule.address == address || of_interface)) {
            return &rule;
        }
    }
    return nullptr;
}

}  // namespace

void check_telemetry(const Model& model, std::vector<Finding>& findings) {
    std::map<std::pair<net::Ipv4Address, std::uint16_t>, std::string> taken;
    for (const ListenPlace& place : model.telemetry.prometheus.listen) {
        Path path = kListen;
        path.push_back({place.to_string(), true});
        const auto interface = model.interfaces.find(place.interface);
        if (!place.interface.empty() && interface == model.interfaces.end()) {
            findings.push_back(
                {.id = "dangling-reference",
                 .path = path,
                 .what = fmt::format("there is no interface '{}'", place.interface),
                 .suggestion = nearest_word(place.interface, names_of(model)),
                 .help = "Name an interface of this file, or an address of the router."});
            continue;
        }
        if (place.interface.empty() && place.address.is_unspecified()) {
            findings.push_back(
                {.warning = true,
                 .id = "listens-everywhere",
                 .path = path,
                 .what = "whoever reaches an address of the router can read its metrics",
                 .help = "Name the interface behind which the readers are."});
        } else if (place.interface.empty() && !is_own(model, place.address)) {
            findings.push_back(
                {.id = "wrong-reference",
                 .path = path,
                 .what = fmt::format("{} is no address of this router", place.address.to_string()),
                 .help = "Name an address of an interface, or the interface."});
        } else if (!place.interface.empty() && interface->second.addresses.empty()) {
            findings.push_back({.warning = true,
                                .id = "no-address",
                                .path = path,
                                .what = fmt::format("'{}' has no address, so nothing answers there",
                                                    place.interface),
                                .help = "Give it an address."});
        }
        for (const net::Ipv4Address address : addresses_of(model, place)) {
            const auto [other, is_new] =
                taken.emplace(std::pair(address, place.port), place.to_string());
            if (!is_new) {
                findings.push_back(
                    {.id = "duplicate-listener",
                     .path = path,
                     .what = fmt::format("{}:{} is listened on for '{}' already",
                                         address.to_string(), place.port, other->second),
                     .help = "Name each place once."});
                break;
            }
            if (const auto* rule = forwarded_by(model, address, place.port)) {
                findings.push_back(
                    {.warning = true,
                     .id = "never-accepted",
                     .path = path,
                     .what = fmt::format("nat.destination '{}' takes {}:{} to a host inside",
                                         rule->name, address.to_string(), place.port),
                     .help = "Use a port that no rule has."});
            }
        }
    }
}

}  // namespace godwit::config
