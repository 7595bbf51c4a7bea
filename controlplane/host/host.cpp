#include "controlplane/host/host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controlplane/host/icmp_meaning.hpp"
#include "controlplane/host/packet_of.hpp"
#include "net/byte_writer.hpp"
#include "net/ip_protocol.hpp"
#include "net/router_ports.hpp"

namespace godwit::control {

namespace {

// RFC 1812 4.3.2.5: ICMP errors of a router have precedence 6 (internetwork control), and the type
// of service of the packet; its congestion bits are of its own way (RFC 3168 5).
constexpr std::uint8_t kInternetworkControl = 0xc0;
constexpr std::uint8_t kTypeOfServiceBits = 0x1c;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
// RFC 1812 4.3.2.3: as much of the packet as fits.
constexpr std::size_t kMaxQuote = net::kIcmpQuoteMaxBytes;

// Four draws, of 32 bits each.
net::SipKey key_from(const std::function<std::uint32_t()>& random) {
    const auto word = [&random] {
        const std::uint64_t high = random();
        return high << 32 | random();
    };
    const std::uint64_t low = word();
    return {low, word()};
}

}  // namespace

Host::Host(const HostLimits& limits, std::function<std::uint32_t()> random, RouteLookup routes)
    : limits_(limits),
      random_(std::move(random)),
      echo_bucket_(limits.echo_per_second, limits.echo_per_second),
      error_limit_(kNanosecondsPerSecond, limits.max_interfaces, 1, key_from(random_)),
      path_mtus_(limits.max_path_mtus),
      ways_(std::move(routes), path_mtus_),
      traces_(limits.max_traceroutes, random_),
      udp_(limits.udp, ways_, outgoing_, random_,
           [this](std::uint16_t port) { return traces_.has_identifier(port); }),
      tcp_(limits.tcp, key_from(random_), random_, segments_) {
    tcp_.set_path_lookup([this](const tcp::Flow& flow) { return path_of(flow); });
}

HostActions Host::input(std::span<const std::uint8_t> packet, const Arrival& arrival, Instant now) {
    HostActions actions;
    const HostCounter what = deliver(packet, arrival, now, actions);
    ++counters_[static_cast<std::size_t>(what)];
    collect_ended(now, actions);
    actions.packets = take_packets();
    return actions;
}

HostCounter Host::deliver(std::span<const std::uint8_t> bytes, const Arrival& arrival, Instant now,
                          HostActions& actions) {
    const auto packet = Ipv4View::parse(bytes);
    if (!packet || !packet->has_valid_checksum()) {
        return HostCounter::BadIpv4Header;
    }
    const bool names_group = packet->destination().is_multicast() ||
                             packet->destination().is_limited_broadcast() ||
                             ways_.is_subnet_broadcast(packet->destination());
    const bool to_group = arrival.group || names_group;
    if (!to_group && !owns(packet->destination())) {
        return HostCounter::NotOurs;  // removed while the packet was on its way up
    }
    // RFC 1122 3.2.2 and RFC 1812 4.3.2.7: a source that is no single host is never answered, nor
    // heard (RFC 1122 4.1.3.6).
    if (!ways_.is_one_host(packet->source())) {
        return HostCounter::BadSourceIgnored;
    }
    if (packet->is_fragment()) {
        return HostCounter::FragmentIgnored;
    }
    if (packet->protocol() == net::IpProtocol::Icmp) {
        return deliver_icmp(*packet, to_group, now, actions);
    }
    // RFC 1122 3.3.6: the link's broadcast brings nothing that is for one host.
    if (packet->protocol() == net::IpProtocol::Udp && names_group == to_group) {
        return deliver_udp(*packet, arrival.interface, to_group, now);
    }
    if (to_group) {
        // No error about a datagram to a group (RFC 1122 3.2.2), no reset either (4.2.3.10).
        return HostCounter::GroupIgnored;
    }
    if (packet->protocol() == net::IpProtocol::Tcp) {
        return deliver_tcp(*packet, now);
    }
    // RFC 1122 3.2.2.1: SHOULD be sent when the transport protocol is not supported.
    return refuse(*packet, arrival.interface, net::UnreachableCode::Protocol,
                  HostCounter::ProtocolUnreachableSent, now);
}

HostCounter Host::deliver_icmp(const Ipv4View& packet, bool group, Instant now,
                               HostActions& actions) {
    const auto message = IcmpView::parse(packet.payload());
    if (!message) {
        return HostCounter::BadIcmp;
    }
    if (!message->has_valid_checksum()) {
        return HostCounter::BadIcmpChecksum;
    }
    switch (message->type()) {
        case net::IcmpType::Echo:
            // RFC 1122 3.2.2.6: to a group it MAY be silently discarded, and is: no amplifier here.
            return group ? HostCounter::GroupIgnored : answer_echo(packet, *message, now);
        case net::IcmpType::EchoReply:
            return take_echo_reply(packet, *message, now, actions);
        case net::IcmpType::DestinationUnreachable:
        case net::IcmpType::TimeExceeded:
        case net::IcmpType::ParameterProblem:
            return take_icmp_error(packet, *message, now, actions);
        case net::IcmpType::SourceQuench:  // RFC 6633 3: MUST be silently discarded
        case net::IcmpType::Redirect:      // a router with routes of its own ignores it (RFC 1812
                                           // 5.2.7.2)
        case net::IcmpType::RouterAdvertisement:
        case net::IcmpType::RouterSolicitation:
        case net::IcmpType::Timestamp:
        case net::IcmpType::TimestampReply:
            break;
    }
    return HostCounter::IcmpIgnored;  // RFC 1122 3.2.2: an unknown type is silently discarded
}

HostCounter Host::answer_echo(const Ipv4View& packet, const IcmpView& request, Instant now) {
    if (!echo_bucket_.take(now)) {
        return HostCounter::EchoOverRate;
    }
    net::Ipv4Header header;
    header.type_of_service = packet.type_of_service();  // RFC 1349 5.1: as in the request
    header.protocol = net::IpProtocol::Icmp;
    header.source = packet.destination();  // RFC 1122 3.2.2.6: MUST be the one that was asked
    header.destination = packet.source();
    const net::IcmpMessage reply =
        net::IcmpMessage::echo_reply(request.message().identifier(), request.message().sequence());
    outgoing_.push_back(
        packet_of(header, net::IcmpMessage::encoded_size(request.body().size()),
                  [&](net::ByteWriter& writer) { reply.encode(writer, request.body()); }));
    return HostCounter::EchoAnswered;
}

HostCounter Host::take_echo_reply(const Ipv4View& packet, const IcmpView& reply, Instant now,
                                  HostActions& actions) {
    if (traces_.take_echo_reply(packet, reply, now)) {
        return HostCounter::TraceAnswer;
    }
    const auto running = pings_.find(reply.message().identifier());
    if (running == pings_.end()) {
        return HostCounter::IcmpNotForUs;
    }
    Ping& ping = running->second.ping;
    const auto body = reply.body();
    const std::size_t known = std::min(running->second.nonce.size(), body.size());
    // RFC 1122 3.2.2.6: the reply comes from the address that was asked, with all of the data.
    if (packet.source() != ping.request().destination ||
        packet.destination() != ping.request().source || body.size() != ping.request().size ||
        !std::equal(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(known),
                    running->second.nonce.begin())) {
        return HostCounter::IcmpNotForUs;
    }
    auto event =
        ping.on_reply(reply.message().sequence(), packet.source(),
                      static_cast<std::uint16_t>(packet.payload().size()), packet.ttl_hops(), now);
    if (!event) {
        return HostCounter::IcmpNotForUs;  // never sent, or given up already
    }
    actions.reports.push_back({running->second.id, std::move(*event)});
    return HostCounter::PingReply;
}

// RFC 1122 3.2.2: an error is handed to the transport whose packet it quotes.
HostCounter Host::take_icmp_error(const Ipv4View& packet, const IcmpView& error, Instant now,
                                  HostActions& actions) {
    const auto quoted = Ipv4View::parse_quoted(error.body());
    if (!quoted) {
        return HostCounter::BadIcmpQuote;
    }
    if (quoted->fragment_units() == 0 &&
        traces_.take_error(packet, error.message(), *quoted, now)) {
        return HostCounter::TraceAnswer;
    }
    if (quoted->fragment_units() == 0 && quoted->protocol() == net::IpProtocol::Udp) {
        return take_udp_error(*quoted, error.message(), packet.source(), now);
    }
    if (quoted->fragment_units() == 0 && quoted->protocol() == net::IpProtocol::Tcp) {
        return take_tcp_error(*quoted, error.message(), now);
    }
    if (quoted->protocol() != net::IpProtocol::Icmp || quoted->fragment_units() != 0) {
        return HostCounter::IcmpNotForUs;
    }
    const auto request = IcmpView::parse(quoted->payload());
    if (!request) {
        return HostCounter::BadIcmpQuote;  // RFC 792: at least 8 bytes of the packet are quoted
    }
    const auto running = pings_.find(request->message().identifier());
    if (request->type() != net::IcmpType::Echo || running == pings_.end()) {
        return HostCounter::IcmpNotForUs;
    }
    Ping& ping = running->second.ping;
    if (quoted->source() != ping.request().source ||
        quoted->destination() != ping.request().destination) {
        return HostCounter::IcmpNotForUs;
    }
    auto event =
        ping.on_error(request->message().sequence(), packet.source(),
                      describe_icmp_error(error.message()), next_hop_mtu_of(error.message()));
    if (!event) {
        return HostCounter::IcmpNotForUs;
    }
    actions.reports.push_back({running->second.id, std::move(*event)});
    return HostCounter::PingError;
}

HostCounter Host::refuse(const Ipv4View& packet, net::InterfaceId interface,
                         net::UnreachableCode code, HostCounter sent, Instant now) {
    // RFC 1812 4.3.2.8
    const auto since_start =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
    switch (error_limit_.ask(net::IcmpType::DestinationUnreachable, interface.value(),
                             packet.source(), static_cast<std::uint64_t>(since_start.count()),
                             errors_per_second_)) {
        case net::IcmpRateLimit::Answer::OverRate:
            return HostCounter::ErrorOverRate;
        case net::IcmpRateLimit::Answer::OverShare:
            return HostCounter::ErrorOverShare;
        case net::IcmpRateLimit::Answer::Send:
            break;
    }
    const auto quote = packet.packet().first(std::min(packet.packet().size(), kMaxQuote));
    net::Ipv4Header header;
    header.type_of_service = static_cast<std::uint8_t>(
        kInternetworkControl | (packet.type_of_service() & kTypeOfServiceBits));
    header.protocol = net::IpProtocol::Icmp;
    header.source = packet.destination();
    header.destination = packet.source();
    outgoing_.push_back(packet_of(header, net::IcmpMessage::encoded_size(quote.size()),
                                  [&](net::ByteWriter& writer) {
                                      net::IcmpMessage::unreachable(code).encode(writer, quote);
                                  }));
    return sent;
}

net::Result<PingId, std::string> Host::start_ping(const PingRequest& request, Instant now) {
    if (auto problem = Ping::check(request)) {
        return net::unexpected(std::move(*problem));
    }
    if (pings_.size() >= limits_.max_pings) {
        return net::unexpected(
            fmt::format("{} pings run already, and no more are allowed; wait for one to end",
                        limits_.max_pings));
    }
    // Random, so that a stranger off the path cannot answer for the one that is asked.
    std::uint16_t identifier = net::router_port(random_());
    while (pings_.contains(identifier) || traces_.has_identifier(identifier)) {
        identifier = net::router_port(identifier + 1U);
    }
    RunningPing running{++last_ping_, Ping(request, now), {}};
    for (std::size_t i = 0; i < running.nonce.size(); i += 4) {
        const std::uint32_t bits = random_();
        for (std::size_t j = 0; j < 4; ++j) {
            running.nonce[i + j] = static_cast<std::uint8_t>(bits >> (8 * j));
        }
    }
    const PingId id = running.id;
    pings_.emplace(identifier, std::move(running));
    return id;
}

void Host::cancel_ping(PingId ping) {
    std::erase_if(pings_, [ping](const auto& each) { return each.second.id == ping; });
}

net::Result<TraceId, std::string> Host::start_traceroute(const TracerouteRequest& request,
                                                         Instant now) {
    return traces_.start(request, now);
}

void Host::cancel_traceroute(TraceId trace) {
    traces_.cancel(trace);
}

HostActions Host::advance(Instant now) {
    HostActions actions;
    for (auto& [identifier, running] : pings_) {
        for (PingEvent& event : running.ping.expire(now)) {
            actions.reports.push_back({running.id, std::move(event)});
        }
        while (const auto sequence = running.ping.due(now)) {
            outgoing_.push_back(echo_request(running, identifier, *sequence));
        }
    }
    traces_.advance(now, outgoing_);
    path_mtus_.expire(now);
    tcp_.poll(now);
    collect_ended(now, actions);
    actions.packets = take_packets();
    return actions;
}

Outgoing Host::echo_request(const RunningPing& running, std::uint16_t identifier,
                            std::uint16_t sequence) {
    const PingRequest& request = running.ping.request();
    std::vector<std::uint8_t> data(request.size);
    for (std::size_t i = 0; i < data.size(); ++i) {
        data[i] = i < running.nonce.size() ? running.nonce[i] : static_cast<std::uint8_t>(i);
    }
    net::Ipv4Header header;
    header.ttl_hops = request.ttl;
    header.dont_fragment = request.dont_fragment;
    header.protocol = net::IpProtocol::Icmp;
    header.source = request.source;
    header.destination = request.destination;
    return packet_of(header, net::IcmpMessage::encoded_size(data.size()),
                     [&](net::ByteWriter& writer) {
                         net::IcmpMessage::echo(identifier, sequence).encode(writer, data);
                     });
}

void Host::collect_ended(Instant now, HostActions& actions) {
    traces_.collect(now, actions.traces);
    for (auto each = pings_.begin(); each != pings_.end();) {
        if (each->second.ping.finished()) {
            actions.ended.push_back({each->second.id, each->second.ping.summary()});
            each = pings_.erase(each);
        } else {
            ++each;
        }
    }
}

std::optional<Instant> Host::next_deadline() const {
    std::optional<Instant> deadline = traces_.next_deadline();
    if (const Instant own = tcp_.next_deadline(); own != Instant::max()) {
        deadline = deadline ? std::min(*deadline, own) : own;
    }
    if (const auto own = path_mtus_.next_deadline()) {
        deadline = deadline ? std::min(*deadline, *own) : *own;
    }
    for (const auto& [identifier, running] : pings_) {
        const auto own = running.ping.next_deadline();
        if (own && (!deadline || *own < *deadline)) {
            deadline = own;
        }
    }
    return deadline;
}

}  // namespace godwit::control
