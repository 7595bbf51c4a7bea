// The running control plane: what there is, tied together, on one thread.
//
// It holds the configuration that runs, the interfaces that the dataplane reports, the RIB, the
// host and the channel, and moves what one of them says to those whom it concerns. It decides
// little itself:
//
//   session opened  → is the dataplane's configuration ours? else give it ours
//                   → ask for all interfaces, tell the RIB about them
//                   → SyncBegin, everything, SyncEnd; from then on changes as they come
//   interface event → directory → RIB → route ring
//   punted packet   → host → inject ring
//   session lost    → nothing is forgotten; the next session is told everything anew
//
// Nothing goes to the dataplane before all its interfaces are known: routes that are missing at
// SyncEnd would be swept, and come back a moment later.
//
// What the dataplane sends was checked by the channel for its form; what it says is believed only
// as far as it concerns the dataplane itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/model/model.hpp"
#include "config/store/store.hpp"
#include "controlplane/channel/channel_client.hpp"
#include "controlplane/host/host.hpp"
#include "controlplane/host/io/stack.hpp"
#include "controlplane/management/convergence.hpp"
#include "controlplane/management/counter_view.hpp"
#include "controlplane/management/event_log.hpp"
#include "controlplane/management/interface_directory.hpp"
#include "controlplane/management/route_download.hpp"
#include "controlplane/policy/policy_table.hpp"
#include "controlplane/rib/rib.hpp"
#include "controlplane/runtime/clock.hpp"
#include "controlplane/runtime/executor.hpp"
#include "net/result.hpp"

namespace godwit::control {

class NatJournal;
class OwnPorts;
class PcpInstance;
class RipInstance;
class RouteAudit;

// What runs: a stored revision, its text, and the model of it.
struct RunningConfiguration {
    config::Revision revision;
    std::string yaml;
    config::Model model;
};

struct RouterCounters {
    std::uint64_t dataplane_restarts = 0;      // another run of it than before, seen at a session
    std::uint64_t packets_not_sent = 0;        // the inject ring was full, or no session
    std::uint64_t bad_interface_records = 0;   // numbers or names that cannot be
    std::uint64_t routes_rejected = 0;         // by the dataplane
    std::uint64_t configurations_pushed = 0;   // to a dataplane that ran another text
    std::uint64_t configurations_refused = 0;  // by it
};

// What a ping tells to the one who asked for it.
struct PingListener {
    std::function<void(const PingEvent&)> event;
    std::function<void(const PingSummary&)> end;
};

// What a traceroute tells to the one who asked for it.
struct TracerouteListener {
    std::function<void(const TracerouteHop&)> hop;
    std::function<void(const TracerouteSummary&)> end;
};

class Router {
public:
    // `executor` and `timers` outlive this; `random` gives bits that a stranger cannot guess.
    Router(Executor& executor, Timers& timers, std::function<std::uint32_t()> random,
           RunningConfiguration running);
    ~Router();
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    void start();
    void stop();

    [[nodiscard]] const RunningConfiguration& running() const { return running_; }
    // Makes `next` what runs here. The dataplane has it already, or is going to restart with it.
    void adopt(RunningConfiguration next);
    // Called after each adopt(); it outlives this, or is taken away with an empty one.
    void set_adoption_listener(std::function<void(const config::Model&)> listener) {
        adopted_ = std::move(listener);
    }
    // The dataplane has carried out, or come back to, the configuration with this hash.
    void dataplane_runs(const std::string& sha256) { dataplane_sha256_ = sha256; }
    // Gives the dataplane the running configuration, if it is there and runs another.
    void reconcile_configuration();

    // The error is a sentence for a person. The listener hears nothing after cancel_ping().
    net::Result<PingId, std::string> ping(PingRequest request, PingListener listener);
    void cancel_ping(PingId ping);
    // The same for a traceroute.
    net::Result<TraceId, std::string> traceroute(TracerouteRequest request,
                                                 TracerouteListener listener);
    void cancel_traceroute(TraceId trace);

    // Where bindings of NAT are written; it outlives this. Without one they are not.
    void set_nat_journal(NatJournal& journal);
    [[nodiscard]] const NatJournal* nat_journal() const { return nat_journal_; }

