// NAT44 of one worker: asks for each packet what becomes of it, and keeps what must be remembered.
//
// Nothing here is shared: a worker has its own translator, and every packet of a flow comes to the
// flow's owner (NatRules::owner). It reads no clock and touches no packet: what to rewrite is
// answered as a value, with the differences of the checksums, and the caller adds them.
//
//   outbound(packet, out, now)      from inside, before it leaves through `out`
//   inbound(packet, now)            to an outside address
//   translate_quoted(...)           an ICMP error in either direction
//   hold_syn, take_due_syn          SYNs that nobody asked for
//   expire(now, budget)             what has been idle too long; called now and then
//   prepare, apply, sweep           a new revision of the rules
//
// A packet between two inside hosts by way of an outside address (hairpin) is two steps: outbound()
// answers with is_hairpin, and the rewritten packet goes to inbound() of the worker that owns its
// destination, as if it had come from outside. Its source is then the outside endpoint of the
// sender, as RFC 4787 REQ-9a wants it, and the receiver's filter applies.
//
// Memory is taken at construction and in prepare(), nowhere else. dataplane/nat/README.md has the
// whole of it. RFC 4787, 5382, 5508, 6888, 7422, 7857, 8158.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/nat/binding_store.hpp"
#include "dataplane/nat/events.hpp"
#include "dataplane/nat/ftp_gateway.hpp"
#include "dataplane/nat/held_syns.hpp"
#include "dataplane/nat/port_pool.hpp"
#include "dataplane/nat/requested_mappings.hpp"
#include "dataplane/nat/rules.hpp"
#include "dataplane/nat/session_store.hpp"
#include "dataplane/nat/settings.hpp"
#include "dataplane/nat/statistics.hpp"
#include "net/result.hpp"
#include "net/tcp.hpp"

namespace godwit::dataplane::nat {

struct TcpSegment {
    net::TcpFlags flags;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgment = 0;
};

struct Packet {
    Flow flow;
    TcpSegment tcp{};       // where the protocol is TCP
    bool is_noted = false;  // its session has seen it: established() found it before
};

enum class Verdict : std::uint8_t {
    Translate,
    Untouched,    // no rule: forward it as it is
    Unmapped,     // to an outside address, and nothing of ours: for the router itself, or nobody
    Unsolicited,  // a SYN that is Unmapped or Filtered: the router's own listeners first, then
                  // hold_syn()
    Drop
};

struct Rewrite {
    Endpoint endpoint;  // of the source on the way out, of the destination on the way in
    ChecksumDifference ip;
    ChecksumDifference transport;  // TCP, UDP: with the pseudo header; ICMP: the identifier
};

struct Decision {
    Verdict verdict = Verdict::Untouched;
    Reason reason = Reason::None;  // of a Drop
    bool is_hairpin = false;       // the rewritten packet goes to inbound()
    bool is_followed = false;      // follow_outbound() or follow_inbound() has a word in it
    std::uint32_t session = kNone;
    Rewrite rewrite{};
};

struct QuotedDecision {
    Verdict verdict = Verdict::Untouched;
    Reason reason = Reason::None;
    Rewrite quoted{};  // on the way in of the quoted source, on the way out of its destination
    net::Ipv4Address outer;  // on the way in the error's destination, on the way out its source
    ChecksumDifference outer_ip;
};

// A host inside asks for a mapping (MAP, RFC 6887 11), renews it or ends it.
struct MappingRequest {
    Endpoint inside;
    net::IpProtocol protocol{};  // TCP or UDP
    MappingNonce nonce{};
    Seconds lifetime{};    // 0: it ends
    Endpoint suggested;    // an address or a port of 0: no matter which
    bool exactly = false;  // as suggested or not at all (RFC 6887 13.2)
    bool clears_filters = false;
    std::uint8_t filter_count = 0;
    std::array<MappingFilter, kMaxMappingFilters> filters{};  // beside those that there are
};
struct MappingGrant {
    MappingOutcome outcome{};
    Endpoint outside;
    Seconds lifetime{};
};

// For views: a requested mapping as it stands.
struct MappingView {
    Endpoint inside;
    Endpoint outside;
    net::IpProtocol protocol{};
    RuleId rule{};
    std::uint32_t sessions = 0;
    Instant deadline;
    std::uint8_t filter_count = 0;
    std::array<MappingFilter, kMaxMappingFilters> filters{};
};

// For views: a session as it stands.
struct SessionView {
    Flow inside_to_remote;
    Endpoint outside;
    RuleId rule{};
    TcpState tcp = TcpState::None;
    AgeClass age = AgeClass::Free;
    Instant listed;
};

struct SessionFilter {
    std::optional<net::Ipv4Address> inside{};
    std::optional<net::Ipv4Address> outside{};
    std::optional<net::Ipv4Address> remote{};
    std::optional<net::IpProtocol> protocol{};
    std::optional<RuleId> rule{};
    std::optional<AgeClass> age{};
    std::optional<std::uint16_t> inside_port{};
    std::optional<std::uint16_t> outside_port{};
    [[nodiscard]] bool matches(const Session& session) const;
    // None where the filter names what only a session has.
    [[nodiscard]] bool matches(const Mapping& mapping) const;
};

// The rules of a revision, with the memory for the ports they give out.
struct Revision {
    std::shared_ptr<const NatRules> rules;         // shared by the workers, and read only
    std::vector<std::unique_ptr<PortPool>> pools;  // beside rules->outside_addresses()
    std::size_t port_bytes = 0;                    // of all pools
    Seconds port_quarantine{};
    std::uint32_t most_resting_ports = 0;
};

class Translator {
public:
    static net::Result<std::unique_ptr<Translator>, std::string> create(
        const Settings& settings, std::shared_ptr<const NatRules> rules);

