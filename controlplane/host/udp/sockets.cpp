#include "controlplane/host/udp/sockets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::control::udp {

namespace {

// How well a socket fits a unicast datagram; nothing when it does not.
struct Fit {
    bool connected = false;
    bool address = false;
    bool interface = false;
    friend auto operator<=>(const Fit&, const Fit&) = default;
};

std::string text_of(const Address& address) {
    return fmt::format(
        "port {} of {}", address.port,
        address.address.is_unspecified() ? "every address" : address.address.to_string());
}

}  // namespace

Sockets::Sockets(const Limits& limits, const Ways& ways, std::vector<Outgoing>& out,
                 std::function<std::uint32_t()> random, std::function<bool(std::uint16_t)> is_taken)
    : limits_(limits),
      ways_(&ways),
      out_(&out),
      random_(std::move(random)),
      is_taken_(std::move(is_taken)) {}

// ---- who there is

Sockets::Socket* Sockets::find(SocketId id) {
    const auto found = sockets_.find(id);
    return found == sockets_.end() ? nullptr : &found->second;
}

const Sockets::Socket* Sockets::find(SocketId id) const {
    const auto found = sockets_.find(id);
    return found == sockets_.end() ? nullptr : &found->second;
}

// Two sockets of one port that a datagram would fit alike.
bool Sockets::conflicts(const Settings& wanted) const {
    const auto [begin, end] = by_port_.equal_range(wanted.local.port);
    return std::any_of(begin, end, [&](const auto& entry) {
        const Settings& other = sockets_.at(entry.second).settings;
        return other.local.address == wanted.local.address && other.interface == wanted.interface;
    });
}

// RFC 6056 3.3.1, algorithm 1: from a random place on, the first that is free.
std::optional<std::uint16_t> Sockets::choose_port() const {
    const std::uint32_t range = std::uint32_t{limits_.last_port} - limits_.first_port + 1;
    const std::uint32_t start = random_() % range;
    for (std::uint32_t tried = 0; tried < range; ++tried) {
        const auto port = static_cast<std::uint16_t>(limits_.first_port + (start + tried) % range);
        if (!by_port_.contains(port) && !(is_taken_ && is_taken_(port))) {
            return port;
        }
    }
    return std::nullopt;
}

LocalPort Sockets::port_of(const Socket& socket) {
    const Address& local = socket.settings.local;
    return {net::IpProtocol::Udp, local.address, local.port};
}

net::Result<SocketId, std::string> Sockets::open(const Settings& settings) {
    const net::Ipv4Address address = settings.local.address;
    if (!address.is_unspecified() && !address.is_multicast() && !address.is_limited_broadcast() &&
        !ways_->owns(address) && !ways_->is_subnet_broadcast(address)) {
        return net::unexpected(
            fmt::format("cannot receive at {}: it is no address of this router; give one that "
                        "`show interfaces` has, or none",
                        address.to_string()));
    }
    if (sockets_.size() >= limits_.sockets) {
        return net::unexpected(fmt::format(
            "{} UDP sockets are open, and no more are allowed; close some", limits_.sockets));
    }
    Socket made;
    made.settings = settings;
    if (settings.local.port == 0) {
        const auto port = choose_port();
        if (!port) {
            return net::unexpected(
                fmt::format("every UDP port from {} to {} is in use; close some sockets",
                            limits_.first_port, limits_.last_port));
        }
        made.settings.local.port = *port;
    } else if (conflicts(settings)) {
        return net::unexpected(
            fmt::format("UDP {} is in use already; close that socket first, or choose another port",
                        text_of(settings.local)));
    }
    made.id = SocketId{++last_id_};
    const SocketId id = made.id;
    by_port_.emplace(made.settings.local.port, id);
    ports_.add(port_of(made));
    sockets_.emplace(id, std::move(made));
    return id;
}

void Sockets::close(SocketId id) {
    const auto found = sockets_.find(id);
    if (found == sockets_.end()) {
        return;
    }
    const auto [begin, end] = by_port_.equal_range(found->second.settings.local.port);
    by_port_.erase(
        std::find_if(begin, end, [id](const auto& entry) { return entry.second == id; }));
    ports_.remove(port_of(found->second));
    sockets_.erase(found);
}

