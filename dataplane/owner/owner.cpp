#include "dataplane/owner/owner.hpp"

#include <poll.h>
#include <rte_cycles.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "config/store/store.hpp"
#include "dataplane/nodes/environment.hpp"
#include "dataplane/owner/queries.hpp"
#include "dataplane/owner/reconfigure.hpp"

namespace godwit::dataplane {

namespace {

constexpr unsigned kNoticesAnInterval = 20;
constexpr Duration kNoticeInterval = std::chrono::seconds(10);

// Two routers that start at the same moment on one link must not wait equally long (RFC 5227
// 2.1.1): what tells them apart is their MAC addresses.
std::uint64_t seed_of(const PortControl& ports, const config::Model& model) {
    std::uint64_t seed = 0;
    for (const auto& [name, interface] : model.interfaces) {
        if (const drivers::Port* port = ports.find(name)) {
            seed = seed * 31 + mac_bits(interface.mac.value_or(port->mac));
        }
    }
    return seed;
}

// By the time of day: for events that people read.
std::uint64_t unix_milliseconds() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

}  // namespace

Owner::Owner(const OwnerParts& parts, const config::Model& model, std::string_view yaml,
             const OwnerSettings& settings, Instant now)
    : parts_(parts),
      settings_(settings),
      packet_bytes_(drivers::memory_budget(model).packet_bytes),
      config_sha256_(config::sha256_hex(std::string(yaml))),
      now_(now),
      interfaces_(parts.shared.interfaces, parts.ports,
                  static_cast<unsigned>(parts.workers.size())),
      neighbors_(settings.neighbors,
                 [this](const NeighborKey& key) { return hops_.packets_to(key); }),
      conflicts_(static_cast<std::uint64_t>(now.time_since_epoch().count()) ^
                 seed_of(parts.ports, model)),
      hops_(parts.shared.next_hops, parts.shared.interfaces, *this),
      routes_(parts.shared.fib, hops_, settings.max_routes),
      dispatch_(parts.shared.links, parts.counters, parts.shared.pool,
                parts.shared.random_key.value_or(random_key())),
      packet_buffers_(*parts.shared.pool),
      nat_(parts.shared.nat, parts.shared.links),
      packets_(settings.packets_a_turn),
      next_link_poll_(now),
      notices_(kNoticesAnInterval, kNoticeInterval),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
    if (const std::string wrong = adopt_nat(model); !wrong.empty()) {
        close(epoll_);
        throw std::runtime_error(wrong);
    }
    adopt(model);
    poll_links();
    carry_out_conflicts();
}

Owner::~Owner() {
    close(epoll_);
}

void Owner::serve(ChannelServer& server) {
    server_ = &server;
    server.set_config_sha256(config_sha256_);
}

bool Owner::turn(Instant now) {
    now_ = now;
    bool more = take_packets();
    if (server_ != nullptr) {
        const bool congested = is_congested();
        statistics_.congested_turns += congested ? 1 : 0;
        const bool waits = server_->poll(congested ? 0 : settings_.records_a_turn);
        more |= waits && !congested;
    }
    more |= routes_.sweep(settings_.sweep_a_turn);
    neighbors_.advance(now, actions_);
    carry_out_actions();
    conflicts_.advance(now, conflict_actions_);
    carry_out_conflicts();
    send_announcements();
    if (now >= next_link_poll_) {
        next_link_poll_ = now + settings_.link_interval;
        packet_buffers_.look();
        poll_links();
        carry_out_actions();
        carry_out_conflicts();
    }
    more |= nat_.turn(server_, now, unix_milliseconds());
    report_routes();
    if (server_ != nullptr && server_->take_resync_due()) {
        report_everything();
    }
    dispatch_.flush();
    parts_.shared.reclaimer.poll();
    parts_.counters.loops.add(1);
    return more;
}

Instant Owner::next_deadline() const {
    Instant deadline = next_link_poll_;
    if (parts_.shared.reclaimer.pending() > 0) {
        deadline = std::min(deadline, now_ + settings_.reclaim_interval);
    }
    if (nat_.is_busy()) {
        deadline = std::min(deadline, now_ + settings_.nat_interval);
    }
    if (const auto due = neighbors_.next_deadline()) {
        deadline = std::min(deadline, *due);
    }
    if (const auto due = conflicts_.next_deadline()) {
        deadline = std::min(deadline, *due);
    }
    if (const auto due = announcements_.next_deadline()) {
        deadline = std::min(deadline, *due);
    }
    return deadline;
}

void Owner::run(const std::atomic<bool>& stop) {
    const auto watch = [&](int descriptor) {
        epoll_event event{};
        event.events = EPOLLIN;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
        }
    };
    watch(parts_.shared.links.owner_event_fd());
    if (server_ != nullptr) {
        watch(server_->poll_fd());
    }
    std::uint64_t before = rte_rdtsc();
    const auto cycles_since = [&before] {
        const std::uint64_t now = rte_rdtsc();
        return now - std::exchange(before, now);
    };
    while (!stop.load(std::memory_order_relaxed) && !restart_wanted_) {
        const bool more = turn(std::chrono::steady_clock::now());
        parts_.counters.busy_cycles.add(cycles_since());
        if (!more) {
            sleep(next_deadline());
            parts_.counters.idle_cycles.add(cycles_since());
        }
    }
}