    // For a burst, in three passes: prefetch() for each packet, prefetch_session() with what it
    // returned for each, then outbound() or inbound() for each. Nothing changes.
    [[nodiscard]] std::uint64_t prefetch(Direction direction, const Flow& flow) const {
        return sessions_.prefetch(direction, flow);
    }
    // The session that it very likely is, or kNone: the flow seems to be new.
    std::uint32_t prefetch_session(std::uint64_t hash) const {
        return sessions_.prefetch_session(hash);
    }
    // For a flow that seems to be new, in three more passes: what it will need, and what outbound()
    // may be told again as long as the rules are the same. Nothing is taken before that.
    struct Opening {
        bool is_prepared = false;
        NatRules::Match match{};
        Share share{};
        PortPool* pool = nullptr;       // null: nothing more to fetch
        std::uint32_t mapping = kNone;  // very likely the flow's
        PortRange ports{};              // where it gets its port from, if it has none,
        std::uint64_t random = 0;       // and by which number; 0: it keeps its own
    };
    [[nodiscard]] Opening prefetch_opening(const Flow& flow, net::InterfaceId out) const;
    void prefetch_port(const Flow& flow, Opening& opening, Instant now);
    void prefetch_binding(const Flow& flow, const Opening& opening, Instant now) const;
    // The session of a flow, or kNone; nothing changes.
    [[nodiscard]] std::uint32_t find(Direction direction, const Flow& flow) const {
        return sessions_.find(direction, flow);
    }

    [[nodiscard]] Decision outbound(const Packet& packet, net::InterfaceId out, Instant now);
    [[nodiscard]] Decision outbound(const Packet& packet, net::InterfaceId out, Instant now,
                                    const Opening& opening);
    [[nodiscard]] Decision inbound(const Packet& packet, Instant now);
    // The same for a packet of a session that there is; `hash` is what prefetch() returned, and
    // `probable` what prefetch_session() did. Null: there is none, or more is to be done than a
    // session says, and nothing happened. The session says what the packet becomes. Who asks again,
    // by outbound() or inbound(), says is_noted.
    [[nodiscard]] const Session* established(Direction direction, const Packet& packet,
                                             std::uint64_t hash, std::uint32_t probable,
                                             Instant now);

    // `quoted`: the flow of the packet inside the error, as it stands there. `outer`: the address
    // of the error itself that is ours to change: its destination on the way in, its source on the
    // way out. `out` is as in outbound(). Nothing is refreshed and nothing ends (RFC 5508 REQ-6).
    [[nodiscard]] QuotedDecision translate_quoted(Direction direction, const Flow& quoted,
                                                  net::Ipv4Address outer, net::InterfaceId out);

