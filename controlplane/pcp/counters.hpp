// What becomes of each datagram, counted once: the one list behind all counters.
//
//     received = drops + answers + what is under way or waits
//     received - drops of what was not taken = requests
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/pcp/types.hpp"

namespace godwit::control::pcp {

enum class RequestKind : std::uint8_t { Announce, Map, Peer, UnknownOpcode, OtherVersion, kCount };
constexpr std::array<std::string_view, static_cast<std::size_t>(RequestKind::kCount)>
    kRequestKindNames{"announce", "map", "peer", "unknown-opcode", "other-version"};
constexpr std::string_view name_of(RequestKind kind) {
    return kRequestKindNames[static_cast<std::size_t>(kind)];
}

// Why nothing was answered. The first six are not taken for requests at all.
enum class DropReason : std::uint8_t {
    FromElsewhere,  // came by an interface where no clients are
    NotUnicast,     // to a group, or to everybody
    NotReady,       // the age of the mappings is not known yet
    TooShort,       // RFC 6887 8.2
    IsResponse,     // RFC 6887 8.2
    OverRate,
    Repeated,       // the same request is under way: its answer is the answer
    Superseded,     // its client has asked for something else of that mapping since
    QueueFull,      // too many wait for the dataplane
    InterfaceGone,  // there are no clients any more where it came from
    kCount
};
constexpr std::array<std::string_view, static_cast<std::size_t>(DropReason::kCount)>
    kDropReasonNames{"from-elsewhere", "not-unicast", "not-ready",  "too-short",  "is-response",
                     "over-rate",      "repeated",    "superseded", "queue-full", "interface-gone"};
constexpr std::string_view name_of(DropReason reason) {
    return kDropReasonNames[static_cast<std::size_t>(reason)];
}

struct Counters {
    std::uint64_t received = 0;
    std::array<std::uint64_t, kRequestKindNames.size()> requests{};
    std::array<std::uint64_t, kResultCodeCount> answers{};
    std::array<std::uint64_t, kDropReasonNames.size()> drops{};
    std::uint64_t announcements = 0;  // datagrams that nobody asked for
    std::uint64_t asks = 0;           // of mappings
    std::uint64_t unanswered = 0;     // asks that were given up
    std::uint64_t late_outcomes = 0;  // of asks that had been given up, or came twice

    [[nodiscard]] std::uint64_t of(RequestKind kind) const {
        return requests[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] std::uint64_t of(ResultCode code) const {
        return answers[static_cast<std::size_t>(code)];
    }
    [[nodiscard]] std::uint64_t of(DropReason reason) const {
        return drops[static_cast<std::size_t>(reason)];
    }
};

}  // namespace godwit::control::pcp