void Owner::sleep(Instant until) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    if (!parts_.shared.links.owner_prepares_to_wait()) {
        return;
    }
    if (is_congested()) {
        // Its records must wait, so they must not wake us.
        pollfd workers{parts_.shared.links.owner_event_fd(), POLLIN, 0};
        poll(&workers, 1,
             static_cast<int>(
                 duration_cast<std::chrono::milliseconds>(settings_.congested_interval).count()));
        parts_.shared.links.owner_woke();
        return;
    }
    const auto left = until - std::chrono::steady_clock::now();
    if ((server_ == nullptr || server_->prepare_to_wait()) && left > Duration::zero()) {
        // Rounded up, so that nobody turns in circles before a deadline.
        const auto milliseconds = duration_cast<microseconds>(left).count() / 1000 + 1;
        epoll_event events[4];
        parts_.counters.sleeps.add(1);
        epoll_wait(epoll_, events, 4, static_cast<int>(milliseconds));
    }
    parts_.shared.links.owner_woke();
}

void Owner::shut_down() {
    set_punt_rings({});
    neighbors_.drop_held(api::DropReason::ShuttingDown, actions_);
    carry_out_actions();
    for (auto packets = dispatch_.take(packets_); !packets.empty();
         packets = dispatch_.take(packets_)) {
        for (rte_mbuf* packet : packets) {
            dispatch_.drop(packet, api::DropReason::ShuttingDown);
        }
    }
    dispatch_.flush();
    parts_.shared.reclaimer.drain();
}

// ---- packets

bool Owner::take_packets() {
    const auto packets = dispatch_.take(packets_);
    for (rte_mbuf* packet : packets) {
        switch (meta(packet).resume) {
            case api::NodeId::ArpInput:
                arp_message(packet);
                break;
            case api::NodeId::ArpResolve:
                packet_to_resolve(packet);
                break;
            default:
                // No worker sends any other; a packet that says so has nowhere to go.
                dispatch_.drop(packet, api::DropReason::Ip4NoAdjacency);
                break;
        }
        carry_out_actions();
    }
    return packets.size() == packets_.size();
}

void Owner::carry_out_actions() {
    // Carrying out may add to them (a next hop refers to a neighbour), never without end: what is
    // added is about another thing than what it came from.
    while (!actions_.empty()) {
        for (const NeighborAction& action : std::exchange(actions_, {})) {
            carry_out(action);
        }
    }
}

void Owner::carry_out(const NeighborAction& action) {
    if (const auto* request = std::get_if<SendArpRequest>(&action)) {
        send_request(*request);
    } else if (const auto* up = std::get_if<AdjacencyUp>(&action)) {
        hops_.neighbor_up(up->key, up->mac);
        routes_.neighbor_up(up->key);
    } else if (const auto* down = std::get_if<AdjacencyDown>(&action)) {
        routes_.neighbor_down(down->key);
        hops_.neighbor_down(down->key);
    } else if (const auto* packet = std::get_if<ForwardPacket>(&action)) {
        forward(*packet);
    } else if (const auto* dropped = std::get_if<DropPacket>(&action)) {
        drop(*dropped);
    } else if (const auto* changed = std::get_if<NeighborChanged>(&action)) {
        emit(api::EventType::NeighborChanged, changed->record);
    }
}

// ---- links and announcements

void Owner::poll_links() {
    for (const net::InterfaceId id : interfaces_.poll_links()) {
        ++statistics_.link_changes;
        const bool up = interfaces_.link_is_up(id);
        if (const auto left_out = notices_.admit(now_)) {
            spdlog::info("{}: link {}{}", interfaces_.name_of(id), up ? "up" : "down",
                         *left_out == 0 ? "" : ", and other lines left out");
        }
        if (up) {
            link_came_up(id);
        } else {
            conflicts_.link_down(id);
        }
        report_interface(id);
    }
}

void Owner::link_came_up(net::InterfaceId id) {
    neighbors_.link_up(id, now_, actions_);
    if (interfaces_.link_is_up(id)) {
        conflicts_.link_up(id, now_, conflict_actions_);
    }
    announce_addresses_of(id);
}

void Owner::announce_addresses_of(net::InterfaceId id) {
    const InterfaceEntry* interface = interfaces_.entry(id);
    if (interface == nullptr || interface->type == api::InterfaceType::Loopback) {
        return;
    }
    for (const net::Ipv4InterfaceAddress& own : interface->addresses) {
        announcements_.start({id, own.address}, now_);
    }
}

void Owner::send_announcements() {
    for (const NeighborKey& own : announcements_.take_due(now_)) {
        const InterfaceEntry* interface = interfaces_.entry(own.interface);
        if (interface != nullptr && interface->up && interfaces_.link_is_up(own.interface)) {
            dispatch_.send_arp_request(*interface, own.address, own.address, std::nullopt);
        }
    }
}

