// All of TCP at this router: who listens, which connections there are, and what becomes of a
// segment that belongs to neither.
//
// A core without I/O. Segments come in with their flow, their checksum already found right; what is
// sent goes to a SegmentSink. poll() is to be called at next_deadline(). One owner, no locks.
//
// Everything that a stranger can make this router keep is bounded: half-open handshakes (then
// cookies), connections in all and from one peer, those that nobody has accepted, TIME-WAIT
// records; resets and challenges have a rate. Tables that strangers fill are placed by a keyed
// hash.
//
//     const auto service = endpoint.listen(address, 179, settings, 16);
//     endpoint.input(flow, Segment::from(view), arrived);
//     while (const auto id = endpoint.accept(*service)) { ... }
//     for (const ConnectionId id : endpoint.take_ready()) { events = endpoint.take_events(id); ...
//     }
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/host/ports_in_use.hpp"
#include "controlplane/host/tcp/connection.hpp"
#include "controlplane/host/tcp/history.hpp"
#include "controlplane/host/tcp/peer_security.hpp"
#include "controlplane/host/tcp/syn_cache.hpp"
#include "controlplane/host/tcp/time_wait.hpp"
#include "net/result.hpp"
#include "net/router_ports.hpp"

namespace godwit::control::tcp {

enum class ConnectionId : std::uint64_t {};

struct Limits {
    std::size_t connections = 4096;
    std::size_t connections_of_peer = 1024;
    std::size_t half_open = 1024;  // then cookies
    std::size_t time_wait = 16384;
    std::size_t history = 1024;                        // entries
    std::uint32_t resets_per_second = 100;             // to segments of no connection
    std::uint16_t first_port = net::kFirstRouterPort;  // of those chosen for connect()
    std::uint16_t last_port = net::kLastRouterPort;
};

// What is known about the way to a peer.
struct PathSizes {
    std::uint16_t link_mtu = 0;  // of the interface: what a SYN announces; 0: as the settings say
    std::uint16_t path_mtu = 0;  // what has been found out about the way; 0: nothing
};
using PathLookup = std::function<PathSizes(const Flow& flow)>;

struct EndpointCounts {
    std::uint64_t segments_in = 0;
    std::uint64_t active_opens = 0;
    std::uint64_t passive_opens = 0;
    std::uint64_t resets_sent = 0;
    std::uint64_t resets_withheld = 0;  // by their rate
    std::uint64_t resets_ignored = 0;   // came to what is not there
    std::uint64_t bad_addresses = 0;    // from or to what is no single host (MUST-57, MUST-63)
    std::uint64_t refused_by_limit = 0;
    std::uint64_t cookies_accepted = 0;
    std::uint64_t half_open_expired_or_reset = 0;
    std::uint64_t attempt_fails = 0;           // RFC 4022 tcpAttemptFails
    std::uint64_t established_resets = 0;      // tcpEstabResets
    std::uint64_t segments_retransmitted = 0;  // tcpRetransSegs
};

struct ListenerInfo {
    net::Ipv4Address address;
    std::uint16_t port = 0;
    std::size_t waiting = 0;  // to be accepted
    std::size_t backlog = 0;
};

class Endpoint {
public:
    // `random` gives 32 bits that nobody can guess; `key` is drawn once at start.
    Endpoint(const Limits& limits, const net::SipKey& key, std::function<std::uint32_t()> random,
             SegmentSink& sink);
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;
    ~Endpoint();

    // What each new connection asks, one whose retransmission timer goes off (its route may have
    // moved), and all of them when told that ways have changed.
    void set_path_lookup(PathLookup lookup) { path_lookup_ = std::move(lookup); }
    void paths_changed(Instant now);

    // `address` may be unspecified: every address of ours. `backlog`: how many may wait for
    // accept().
    net::Result<ListenerId, std::string> listen(net::Ipv4Address address, std::uint16_t port,
                                                const Settings& settings, std::size_t backlog);
    // Handshakes under way are forgotten; connections that nobody accepted are reset.
    void stop_listening(ListenerId listener, Instant now);
    std::optional<ConnectionId> accept(ListenerId listener);
    // Null: there is no such listener.
    [[nodiscard]] const Settings* settings(ListenerId listener) const;
    // Of connections that it makes from now on; but for the receive buffer, whose size handshakes
    // that are under way have told.
    void change_settings(ListenerId listener, const Settings& wanted);

    // How peers must speak to a service, and how we speak to them: for listeners and connections,
    // those that stand too. A PeerSecurity that asks for nothing takes the rule of the scope away.
    net::Result<void, std::string> secure(const SecurityScope& scope, const PeerSecurity& security);
    // Asks the peer to sign by another of its TCP-AO keys from now on (RFC 5925 6.1); false when it
    // has no such key.
    bool prefer_ao_key(ConnectionId id, std::uint8_t receive_id);
    [[nodiscard]] const PeerGuard& security() const { return guard_; }

    // A local port of zero is chosen. Connected or Ended will be told by events.
    net::Result<ConnectionId, std::string> connect(const Flow& wanted, const Settings& settings,
                                                   Instant now);

    void input(const Flow& flow, const Segment& segment, Instant now);
    // What ICMP said about a segment of ours; a source quench is to be dropped by the caller
    // (MUST-55). False: it is about nothing that is under way.
    bool path_error(const Flow& flow, PathError error, net::Sequence quoted, std::uint16_t mtu,
                    Instant now);
    void poll(Instant now);
    [[nodiscard]] Instant next_deadline() const;