    [[nodiscard]] ChannelClient& channel() { return channel_; }
    [[nodiscard]] const Rib& rib() const { return rib_; }
    // For whoever announces routes of others (controlplane/rib/redistribution.hpp).
    [[nodiscard]] Redistribution& redistribution() { return rib_.redistribution(); }
    [[nodiscard]] const PolicyTable& policies() const { return policies_; }
    [[nodiscard]] const EventLog& events() const { return events_; }
    [[nodiscard]] const Host& host() const { return host_; }
    // Sockets on the router's own stack.
    [[nodiscard]] Stack& stack() { return stack_; }
    [[nodiscard]] RipInstance& rip() { return *rip_; }
    [[nodiscard]] const PcpInstance& pcp() const { return *pcp_; }
    [[nodiscard]] const InterfaceDirectory& interfaces() const { return interfaces_; }
    [[nodiscard]] const LoadSamples& load() const { return load_; }
    [[nodiscard]] const RouterCounters& counters() const { return counters_; }
    // What the end of the first synchronisation waits for.
    [[nodiscard]] Convergence& convergence() { return convergence_; }
    [[nodiscard]] const RouteDownload& download() const { return download_; }
    [[nodiscard]] const RouteAudit& audit() const { return *audit_; }
    [[nodiscard]] const OwnPorts& own_ports() const { return *own_ports_; }
    [[nodiscard]] const std::string& dataplane_sha256() const { return dataplane_sha256_; }
    [[nodiscard]] Duration uptime() const { return timers_.now() - started_; }
    [[nodiscard]] Duration dataplane_uptime() const;
    [[nodiscard]] Timers& timers() { return timers_; }
    [[nodiscard]] Executor& executor() { return executor_; }

private:
    enum class Session : std::uint8_t { None, Configuring, Learning, Open };

    ChannelCallbacks callbacks();
    void session_opened(const api::WelcomeBody& welcome);
    void session_lost(const std::string& reason);
    void give_configuration(std::function<void()> then);
    void give_phase(api::ConfigurePhase phase, std::uint64_t session, std::function<void()> then);
    void learn_interfaces();
    void interfaces_learned(const std::vector<api::InterfaceRecord>& records);
    void resynchronize();
    void heal(const std::string& difference);
    void event(api::EventType type, std::span<const std::byte> body);
    void interface_changed(const api::InterfaceRecord& record);
    void route_rejected(const api::RouteRejectedRecord& record);
    void punted(const api::PuntRecord& header, std::span<const std::byte> packet);

    void refresh_later();
    void refresh_routes();
    void refresh_policies();
    void look_at_limits();
    void run_download();
    void run_download_later();
    void set_host_links();
    void make_rip(std::function<std::uint32_t()> random);
    void inject(const Outgoing& packet);
    void tell_probes(const HostActions& actions);
    void sample();
    // Fills in the source where none is asked for; an answer says why there is none, or no such
    // one.
    [[nodiscard]] std::optional<std::string> choose_source(PingRequest& request) const;
    // `work` in a later turn, unless this is gone by then.
    void later(std::function<void()> work);

    Executor& executor_;
    Timers& timers_;
    RunningConfiguration running_;
    Instant started_;
    EventLog events_;
    InterfaceDirectory interfaces_;
    std::set<net::InterfaceId> up_;  // as the RIB was told
    PolicyTable policies_;
    Rib rib_;
    Host host_;
    ChannelClient channel_;
    Stack stack_;
    RouteDownload download_;
    Convergence convergence_;
    std::optional<Convergence::Token> rip_learns_;
    LoadSamples load_;
    RouterCounters counters_;
    NatJournal* nat_journal_ = nullptr;
    std::function<void(const config::Model&)> adopted_;
    std::array<std::uint64_t, 3> limits_met_{};  // as they were a moment ago (look_at_limits())
    std::array<bool, 3> limits_told_{};
    std::map<PingId, PingListener> pings_;
    std::map<TraceId, TracerouteListener> traceroutes_;

    Session session_ = Session::None;
    std::uint64_t session_number_ = 0;  // of ours: an answer for an older one is not for now
    std::uint64_t generation_ = 0;
    std::set<net::InterfaceId> told_since_;  // by events, while all interfaces are asked for
    std::optional<std::uint64_t> boot_id_;
    Instant boot_seen_{};
    std::string dataplane_sha256_;
    bool refresh_due_ = false;
    bool download_due_ = false;

    std::unique_ptr<Timer> sample_timer_;
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<RouteAudit> audit_;
    std::unique_ptr<OwnPorts> own_ports_;
    std::unique_ptr<RipInstance> rip_;
    std::unique_ptr<PcpInstance> pcp_;
    std::shared_ptr<bool> alive_;  // what `later` and answers look at
};

}  // namespace godwit::control
