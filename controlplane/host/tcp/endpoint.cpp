#include "controlplane/host/tcp/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controlplane/host/tcp/endpoint_entry.hpp"

namespace godwit::control::tcp {

namespace {

bool is_one_host(net::Ipv4Address address) {
    return !address.is_unspecified() && !address.is_multicast() &&
           !address.is_limited_broadcast() && !address.is_reserved();
}

}  // namespace

Endpoint::Endpoint(const Limits& limits, const net::SipKey& key,
                   std::function<std::uint32_t()> random, SegmentSink& sink)
    : limits_(limits),
      secrets_(key),
      random_(std::move(random)),
      guard_(secrets_),
      output_(guard_, sink),
      resets_(limits.resets_per_second, limits.resets_per_second),
      flows_(0, FlowPlacer(secrets_)),
      syn_cache_(limits.half_open, secrets_),
      time_wait_(limits.time_wait, secrets_),
      history_(limits.history) {
    for (std::uint32_t& counter : port_counters_) {
        counter = random_();
    }
}

Endpoint::~Endpoint() = default;

net::Result<ListenerId, std::string> Endpoint::listen(net::Ipv4Address address, std::uint16_t port,
                                                      const Settings& settings,
                                                      std::size_t backlog) {
    for (const auto& [id, listener] : listeners_) {
        if (listener.port == port && listener.address == address) {
            return net::unexpected(
                fmt::format("TCP port {} of {} is listened on already; stop that first, or choose "
                            "another port",
                            port, address.to_string()));
        }
    }
    if (port == 0) {
        return net::unexpected(
            std::string("TCP port 0 is no port to listen on; choose 1 to 65535"));
    }
    const ListenerId id{++last_listener_};
    listeners_.emplace(id,
                       Listener{address, port, settings, std::max<std::size_t>(backlog, 1), {}});
    ports_.add({net::IpProtocol::Tcp, address, port});
    return id;
}

void Endpoint::stop_listening(ListenerId listener, Instant now) {
    const auto found = listeners_.find(listener);
    if (found == listeners_.end()) {
        return;
    }
    const std::deque<ConnectionId> waiting = std::move(found->second.waiting);
    ports_.remove({net::IpProtocol::Tcp, found->second.address, found->second.port});
    listeners_.erase(found);
    syn_cache_.remove_of(listener);
    for (const ConnectionId id : waiting) {
        abort(id, now);
        release(id, now);
    }
}

std::optional<ConnectionId> Endpoint::accept(ListenerId listener) {
    const auto found = listeners_.find(listener);
    if (found == listeners_.end() || found->second.waiting.empty()) {
        return std::nullopt;
    }
    const ConnectionId id = found->second.waiting.front();
    found->second.waiting.pop_front();
    return id;
}

std::optional<std::uint16_t> Endpoint::choose_port(const Flow& wanted) {
    const std::uint32_t range = std::uint32_t{limits_.last_port} - limits_.first_port + 1;
    const std::uint32_t offset = secrets_.port_offset(wanted);
    std::uint32_t& counter = port_counters_[secrets_.port_counter(wanted) % port_counters_.size()];
    for (std::uint32_t tries = 0; tries < range; ++tries) {
        Flow flow = wanted;
        flow.local_port =
            static_cast<std::uint16_t>(limits_.first_port + (offset + counter++) % range);
        if (!flows_.contains(flow) && !time_wait_.holds(flow) && !listener_for(flow)) {
            return flow.local_port;
        }
    }
    return std::nullopt;
}

net::Result<ConnectionId, std::string> Endpoint::connect(const Flow& wanted,
                                                         const Settings& settings, Instant now) {
    Flow flow = wanted;
    // MUST-46: neither from nor to what is no single host.
    if (!is_one_host(flow.remote) || !is_one_host(flow.local) || flow.remote_port == 0) {
        return net::unexpected(fmt::format(
            "cannot connect from {} to port {} of {}: both must be addresses of single hosts, and "
            "the port 1 to 65535",
            flow.local.to_string(), flow.remote_port, flow.remote.to_string()));
    }
    if (!has_room_for(flow)) {
        return net::unexpected(fmt::format(
            "cannot connect to port {} of {}: there are {} connections, {} of them with this peer, "
            "and no more are allowed; close some",
            flow.remote_port, flow.remote.to_string(), connections_.size(),
            of_peer_.contains(flow.remote) ? of_peer_.at(flow.remote) : 0));
    }
    if (flow.local_port == 0) {
        const auto port = choose_port(flow);
        if (!port) {
            return net::unexpected(fmt::format(
                "cannot connect to port {} of {}: every local port from {} to {} is in use there; "
                "close some connections",
                flow.remote_port, flow.remote.to_string(), limits_.first_port, limits_.last_port));
        }
        flow.local_port = *port;
    } else if (flows_.contains(flow) || time_wait_.holds(flow)) {
        return net::unexpected(fmt::format(
            "cannot connect to port {} of {} from port {}: such a connection exists, or has just "
            "ended; choose another local port",
            flow.remote_port, flow.remote.to_string(), flow.local_port));
    }
    syn_cache_.remove(flow);
    Entry& made = create(flow, settings, flow.local);
    const ConnectionId id = made.id;
    ++counts_.active_opens;
    made.connection.connect(secrets_.initial_sequence(flow, now), secrets_.timestamp_offset(flow),
                            now);
    made.connection.set_path_mtu(path_of(flow, settings).path_mtu, now);
    settle(made, now);
    return id;
}

Endpoint::Entry& Endpoint::create(const Flow& flow, const Settings& settings,
                                  net::Ipv4Address bound) {
    const ConnectionId id{++last_connection_};
    Settings own = settings;
    own.link_mtu = path_of(flow, settings).link_mtu;
    own.signature_bytes = std::max(own.signature_bytes, guard_.option_bytes(flow));
    auto owned = std::make_unique<Entry>(id, flow, own, output_);
    Entry& made = *owned;
    made.bound = bound;
    ports_.add({net::IpProtocol::Tcp, bound, flow.local_port});
    connections_.emplace(id, std::move(owned));
    flows_.insert_or_assign(flow, &made);
    ++of_peer_[flow.remote];
    return made;
}

PathSizes Endpoint::path_of(const Flow& flow, const Settings& settings) const {
    PathSizes sizes = path_lookup_ ? path_lookup_(flow) : PathSizes{};
    if (sizes.link_mtu == 0) {
        sizes.link_mtu = settings.link_mtu;
    }
    if (sizes.path_mtu == 0) {
        sizes.path_mtu = sizes.link_mtu;
    }
    return sizes;
}

bool Endpoint::has_room_for(const Flow& flow) const {
    const auto peer = of_peer_.find(flow.remote);
    return connections_.size() < limits_.connections &&
           (peer == of_peer_.end() || peer->second < limits_.connections_of_peer);
}

bool Endpoint::can_accept(ListenerId listener, const Flow& flow) const {
    const auto found = listeners_.find(listener);
    return found != listeners_.end() && found->second.waiting.size() < found->second.backlog &&
           has_room_for(flow);
}

std::optional<ListenerId> Endpoint::listener_for(const Flow& flow) const {
    std::optional<ListenerId> general;
    for (const auto& [id, listener] : listeners_) {
        if (listener.port != flow.local_port) {
            continue;
        }
        if (listener.address == flow.local) {
            return id;
        }
        if (listener.address.is_unspecified()) {
            general = id;
        }
    }
    return general;
}

void Endpoint::input(const Flow& flow, const Segment& segment, Instant now) {
    ++counts_.segments_in;
    if (!is_one_host(flow.remote) || !is_one_host(flow.local)) {
        ++counts_.bad_addresses;
        return;
    }
    if (guard_.judge(flow, segment)) {
        return;  // silently, whatever it was (RFC 2385 2.0, RFC 5925 7.3); the guard has counted it
    }
    if (const auto found = flows_.find(flow); found != flows_.end()) {
        Entry& reached = *found->second;
        reached.connection.input(segment, now);
        settle(reached, now);
        return;
    }
    const auto listener = listener_for(flow);
    if (time_wait_.holds(flow)) {
        switch (time_wait_.input(flow, segment, listener.has_value(), now)) {
            case TimeWaitTable::Verdict::Ignored:
                return;
            case TimeWaitTable::Verdict::Answer:
                output_.transmit(flow, time_wait_.answer(flow, now));
                return;
            case TimeWaitTable::Verdict::OpenAnew:
                break;
        }
    }
    if (HalfOpen* const half_open = syn_cache_.find(flow); half_open != nullptr) {
        input_half_open(*half_open, flow, segment, now);
    } else if (listener) {
        input_listen(*listener, flow, segment, now);
    } else {
        refuse(flow, segment, now);
    }
}

// RFC 9293 3.10.7.2.
void Endpoint::input_listen(ListenerId listener, const Flow& flow, const Segment& segment,
                            Instant now) {
    if (segment.flags.rst) {
        return;
    }
    const Settings& settings = listeners_.at(listener).settings;
    if (segment.flags.ack) {
        const auto handshake = segment.flags.syn
                                   ? std::nullopt
                                   : syn_cache_.check_cookie(flow, segment, settings, now);
        if (!handshake) {
            refuse(flow, segment, now);
        } else if (can_accept(listener, flow)) {
            ++counts_.cookies_accepted;
            complete(listener, flow, *handshake, {}, segment, now);
        } else {
            ++counts_.refused_by_limit;
        }
        return;
    }
    if (!segment.flags.syn || segment.flags.fin) {
        return;
    }
    if (!has_room_for(flow)) {
        ++counts_.refused_by_limit;
        return;
    }
    HalfOpen half_open;
    half_open.handshake = negotiate(segment, settings);
    half_open.handshake.timestamp_offset = secrets_.timestamp_offset(flow);
    half_open.listener = listener;
    half_open.link_mtu = path_of(flow, settings).link_mtu;
    half_open.offered_scale = offered_scale(settings);
    half_open.offered_window = settings.receive_buffer;
    if (syn_cache_.full()) {
        syn_cache_.make_cookie(flow, half_open.handshake, now);
        send_syn_acknowledgment(flow, half_open, now);
        return;
    }
    half_open.handshake.ours = secrets_.initial_sequence(flow, now);
    syn_cache_.add(flow, half_open, now);
    send_syn_acknowledgment(flow, half_open, now);
}

void Endpoint::send_syn_acknowledgment(const Flow& flow, const HalfOpen& half_open, Instant now) {
    const auto owner = listeners_.find(half_open.listener);
    Settings settings = owner == listeners_.end() ? Settings() : owner->second.settings;
    settings.link_mtu = half_open.link_mtu;
    settings.receive_buffer = half_open.offered_window;
    settings.signature_bytes = std::max(settings.signature_bytes, guard_.option_bytes(flow));
    Segment answer = syn_acknowledgment(
        half_open,
        syn_options(settings, &half_open.handshake, half_open.handshake.timestamp_offset, now));
    answer.marks.ttl = settings.ttl;
    answer.marks.dscp = settings.dscp;
    output_.transmit(flow, answer);
}

// SYN-RECEIVED after a passive open: RFC 9293 3.10.7.4.
void Endpoint::input_half_open(HalfOpen& half_open, const Flow& flow, const Segment& segment,
                               Instant now) {
    Handshake& handshake = half_open.handshake;
    const net::Sequence expected = handshake.theirs + 1;
    if (segment.flags.rst) {
        if (segment.sequence == expected) {
            ++counts_.half_open_expired_or_reset;
            ++counts_.attempt_fails;
            syn_cache_.remove(flow);  // back to LISTEN; nobody is told
        }
        return;
    }
    if (segment.flags.syn) {
        if (segment.sequence == handshake.theirs && !segment.flags.ack) {
            send_syn_acknowledgment(flow, half_open, now);
        } else if (resets_.take(now)) {
            Segment challenge;  // RFC 5961 4.2
            challenge.flags.ack = true;
            challenge.sequence = handshake.ours + 1;
            challenge.acknowledgment = expected;
            output_.transmit(flow, challenge);
        }
        return;
    }
    if (!segment.flags.ack || (handshake.timestamps && !segment.options.timestamps)) {
        return;
    }
    const std::uint32_t window = std::min(half_open.offered_window, 0xffffU);
    if (segment.sequence < expected || segment.sequence >= expected + window) {
        return;
    }
    if (segment.acknowledgment != handshake.ours + 1) {
        refuse(flow, segment, now);
        return;
    }
    if (!can_accept(half_open.listener, flow)) {
        ++counts_.refused_by_limit;  // the peer repeats it, or we the SYN and ACK
        return;
    }
    Handshake agreed = handshake;
    agreed.window = std::uint32_t{segment.window} << agreed.window_scale;
    const ListenerId listener = half_open.listener;
    HandshakeTime took;
    took.sent_again = half_open.attempts != 0;
    if (!took.sent_again) {
        took.round_trip = now - (half_open.due - RttEstimator::kInitialTimeout);
    }
    syn_cache_.remove(flow);
    complete(listener, flow, agreed, took, segment, now);
}

void Endpoint::complete(ListenerId listener, const Flow& flow, const Handshake& handshake,
                        const HandshakeTime& took, const Segment& last, Instant now) {
    Listener& owner = listeners_.at(listener);
    Entry& made = create(flow, owner.settings, owner.address);
    ++counts_.passive_opens;
    owner.waiting.push_back(made.id);
    made.connection.accept(handshake, took, last, now);
    made.connection.set_path_mtu(path_of(flow, owner.settings).path_mtu, now);
    settle(made, now);
}

void Endpoint::refuse(const Flow& flow, const Segment& offender, Instant now) {
    if (offender.flags.rst) {
        ++counts_.resets_ignored;
        return;
    }
    if (!resets_.take(now)) {
        ++counts_.resets_withheld;
        return;
    }
    ++counts_.resets_sent;
    output_.transmit(flow, reset_for(offender));
}

bool Endpoint::path_error(const Flow& flow, PathError error, net::Sequence quoted,
                          std::uint16_t mtu, Instant now) {
    const bool of_the_path = error == PathError::PacketTooBig ||
                             error == PathError::ProtocolUnreachable ||
                             error == PathError::PortUnreachable;
    const auto found = flows_.find(flow);
    // RFC 5925 7.8: type 3, codes 2 to 4 are not believed of a signed connection.
    if (found == flows_.end() || (of_the_path && !guard_.hears_icmp(flow))) {
        return false;
    }
    Entry& reached = *found->second;
    const bool believed = reached.connection.path_error(error, quoted, mtu, now);
    settle(reached, now);
    return believed;
}

void Endpoint::settle(Entry& changed, Instant now) {
    const EventSet events = changed.connection.take_events();
    for (const Event event : {Event::Connected, Event::Readable, Event::Writable, Event::Urgent,
                              Event::Retrying, Event::Ended}) {
        if (events.has(event)) {
            changed.events.add(event);
        }
    }
    note_changes(changed, now);
    const State state = changed.connection.state();
    if (changed.reachable && (state == State::Closed || state == State::TimeWait)) {
        changed.reachable = false;
        flows_.erase(changed.connection.flow());
        if (state == State::TimeWait) {
            time_wait_.add(changed.connection.flow(), changed.connection.last_words(), now);
        }
    }
    if (changed.released && !changed.reachable) {
        erase(changed);
        return;
    }
    if (!changed.events.empty() && !changed.ready && !changed.released) {
        changed.ready = true;
        ready_.push_back(changed.id);
    }
    const Instant at = changed.connection.next_deadline();
    if (at < changed.scheduled) {
        changed.scheduled = at;
        due_.push({at, changed.id});
    }
}

void Endpoint::erase(Entry& gone) {
    const auto peer = of_peer_.find(gone.connection.flow().remote);
    if (peer != of_peer_.end() && --peer->second == 0) {
        of_peer_.erase(peer);
    }
    ports_.remove({net::IpProtocol::Tcp, gone.bound, gone.connection.flow().local_port});
    connections_.erase(gone.id);
}

void Endpoint::poll(Instant now) {
    while (!due_.empty() && due_.top().at <= now) {
        const Due first = due_.top();
        due_.pop();
        Entry* const found = entry(first.id);
        if (found == nullptr || found->scheduled != first.at) {
            continue;  // ended, or due earlier and dealt with
        }
        found->scheduled = Instant::max();
        const std::uint32_t timeouts = found->connection.counts().timeouts;
        found->connection.poll(now);
        if (found->connection.counts().timeouts != timeouts) {
            follow_path(found->connection, now);
        }
        settle(*found, now);
    }
    while (const auto flow = syn_cache_.next_due(now)) {
        if (const HalfOpen* const half_open = syn_cache_.find(*flow); half_open != nullptr) {
            send_syn_acknowledgment(*flow, *half_open, now);
        }
    }
    time_wait_.expire(now);
    if (guard_.wants_sweep()) {
        forget_sessions();
    }
}

Instant Endpoint::next_deadline() const {
    const Instant first = due_.empty() ? Instant::max() : due_.top().at;
    return std::min({first, syn_cache_.next_deadline(), time_wait_.next_deadline()});
}

Endpoint::Entry* Endpoint::entry(ConnectionId id) const {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second.get();
}

}  // namespace godwit::control::tcp