    // Connection's own functions; on an id that is not known they do nothing.
    std::size_t write(ConnectionId id, std::span<const std::uint8_t> bytes, Instant now);
    std::size_t write_urgent(ConnectionId id, std::span<const std::uint8_t> bytes, Instant now);
    std::size_t read(ConnectionId id, std::span<std::uint8_t> into, Instant now);
    void shutdown(ConnectionId id, Instant now);
    void abort(ConnectionId id, Instant now);
    // Closes, and gives the id back: what is under way ends by itself.
    void release(ConnectionId id, Instant now);
    void set_path_mtu(ConnectionId id, std::uint16_t mtu, Instant now);
    void change_settings(ConnectionId id, const Settings& wanted, Instant now);
    void set_nagle(ConnectionId id, bool on, Instant now);
    void set_keep_alive(ConnectionId id, bool on, Instant now);
    void set_user_timeout(ConnectionId id, Duration timeout);
    void set_marks(ConnectionId id, std::uint8_t ttl, std::uint8_t dscp);
    [[nodiscard]] EventSet take_events(ConnectionId id);
    [[nodiscard]] const Connection* find(ConnectionId id) const;

    // Connections with events, each once, in the order in which they came.
    [[nodiscard]] std::vector<ConnectionId> take_ready();

    [[nodiscard]] PortsInUse& ports() { return ports_; }
    [[nodiscard]] const PortsInUse& ports() const { return ports_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] const EndpointCounts& counts() const { return counts_; }
    [[nodiscard]] const History& history() const { return history_; }
    [[nodiscard]] std::vector<ConnectionId> ids() const;  // in the order in which they were made
    [[nodiscard]] std::vector<ListenerInfo> listeners() const;
    [[nodiscard]] std::size_t established() const;
    [[nodiscard]] std::uint64_t cookies_sent() const { return syn_cache_.cookies_sent(); }
    [[nodiscard]] std::size_t connections() const { return connections_.size(); }
    [[nodiscard]] std::size_t half_open() const { return syn_cache_.size(); }
    [[nodiscard]] std::size_t time_wait() const { return time_wait_.size(); }

private:
    struct Listener {
        net::Ipv4Address address;
        std::uint16_t port = 0;
        Settings settings;
        std::size_t backlog = 0;
        std::deque<ConnectionId> waiting;
    };
    struct Entry;
    // Signs what needs a signature, on its way to the owner's sink.
    class Output final : public SegmentSink {
    public:
        Output(PeerGuard& guard, SegmentSink& sink) : guard_(&guard), sink_(&sink) {}
        void transmit(const Flow& flow, const Segment& segment) override;

    private:
        PeerGuard* guard_;
        SegmentSink* sink_;
    };
    struct Due {
        Instant at;
        ConnectionId id;
        friend bool operator>(const Due& a, const Due& b) { return a.at > b.at; }
    };

    [[nodiscard]] std::optional<ListenerId> listener_for(const Flow& flow) const;
    void input_listen(ListenerId listener, const Flow& flow, const Segment& segment, Instant now);
    void input_half_open(HalfOpen& half_open, const Flow& flow, const Segment& segment,
                         Instant now);
    void complete(ListenerId listener, const Flow& flow, const Handshake& handshake,
                  const HandshakeTime& took, const Segment& last, Instant now);
    [[nodiscard]] bool has_room_for(const Flow& flow) const;
    [[nodiscard]] bool can_accept(ListenerId listener, const Flow& flow) const;
    void send_syn_acknowledgment(const Flow& flow, const HalfOpen& half_open, Instant now);
    void refuse(const Flow& flow, const Segment& offender, Instant now);
    [[nodiscard]] std::optional<std::uint16_t> choose_port(const Flow& wanted);
    // `bound`: where it is spoken to, its own address or that of its listener.
    Entry& create(const Flow& flow, const Settings& settings, net::Ipv4Address bound);
    [[nodiscard]] PathSizes path_of(const Flow& flow, const Settings& settings) const;
    Entry* entry(ConnectionId id) const;
    // After everything that may have changed a connection. The entry may be gone afterwards.
    void settle(Entry& entry, Instant now);
    void follow_path(Connection& connection, Instant now) const;
    void note_changes(Entry& changed, Instant now);
    void erase(Entry& entry);
    void forget_sessions();

    Limits limits_;
    FlowSecrets secrets_;
    std::function<std::uint32_t()> random_;
    PathLookup path_lookup_;
    PeerGuard guard_;
    Output output_;
    TokenBucket resets_;
    std::map<ListenerId, Listener> listeners_;
    std::unordered_map<ConnectionId, std::unique_ptr<Entry>> connections_;
    std::unordered_map<Flow, Entry*, FlowPlacer> flows_;  // those that segments still reach
    std::unordered_map<net::Ipv4Address, std::size_t> of_peer_;
    SynCache syn_cache_;
    TimeWaitTable time_wait_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    std::vector<ConnectionId> ready_;
    std::array<std::uint32_t, 16> port_counters_{};  // RFC 6056 3.3.4
    PortsInUse ports_;
    EndpointCounts counts_;
    History history_;
    std::uint64_t last_connection_ = 0;
    std::uint32_t last_listener_ = 0;
};

}  // namespace godwit::control::tcp
