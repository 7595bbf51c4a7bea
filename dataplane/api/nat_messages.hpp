// What the two programs say to each other about NAT: numbers and rules as records of queries,
// sessions as pages that the workers fill, bindings as events.
//
// Pages are asked for with ControlType::NatAsk and answered with ControlType::NatAnswer, later and
// not in the order of other answers: each worker looks through its own sessions a piece at a time
// while it forwards. A cursor is the worker and the place in its table, so pages stay right while
// sessions come and go between them; a session that is moved to another place may be missed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace godwit::api {

// RFC 7857 figure 1.
enum class NatTcpState : std::uint8_t {
    None,
    InsideSyn,
    OutsideSyn,
    PickedUp,
    Established,
    InsideFin,
    OutsideFin,
    BothFin,
    Transitory,
    kCount
};

// How long a session lives without traffic follows from this.
enum class NatAge : std::uint8_t {
    TcpOpening = 1,
    TcpOpeningInward,
    TcpEstablished,
    TcpClosing,
    Udp,
    Icmp,
    kCount
};
constexpr std::size_t kNatAges = static_cast<std::size_t>(NatAge::kCount);

// Why packets were not translated.
enum class NatRefusal : std::uint8_t {
    None,
    SessionTableFull,
    SubscriberTableFull,
    SubscriberSessions,
    SubscriberPorts,
    SubscriberRate,
    PortsExhausted,
    UntranslatableProtocol,
    Filtered,
    UnsolicitedSyn,
    StrayReset,
    UnknownQuote,
    NotOwner,
    kCount
};
constexpr std::size_t kNatRefusals = static_cast<std::size_t>(NatRefusal::kCount);

// What became of a host's request for a mapping (RFC 6887 11).
enum class NatMapOutcome : std::uint32_t {
    Done,
    NotAuthorized,  // another one's mapping, for the lifetime that is said, or a rule's
    NotTranslated,  // no rule is for this host
    NoRoom,         // in a table
    NoPort,         // is free
    OverLimit,      // of the subscriber
    NotAsSuggested,
    TooManyFilters,
    RulesChange,  // just now: ask again
    kCount
};
constexpr std::size_t kNatMapOutcomes = static_cast<std::size_t>(NatMapOutcome::kCount);

// RFC 6887 8.5: within one, nothing takes mappings away that hosts asked for, but for what they end
// themselves and what is over. Every epoch has a number of its own, also those of other runs of the
// dataplane; 0: there is none.
struct NatEpoch {
    std::uint64_t number = 0;
    std::uint64_t age_ms = 0;
};

// ---- queries

// All workers together; of one record.
struct NatTotalsRecord {
    std::uint64_t max_sessions = 0;  // 0: nothing is translated
    std::uint64_t max_subscribers = 0;
    std::array<std::uint64_t, kNatAges> sessions{};  // by NatAge
    std::uint64_t mappings = 0;
    std::uint64_t subscribers = 0;
    std::uint64_t syns_waiting = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t translated_out = 0;  // packets
    std::uint64_t translated_in = 0;
    std::uint64_t without_session = 0;                  // of them, by a rule or mapping alone
    std::uint64_t errors_translated = 0;                // ICMP
    std::array<std::uint64_t, kNatRefusals> refused{};  // packets, by NatRefusal
    std::uint64_t sessions_made = 0;
    std::uint64_t sessions_expired = 0;
    std::uint64_t sessions_evicted = 0;
    std::uint64_t sessions_revoked = 0;
    std::uint64_t sessions_cleared = 0;
    std::uint64_t mappings_made = 0;
    std::uint64_t ports_preserved = 0;
    std::uint64_t resets_doubted = 0;
    std::uint64_t syns_held = 0;
    std::uint64_t ftp_translated = 0;  // endpoints that FTP named
    std::uint64_t ftp_refused = 0;
    std::uint64_t ftp_limited = 0;
    std::uint64_t ftp_held = 0;   // pieces of a line
    std::uint64_t requested = 0;  // mappings that there are because their hosts asked
    std::uint64_t max_requested = 0;
    std::uint64_t released = 0;          // by their hosts, and still in the table
    std::uint64_t requests_granted = 0;  // a new one each
    std::uint64_t requests_renewed = 0;
    std::uint64_t requests_released = 0;
    std::uint64_t requests_expired = 0;
    std::uint64_t requests_revoked = 0;
    std::uint64_t requests_cleared = 0;
    std::array<std::uint64_t, kNatMapOutcomes> requests_refused{};  // by NatMapOutcome
    NatEpoch epoch;
    std::uint64_t events_told = 0;        // to a control plane
    std::uint64_t events_suppressed = 0;  // over `nat.log.rate`
    std::uint64_t events_lost = 0;        // nobody took them in time
};

enum class NatRuleKind : std::uint8_t { Source = 1, Static, Destination };

constexpr std::size_t kNatRuleNameBytes = 32;  // zero-terminated

struct NatRuleRecord {
    std::uint16_t rule = 0;  // its number, as sessions and events have it
    NatRuleKind kind{};
    std::uint8_t protocol = 0;  // of a destination rule
    std::uint32_t reserved = 0;
    std::uint64_t sessions = 0;
    std::uint64_t sessions_made = 0;
    std::array<char, kNatRuleNameBytes> name{};
};

// ---- pages that workers fill

