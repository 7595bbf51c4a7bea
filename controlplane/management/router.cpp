#include "controlplane/management/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

#include "controlplane/management/nat_journal.hpp"
#include "controlplane/management/nat_view.hpp"
#include "controlplane/management/own_ports.hpp"
#include "controlplane/management/pcp_instance.hpp"
#include "controlplane/management/rip_instance.hpp"
#include "controlplane/management/route_audit.hpp"
#include "controlplane/runtime/cycle_counter.hpp"
#include "dataplane/api/decode.hpp"

namespace godwit::control {

namespace {

constexpr Duration kSampleInterval = std::chrono::seconds(1);
constexpr Duration kLearnRetry = std::chrono::seconds(1);
constexpr double kLongestUptime = 4e9;  // seconds; beyond lies nonsense

}  // namespace

Router::Router(Executor& executor, Timers& timers, std::function<std::uint32_t()> random,
               RunningConfiguration running)
    : executor_(executor),
      timers_(timers),
      running_(std::move(running)),
      started_(timers.now()),
      events_([] {
          return std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
              .count();
      }),
      host_(HostLimits{}, random,
            [this](net::Ipv4Address destination) { return rib_.toward(destination); }),
      channel_(executor, timers, config::channel_socket_path(running_.model), callbacks()),
      stack_(host_, timers,
             {[this](const Outgoing& packet) { inject(packet); },
              [this](const HostActions& actions) { tell_probes(actions); }}),
      download_(rib_, channel_.routes()),
      convergence_(
          timers, [this] { run_download_later(); },
          [this](const std::string& protocol) {
              events_.note(EventTopic::Routes, EventLevel::Warning,
                           fmt::format("{} has not learned its routes again in time; those that "
                                       "it does not know by now are removed",
                                       protocol));
          }),
      sample_timer_(timers.make_timer()),
      retry_timer_(timers.make_timer()),
      audit_(std::make_unique<RouteAudit>(timers, channel_, rib_, download_,
                                          [this](const std::string& what) { heal(what); })),
      own_ports_(std::make_unique<OwnPorts>(
          host_, channel_, [this](std::function<void()> work) { later(std::move(work)); })),
      pcp_(std::make_unique<PcpInstance>(
          PcpInstance::Surroundings{stack_, timers_, channel_, interfaces_, events_})),
      alive_(std::make_shared<bool>(true)) {
    make_rip(std::move(random));
    refresh_routes();
}

Router::~Router() {
    *alive_ = false;
    stop();
}

ChannelCallbacks Router::callbacks() {
    ChannelCallbacks callbacks;
    callbacks.session_opened = [this](const auto& welcome) { session_opened(welcome); };
    callbacks.session_lost = [this](const auto& reason) { session_lost(reason); };
    callbacks.event = [this](auto type, auto body) { event(type, body); };
    callbacks.punted = [this](const auto& header, auto packet) { punted(header, packet); };
    callbacks.routes_acknowledged = [this](std::uint64_t sequence) {
        download_.acknowledged(sequence);
        if (rib_.has_download()) {
            run_download();  // what waited for room goes portion by portion
        }
    };
    callbacks.routes_have_room = [this] { run_download(); };
    return callbacks;
}

void Router::start() {
    channel_.start();
    audit_->start();
    sample();
}

void Router::stop() {
    channel_.stop();
    rip_.reset();  // without a farewell: what forwards goes on
    pcp_.reset();
    audit_->stop();
    stack_.stop();
    sample_timer_->cancel();
    retry_timer_->cancel();
}

void Router::later(std::function<void()> work) {
    executor_.post([alive = alive_, work = std::move(work)] {
        if (*alive) {
            work();
        }
    });
}

// ---- the session

void Router::session_opened(const api::WelcomeBody& welcome) {
    ++session_number_;
    if (boot_id_ != welcome.boot_id) {
        if (boot_id_) {
            ++counters_.dataplane_restarts;
        }
        boot_id_ = welcome.boot_id;
        boot_seen_ = timers_.now();
        load_.forget();
    }
    dataplane_sha256_ = printable(welcome.config_sha256.data(), welcome.config_sha256.size());
    events_.note(EventTopic::Dataplane, EventLevel::Info,
                 fmt::format("dataplane connected, session {}", welcome.session));
    own_ports_->session_opened();
    if (dataplane_sha256_ != running_.revision.sha256) {
        session_ = Session::Configuring;
        give_configuration([this] { learn_interfaces(); });
    } else {
        learn_interfaces();
    }
}

void Router::session_lost(const std::string& reason) {
    events_.note(EventTopic::Dataplane, EventLevel::Warning,
                 fmt::format("dataplane gone: {}; trying to reach it again", reason));
    ++session_number_;
    session_ = Session::None;
    download_.session_lost();
    retry_timer_->cancel();
}

void Router::reconcile_configuration() {
    if (channel_.connected() && dataplane_sha256_ != running_.revision.sha256) {
        give_configuration([] {});
    }
}

// A dataplane that came up with another text, or that was left with one by an apply that failed
// half-way, gets ours. Whatever comes of it, `then` follows: routes are needed in any case.
void Router::give_configuration(std::function<void()> then) {
    ++counters_.configurations_pushed;
    events_.note(EventTopic::Dataplane, EventLevel::Info,
                 fmt::format("the dataplane runs another configuration; giving it revision {}",
                             running_.revision.number));
    give_phase(api::ConfigurePhase::Prepare, session_number_, std::move(then));
}

void Router::give_phase(api::ConfigurePhase phase, std::uint64_t session,
                        std::function<void()> then) {
    const std::string sha256 = running_.revision.sha256;
    channel_.configure(
        phase, running_.revision.number, running_.yaml,
        [this, alive = alive_, phase, session, sha256,
         then = std::move(then)](const net::Result<ConfigureAnswer, std::string>& answer) {
            if (!*alive || session != session_number_) {
                return;
            }
            const bool done = answer && answer->outcome == api::ConfigureOutcome::Done;
            if (done && phase == api::ConfigurePhase::Prepare &&
                sha256 == running_.revision.sha256) {
                give_phase(api::ConfigurePhase::Commit, session, then);
                return;
            }
            if (done && phase == api::ConfigurePhase::Commit) {
                dataplane_sha256_ = sha256;
            } else if (!done) {
                ++counters_.configurations_refused;
                events_.note(
                    EventTopic::Dataplane, EventLevel::Error,
                    fmt::format(
                        "the dataplane does not take revision {}: {}; it keeps running another "
                        "one until it is restarted",
                        running_.revision.number,
                        answer ? fmt::format("{}", fmt::join(sentences_of(answer->text), "; "))
                               : answer.error()));
            }
            then();
        });
}

void Router::learn_interfaces() {
    session_ = Session::Learning;
    told_since_.clear();
    const std::uint64_t session = session_number_;
    channel_.query(
        api::QueryKind::Interfaces,
        [this, alive = alive_, session](const net::Result<QueryAnswer, std::string>& answer) {
            if (!*alive || session != session_number_) {
                return;
            }
            if (answer) {
                interfaces_learned(answer->rows<api::InterfaceRecord>());
                return;
            }
            events_.note_some(
                EventTopic::Dataplane, EventLevel::Warning,
                fmt::format("the dataplane does not name its interfaces: {}; asking again",
                            answer.error()),
                timers_.now());
            retry_timer_->arm(timers_.now() + kLearnRetry, [this] { learn_interfaces(); });
        });
}

void Router::interfaces_learned(const std::vector<api::InterfaceRecord>& records) {
    // An event that came in while the answer was on its way may be newer than the answer.
    std::vector<api::InterfaceRecord> told;
    for (const net::InterfaceId id : told_since_) {
        if (const api::InterfaceRecord* const record = interfaces_.find(id)) {
            told.push_back(*record);
        }
    }
    interfaces_.clear();
    for (const auto* list : {&records, &std::as_const(told)}) {
        for (const api::InterfaceRecord& record : *list) {
            if (list == &records && told_since_.contains(net::InterfaceId(record.interface))) {
                continue;
            }
            if (!interfaces_.update(record)) {
                ++counters_.bad_interface_records;
            }
        }
    }
    session_ = Session::Open;
    refresh_routes();
    resynchronize();
}

void Router::resynchronize() {
    if (session_ == Session::Open) {
        download_.begin(++generation_);
        run_download();
    }
}

void Router::heal(const std::string& difference) {
    events_.note(EventTopic::Routes, EventLevel::Warning,
                 fmt::format("the dataplane's routes are not what they should be ({}); telling it "
                             "everything anew",
                             difference));
    resynchronize();
}

void Router::run_download() {
    const bool settling = rib_.settle_more();
    if (rip_) {
        rip_->pull_redistribution();
    }
    // A batch a turn: a table of any size does not hold up anything else.
    download_.hold_end(convergence_.pending());
    if (download_.run() || settling) {
        run_download_later();
    }
}

void Router::run_download_later() {
    if (!std::exchange(download_due_, true)) {
        later([this] {
            download_due_ = false;
            run_download();
        });
    }
}

// ---- what follows the interfaces and the configuration

// Many interfaces change at once (a session begins, a device vanishes): one pass for all of them.
void Router::refresh_later() {
    if (session_ == Session::Open && !std::exchange(refresh_due_, true)) {
        later([this] {
            refresh_due_ = false;
            if (session_ == Session::Open) {
                refresh_routes();
                run_download();
            }
        });
    }
}

// The interfaces of a policy are numbers, so a new interface concerns those that name it.
void Router::refresh_policies() {
    const std::vector<std::string> changed = policies_.replace(
        running_.model.policy,
        [this](std::string_view name) { return interfaces_.id_of(std::string(name)); });
    if (!changed.empty()) {
        events_.note(
            EventTopic::Policies, EventLevel::Info,
            fmt::format("policies that decide otherwise now: {}", fmt::join(changed, ", ")));
    }
}

void Router::refresh_routes() {
    ModelRoutes routes = routes_of(running_.model, interfaces_);
    std::set<net::InterfaceId> up;
    for (const auto& [name, interface] : running_.model.interfaces) {
        const net::InterfaceId id = interfaces_.id_of(name);
        if (interface.enabled && interfaces_.is_up(id)) {
            up.insert(id);
        }
    }
    for (const net::InterfaceId id : up) {
        if (!up_.contains(id)) {
            rib_.set_interface_up(id, true);
        }
    }
    rib_.replace_source(RouteSource::Local, std::move(routes.local));
    rib_.replace_source(RouteSource::Connected, std::move(routes.connected));
    rib_.replace_source(RouteSource::Static, std::move(routes.static_routes));
    for (const net::InterfaceId id : up_) {
        if (!up.contains(id)) {
            rib_.set_interface_up(id, false);
        }
    }
    up_ = std::move(up);
    set_host_links();
    // Next to each other: what an old policy counts after its exchange is counted for nobody.
    refresh_policies();
    if (rip_) {
        rip_->adopt(running_.model);
    }
    if (pcp_) {
        pcp_->adopt(running_.model);
    }
}

// ---- configuration

void Router::set_nat_journal(NatJournal& journal) {
    nat_journal_ = &journal;
    journal.set_limits(running_.model.nat.log);
}

void Router::adopt(RunningConfiguration next) {
    running_ = std::move(next);
    if (nat_journal_ != nullptr) {
        nat_journal_->set_limits(running_.model.nat.log);
    }
    refresh_routes();
    run_download();
    if (adopted_) {
        adopted_(running_.model);
    }
}

void Router::set_host_links() {
    std::vector<Link> links;
    for (const auto& [name, interface] : running_.model.interfaces) {
        if (interface.enabled) {
            const net::InterfaceId id = interfaces_.id_of(name);
            links.push_back({id, name, interface.mtu, up_.contains(id),
                             std::holds_alternative<config::Loopback>(interface.kind),
                             interface.addresses});
        }
    }
    host_.set_links(links);
    // Connections that stand follow an MTU, or a route to another interface.
    host_.tcp().paths_changed(timers_.now());
    stack_.settle();
    host_.set_error_rate(running_.model.ipv4.icmp.errors_per_second);
}

void Router::make_rip(std::function<std::uint32_t()> random) {
    rip_ = std::make_unique<RipInstance>(RipInstance::Surroundings{
        .stack = stack_,
        .timers = timers_,
        .rib = rib_,
        .interfaces = interfaces_,
        .policies = policies_,
        .events = events_,
        .random = std::move(random),
        .routes_changed = [this] { run_download_later(); },  // one for many packets
        .later =
            [this](std::function<void()> work) {
                later([this, work = std::move(work)] {
                    if (rip_) {
                        work();
                    }
                });
            },
        .begins =
            [this](Duration patience) {
                const auto before =
                    std::exchange(rip_learns_, convergence_.expect("rip", patience));
                if (before) {
                    convergence_.reached(*before);
                }
            },
        .converged =
            [this] {
                if (rip_learns_) {
                    convergence_.reached(*rip_learns_);
                }
            },
    });
}

// ---- packets for us and from us

void Router::punted(const api::PuntRecord& header, std::span<const std::byte> packet) {
    const bool group = (header.flags & api::kPuntToGroup) != 0;
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size());
    const Instant now = timers_.now();
    const api::CountersRegion* const region = channel_.counters();
    const Instant arrived =
        region == nullptr
            ? now
            : instant_of_cycles(header.arrival_tsc, read_cycle_counter(), region->tsc_hz, now);
    stack_.arrived(bytes, {net::InterfaceId(header.interface), group}, arrived);
}

