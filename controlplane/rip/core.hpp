// RIP without I/O: datagrams, time, interfaces, settings and routes of other sources come in;
// datagrams to send, changes for the RIB and events come out, and the time to call again.
//
//                  settings, links         redistributed routes
//                         │                        │
//   receive() ── checks ──┴─► neighbours ─► database ◄─┘ ──► RouteUpdate (RIB)
//   (core_input.cpp)                           │ change numbers
//   advance() ── timers ─► output jobs ────────┴──► Transmit (core_output.cpp)
//
// Output is a set of jobs: an interface is told everything (the regular update, an answer), or what
// has changed (a triggered update, RFC 2453 3.10.1). A job writes a limited number of packets and
// goes on a moment later, so that a table of any size neither fills the queues of the host nor
// holds up what comes in.
//
// Invariants: whatever comes from the network is counted once, as good or by its fault; the number
// of neighbours, routes and jobs is bounded; nothing is told to an interface that is down or
// passive, but to its configured neighbours and to who asks from another port.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/host/token_bucket.hpp"
#include "controlplane/rip/actions.hpp"
#include "controlplane/rip/database.hpp"
#include "controlplane/rip/explanation.hpp"
#include "controlplane/rip/interface_fsm.hpp"
#include "controlplane/rip/neighbor_table.hpp"
#include "controlplane/rip/packet/message.hpp"
#include "controlplane/rip/refused_routes.hpp"
#include "controlplane/rip/settings.hpp"

namespace godwit::control::rip {

struct Surroundings {
    std::function<std::uint32_t()> random;
    std::function<WallTime()> wall_clock;  // key lifetimes and sequence numbers are of the calendar
};

struct InterfaceCounters {
    FaultCounters faults;
    std::uint64_t packets_received = 0;  // good ones
    std::uint64_t packets_sent = 0;
    std::uint64_t regular_updates = 0;
    std::uint64_t triggered_updates = 0;
    std::uint64_t requests_sent = 0;
    std::uint64_t requests_answered = 0;
    std::uint64_t own_packets = 0;        // heard back (RFC 2453 3.9.2)
    std::uint64_t answers_refused = 0;    // too many were under way
    std::uint64_t packets_unsigned = 0;   // not sent for want of a key
    std::uint64_t foreign_next_hops = 0;  // not reachable on the subnet, so not used (4.4)
    std::uint64_t routes_rejected = 0;    // by the import policy
};

// An interface that RIP is configured on.
struct Interface {
    std::string name;
    InterfaceSettings settings;
    InterfaceState state = InterfaceState::Down;
    Link link;
    InterfaceCounters counters;
    unsigned requests_left = 0;  // to be asked again while nobody answers
    std::optional<Instant> request_at;
    std::optional<Instant> poison_until;  // what the policy keeps back is told as unreachable
    std::uint32_t last_sequence = 0;      // of packets signed here
    bool key_problem_told = false;
    TokenBucket whole_table_answers{4, 8};
};

class Core {
public:
    Core(Surroundings surroundings, Settings settings, Instant now);

    // The new settings as a whole; routes that they do not concern stay as they are.
    Actions configure(Settings settings, Instant now);
    // All interfaces of the router as they are now.
    Actions set_links(const std::vector<Link>& links, Instant now);
    Actions receive(const Datagram& datagram, Instant now);
    Actions redistribute(const std::vector<Redistributed>& routes, Instant now);
    Actions withdraw(const std::vector<net::Ipv4Prefix>& prefixes, Instant now);
    // RIP ends here: everybody is told that nothing leads through this router any more.
    Actions retire(Instant now);
    // Forgets what was learned of a neighbour, or of all, and asks for it again.
    Actions clear(const std::optional<NeighborId>& neighbor, Instant now);
    void clear_counters();