// ---- the channel

void Owner::session_opened(SessionRings rings) {
    spdlog::info("control plane connected, session {}", rings.session);
    routes_.session_opened();
    rejections_.clear();
    rooms_.clear();
    sync_done_.reset();
    acknowledged_ = 0;
    set_punt_rings(std::move(rings));
    for (const net::InterfaceId id : interfaces_.all()) {
        report_interface(id);
    }
}

void Owner::session_closed() {
    spdlog::warn("control plane gone: {}; forwarding goes on",
                 server_ != nullptr && !server_->last_end().empty() ? server_->last_end()
                                                                    : "the session ended");
    set_punt_rings({});
}

// The workers get new rings (or none); the old ones, and the memory that they lie in, go when no
// worker can be writing to them any more.
void Owner::set_punt_rings(SessionRings rings) {
    std::vector<std::unique_ptr<PuntRings>> next;
    for (std::size_t worker = 0; worker < parts_.workers.size(); ++worker) {
        PuntRings* ring = nullptr;
        if (worker < rings.punt.size()) {
            next.push_back(std::make_unique<PuntRings>());
            ring = next.back().get();
            ring->producers = rings.punt[worker];
            ring->signal_fd = rings.punt_signal_fd;
        }
        parts_.workers[worker]->set_punt(ring);
    }
    struct Old {
        std::vector<std::unique_ptr<PuntRings>> rings;
        std::shared_ptr<const void> memory;
    };
    // Shared because a std::function must be copyable.
    auto old = std::make_shared<Old>(Old{std::exchange(punt_rings_, std::move(next)),
                                         std::exchange(punt_memory_, std::move(rings.memory))});
    parts_.shared.reclaimer.defer([old] { old->rings.clear(); });
}

void Owner::route_record(const api::Record& record) {
    routes_.apply(record);
    carry_out_actions();
}

void Owner::query(const api::QueryBody& query, QueryPage& page) {
    answer({interfaces_, parts_.shared.fib, parts_.shared.next_hops, routes_, hops_, neighbors_,
            conflicts_, settings_.neighbors, parts_.workers, parts_.counters, packet_buffers_,
            model_, nat_},
           query, now_, page);
}

void Owner::nat_asked(std::uint64_t session, std::uint32_t request, const api::NatAskBody& ask) {
    nat_.asked(session, request, ask);
}

api::ConfigureOutcome Owner::own_ports(std::span<const api::OwnPortRecord> ports,
                                       std::string& text) {
    nat_.set_own_ports(ports);
    text = adopt_nat(model_);
    return text.empty() ? api::ConfigureOutcome::Done : api::ConfigureOutcome::Failed;
}

void Owner::restart_requested() {
    spdlog::info("restart asked for by the control plane");
    restart_wanted_ = true;
}

bool Owner::refer(const NeighborKey& key) {
    return neighbors_.refer(key, now_, actions_);
}

void Owner::unrefer(const NeighborKey& key) {
    neighbors_.unrefer(key, now_);
}

// ---- events

void Owner::report_routes() {
    routes_.look_for_room(parts_.shared.reclaimer.pending() > 0,
                          neighbors_.size() < settings_.neighbors.max_entries);
    for (const api::RouteRejectedRecord& rejected : routes_.take_rejections()) {
        rejections_.push_back(rejected);
    }
    if (auto done = routes_.take_sync_done()) {
        sync_done_ = *done;
        spdlog::info("routes synchronised: {} in use, {} routes and {} next hops swept",
                     routes_.downloaded(), done->routes_swept, done->next_hops_swept);
    }
    if (server_ == nullptr || !server_->connected()) {
        return;
    }
    // A rejection before the acknowledgement that covers it: what is acknowledged and not rejected
    // is installed.
    while (!rejections_.empty() && emit(api::EventType::RouteRejected, rejections_.front())) {
        rejections_.pop_front();
    }
    if (!rejections_.empty()) {
        return;
    }
    // After the refusals that it is an answer to.
    for (const api::RouteRejection reason : routes_.take_room()) {
        rooms_.push_back(reason);
    }
    while (!rooms_.empty() &&
           emit(api::EventType::RoomReturned, api::RoomReturnedRecord{rooms_.front(), 0})) {
        rooms_.pop_front();
    }
    if (sync_done_ && emit(api::EventType::SyncDone, *sync_done_)) {
        sync_done_.reset();
    }
    if (routes_.acknowledged() != acknowledged_) {
        acknowledged_ = routes_.acknowledged();
        server_->acknowledge(acknowledged_);
    }
}

void Owner::report_interface(net::InterfaceId id) {
    if (const auto record = interfaces_.record(id)) {
        emit(api::EventType::InterfaceChanged, *record);
    }
}

void Owner::report_everything() {
    for (const net::InterfaceId id : interfaces_.all()) {
        report_interface(id);
    }
    neighbors_.walk({}, now_, [&](const NeighborKey&, const api::NeighborRecord& record) {
        return emit(api::EventType::NeighborChanged, record);
    });
}

}  // namespace godwit::dataplane