net::Result<void, Obstacle> Sockets::connect(SocketId id, const Address& peer) {
    Socket* const socket = find(id);
    if (socket == nullptr) {
        return {};
    }
    if (peer.port == 0) {
        return net::unexpected(
            Obstacle{Obstacle::Kind::NoPort, "a peer has a port; give one from 1 to 65535"});
    }
    Transmission how;
    how.to = peer;
    const auto way = way_of(*socket, how, peer);
    if (!way) {
        return net::unexpected(way.error());
    }
    socket->remote = peer;
    socket->connected_from = way->source;
    return {};
}

void Sockets::disconnect(SocketId id) {
    if (Socket* const socket = find(id)) {
        socket->remote.reset();
        socket->connected_from = {};
    }
}

net::Result<void, std::string> Sockets::join(SocketId id, net::Ipv4Address group,
                                             net::InterfaceId interface) {
    Socket* const socket = find(id);
    if (socket == nullptr) {
        return {};
    }
    const net::InterfaceId on = interface.is_none() ? socket->settings.interface : interface;
    if (!group.is_multicast() || on.is_none()) {
        return net::unexpected(fmt::format(
            "cannot join {}: a group is an address from 224.0.0.0 to 239.255.255.255, and is "
            "joined on an interface",
            group.to_string()));
    }
    if (socket->memberships.size() >= limits_.memberships) {
        return net::unexpected(fmt::format(
            "cannot join {}: the socket is a member of {} groups, and no more are allowed",
            group.to_string(), limits_.memberships));
    }
    socket->memberships.emplace(group, on);
    return {};
}

void Sockets::leave(SocketId id, net::Ipv4Address group, net::InterfaceId interface) {
    if (Socket* const socket = find(id)) {
        socket->memberships.erase(
            {group, interface.is_none() ? socket->settings.interface : interface});
    }
}

// ---- what goes out

net::Result<Way, Obstacle> Sockets::way_of(const Socket& socket, const Transmission& how,
                                           const Address& to) const {
    const net::InterfaceId egress = how.egress.is_none() ? socket.settings.interface : how.egress;
    const bool group = to.address.is_multicast() || to.address.is_limited_broadcast();
    if (to.address.is_unspecified()) {
        return net::unexpected(
            Obstacle{Obstacle::Kind::BadDestination, "0.0.0.0 is no address to send to"});
    }
    if (group && egress.is_none()) {
        return net::unexpected(Obstacle{
            Obstacle::Kind::BadInterface,
            fmt::format("{} is on every link; say by which interface the datagram shall leave",
                        to.address.to_string())});
    }
    auto way = egress.is_none() ? ways_->to(to.address) : ways_->by(egress, to.address);
    if (!way) {
        return way;
    }
    if (way->broadcast && !socket.settings.options.broadcast) {
        return net::unexpected(
            Obstacle{Obstacle::Kind::Broadcast,
                     fmt::format("{} is a broadcast address, and this socket may not send to those",
                                 to.address.to_string())});
    }
    // RFC 1122 4.1.3.5: the application may choose; what it is bound to comes next.
    const net::Ipv4Address bound = socket.settings.local.address;
    if (how.source) {
        way->source = *how.source;
    } else if (!socket.connected_from.is_unspecified() && socket.remote == to) {
        way->source = socket.connected_from;
    } else if (ways_->owns(bound)) {
        way->source = bound;
    }
    if (!ways_->owns(way->source)) {
        return net::unexpected(Obstacle{
            Obstacle::Kind::BadSource,
            fmt::format("{} is no address of this router; give one that `show interfaces` has, or "
                        "none",
                        way->source.to_string())});
    }
    return way;
}