void Router::inject(const Outgoing& packet) {
    api::InjectRecord header;
    header.mode = packet.egress.is_none() ? api::InjectMode::Routed : api::InjectMode::Neighbor;
    header.interface = packet.egress.value();
    header.next_hop = packet.neighbor.value();
    if (!channel_.inject(header, std::as_bytes(std::span(packet.packet)))) {
        ++counters_.packets_not_sent;
    }
}

void Router::tell_probes(const HostActions& actions) {
    for (const HostActions::PingReport& report : actions.reports) {
        const auto listener = pings_.find(report.ping);
        if (listener != pings_.end() && listener->second.event) {
            listener->second.event(report.event);
        }
    }
    for (const HostActions::PingEnd& end : actions.ended) {
        const auto listener = pings_.extract(end.ping);
        if (listener && listener.mapped().end) {
            listener.mapped().end(end.summary);
        }
    }
    for (const TraceReports::Hop& hop : actions.traces.hops) {
        const auto listener = traceroutes_.find(hop.trace);
        if (listener != traceroutes_.end() && listener->second.hop) {
            listener->second.hop(hop.hop);
        }
    }
    for (const TraceReports::End& end : actions.traces.ended) {
        const auto listener = traceroutes_.extract(end.trace);
        if (listener && listener.mapped().end) {
            listener.mapped().end(end.summary);
        }
    }
}

// ---- now and then

void Router::sample() {
    look_at_limits();
    if (const api::CountersRegion* const region = channel_.counters()) {
        load_.sample(*region, channel_.welcome() ? channel_.welcome()->worker_count : 0);
    }
    own_ports_->try_again();
    pcp_->look();
    sample_timer_->arm(timers_.now() + kSampleInterval, [this] { sample(); });
}

// The cycles that the first worker has counted tell how long it runs, to a control plane that came
// later too.
Duration Router::dataplane_uptime() const {
    const api::CountersRegion* const region = channel_.counters();
    if (region == nullptr) {
        return {};
    }
    Duration counted{};
    if (region->tsc_hz > 0) {
        const double cycles = static_cast<double>(region->blocks[0].busy_cycles.read()) +
                              static_cast<double>(region->blocks[0].idle_cycles.read());
        const double seconds =
            std::min(cycles / static_cast<double>(region->tsc_hz), kLongestUptime);
        counted = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    }
    return std::max(counted, timers_.now() - boot_seen_);
}

}  // namespace godwit::control
