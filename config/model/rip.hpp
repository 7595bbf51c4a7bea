// The `rip` section: on which interfaces RIP is spoken, how, and with what proof (RFC 2453, 4822).
//
// Values only; config/check/check_rip has proved what they rely on. RIP runs when there is an
// interface.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/model/secret.hpp"
#include "net/ipv4_address.hpp"

namespace godwit::config {

enum class RipAlgorithm : std::uint8_t { Md5, HmacSha1, HmacSha256, HmacSha384, HmacSha512 };
constexpr std::array<std::string_view, 5> kRipAlgorithmWords = {"md5", "hmac-sha-1", "hmac-sha-256",
                                                                "hmac-sha-384", "hmac-sha-512"};

// From one point of time to another; none: always since, for ever.
struct Lifetime {
    std::optional<std::chrono::sys_seconds> from;
    std::optional<std::chrono::sys_seconds> until;
    friend bool operator==(const Lifetime&, const Lifetime&) = default;
};

struct RipKey {
    std::uint8_t id = 1;
    RipAlgorithm algorithm = RipAlgorithm::Md5;
    Secret key;
    Lifetime send;
    Lifetime accept;
    friend bool operator==(const RipKey&, const RipKey&) = default;
};

struct RipKeyChain {
    std::map<std::string, RipKey> keys;  // by a name of the file's own
    bool stop_when_expired = false;      // or the last key goes on (RFC 4822 5.1)
    friend bool operator==(const RipKeyChain&, const RipKeyChain&) = default;
};

// RFC 2453 4.1.
struct RipPassword {
    Secret password;
    friend bool operator==(const RipPassword&, const RipPassword&) = default;
};
// One key without an end.
struct RipSingleKey {
    RipAlgorithm algorithm = RipAlgorithm::Md5;
    std::uint8_t id = 1;
    Secret key;
    friend bool operator==(const RipSingleKey&, const RipSingleKey&) = default;
};
struct RipChainName {
    std::string name;
    friend bool operator==(const RipChainName&, const RipChainName&) = default;
};

// What the length of the authentication data counts.
enum class RipAuthLength : std::uint8_t { Digest, DigestAndTrailer };

struct RipAuthentication {
    std::variant<RipPassword, RipSingleKey, RipChainName> proof;
    RipAuthLength length = RipAuthLength::Digest;
    friend bool operator==(const RipAuthentication&, const RipAuthentication&) = default;
};

enum class RipSplitHorizon : std::uint8_t { Off, Simple, PoisonReverse };
enum class RipSend : std::uint8_t { Multicast, Broadcast, Compatible, Version1 };
enum class RipReceive : std::uint8_t { Version2, Version1, Both, None };

struct RipInterface {
    std::uint8_t cost = 1;
    bool passive = false;
    RipSplitHorizon split_horizon = RipSplitHorizon::PoisonReverse;
    RipSend send = RipSend::Multicast;
    RipReceive receive = RipReceive::Version2;
    bool ttl_security = false;
    std::vector<net::Ipv4Address> neighbors;
    std::uint32_t max_routes = 10'000;
    std::optional<std::string> import;    // policies
    std::optional<std::string> exported;  // `export`
    std::optional<RipAuthentication> authentication;
    friend bool operator==(const RipInterface&, const RipInterface&) = default;
};

struct RipTimers {
    std::chrono::seconds update{30};  // RFC 2453 3.8
    std::chrono::seconds timeout{180};
    std::chrono::seconds garbage_collect{120};
    friend bool operator==(const RipTimers&, const RipTimers&) = default;
};

enum class RipSource : std::uint8_t { Connected, Static };
constexpr std::array<std::string_view, 2> kRipSourceWords = {"connected", "static"};

struct RipRedistribution {
    RipSource from = RipSource::Connected;
    std::optional<std::string> policy;
    std::optional<std::uint8_t> metric;  // none: `default-metric`
    friend bool operator==(const RipRedistribution&, const RipRedistribution&) = default;
};

struct Rip {
    std::map<std::string, RipInterface> interfaces;
    RipTimers timers;
    std::vector<RipRedistribution> redistribute;
    bool originate_default = false;
    std::uint8_t default_metric = 1;
    std::uint8_t distance = 120;
    std::uint8_t max_paths = 8;
    std::uint32_t max_routes = 20'000;
    std::map<std::string, RipKeyChain> key_chains;

    [[nodiscard]] bool is_used() const { return !interfaces.empty(); }
    friend bool operator==(const Rip&, const Rip&) = default;
};

// "2026-12-01T00:00:00Z"; nothing when it is no point of time of that form.
std::optional<std::chrono::sys_seconds> parse_timestamp(std::string_view text);
std::string timestamp_text(std::chrono::sys_seconds time);

}  // namespace godwit::config
