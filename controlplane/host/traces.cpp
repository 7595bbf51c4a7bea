#include "controlplane/host/traces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "controlplane/host/packet_of.hpp"
#include "net/ip_protocol.hpp"
#include "net/router_ports.hpp"

namespace godwit::control {

namespace {

// As traceroute(8) has them.
std::string mark_of(const net::IcmpMessage& error) {
    if (error.type == net::IcmpType::ParameterProblem) {
        return "!?";
    }
    switch (static_cast<net::UnreachableCode>(error.code)) {
        case net::UnreachableCode::Network:
        case net::UnreachableCode::NetworkUnknown:
            return "!N";
        case net::UnreachableCode::Host:
        case net::UnreachableCode::HostUnknown:
            return "!H";
        case net::UnreachableCode::Protocol:
            return "!P";
        case net::UnreachableCode::FragmentationNeeded:
            return error.next_hop_mtu_bytes() == 0
                       ? "!F"
                       : fmt::format("!F-{}", error.next_hop_mtu_bytes());
        case net::UnreachableCode::SourceRouteFailed:
            return "!S";
        case net::UnreachableCode::NetworkProhibited:
        case net::UnreachableCode::HostProhibited:
        case net::UnreachableCode::Prohibited:
            return "!X";
        case net::UnreachableCode::HostPrecedence:
            return "!V";
        case net::UnreachableCode::PrecedenceCutoff:
            return "!C";
        case net::UnreachableCode::Port:
        case net::UnreachableCode::NetworkForService:
        case net::UnreachableCode::HostForService:
            break;
    }
    return fmt::format("!<{}>", error.code);
}

}  // namespace

net::Result<TraceId, std::string> Traces::start(const TracerouteRequest& request, Instant now) {
    if (auto problem = Traceroute::check(request)) {
        return net::unexpected(std::move(*problem));
    }
    if (running_.size() >= max_traces_) {
        return net::unexpected(
            fmt::format("{} traceroutes run already, and no more are allowed; wait for one to end",
                        max_traces_));
    }
    std::uint32_t bits = random_();
    while (running_.contains(net::router_port(bits))) {
        ++bits;
    }
    Running running{++last_, Traceroute(request, now), {}};
    for (std::uint8_t& byte : running.nonce) {
        byte = static_cast<std::uint8_t>(random_());
    }
    const TraceId id = running.id;
    running_.emplace(net::router_port(bits), std::move(running));
    return id;
}

void Traces::cancel(TraceId trace) {
    std::erase_if(running_, [trace](const auto& each) { return each.second.id == trace; });
}

void Traces::advance(Instant now, std::vector<Outgoing>& packets) {
    for (auto& [identifier, running] : running_) {
        running.trace.expire(now);
        while (const auto probe = running.trace.due(now)) {
            packets.push_back(packet_of_probe(running, identifier, *probe));
        }
    }
}

Outgoing Traces::packet_of_probe(const Running& running, std::uint16_t identifier,
                                 const Traceroute::Probe& probe) {
    const TracerouteRequest& request = running.trace.request();
    std::vector<std::uint8_t> data(request.size);
    for (std::size_t i = 0; i < data.size(); ++i) {
        data[i] = i < running.nonce.size() ? running.nonce[i] : static_cast<std::uint8_t>(i);
    }
    net::Ipv4Header header;
    header.ttl_hops = probe.ttl;
    header.dont_fragment = request.dont_fragment;
    header.source = request.source;
    header.destination = request.destination;
    if (request.kind == ProbeKind::Echo) {
        header.protocol = net::IpProtocol::Icmp;
        return packet_of(header, net::IcmpMessage::encoded_size(data.size()),
                         [&](net::ByteWriter& writer) {
                             net::IcmpMessage::echo(identifier, probe.number).encode(writer, data);
                         });
    }
    header.protocol = net::IpProtocol::Udp;
    net::UdpHeader udp;
    udp.source_port = identifier;
    udp.destination_port = static_cast<std::uint16_t>(request.port + probe.number);
    udp.payload_bytes = static_cast<std::uint16_t>(data.size());
    return packet_of(header, net::kUdpHeaderBytes + data.size(), [&](net::ByteWriter& writer) {
        udp.encode_datagram(writer, header.source, header.destination, data);
    });
}

// Of probes from `source` to `destination`.
Traces::Running* Traces::of(std::uint16_t identifier, ProbeKind kind, net::Ipv4Address source,
                            net::Ipv4Address destination) {
    const auto found = running_.find(identifier);
    if (found == running_.end()) {
        return nullptr;
    }
    const TracerouteRequest& request = found->second.trace.request();
    return request.kind == kind && request.source == source && request.destination == destination
               ? &found->second
               : nullptr;
}

bool Traces::take_error(const net::wire::Ipv4View& packet, const net::IcmpMessage& error,
                        const net::wire::Ipv4View& quoted, Instant now) {
    Running* running = nullptr;
    std::uint16_t number = 0;
    if (quoted.protocol() == net::IpProtocol::Udp) {
        net::wire::UdpLayout udp;
        if (quoted.payload().size() < sizeof udp) {
            return false;
        }
        std::memcpy(&udp, quoted.payload().data(), sizeof udp);
        running = of(udp.source_port.host(), ProbeKind::Udp, quoted.source(), quoted.destination());
        if (running != nullptr) {
            number = static_cast<std::uint16_t>(udp.destination_port.host() -
                                                running->trace.request().port);
        }
    } else if (quoted.protocol() == net::IpProtocol::Icmp) {
        const auto echo = net::wire::IcmpView::parse(quoted.payload());
        if (!echo || echo->type() != net::IcmpType::Echo) {
            return false;
        }
        running = of(echo->message().identifier(), ProbeKind::Echo, quoted.source(),
                     quoted.destination());
        number = echo->message().sequence();
    }
    if (running == nullptr) {
        return false;
    }
    if (error.type == net::IcmpType::TimeExceeded) {
        // Of its parts, where it came in fragments: it got as far as this.
        return running->trace.on_answer(number, packet.source(), Traceroute::Answer::OnTheWay, {},
                                        now);
    }
    const bool arrived =
        error.type == net::IcmpType::DestinationUnreachable &&
        static_cast<net::UnreachableCode>(error.code) == net::UnreachableCode::Port;
    return running->trace.on_answer(
        number, packet.source(),
        arrived ? Traceroute::Answer::Arrived : Traceroute::Answer::Refused,
        arrived ? std::string() : mark_of(error), now);
}

bool Traces::take_echo_reply(const net::wire::Ipv4View& packet, const net::wire::IcmpView& reply,
                             Instant now) {
    Running* running =
        of(reply.message().identifier(), ProbeKind::Echo, packet.destination(), packet.source());
    const auto body = reply.body();
    if (running == nullptr || body.size() != running->trace.request().size ||
        !std::equal(body.begin(),
                    body.begin() +
                        static_cast<std::ptrdiff_t>(std::min(body.size(), running->nonce.size())),
                    running->nonce.begin())) {
        return false;
    }
    return running->trace.on_answer(reply.message().sequence(), packet.source(),
                                    Traceroute::Answer::Arrived, {}, now);
}

bool Traces::take_datagram(const net::wire::Ipv4View& packet, const net::wire::UdpView& datagram,
                           Instant now) {
    Running* running =
        of(datagram.destination_port(), ProbeKind::Udp, packet.destination(), packet.source());
    return running != nullptr &&
           running->trace.on_answer(
               static_cast<std::uint16_t>(datagram.source_port() - running->trace.request().port),
               packet.source(), Traceroute::Answer::Arrived, {}, now);
}

void Traces::collect(Instant now, TraceReports& reports) {
    for (auto each = running_.begin(); each != running_.end();) {
        Running& running = each->second;
        if (auto hop = running.trace.take_hop(now)) {
            reports.hops.push_back({running.id, std::move(*hop)});
        }
        if (running.trace.finished()) {
            reports.ended.push_back({running.id, running.trace.summary()});
            each = running_.erase(each);
        } else {
            ++each;
        }
    }
}

std::optional<Instant> Traces::next_deadline() const {
    std::optional<Instant> deadline;
    for (const auto& [identifier, running] : running_) {
        const auto own = running.trace.next_deadline();
        if (own && (!deadline || *own < *deadline)) {
            deadline = own;
        }
    }
    return deadline;
}

}  // namespace godwit::control
