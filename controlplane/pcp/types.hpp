// The words that every part of PCP uses (RFC 6887), and what is said between the server and whoever
// keeps the mappings: a wish, and what came of it.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::control::pcp {

using Duration = std::chrono::steady_clock::duration;

constexpr std::uint16_t kServerPort = 5351;          // RFC 6887 19.1
constexpr std::uint16_t kClientPort = 5350;          // where announcements are heard
constexpr net::Ipv4Address kAllHosts(224, 0, 0, 1);  // that they go to (14.1)

// What a client proves with that a mapping is its own (RFC 6887 11.1).
using Nonce = std::array<std::uint8_t, 12>;

struct Endpoint {
    net::Ipv4Address address;
    std::uint16_t port = 0;
    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// Who may send to a mapping (RFC 6887 13.3).
struct Filter {
    net::Ipv4Prefix remote;
    std::uint16_t port = 0;  // 0: every port
    friend constexpr bool operator==(const Filter&, const Filter&) = default;
};
constexpr std::size_t kMaxFilters = 4;  // of a mapping

// What a client wants of one mapping.
struct MapWish {
    Endpoint inside;
    net::IpProtocol protocol{};
    Nonce nonce{};
    std::uint32_t lifetime_seconds = 0;  // within the settings; 0: it is to be ended
    Endpoint suggested;                  // unspecified address: any of ours; port 0: any
    bool exactly = false;         // as suggested, or not at all (PREFER_FAILURE, RFC 6887 13.2)
    bool clears_filters = false;  // those it had, before the following are added
    std::vector<Filter> filters;  // at most kMaxFilters
    friend bool operator==(const MapWish&, const MapWish&) = default;
};

enum class MapResult : std::uint8_t {
    Done,
    NotAuthorized,  // another nonce, or not the client's to change
    NotTranslated,  // no NAT rule is for this client
    NoResources,
    QuotaExceeded,
    CannotProvideExternal,
    ExcessivePeers,  // more filters than a mapping has room for
    Unavailable,     // no dataplane, or no answer
};

struct MapOutcome {
    MapResult result{};
    Endpoint outside;  // of Done
    // Of Done; of NotAuthorized how long another's mapping still lives (0: not known).
    std::uint32_t lifetime_seconds = 0;
};

// Any other value is one that this server does not know.
enum class Opcode : std::uint8_t { Announce = 0, Map = 1, Peer = 2 };

// RFC 6887 7.4.
enum class ResultCode : std::uint8_t {
    Success = 0,
    UnsuppVersion = 1,
    NotAuthorized = 2,
    MalformedRequest = 3,
    UnsuppOpcode = 4,
    UnsuppOption = 5,
    MalformedOption = 6,
    NetworkFailure = 7,
    NoResources = 8,
    UnsuppProtocol = 9,
    UserExQuota = 10,
    CannotProvideExternal = 11,
    AddressMismatch = 12,
    ExcessiveRemotePeers = 13,
};
constexpr std::size_t kResultCodeCount = 14;

constexpr std::array<std::string_view, kResultCodeCount> kResultCodeNames{
    "success",          "unsupp-version",        "not-authorized",   "malformed-request",
    "unsupp-opcode",    "unsupp-option",         "malformed-option", "network-failure",
    "no-resources",     "unsupp-protocol",       "user-ex-quota",    "cannot-provide-external",
    "address-mismatch", "excessive-remote-peers"};
constexpr std::string_view name_of(ResultCode code) {
    return kResultCodeNames[static_cast<std::size_t>(code)];
}

// What the client is told of an outcome.
constexpr ResultCode code_of(MapResult result) {
    switch (result) {
        case MapResult::Done:
            return ResultCode::Success;
        case MapResult::NotAuthorized:
        case MapResult::NotTranslated:
            return ResultCode::NotAuthorized;
        case MapResult::NoResources:
            return ResultCode::NoResources;
        case MapResult::QuotaExceeded:
            return ResultCode::UserExQuota;
        case MapResult::CannotProvideExternal:
            return ResultCode::CannotProvideExternal;
        case MapResult::ExcessivePeers:
            return ResultCode::ExcessiveRemotePeers;
        case MapResult::Unavailable:
            return ResultCode::NetworkFailure;
    }
    return ResultCode::NetworkFailure;
}

}  // namespace godwit::control::pcp
