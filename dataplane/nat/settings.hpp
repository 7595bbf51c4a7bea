// What an instance is told once, what it counts, and why it refuses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/nat/flow.hpp"

namespace godwit::dataplane::nat {

// Who may answer to a mapping (RFC 4787 5).
enum class Filtering : std::uint8_t {
    EndpointIndependent,     // anyone; the recommended one (RFC 4787 REQ-8, RFC 6888 REQ-7)
    AddressDependent,        // whom the inside has sent to, from any port
    AddressAndPortDependent  // whom the inside has sent to, from that port
};

enum class AtLimit : std::uint8_t {
    EndOldestTransitory,  // a TCP session that is opening or closing makes room
    Refuse                // RFC 6888 REQ-11d
};

enum class Logging : std::uint8_t {
    Nothing,
    Bindings,  // mappings, or blocks where ports are given out in blocks
    Sessions   // each session with its remote, in place of mappings
};

enum class UnsolicitedSyn : std::uint8_t { Hold, Drop };  // RFC 5382 REQ-4, REQ-4a

struct Timeouts {
    Seconds tcp_opening{240};  // RFC 7857 2.1: opening and closing apart
    Seconds tcp_established{7440};
    Seconds tcp_closing{240};
    Seconds udp{300};
    Seconds icmp{60};
    Seconds port_quarantine{120};  // RFC 6888 REQ-8; 0: none
    Seconds syn_hold{6};           // RFC 5382 REQ-4
};

// Ports of an outside address and protocol that rest at a time at most, of all workers together
// (RFC 6888 REQ-8b).
constexpr std::uint32_t kAllPorts = 65536;

// Of a subscriber at one outside address, over all workers; a worker allows its share of it,
// rounded up. Flows are spread by port, so the shares fill alike. 0: no limit.
struct SubscriberLimits {
    std::uint32_t ports = 0;                    // RFC 6888 REQ-4
    std::uint32_t sessions = 0;                 // RFC 6888 REQ-5
    std::uint32_t new_sessions_per_second = 0;  // RFC 6888 REQ-4c, REQ-5b
    friend bool operator==(const SubscriberLimits&, const SubscriberLimits&) = default;
};

// What a rule has of its own; where it says nothing the settings hold.
struct RulePolicy {
    std::optional<Filtering> filtering{};  // of source rules
    std::optional<SubscriberLimits> limits{};
    std::optional<AtLimit> at_limit{};
};

struct Settings {
    WorkerPlace place;
    std::uint32_t max_sessions = 65536;  // of this worker
    std::uint32_t max_subscribers = 0;   // 0: a sixteenth of max_sessions, at least 64
    std::uint32_t max_held_syns = 1024;
    std::uint32_t event_capacity = 4096;
    Filtering filtering = Filtering::EndpointIndependent;
    bool keeps_peers = false;  // a rule may ask for AddressDependent, whatever is said above
    AtLimit at_limit = AtLimit::EndOldestTransitory;
    Logging logging = Logging::Bindings;
    UnsolicitedSyn unsolicited_syn = UnsolicitedSyn::Hold;
    bool inbound_refreshes = false;  // UDP and ICMP (RFC 4787 REQ-6a)
    bool ftp = false;                // replace what FTP says of data connections
    std::uint32_t most_resting_ports = kAllPorts;
    std::uint32_t most_requested = 64;  // mappings that a subscriber may ask for, of all workers
    Timeouts timeouts;
    SubscriberLimits limits;
    net::SipKey key;  // random: of the tables, and of ports that must differ
};

// What is wrong with it, or "".
[[nodiscard]] std::string check(const Settings& settings);

// Why a packet was not translated.
enum class Reason : std::uint8_t {
    None,
    SessionTableFull,
    SubscriberTableFull,
    SubscriberSessions,
    SubscriberPorts,
    SubscriberRate,
    PortsExhausted,
    UntranslatableProtocol,  // no ports, and no one-to-one rule
    Filtered,
    UnsolicitedSyn,  // RFC 5382 REQ-4a, or no room to hold it, or held already
    StrayReset,      // a reset from inside of a connection that is not known
    UnknownQuote,    // an ICMP error about no session (RFC 5508 REQ-4, REQ-5)
    NotOwner,        // a flow that was given to the wrong worker
};
constexpr std::size_t kReasons = 13;

// A new flow found no room: its sender is told by an ICMP error (RFC 5508 REQ-8, RFC 6888 REQ-11b).
[[nodiscard]] constexpr bool is_shortage(Reason reason) {
    return reason >= Reason::SessionTableFull && reason <= Reason::PortsExhausted;
}

// What became of a host's request for a mapping.
enum class MappingOutcome : std::uint8_t {
    Done,
    NotAuthorized,  // another one's, for the lifetime that is said, or a rule's
    NotTranslated,  // no rule is for this host
    NoRoom,         // in a table
    NoPort,         // is free
    OverLimit,      // of the subscriber
    NotAsSuggested,
    TooManyFilters,
    WrongWorker  // the rules are changing: ask again
};
constexpr std::size_t kMappingOutcomes = 9;

struct Counters {
    std::array<std::uint64_t, 2> translated{};  // by direction
    std::array<std::uint64_t, kReasons> refused{};
    std::uint64_t without_session = 0;  // translated by a mapping or a rule alone
    std::uint64_t quoted = 0;           // ICMP errors
    std::uint64_t sessions_made = 0;
    std::uint64_t sessions_expired = 0;
    std::uint64_t sessions_evicted = 0;  // for a new one, at the limit
    std::uint64_t sessions_revoked = 0;  // their rule or address is gone
    std::uint64_t sessions_cleared = 0;  // by order
    std::uint64_t mappings_made = 0;
    std::uint64_t ports_preserved = 0;
    std::uint64_t resets_doubted = 0;  // translated, but not believed
    std::uint64_t syns_held = 0;
    std::uint64_t ftp_translated = 0;  // endpoints that FTP named
    std::uint64_t ftp_refused = 0;     // of another host, below 1024, or where no rule is for them
    std::uint64_t ftp_limited = 0;     // too many in a second, or no room or port
    std::uint64_t ftp_held = 0;        // pieces of a line that was not whole
    std::uint64_t requests_granted = 0;  // a mapping that was asked for (RFC 6887), at first
    std::uint64_t requests_renewed = 0;
    std::uint64_t requests_released = 0;  // by who had asked
    std::uint64_t requests_expired = 0;
    std::uint64_t requests_revoked = 0;  // their rule or address is gone
    std::uint64_t requests_cleared = 0;  // by order
    std::array<std::uint64_t, kMappingOutcomes> requests_refused{};  // by MappingOutcome
    friend bool operator==(const Counters&, const Counters&) = default;
};

}  // namespace godwit::dataplane::nat
