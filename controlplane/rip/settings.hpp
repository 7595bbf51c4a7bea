// What RIP is told to do, as one immutable value: the section `rip` of the configuration with its
// secrets read and its policies compiled. The core gets a new value as a whole and decides from the
// difference what must be said to whom.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/rib/route.hpp"
#include "controlplane/rip/packet/seal.hpp"
#include "controlplane/rip/types.hpp"

namespace godwit::control::rip {

// RFC 2453 5.1.
enum class SendForm : std::uint8_t {
    Multicast,   // version 2 to 224.0.0.9
    Broadcast,   // version 2 to the broadcast address, where nobody speaks version 1
    Compatible,  // the same with routers of version 1 listening: only what they cannot misread
    Version1,
};

enum class ReceiveForm : std::uint8_t { Version2, Version1, Both, None };

// RFC 2453 3.4.3.
enum class SplitHorizon : std::uint8_t { Off, Simple, PoisonReverse };

// One RIPv2 security association (RFC 4822 2.2). Times are of the calendar; none: no end.
struct Key {
    std::uint8_t id = 1;
    Algorithm algorithm = Algorithm::KeyedMd5;
    std::string secret;
    std::optional<WallTime> send_from;
    std::optional<WallTime> send_until;
    std::optional<WallTime> accept_from;
    std::optional<WallTime> accept_until;
    friend bool operator==(const Key&, const Key&) = default;
};

struct Password {
    std::string text;
    friend bool operator==(const Password&, const Password&) = default;
};

struct Keys {
    std::vector<Key> keys;  // each id once
    DataLength data_length = DataLength::Digest;
    // RFC 4822 5.1: whether nothing is sent or taken when the last key has ended, or the last key
    // goes on.
    bool fail_secure = false;
    friend bool operator==(const Keys&, const Keys&) = default;
};

// Nothing, a password, keys; or secrets that could not be read: then nothing is sent or taken.
struct Unreadable {
    friend bool operator==(const Unreadable&, const Unreadable&) = default;
};
using Authentication = std::variant<std::monostate, Password, Keys, Unreadable>;

// What a policy may look at and change.
struct PolicyInput {
    net::Ipv4Prefix prefix;
    RouteSource source = RouteSource::Rip;
    std::uint32_t metric = 0;
    std::uint32_t tag = 0;
    net::InterfaceId interface;  // where it was heard, or where it leads
    std::optional<net::Ipv4Address> next_hop;
};
struct PolicyOutput {
    std::uint32_t metric = 0;
    std::uint32_t tag = 0;
};
// A route passes the policy, which counts it, or somebody asks whether one would.
enum class Asking : std::uint8_t { Passing, WhatIf };
// A policy with a name, so that a change of it can be seen. No function: everything passes as is.
struct RoutePolicy {
    std::string name;
    std::uint64_t revision = 0;  // of its content
    std::function<std::optional<PolicyOutput>(const PolicyInput&, Asking)> evaluate;

    [[nodiscard]] std::optional<PolicyOutput> apply(const PolicyInput& input, Asking asking) const {
        return evaluate ? evaluate(input, asking) : PolicyOutput{input.metric, input.tag};
    }
    friend bool operator==(const RoutePolicy& left, const RoutePolicy& right) {
        return left.name == right.name && left.revision == right.revision;
    }
};

struct InterfaceSettings {
    Cost cost = 1;
    bool passive = false;  // listens, and sends nothing but to configured neighbours
    SendForm send = SendForm::Multicast;
    ReceiveForm receive = ReceiveForm::Version2;
    SplitHorizon split_horizon = SplitHorizon::PoisonReverse;
    bool ttl_security = false;  // RFC 5082: sent with 255, and taken with 255 only
    Authentication authentication;
    std::vector<net::Ipv4Address> neighbors;  // told by unicast as well
    std::size_t max_routes = 10'000;          // of one neighbour
    RoutePolicy import;
    RoutePolicy exported;
    friend bool operator==(const InterfaceSettings&, const InterfaceSettings&) = default;
};

struct Settings {
    Duration update = std::chrono::seconds(30);
    Duration timeout = std::chrono::seconds(180);
    Duration garbage_collect = std::chrono::seconds(120);
    std::uint8_t distance = distance_of(RouteSource::Rip);
    std::size_t max_paths = 8;              // equally good ones to one destination
    std::size_t max_routes = 20'000;        // learnt, of all neighbours
    Metric default_metric = Metric::of(1);  // of what is redistributed, unless a policy sets one
    bool originate_default = false;
    std::map<std::string, InterfaceSettings> interfaces;  // by name
    friend bool operator==(const Settings&, const Settings&) = default;
};

// An interface as the router sees it now.
struct Link {
    std::string name;
    net::InterfaceId id;
    bool up = false;
    std::vector<net::Ipv4InterfaceAddress> addresses;
    friend bool operator==(const Link&, const Link&) = default;
};

}  // namespace godwit::control::rip