    // A segment of a followed session (Decision::is_followed) as it came from inside, after
    // outbound(). Where another worker has to be asked, its expect() says the port to answer with.
    struct Followed {
        FtpStream::Fate fate = FtpStream::Fate::Forward;
        std::uint32_t sequence = 0;    // Forward, Replace
        bool keeps_fin = true;         // Replace
        std::uint32_t held_until = 0;  // Hold: acknowledge this, with this window
        std::uint16_t window = 0;
        unsigned worker = 0;  // Ask: this worker, about this port of the inside host
        std::uint16_t port = 0;
    };
    [[nodiscard]] Followed follow_outbound(std::uint32_t session, const FtpStream::Segment& segment,
                                           std::optional<std::uint16_t> answer,
                                           net::InterfaceId out, Instant now, FtpText& text);
    // The outside port at which `inside` may be reached by the remote of its control connection;
    // 0: none.
    [[nodiscard]] std::uint16_t expect(Endpoint inside, Endpoint remote, net::InterfaceId out,
                                       Instant now);
    // What comes from outside, after inbound(): its acknowledgment as the inside counts, and who
    // says the same of SACK blocks. Null: they stay as they are.
    struct CountedBack {
        const FtpStream* stream = nullptr;
        std::uint32_t acknowledgment = 0;
    };
    [[nodiscard]] CountedBack follow_inbound(std::uint32_t session, std::uint32_t acknowledgment,
                                             std::uint16_t window);

    // What becomes of it; its host's flows of that port have the same mapping. At the worker that
    // NatRules::owner() names for a packet from `inside`.
    [[nodiscard]] MappingGrant request_mapping(const MappingRequest& request, Instant now);

    // Whether something inside answers at this outside endpoint: a packet to one of the router's
    // own addresses is the router's, when not.
    [[nodiscard]] bool is_mapped(net::IpProtocol protocol, Endpoint outside) const;

    // For Verdict::Unsolicited: a ticket to keep the packet under, or nothing: drop it in silence.
    [[nodiscard]] std::optional<HeldSyns::Ticket> hold_syn(const Flow& flow, Instant now);
    [[nodiscard]] std::optional<HeldSyns::Due> take_due_syn(Instant now);

    // Ends at most `budget` sessions and requests whose time has come; how many. Equal to `budget`:
    // call again.
    std::uint32_t expire(Instant now, std::uint32_t budget);

    // A new revision: prepare() takes memory and may be called by any thread, as long as apply() of
    // another revision does not run; apply() puts it in place at once and returns the old one, to
    // be freed elsewhere. From then on no session is used that the rules do not allow. sweep()
    // looks at `budget` records of sessions and requests, and ends those; true when it has seen
    // all. Until then apply() gives the revision it was given back and changes nothing.
    [[nodiscard]] net::Result<std::unique_ptr<Revision>, std::string> prepare(
        std::shared_ptr<const NatRules> rules) const;
    [[nodiscard]] bool is_sweeping() const { return is_sweeping_; }
    std::unique_ptr<Revision> apply(std::unique_ptr<Revision> revision);
    bool sweep(std::uint32_t budget, Instant now);
    // The same for who has not got the translator at hand: what `settings` and the rules of now
    // (null: none) make of the next ones.
    [[nodiscard]] static net::Result<std::unique_ptr<Revision>, std::string> prepare_for(
        const Settings& settings, const NatRules* before, std::shared_ptr<const NatRules> rules);
    // Other settings from now on. Place, key, the sizes and whether peers are kept
    // (AddressDependent) stay; see can_retune(). How ports rest comes with the revision.
    void retune(const Settings& settings);
    [[nodiscard]] static bool can_retune(const Settings& from, const Settings& to);

    // Pages of sessions: looks at `budget` records from `cursor`, which it moves; how many matched.
    // A cursor begins at 0 and is kNone at the end.
    std::size_t read_sessions(std::uint32_t& cursor, std::uint32_t budget,
                              const SessionFilter& filter, std::span<SessionView> out) const;
    std::size_t read_subscribers(std::uint32_t& cursor, std::uint32_t budget,
                                 std::span<Subscriber> out) const;
    std::size_t read_mappings(std::uint32_t& cursor, std::uint32_t budget,
                              std::span<MappingView> out) const;
    std::size_t clear_sessions(std::uint32_t& cursor, std::uint32_t budget,
                               const SessionFilter& filter, Instant now);