    // Call at next_deadline(), and after every other call.
    Actions advance(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    // Everybody who is there has had the time to tell all he knows, since the first interface was
    // up: what is not known by now is no more.
    [[nodiscard]] bool converged(Instant now) const {
        return converged_at_ && *converged_at_ <= now;
    }
    [[nodiscard]] std::optional<Instant> converged_at() const { return converged_at_; }

    // What is known of a prefix, and why it is told as it is. Nothing is changed or counted by it.
    [[nodiscard]] PrefixExplanation explain(const net::Ipv4Prefix& prefix, Instant now) const;

    // For state_view.
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const Database& database() const { return database_; }
    [[nodiscard]] const RefusedRoutes& refused() const { return refused_; }
    [[nodiscard]] const NeighborTable& neighbors() const { return neighbors_; }
    [[nodiscard]] const std::map<std::string, Interface>& interfaces() const { return interfaces_; }
    [[nodiscard]] std::optional<Instant> next_update() const { return update_at_; }
    [[nodiscard]] std::uint64_t unknown_interface_packets() const {
        return unknown_interface_packets_;
    }

private:
    // One way that updates take out of an interface.
    struct Target {
        net::Ipv4Address source;
        net::Ipv4Prefix subnet;
        net::Ipv4Address destination;
        std::uint16_t port = kPort;
        std::uint8_t version = 2;
        friend bool operator==(const Target&, const Target&) = default;
    };
    struct Job {
        enum class Kind : std::uint8_t { Regular, Triggered, Answer, Farewell };
        std::string interface;
        Target target;
        Kind kind{};
        std::uint64_t changed_after = 0;        // of Triggered
        std::optional<net::Ipv4Prefix> behind;  // where the next packet begins
        bool any_sent = false;
    };

    // core.cpp
    [[nodiscard]] Interface* interface_of(net::InterfaceId id);
    void apply_settings(Interface& interface, const InterfaceSettings& settings, Actions& actions,
                        Instant now);
    void remove_interface(Interface& interface, Actions& actions, Instant now);
    void update_link(Interface& interface, const Link& link, Actions& actions, Instant now);
    void change_state(Interface& interface, InterfaceEvent event, Actions& actions, Instant now);
    // All that is known of a neighbour, or of those on an interface.
    template <class Who>
    void forget(const Who& who, Instant now);
    void begin_asking(Interface& interface, Instant now);
    void ask_again(Interface& interface, Actions& actions, Instant now);
    void originate_networks(Instant now);
    void tell_redistributed(const Redistributed& route, Instant now);
    void set_database_limits(Instant now);
    void finish(Actions& actions, Instant now);
    [[nodiscard]] Duration jittered(Duration interval);
    [[nodiscard]] Duration update_jitter() const { return settings_.update / 6; }

    // core_input.cpp
    struct Arrival {
        const Datagram& datagram;
        Interface& interface;
        net::Ipv4Prefix subnet;  // of ours, that the sender is in
        net::Ipv4Address own;    // our address there
        Neighbor* neighbor = nullptr;
    };
    std::optional<PacketFault> accept(const Datagram& datagram, Arrival& arrival, Actions& actions,
                                      Instant now);
    std::optional<PacketFault> authenticate(const wire::MessageView& view, Arrival& arrival,
                                            Actions& actions, Instant now);
    std::optional<PacketFault> check_digest(const wire::MessageView& view, const Keys& keys,
                                            Arrival& arrival, Instant now);
    std::optional<PacketFault> answer(const wire::MessageView& view, Arrival& arrival,
                                      Actions& actions, Instant now);
    void answer_entries(const wire::MessageView& view, const Arrival& arrival, std::uint8_t version,
                        Actions& actions);
    void learn(const wire::MessageView& view, Arrival& arrival, Actions& actions, Instant now);
    std::optional<RouteFault> learn_entry(const Entry& entry, std::uint8_t version,
                                          Arrival& arrival, Actions& actions, Instant now);
    void pass_import_policy(Interface& interface, Learned& learned, Instant now);
    [[nodiscard]] net::Result<net::Ipv4Prefix, RouteFault> destination_of(
        const Entry& entry, std::uint8_t version, const Arrival& arrival) const;

    // core_output.cpp
    // What is told as one: an entry, or all of a natural network that is told as a whole.
    struct Portion {
        Database::Entries::const_iterator first;
        Database::Entries::const_iterator last;  // behind it
        net::Ipv4Prefix told;
        bool whole = false;
        bool readable = true;
    };
    // What an interface is told of an entry; why, and what its policy was asked, if it was.
    struct Telling {
        std::optional<Entry> entry;  // none: it is not told of it
        TellingReason reason = TellingReason::AsItIs;
        std::optional<PolicyInput> asked;
    };
    [[nodiscard]] std::vector<Target> targets_of(const Interface& interface) const;
    void start_jobs(Interface& interface, Job::Kind kind, std::uint64_t changed_after);
    void start_triggered(Instant now);
    void start_regular(Instant now);
    bool run_job(Job& job, std::size_t& budget, Actions& actions, Instant now);
    void run_jobs(Actions& actions, Instant now);
    [[nodiscard]] Portion portion_at(const Interface& interface, const Target& target,
                                     Database::Entries::const_iterator at) const;
    [[nodiscard]] Telling telling_of(const Interface& interface, const Job& job,
                                     const net::Ipv4Prefix& prefix, const DatabaseEntry& entry,
                                     Asking asking, Instant now) const;
    [[nodiscard]] std::optional<Entry> entry_for(const Interface& interface, const Job& job,
                                                 const Portion& portion, Asking asking,
                                                 Instant now) const;
    void send(Interface& interface, const Target& target, const Message& message, Actions& actions);
    [[nodiscard]] std::size_t entries_a_packet(const Interface& interface) const;

    // core_explanation.cpp
    void explain_imports(const net::Ipv4Prefix& prefix, const Interface& interface,
                         std::vector<ImportExplanation>& imports, Instant now) const;
    [[nodiscard]] ExportExplanation explain_export(const Interface& interface, const Target& target,
                                                   Database::Entries::const_iterator at,
                                                   Instant now) const;

    Surroundings surroundings_;
    Settings settings_;
    Database database_;
    RefusedRoutes refused_;
    NeighborTable neighbors_;
    std::map<std::string, Interface> interfaces_;
    std::vector<Link> links_;
    std::vector<net::Ipv4Prefix> own_networks_;  // as told to the database
    std::map<net::Ipv4Prefix, Redistributed> redistributed_;
    std::vector<Job> jobs_;
    std::optional<Instant> jobs_at_;
    std::optional<Instant> update_at_;    // the regular one
    std::uint64_t told_ = 0;              // the last change that an update was begun for
    std::optional<Instant> trigger_at_;   // when changes are told
    std::optional<Instant> quiet_until_;  // no triggered update before (RFC 2453 3.10.1)
    std::optional<Instant> converged_at_;
    bool route_limit_told_ = false;
    std::uint64_t unknown_interface_packets_ = 0;
};

}  // namespace godwit::control::rip