net::Result<void, Obstacle> Sockets::send(SocketId id, const Transmission& how,
                                          std::span<const std::uint8_t> payload) {
    Socket* const socket = find(id);
    if (socket == nullptr) {
        return {};
    }
    const Address to = how.to == Address{} && socket->remote ? *socket->remote : how.to;
    if (to.port == 0) {
        return net::unexpected(Obstacle{Obstacle::Kind::NoPort,
                                        "a datagram goes to a port; give one from 1 to 65535"});
    }
    const auto way = way_of(*socket, how, to);
    if (!way) {
        return net::unexpected(way.error());
    }
    const bool multicast = to.address.is_multicast();
    net::Ipv4Header header;
    header.options = how.ip_options;
    header.ttl_hops = how.ttl_hops.value_or(multicast ? socket->settings.options.multicast_ttl_hops
                                                      : socket->settings.options.ttl_hops);
    header.type_of_service = how.type_of_service.value_or(socket->settings.options.type_of_service);
    header.dont_fragment = how.dont_fragment;
    header.protocol = net::IpProtocol::Udp;
    header.source = way->source;
    header.destination = to.address;
    const std::size_t total = header.encoded_size() + net::kUdpHeaderBytes + payload.size();
    // What goes to many is not fragmented: one lost piece would be everybody's loss.
    const bool whole = how.dont_fragment || multicast || way->broadcast;
    const std::size_t longest = whole ? way->path_mtu : net::kIpv4MaxTotalBytes;
    if (total > longest) {
        return net::unexpected(Obstacle{
            Obstacle::Kind::TooLong,
            fmt::format("{} bytes with their headers are more than the {} that can be sent to {}",
                        total, longest, to.address.to_string())});
    }
    net::UdpHeader udp;
    udp.source_port = socket->settings.local.port;
    udp.destination_port = to.port;
    udp.payload_bytes = static_cast<std::uint16_t>(payload.size());
    header.payload_bytes = static_cast<std::uint16_t>(net::kUdpHeaderBytes + payload.size());
    Outgoing packet;
    packet.packet.resize(total);
    net::ByteWriter writer(packet.packet);
    header.encode(writer);
    udp.encode_datagram(writer, header.source, header.destination, payload);
    if (multicast || way->broadcast || !how.egress.is_none() ||
        !socket->settings.interface.is_none()) {
        packet.egress = way->egress;
        packet.neighbor = way->neighbor;
    }
    out_->push_back(std::move(packet));
    ++socket->counts.sent;
    ++counts_.out_datagrams;
    return {};
}

// ---- what comes in

Sockets::Verdict Sockets::give(Socket& socket, const Datagram& datagram, bool has_checksum) {
    if (!has_checksum && socket.settings.options.require_checksum) {
        ++socket.counts.without_checksum;
        return Verdict::NoChecksum;
    }
    if (socket.queue.size() >= socket.settings.queue_datagrams ||
        socket.queued_bytes + datagram.payload.size() > socket.settings.queue_bytes) {
        ++socket.counts.queue_full;
        return Verdict::QueueFull;
    }
    socket.queued_bytes += datagram.payload.size();
    socket.queue.push_back(datagram);
    ++socket.counts.received;
    mark_ready(socket);
    return Verdict::Delivered;
}

Sockets::Verdict Sockets::input(const net::wire::Ipv4View& packet, const net::wire::UdpView& view,
                                net::InterfaceId interface, bool group, Instant now) {
    const Address from{packet.source(), view.source_port()};
    const Address to{packet.destination(), view.destination_port()};
    std::vector<Socket*> receivers;
    std::optional<Fit> best;
    const auto [begin, end] = by_port_.equal_range(to.port);
    for (auto entry = begin; entry != end; ++entry) {
        Socket& socket = sockets_.at(entry->second);
        const net::Ipv4Address bound = socket.settings.local.address;
        if ((!bound.is_unspecified() && bound != to.address) ||
            (!socket.settings.interface.is_none() && socket.settings.interface != interface) ||
            (socket.remote && *socket.remote != from)) {
            continue;
        }
        if (to.address.is_multicast()) {
            if (socket.memberships.contains({to.address, interface})) {
                receivers.push_back(&socket);
            }
            continue;
        }
        if (group) {
            receivers.push_back(&socket);
            continue;
        }
        const Fit fit{socket.remote.has_value(), !bound.is_unspecified(),
                      !socket.settings.interface.is_none()};
        if (!best || fit > *best) {
            best = fit;
            receivers.assign(1, &socket);
        }
    }
    if (receivers.empty()) {
        if (!group) {
            ++counts_.no_ports;
        }
        return Verdict::NobodyListens;
    }
    Datagram datagram;
    datagram.from = from;
    datagram.to = to;
    datagram.interface = interface;
    datagram.group = group;
    datagram.ttl_hops = packet.ttl_hops();
    datagram.type_of_service = packet.type_of_service();
    // RFC 1122 4.1.3.2: options are passed up as they came.
    datagram.ip_options = net::HeaderOptions::from(packet.options()).value_or(net::HeaderOptions());
    datagram.arrived = now;
    datagram.payload.assign(view.payload().begin(), view.payload().end());
    std::optional<Verdict> verdict;
    for (Socket* const socket : receivers) {
        const Verdict own = give(*socket, datagram, view.has_checksum());
        verdict = verdict ? std::min(*verdict, own) : own;
    }
    if (*verdict == Verdict::Delivered) {
        ++counts_.in_datagrams;
    } else {
        ++counts_.in_errors;
    }
    return *verdict;
}