    std::size_t clear_requests(std::uint32_t& cursor, std::uint32_t budget,
                               const SessionFilter& filter, Instant now);

    std::size_t take_events(std::span<BindingEvent> out) { return events_.take(out); }
    [[nodiscard]] std::uint64_t lost_events() const { return events_.lost(); }
    // Events and the uses of rules may be read by one other thread.
    [[nodiscard]] const RuleUses& uses() const { return *uses_; }
    [[nodiscard]] Statistics statistics(Instant now) const;

    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const NatRules& rules() const { return *revision_->rules; }
    [[nodiscard]] std::uint32_t session_count() const { return sessions_.used(); }
    [[nodiscard]] std::uint32_t mapping_count() const { return mappings_.used(); }
    [[nodiscard]] std::uint32_t subscriber_count() const { return subscribers_.used(); }
    [[nodiscard]] std::uint32_t session_count(AgeClass age) const { return sessions_.count(age); }
    // Ports of an outside address that this worker has given out; 0 where it gives out none.
    [[nodiscard]] std::uint32_t ports_out(net::Ipv4Address outside, net::IpProtocol protocol) const;
    // What a translator of these settings will take at construction, ports apart.
    [[nodiscard]] static std::size_t bytes_for(const Settings& settings);
    // All that was taken at construction, and the ports' apart: those grow with the pool.
    [[nodiscard]] std::size_t session_bytes() const;
    [[nodiscard]] std::size_t port_bytes() const;

private:
    explicit Translator(const Settings& settings);

    // translator.cpp: what a packet does
    [[nodiscard]] std::uint32_t find_allowed(Direction direction, const Flow& flow, Instant now);
    [[nodiscard]] bool is_allowed(Session& session);
    [[nodiscard]] bool is_allowed(const Mapping& mapping) const;
    Decision pass(std::uint32_t index, Direction direction, const Packet& packet, Instant now);
    void follow_tcp(std::uint32_t index, Direction direction, const TcpSegment& tcp, Instant now);
    Decision without_session(Direction direction, const Flow& flow, Endpoint other);
    Decision refuse(Reason reason);
    Decision outbound_new(const Packet& packet, const Opening& opening, Instant now);
    void note_packet(std::uint32_t index, Direction direction, const Packet& packet, Instant now);
    Decision inbound_new(const Packet& packet, const NatRules::Match& match, Instant now);
    Decision unsolicited(const Packet& packet, Verdict otherwise);
    [[nodiscard]] bool may_enter(std::uint32_t mapping, const Flow& flow) const;
    [[nodiscard]] std::uint32_t mapping_inside(net::IpProtocol protocol, Endpoint inside,
                                               RuleId rule);
    [[nodiscard]] std::uint32_t mapping_outside(net::IpProtocol protocol, Endpoint outside);
    [[nodiscard]] std::optional<Endpoint> counterpart(Direction direction, const Flow& flow,
                                                      net::InterfaceId out, bool& is_concerned);

