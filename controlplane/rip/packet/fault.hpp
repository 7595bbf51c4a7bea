// Why a RIP packet, or one route of it, is not taken. These enums are the single source of the
// counters by interface and by neighbour, of their names in JSON, metrics and the command line, and
// of the words in events (RFC 1724 has two counters for all of them: rip2IfStatRcvBadPackets and
// rip2IfStatRcvBadRoutes, which are the sums).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::control::rip {

// The whole packet is dropped.
enum class PacketFault : std::uint8_t {
    // It is no RIP packet.
    Truncated,        // shorter than its header, or than its authentication
    BadLength,        // the entries do not fill it
    TooManyEntries,   // more than 25 (RFC 2453 3.6)
    BadVersion,       // version 0 (RFC 2453 5)
    UnknownCommand,   // neither request nor response
    ReservedNotZero,  // version 1, and bytes that must be zero are not (RFC 1058 3.4)
    BadTrailer,       // the authentication data is not where the packet says (RFC 4822 2.1)
    // It is none that may speak here.
    NotANeighbor,      // from no directly connected network (RFC 2453 3.9.2)
    NotFromRipPort,    // a response from another port than 520 (RFC 2453 3.9.2)
    HopLimit,          // not from this link, where `ttl-security` asks for it (RFC 5082)
    VersionRefused,    // a version that this interface does not receive (RFC 2453 5.1)
    TooManyNeighbors,  // the table of neighbours is full
    RequestOverRate,   // the whole table was asked for too often
    // It does not prove who sent it.
    NotAuthenticated,         // and should be (RFC 2453 5.2)
    AuthenticatedInVain,      // and nothing here can prove it (RFC 2453 5.2)
    WrongAuthenticationType,  // another kind than is configured
    WrongPassword,            // (RFC 2453 4.1)
    UnknownKey,               // no key with this number is valid now (RFC 4822 2.3.2)
    WrongDigest,              // (RFC 4822 2.3.2)
    OldSequence,              // sent before what has been received (RFC 4822 2.3.2)
    kCount
};
constexpr std::size_t kPacketFaultCount = static_cast<std::size_t>(PacketFault::kCount);

constexpr std::array<std::string_view, kPacketFaultCount> kPacketFaultNames{
    "truncated",         "bad-length",        "too-many-entries",      "bad-version",
    "unknown-command",   "reserved-not-zero", "bad-trailer",           "not-a-neighbor",
    "not-from-rip-port", "hop-limit",         "version-refused",       "too-many-neighbors",
    "request-over-rate", "not-authenticated", "authenticated-in-vain", "wrong-authentication-type",
    "wrong-password",    "unknown-key",       "wrong-digest",          "old-sequence"};
constexpr std::string_view name_of(PacketFault fault) {
    return kPacketFaultNames[static_cast<std::size_t>(fault)];
}

// One entry of a response is ignored, the others are taken (RFC 2453 3.9.2).
enum class RouteFault : std::uint8_t {
    BadFamily,        // not IPv4
    BadMetric,        // not 1 to 16
    BadDestination,   // no unicast address: class D or E, net 0 or 127, a broadcast address
    BadMask,          // ones behind zeros, or an address with ones behind the mask
    ReservedNotZero,  // of a version 1 entry (RFC 1058 3.4)
    OverNeighborLimit,
    OverLimit,  // of all routes
    kCount
};
constexpr std::size_t kRouteFaultCount = static_cast<std::size_t>(RouteFault::kCount);

constexpr std::array<std::string_view, kRouteFaultCount> kRouteFaultNames{
    "bad-family",        "bad-metric",          "bad-destination", "bad-mask",
    "reserved-not-zero", "over-neighbor-limit", "over-limit"};
constexpr std::string_view name_of(RouteFault fault) {
    return kRouteFaultNames[static_cast<std::size_t>(fault)];
}

struct FaultCounters {
    std::array<std::uint64_t, kPacketFaultCount> packets{};
    std::array<std::uint64_t, kRouteFaultCount> routes{};

    void count(PacketFault fault) { ++packets[static_cast<std::size_t>(fault)]; }
    void count(RouteFault fault) { ++routes[static_cast<std::size_t>(fault)]; }
    [[nodiscard]] std::uint64_t of(PacketFault fault) const {
        return packets[static_cast<std::size_t>(fault)];
    }
    [[nodiscard]] std::uint64_t of(RouteFault fault) const {
        return routes[static_cast<std::size_t>(fault)];
    }
    [[nodiscard]] std::uint64_t bad_packets() const { return sum(packets); }
    [[nodiscard]] std::uint64_t bad_routes() const { return sum(routes); }

private:
    template <std::size_t N>
    static std::uint64_t sum(const std::array<std::uint64_t, N>& counters) {
        std::uint64_t total = 0;
        for (const std::uint64_t counter : counters) {
            total += counter;
        }
        return total;
    }
};

}  // namespace godwit::control::rip