bool Sockets::path_error(const net::wire::Ipv4View& quoted, PathReport report) {
    const auto bytes = quoted.payload();
    if (bytes.size() < net::kUdpHeaderBytes) {
        return false;
    }
    const auto& ports = *reinterpret_cast<const net::wire::UdpLayout*>(bytes.data());
    report.source = quoted.source();
    report.to = {quoted.destination(), ports.destination_port.host()};
    Socket* teller_of = nullptr;
    std::optional<Fit> best;
    const auto [begin, end] = by_port_.equal_range(ports.source_port.host());
    for (auto entry = begin; entry != end; ++entry) {
        Socket& socket = sockets_.at(entry->second);
        const net::Ipv4Address bound = socket.settings.local.address;
        const bool speaks_from_bound = ways_->owns(bound);
        if ((speaks_from_bound && bound != report.source) ||
            (socket.remote && *socket.remote != report.to) || socket.counts.sent == 0) {
            continue;
        }
        const Fit fit{socket.remote.has_value(), speaks_from_bound, false};
        if (!best || fit > *best) {
            best = fit;
            teller_of = &socket;
        }
    }
    if (teller_of == nullptr) {
        return false;
    }
    if (teller_of->reports.size() >= limits_.reports) {
        ++teller_of->counts.reports_dropped;
        return true;
    }
    ++teller_of->counts.reports;
    teller_of->reports.push_back(report);
    mark_ready(*teller_of);
    return true;
}

std::optional<Datagram> Sockets::receive(SocketId id) {
    Socket* const socket = find(id);
    if (socket == nullptr || socket->queue.empty()) {
        return std::nullopt;
    }
    Datagram first = std::move(socket->queue.front());
    socket->queue.pop_front();
    socket->queued_bytes -= first.payload.size();
    return first;
}

std::optional<PathReport> Sockets::take_report(SocketId id) {
    Socket* const socket = find(id);
    if (socket == nullptr || socket->reports.empty()) {
        return std::nullopt;
    }
    const PathReport first = socket->reports.front();
    socket->reports.pop_front();
    return first;
}

void Sockets::mark_ready(Socket& socket) {
    if (!std::exchange(socket.ready, true)) {
        ready_.push_back(socket.id);
    }
}

std::vector<SocketId> Sockets::take_ready() {
    std::vector<SocketId> ready = std::exchange(ready_, {});
    std::erase_if(ready, [this](SocketId id) { return find(id) == nullptr; });
    for (const SocketId id : ready) {
        find(id)->ready = false;
    }
    return ready;
}

// ---- what is seen

const Settings* Sockets::settings(SocketId id) const {
    const Socket* const socket = find(id);
    return socket == nullptr ? nullptr : &socket->settings;
}

void Sockets::set_options(SocketId id, const Options& options) {
    if (Socket* const socket = find(id)) {
        socket->settings.options = options;
    }
}

void Sockets::change_settings(SocketId id, const Settings& wanted) {
    if (Socket* const socket = find(id)) {
        socket->settings.options = wanted.options;
        socket->settings.queue_datagrams = wanted.queue_datagrams;
        socket->settings.queue_bytes = wanted.queue_bytes;
    }
}

std::optional<SocketInfo> Sockets::info(SocketId id) const {
    const Socket* const socket = find(id);
    if (socket == nullptr) {
        return std::nullopt;
    }
    return SocketInfo{socket->id,
                      {socket->remote ? socket->connected_from : socket->settings.local.address,
                       socket->settings.local.port},
                      socket->remote,
                      socket->settings.interface,
                      socket->queue.size(),
                      socket->queued_bytes,
                      socket->memberships.size(),
                      socket->counts};
}

std::vector<SocketInfo> Sockets::list() const {
    std::vector<SocketInfo> all;
    all.reserve(sockets_.size());
    for (const auto& [id, socket] : sockets_) {
        all.push_back(*info(id));
    }
    return all;
}

}  // namespace godwit::control::udp
