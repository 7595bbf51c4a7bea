// The messages of the channel between the dataplane and the control plane.
//
// Two ways: the control connection (a SOCK_SEQPACKET Unix socket, one message a packet: handshake,
// queries, configuration) and the rings in shared memory (punt, inject, routes, events; see
// ring.hpp). All integers are host order: both ends run on one machine. All structures have fixed
// sizes, explicit padding and no pointers. Neither side trusts the other: a reader copies a record
// out before it looks at it, checks every length and index, and ends the session (control plane) or
// the connection (dataplane) on the first that is wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/punt_class.hpp"

namespace godwit::api {

// Goes up with every change of a structure in this folder. Ends that differ do not talk: the
// dataplane refuses.
constexpr std::uint32_t kChannelVersion = 9;
constexpr std::uint32_t kChannelMagic = 0x47575443;  // "GWTC"

// The longest packet that a punt or inject record carries: what was put together from fragments,
// and what is to be cut into them, may be as long as IPv4 can say (RFC 791 3.1, Total Length).
constexpr std::size_t kMaxPacketBytes = 65'535;
constexpr std::size_t kMaxControlMessageBytes = 60 * 1024;
constexpr std::size_t kMaxGroupMembers = 64;
constexpr std::uint32_t kMaxNextHopNumber =
    1U << 20;  // numbers that the control plane gives are below this
constexpr std::size_t kInterfaceNameBytes = 32;  // zero-terminated

// ---- control connection
// ---------------------------------------------------------------------------------------------

enum class ControlType : std::uint16_t {
    Hello = 1,   // control → dataplane, first
    Welcome,     // dataplane → control, with the file descriptors below
    Refused,     // dataplane → control: RefusedBody; then the connection closes
    Query,       // control → dataplane: QueryBody
    QueryReply,  // dataplane → control: QueryReplyBody, then records
    Configure,  // control → dataplane: ConfigureBody, with one file descriptor: a sealed memfd of
                // YAML text
    ConfigureReply,  // dataplane → control: ConfigureReplyBody, then text
    Restart,  // control → dataplane: end with kRestartExitCode, so that the supervisor starts it
              // anew
    NatAsk,   // control → dataplane: NatAskBody
    NatAnswer,  // dataplane → control, when the workers have looked: NatAnswerBody, then records
    OwnPorts,   // control → dataplane: OwnPortRecords; answered as Configure is
};

// What a program ends with when it wants its supervisor to start it again at once.
constexpr int kRestartExitCode = 75;

struct ControlHeader {
    std::uint32_t magic = kChannelMagic;
    ControlType type{};
    std::uint16_t reserved = 0;
    std::uint32_t request = 0;  // a reply carries the number of its request
    std::uint32_t body_bytes = 0;
};

struct HelloBody {
    std::uint32_t version = kChannelVersion;
    std::uint32_t reserved = 0;
};

// The file descriptors that come with Welcome, in this order.
enum class WelcomeFd : std::uint8_t {
    Counters,      // CountersRegion, read-only
    Punt,          // `punt_rings` rings for each of `worker_count` workers, highest priority first
    Inject,        // one ring
    Route,         // one ring
    Event,         // one ring
    PuntSignal,    // api::wake: the dataplane wakes the control plane (punt ring)
    EventSignal,   // api::wake: the dataplane wakes the control plane (event ring, route
                   // acknowledgements)
    InjectSignal,  // api::wake: the control plane wakes the dataplane (inject and route
                   // ring)
    kCount
};

struct WelcomeBody {
    std::uint64_t session = 0;  // counts the sessions of this dataplane
    std::uint64_t boot_id = 0;  // random, of this run of the dataplane
    std::uint32_t worker_count = 0;
    std::uint32_t punt_ring_bytes = 0;  // data bytes of one ring, a power of two
    std::uint32_t inject_ring_bytes = 0;
    std::uint32_t route_ring_bytes = 0;
    std::uint32_t event_ring_bytes = 0;
    std::uint32_t punt_rings = kPuntPriorityCount;  // of one worker
    std::array<char, 64>
        config_sha256{};  // of the YAML text that the dataplane runs, lower-case hexadecimal
};

struct RefusedBody {
    std::uint32_t version = kChannelVersion;  // what the dataplane speaks
    std::array<char, 124> reason{};
};

// ---- queries: the dataplane's own tables, a page at a time
// ------------------------------------------------------------

enum class QueryKind : std::uint32_t {
    Interfaces = 1,
    Fib,
    NextHops,
    Neighbors,
    Workers,
    Limits,
    NatTotals,  // NatTotalsRecord, one
    NatRules,   // NatRuleRecord
};

struct QueryBody {
    QueryKind kind{};
    std::uint32_t max_records = 0;
    std::uint64_t cursor = 0;  // 0 first, then what the last reply gave
};

struct QueryReplyBody {
    QueryKind kind{};
    std::uint32_t record_count = 0;
    std::uint32_t record_bytes = 0;  // of one
    std::uint32_t reserved = 0;
    std::uint64_t next_cursor = 0;  // 0: that was the last page
};

enum class InterfaceType : std::uint8_t { Port = 1, Vlan, Loopback };

enum InterfaceFlags : std::uint32_t {
    kInterfaceEnabled = 1U << 0,  // administratively up
    kInterfaceLinkUp = 1U << 1,   // the device has a link (and the port works)
    kInterfaceFailed = 1U << 2,   // the device would not start, or died
    kInterfaceSoftwareRss = 1U << 3,
};

struct InterfaceRecord {
    std::uint16_t interface = 0;
    InterfaceType type{};
    std::uint8_t reserved0 = 0;
    std::uint32_t flags = 0;
    std::array<std::uint8_t, 6> mac{};
    std::uint16_t mtu = 0;
    std::uint32_t speed_mbps = 0;  // 0 = unknown
    std::uint16_t vlan = 0;
    std::uint16_t parent = 0;  // of a VLAN
    // what the device itself counts and the workers never see
    std::uint64_t device_rx_missed = 0;
    std::uint64_t device_rx_no_buffer = 0;
    std::uint64_t device_rx_errors = 0;
    std::uint64_t device_tx_errors = 0;
    std::uint64_t link_changes = 0;
    std::uint16_t rx_queues = 0;
    std::uint16_t tx_queues = 0;
    std::uint32_t reserved1 = 0;
    std::array<char, kInterfaceNameBytes> name{};
    std::array<char, kInterfaceNameBytes> device{};  // "net_tap0", "0000:8a:00.0"
    std::array<char, 96> problem{};                  // why the interface failed, for a person
};

enum class NextHopKind : std::uint8_t {
    NoRoute = 0,
    Blackhole,
    Receive,    // an address of ours
    Broadcast,  // the broadcast address of a subnet of `interface`
    Glean,      // on link: the destination itself is the neighbour on `interface`
    Gateway,    // `gateway` on `interface`
    Group,      // several of the above
};

struct FibRecord {
    std::uint32_t prefix = 0;
    std::uint8_t length = 0;
    NextHopKind kind{};
    std::uint16_t interface = 0;
    std::uint32_t gateway = 0;       // of Gateway; of a neighbour's own host route, its address
    std::uint32_t next_hop = 0;      // the dataplane's number, as in NextHopRecord
    std::uint8_t from_neighbor = 0;  // a host route made from a resolved neighbour, not downloaded
    std::array<std::uint8_t, 7> reserved{};
};

struct NextHopRecord {
    std::uint32_t next_hop = 0;
    NextHopKind kind{};
    std::uint8_t resolved = 0;
    std::uint16_t interface = 0;
    std::uint32_t gateway = 0;
    std::uint32_t references = 0;
    std::uint32_t member_count = 0;           // of a group
    std::array<std::uint32_t, 15> members{};  // the first of them
};

enum class NeighborState : std::uint8_t {
    Incomplete = 1,
    Reachable,
    Stale,
    Probe,
    Failed,
    Permanent
};

struct NeighborRecord {
    std::uint32_t address = 0;
    std::uint16_t interface = 0;
    NeighborState state{};
    std::uint8_t reserved0 = 0;
    std::array<std::uint8_t, 6> mac{};
    std::uint16_t held_packets = 0;
    std::uint32_t age_ms = 0;  // since it was last confirmed
    std::uint32_t reserved1 = 0;
    std::uint64_t hits = 0;  // packets that left for it since it was resolved
};

enum class TableLimit : std::uint32_t {
    Routes = 1,   // downloaded ones
    Lookup,       // the table that workers look routes up in
    NextHops,     // with their adjacencies and groups
    Adjacencies,  // of resolved next hops that found no room for their Ethernet header
    Neighbors,
    HostRoutes,           // of neighbours: refused by the lookup table
    InterfaceNeighbors,   // refused by an interface's own `max-neighbors`
    UnresolvedNeighbors,  // being asked for by packets; refused: not asked for, or not to the end
    HeldPackets,          // that wait for neighbours; refused: pushed out
    OwnAddresses,         // in use, of all; refused: times that another host turned out to have one
    AddressConflicts,     // refused: messages of others that claim an address in use
    Fragments,            // buffers of those that wait for others; refused: gave way to later ones
    InterfaceFragments,   // refused: gave way to later ones of their own interface
    PacketBuffers,        // out of the pool; refused: packets that found none, devices' included
    NatSessions,          // refused: new ones
    NatSubscribers,       // refused: sessions of new ones
    NatRequested,         // mappings that their hosts asked for; refused: more of them
    NatEvents,            // waiting to be told; refused: over the rate, or not taken in time
};

struct LimitRecord {
    TableLimit limit{};
    std::uint32_t most_used = 0;  // since the start, where it is watched; otherwise 0
    std::uint64_t used = 0;
    std::uint64_t capacity = 0;  // 0 = none of its own
    std::uint64_t refused = 0;   // for want of room, since the start
};

struct WorkerRecord {
    std::uint32_t worker = 0;
    std::uint32_t cpu = 0;
    std::uint32_t rx_queue_count = 0;
    std::uint32_t reserved = 0;
    std::array<char, 160> queues{};  // "wan0/0 lan0/0", for a person
};

// ---- configuration
// ----------------------------------------------------------------------------------------------------

enum class ConfigurePhase : std::uint32_t {
    Prepare = 1,  // load, diff, check against the devices; change nothing
    Commit,       // the same text again: change what changed
};

struct ConfigureBody {
    ConfigurePhase phase{};
    std::uint32_t reserved = 0;
    std::uint64_t revision = 0;
};

enum class ConfigureOutcome : std::uint32_t { Done = 1, Refused, NeedsRestart, Failed };

struct ConfigureReplyBody {
    ConfigureOutcome outcome{};
    std::uint32_t text_bytes = 0;  // sentences for a person, one a line, after this structure
};

// ---- ports where the control plane is spoken to, and connects from, at addresses of ours. Each
// message has all of them, beside the range of net/router_ports.hpp: NAT leaves them alone.

constexpr std::size_t kMaxOwnPorts = 256;

struct OwnPortRecord {
    std::uint32_t address = 0;  // 0: every one of ours
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;  // TCP or UDP, as IPv4 numbers them
    std::uint8_t reserved = 0;
    friend bool operator==(const OwnPortRecord&, const OwnPortRecord&) = default;
};

// ---- punt ring: worker → control
// ----------------------------------------------------------------------------------------

// Of PuntRecord::flags: it came as broadcast or multicast, of the link or of IPv4.
constexpr std::uint16_t kPuntToGroup = 1U << 0;

constexpr std::uint32_t kPuntRecord = 1;
struct PuntRecord {  // followed by the packet from its IPv4 header on, `packet_bytes` long
    std::uint16_t interface = 0;
    PuntClass punt_class{};  // its ring is that of its priority
    std::uint8_t worker = 0;
    std::uint32_t packet_bytes = 0;
    std::uint64_t arrival_tsc = 0;
    std::array<std::uint8_t, 6> source_mac{};
    std::uint16_t flags = 0;  // kPuntToGroup
};

// ---- inject ring: control → dataplane
// -----------------------------------------------------------------------------------

enum class InjectMode : std::uint8_t {
    Routed =
        1,  // an IPv4 packet; the dataplane looks its destination up, as for one that it received
    Neighbor,  // an IPv4 packet to `next_hop` on `interface`, whatever the routes say (multicast
               // included)
};

constexpr std::uint32_t kInjectRecord = 2;
struct InjectRecord {  // followed by the packet from its IPv4 header on, `packet_bytes` long,
                       // checksums complete
    InjectMode mode{};
    std::uint8_t reserved0 = 0;
    std::uint16_t interface = 0;
    std::uint32_t packet_bytes = 0;
    std::uint32_t next_hop = 0;
    std::uint32_t reserved1 = 0;
};

// ---- route ring: control → dataplane
// ------------------------------------------------------------------------------------
//
// A session begins with SyncBegin, then everything the control plane knows, then SyncEnd: what was
// there before and was not mentioned is then removed (mark and sweep). Next hops come before the
// routes that use them. The numbers of next hops are the control plane's own and hold for one
// session. Every record has a sequence number, counted from 1 in steps of 1 by the writer; the
// dataplane shows the last one that it has carried out in `RingHeader::acknowledged`, and answers a
// record that it cannot carry out with EventType::RouteRejected.

enum class RouteType : std::uint32_t {
    SyncBegin = 16,
    SyncEnd,
    NextHopSet,     // NextHopSetRecord: makes or replaces
    GroupSet,       // GroupSetRecord and `count` numbers
    NextHopDelete,  // NextHopDeleteRecord; refused while a route uses it
    RouteSet,       // RouteSetRecord
    RouteDelete,    // RouteDeleteRecord
};

struct SyncRecord {
    std::uint64_t sequence = 0;
    std::uint64_t generation = 0;
};

struct NextHopSetRecord {
    std::uint64_t sequence = 0;
    std::uint32_t number = 0;
    NextHopKind kind{};  // not Group
    std::uint8_t reserved = 0;
    std::uint16_t interface = 0;
    std::uint32_t gateway = 0;
    std::uint32_t reserved1 = 0;
};

struct GroupSetRecord {  // followed by `count` std::uint32_t: numbers of next hops, none of them a
                         // group
    std::uint64_t sequence = 0;
    std::uint32_t number = 0;
    std::uint32_t count = 0;  // 1 to kMaxGroupMembers
};

struct NextHopDeleteRecord {
    std::uint64_t sequence = 0;
    std::uint32_t number = 0;
    std::uint32_t reserved = 0;
};

struct RouteSetRecord {
    std::uint64_t sequence = 0;
    std::uint32_t prefix = 0;
    std::uint32_t number = 0;  // of a next hop or group
    std::uint8_t length = 0;
    std::array<std::uint8_t, 7> reserved{};
};

struct RouteDeleteRecord {
    std::uint64_t sequence = 0;
    std::uint32_t prefix = 0;
    std::uint8_t length = 0;
    std::array<std::uint8_t, 3> reserved{};
};

// ---- event ring: dataplane → control
// ------------------------------------------------------------------------------------

enum class EventType : std::uint32_t {
    InterfaceChanged =
        32,  // InterfaceRecord: at the start of a session once for each, then at every change
    InterfaceRemoved,  // InterfaceRemovedRecord
    NeighborChanged,   // NeighborRecord; state Failed when it is gone
    RouteRejected,     // RouteRejectedRecord
    SyncDone,          // SyncDoneRecord
    AddressConflict,   // NeighborRecord: another host's MAC address and our address, which is in
                       // use and defended (state Failed), or is not used (Incomplete)
    RoomReturned,      // RoomReturnedRecord: after a refusal for want of room
    NatBinding,        // NatBindingRecord
};

struct InterfaceRemovedRecord {
    std::uint16_t interface = 0;
    std::array<std::uint8_t, 6> reserved{};
};

enum class RouteRejection : std::uint32_t {
    UnknownNextHop = 1,
    UnknownInterface,
    BadRecord,
    TableFull,  // of routes: the most that were asked for are there
    NextHopInUse,
    OutOfSequence,
    // No room either. A group that is refused with GroupsFull leads to its first member alone.
    LookupFull,  // in what the lookup needs for this prefix
    NextHopsFull,
    GroupsFull,
    NeighborsFull,
};

constexpr bool is_for_want_of_room(RouteRejection reason) {
    return reason == RouteRejection::TableFull ||
           (reason >= RouteRejection::LookupFull && reason <= RouteRejection::NeighborsFull);
}

struct RouteRejectedRecord {
    std::uint64_t sequence = 0;
    std::uint32_t prefix = 0;
    std::uint32_t number = 0;
    std::uint8_t length = 0;
    std::array<std::uint8_t, 3> reserved{};
    RouteRejection reason{};
};

// What was refused with `reason`, which is one for want of room, may be tried again. Comes once
// after such refusals, when something has been freed.
struct RoomReturnedRecord {
    RouteRejection reason{};
    std::uint32_t reserved = 0;
};

struct SyncDoneRecord {
    std::uint64_t generation = 0;
    std::uint32_t routes_swept = 0;
    std::uint32_t next_hops_swept = 0;
};

}  // namespace godwit::api