enum class NatAskKind : std::uint32_t {
    Sessions = 1,
    Subscribers,
    Ports,
    Clear,
    Mappings,       // that their hosts asked for
    ClearMappings,  // ends those
    Map             // a host asks for one
};

enum NatFilterFields : std::uint32_t {
    kNatInside = 1U << 0,
    kNatOutside = 1U << 1,
    kNatRemote = 1U << 2,
    kNatProtocol = 1U << 3,
    kNatRule = 1U << 4,
    kNatAge = 1U << 5,
    kNatInsidePort = 1U << 6,
    kNatOutsidePort = 1U << 7,
    kNatAllFields = (1U << 8) - 1
};

// What is named in `fields` must be as it stands here.
struct NatFilter {
    std::uint32_t fields = 0;
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t remote = 0;
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    std::uint16_t rule = 0;
    std::uint8_t protocol = 0;
    NatAge age{};
};

constexpr std::size_t kNatMapFilters = 4;
constexpr std::size_t kMaxNatMaps = 32;  // that wait for their answers; one more is Busy

enum NatMapFlags : std::uint8_t {
    kNatMapExactly = 1U << 0,       // as suggested or not at all
    kNatMapClearsFilters = 1U << 1  // of the mapping, before these are added
};

struct NatMapFilter {
    std::uint32_t network = 0;
    std::uint16_t port = 0;  // 0: any
    std::uint8_t length = 0;
    std::uint8_t reserved = 0;
};

// RFC 6887 11.1; TCP or UDP.
struct NatMapRequest {
    std::uint32_t inside = 0;
    std::uint32_t suggested = 0;  // 0: no matter which; so is the port
    std::uint16_t inside_port = 0;
    std::uint16_t suggested_port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t flags = 0;  // NatMapFlags
    std::uint8_t filter_count = 0;
    std::uint8_t reserved = 0;
    std::uint32_t lifetime_seconds = 0;  // 0: it ends
    std::array<std::uint8_t, 12> nonce{};
    std::array<NatMapFilter, kNatMapFilters> filters{};
};

struct NatAskBody {
    NatAskKind kind{};
    std::uint32_t max_records = 0;  // 0: as many as fit
    std::uint64_t cursor = 0;       // 0 first, then what the last answer gave
    NatFilter filter;               // of Sessions, Clear and ClearMappings
    NatMapRequest map;              // of Map
};

enum class NatAskOutcome : std::uint32_t {
    Done = 1,
    Busy  // too many questions wait; nothing was done
};

struct NatAnswerBody {
    NatAskKind kind{};
    NatAskOutcome outcome{};
    std::uint32_t record_count = 0;
    std::uint32_t record_bytes = 0;  // of one; 0 for Clear and ClearMappings
    std::uint64_t next_cursor = 0;   // 0: that was the last page
    std::uint64_t cleared = 0;       // of Clear and ClearMappings: how many ended
};

struct NatSessionRecord {
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t remote = 0;
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    std::uint16_t remote_port = 0;
    std::uint16_t rule = 0;
    std::uint8_t protocol = 0;
    NatTcpState tcp{};
    NatAge age{};
    std::uint8_t worker = 0;
    std::uint32_t idle_seconds = 0;  // within a sixteenth of its lifetime
    std::uint32_t seconds_left = 0;
};

struct NatSubscriberRecord {  // of one worker
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t ports = 0;
    std::uint32_t sessions = 0;
    std::uint16_t blocks = 0;
    std::uint16_t worker = 0;
};

struct NatPortRecord {  // ports of an outside address that one worker has given out
    std::uint32_t outside = 0;
    std::uint32_t tcp = 0;
    std::uint32_t udp = 0;
    std::uint32_t icmp = 0;
};

struct NatMappingRecord {
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    std::uint16_t rule = 0;
    std::uint8_t protocol = 0;
    std::uint8_t worker = 0;
    std::uint32_t sessions = 0;
    std::uint32_t seconds_left = 0;
    std::uint8_t filter_count = 0;
    std::array<std::uint8_t, 3> reserved{};
    std::array<NatMapFilter, kNatMapFilters> filters{};
};

// The answer to Map, one record.
struct NatMapRecord {
    NatMapOutcome outcome{};
    std::uint32_t outside = 0;
    std::uint16_t outside_port = 0;
    std::uint16_t reserved = 0;
    std::uint32_t lifetime_seconds = 0;
    NatEpoch epoch;
};

// ---- events

// With the names of RFC 8158 and the IPFIX registry. A port is 0 where there is none.
struct NatBindingRecord {
    std::uint64_t time_ms = 0;  // observationTimeMilliseconds, of the Unix epoch
    std::uint8_t event = 0;     // natEvent
    std::uint8_t protocol = 0;  // protocolIdentifier
    std::uint16_t rule = 0;
    std::uint32_t inside = 0;        // sourceIPv4Address
    std::uint32_t outside = 0;       // postNATSourceIPv4Address
    std::uint32_t remote = 0;        // destinationIPv4Address
    std::uint16_t inside_port = 0;   // sourceTransportPort
    std::uint16_t outside_port = 0;  // postNAPTSourceTransportPort
    std::uint16_t remote_port = 0;   // destinationTransportPort
    std::uint16_t block_first = 0;   // portRangeStart
    std::uint16_t block_last = 0;    // portRangeEnd
    std::uint16_t block_step = 0;    // portRangeStepSize, in pairs of ports
    std::uint32_t reserved = 0;
    std::array<char, kNatRuleNameBytes> rule_name{};
};

}  // namespace godwit::api