    // translator_sessions.cpp: what is made and what ends
    struct NewSession {
        Endpoint inside;
        Endpoint remote;
        net::IpProtocol protocol{};
        RuleId rule{};
        TcpState tcp = TcpState::None;
        AgeClass age = AgeClass::Udp;
        std::uint64_t random = 0;  // for its port; 0: to be drawn
        std::uint16_t port = 0;    // outside, rather than the one inside; 0: no matter which
        bool exactly = false;      // that one or none
    };
    // The session, or the reason why not.
    net::Result<std::uint32_t, Reason> open_mapped(const NewSession& wanted, std::uint32_t mapping,
                                                   Instant now);
    net::Result<std::uint32_t, Reason> open_dynamic(const NewSession& wanted,
                                                    const SourceRule& rule, const Share& share,
                                                    Instant now);
    net::Result<std::uint32_t, Reason> open_forward(const NewSession& wanted, Endpoint outside,
                                                    Instant now);
    std::uint32_t add_session(const NewSession& wanted, Endpoint outside, std::uint32_t mapping,
                              std::uint32_t subscriber, Instant now);
    std::uint32_t add_mapped(const NewSession& wanted, std::uint32_t mapping, Instant now);
    // A mapping of a new port, without a session.
    net::Result<std::uint32_t, Reason> take_mapping(const NewSession& wanted,
                                                    const SourceRule& rule, const Share& share,
                                                    Instant now);
    [[nodiscard]] Reason check_limits(std::uint32_t subscriber, const NewSession& wanted,
                                      Instant now);
    [[nodiscard]] const SubscriberLimits& limits_of(RuleId rule) const;
    [[nodiscard]] bool can_make_room(const NewSession& wanted) const;
    void make_room(AgeClass age, Instant now);
    [[nodiscard]] std::optional<std::uint16_t> take_port(const SourceRule& rule,
                                                         std::uint32_t subscriber,
                                                         const NewSession& wanted, Instant now);
    [[nodiscard]] std::optional<std::uint16_t> take_port_in_block(PortPool& pool,
                                                                  const SourceRule& rule,
                                                                  Subscriber& subscriber,
                                                                  const NewSession& wanted,
                                                                  Instant now);
    [[nodiscard]] std::optional<std::uint16_t> take_port_of(PortPool& pool,
                                                            const NewSession& wanted,
                                                            PortRange range, Instant now);
    void give_back_port(const Mapping& mapping, Instant now);
    void end_session(std::uint32_t index, Instant now);
    void end_mapping(std::uint32_t index, Instant now);
    // One that kept it alive does so no longer.
    void release_mapping(std::uint32_t mapping, Instant now);
    [[nodiscard]] PortPool* pool_of(net::Ipv4Address outside) const;
    [[nodiscard]] static PortRange ports_of(const SourceRule& rule, const Share& share,
                                            net::IpProtocol protocol);
    [[nodiscard]] std::uint32_t share_of_limit(std::uint32_t limit) const;
    [[nodiscard]] std::uint64_t random();
    void tell(NatEvent event, const Session& session, Instant now);
    void tell(NatEvent event, const Mapping& mapping, Instant now);
    void tell_shortage(Reason reason, const NewSession& wanted, Instant now);
    void tell_block(NatEvent event, const Subscriber& subscriber, PortRange block, RuleId rule,
                    Instant now);

    // translator_requests.cpp
    MappingGrant tell_fixed(const MappingRequest& wanted, Endpoint outside);
    [[nodiscard]] std::uint32_t find_request(const MappingRequest& wanted);
    [[nodiscard]] const SourceRule* choose_source(const MappingRequest& wanted);
    MappingGrant release(std::uint32_t request, Instant now);
    MappingGrant renew(const MappingRequest& wanted, std::uint32_t index, Instant now);
    MappingGrant grant(const MappingRequest& wanted, Instant now);
    static bool take_filters(const MappingRequest& wanted, RequestedMapping& request);
    MappingGrant refuse_request(MappingOutcome outcome);
    void end_request(std::uint32_t request, Instant now);

    // translator_ftp.cpp
    struct Considered {
        FtpStream::Answer answer{};
        std::optional<unsigned> worker{};  // to be asked
    };
    void begin_following(std::uint32_t session);
    Considered consider(const Session& session, FtpControl& control, const FtpEndpoint& named,
                        net::InterfaceId out, Instant now);
    void end_expectation(std::uint32_t mapping, Instant now);

    Settings settings_;
    SessionStore sessions_;
    MappingStore mappings_;
    SubscriberStore subscribers_;
    FtpGateway ftp_;
    RequestedMappings requests_;
    HeldSyns held_syns_;
    EventBuffer events_;
    std::unique_ptr<RuleUses> uses_;
    Counters counters_;
    std::unique_ptr<Revision> revision_;
    std::uint32_t revision_number_ = 1;
    bool is_sweeping_ = false;
    std::uint32_t sweep_at_ = 0;  // sessions, then
    std::uint32_t sweep_request_at_ = 0;
    std::uint64_t drawn_ = 0;     // random numbers so far
    std::size_t next_class_ = 0;  // where expire() begins, so that no class waits for another
    Instant last_shortage_told_{};
};

}  // namespace godwit::dataplane::nat
