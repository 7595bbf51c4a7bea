// What becomes of a packet. The established way is outbound() or inbound() to find_allowed() to
// pass(); everything below that is for packets without a session.
#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat {
namespace {

// How far behind the last acknowledgment a reset is believed (RFC 7857 2.2, note 1): what may be in
// flight. A forged one that is believed shortens an idle session to the transitory time, no more.
constexpr std::uint32_t kResetWindow = 1U << 20U;

bool is_plausible_reset(const Session& session, Direction direction, std::uint32_t sequence) {
    const bool is_known =
        direction == Direction::Outbound ? session.outside_acked : session.inside_acked;
    const std::uint32_t expected =
        direction == Direction::Outbound ? session.outside_ack : session.inside_ack;
    const bool is_open = session.tcp == TcpState::Established ||
                         session.tcp == TcpState::InsideFin || session.tcp == TcpState::OutsideFin;
    // One before what is expected: a keep-alive's place.
    return !is_open || !is_known || sequence - expected + 1U <= kResetWindow;
}

bool is_opening_syn(const Packet& packet) {
    return packet.flow.protocol == net::IpProtocol::Tcp && packet.tcp.flags.syn &&
           !packet.tcp.flags.ack && !packet.tcp.flags.rst;
}

AgeClass age_of(TcpState state) {
    switch (state) {
        case TcpState::InsideSyn:
        case TcpState::PickedUp:
            return AgeClass::TcpOpening;
        case TcpState::OutsideSyn:
            return AgeClass::TcpOpeningInward;
        case TcpState::Established:
        case TcpState::InsideFin:
        case TcpState::OutsideFin:
            return AgeClass::TcpEstablished;
        case TcpState::None:
        case TcpState::BothFin:
        case TcpState::Transitory:
            break;
    }
    return AgeClass::TcpClosing;
}

// Protocols whose checksum covers the addresses.
bool has_pseudo_header(net::IpProtocol protocol) {
    constexpr net::IpProtocol kDccp{33};
    constexpr net::IpProtocol kUdpLite{136};
    return protocol == net::IpProtocol::Tcp || protocol == net::IpProtocol::Udp ||
           protocol == kDccp || protocol == kUdpLite;
}

Rewrite rewrite_of(net::IpProtocol protocol, Endpoint from, Endpoint to) {
    Rewrite rewrite;
    rewrite.endpoint = to;
    rewrite.ip.change(from.address, to.address);
    if (has_pseudo_header(protocol)) {
        rewrite.transport.change(from.address, to.address);
    }
    if (has_ports(protocol)) {
        rewrite.transport.change_port(from.port, to.port);
    }
    return rewrite;
}

Endpoint ours(Direction direction, const Flow& flow) {
    return direction == Direction::Outbound ? flow.source : flow.destination;
}

}  // namespace

Translator::Opening Translator::prefetch_opening(const Flow& flow, net::InterfaceId out) const {
    Opening opening;
    opening.is_prepared = true;
    opening.match = rules().match_outbound(flow, out);
    if (opening.match.kind != NatRules::Kind::Dynamic || !has_ports(flow.protocol)) {
        return opening;
    }
    const SourceRule& rule = *opening.match.source;
    opening.share = rules().share_of(rule, flow.source.address);
    mappings_.prefetch_inside(flow.protocol, flow.source, opening.match.rule);
    subscribers_.prefetch(flow.source.address, opening.share.outside);
    opening.pool = pool_of(opening.share.outside);
    if (opening.pool != nullptr) {
        opening.pool->prefetch(flow.protocol, flow.source.port);
        opening.ports = ports_of(rule, opening.share, flow.protocol);
    }
    return opening;
}

void Translator::prefetch_port(const Flow& flow, Opening& opening, Instant now) {
    if (opening.pool == nullptr) {
        return;
    }
    subscribers_.prefetch_subscriber(flow.source.address, opening.share.outside);
    opening.mapping = mappings_.prefetch_mapping(flow.protocol, flow.source, opening.match.rule);
    const bool is_of_block = opening.match.source->allocation == PortAllocation::Blocks;
    if (opening.mapping == kNone && !is_of_block &&
        !opening.pool->is_same_free(flow.protocol, flow.source.port, opening.ports, now)) {
        opening.random = random();
        opening.pool->prefetch_other(flow.protocol, flow.source.port, opening.ports,
                                     opening.random);
    }
}

void Translator::prefetch_binding(const Flow& flow, const Opening& opening, Instant now) const {
    if (opening.pool == nullptr) {
        return;
    }
    Endpoint outside{opening.share.outside, flow.source.port};
    if (opening.mapping != kNone) {
        outside = mappings_[opening.mapping].outside();
    } else {
        if (opening.random != 0) {
            outside.port = opening.pool
                               ->probable_other(flow.protocol, outside.port, opening.ports,
                                                opening.random, now)
                               .value_or(outside.port);
        }
        mappings_.prefetch_outside(flow.protocol, outside);
    }
    static_cast<void>(
        sessions_.prefetch(Direction::Inbound, {flow.protocol, flow.destination, outside}));
}

Decision Translator::outbound(const Packet& packet, net::InterfaceId out, Instant now) {
    return outbound(packet, out, now, Opening{});
}

Decision Translator::outbound(const Packet& packet, net::InterfaceId out, Instant now,
                              const Opening& prepared) {
    const std::uint32_t index = find_allowed(Direction::Outbound, packet.flow, now);
    if (index != kNone) {
        return pass(index, Direction::Outbound, packet, now);
    }
    Opening opening = prepared;
    if (!opening.is_prepared) {
        opening.match = rules().match_outbound(packet.flow, out);
        if (opening.match.kind == NatRules::Kind::Dynamic) {
            opening.share = rules().share_of(*opening.match.source, packet.flow.source.address);
        }
    }
    switch (opening.match.kind) {
        case NatRules::Kind::Untouched:
            return {};
        case NatRules::Kind::OneToOne:
            return without_session(Direction::Outbound, packet.flow, opening.match.other);
        case NatRules::Kind::Forward:
        case NatRules::Kind::Dynamic:
            return outbound_new(packet, opening, now);
    }
    return {};
}

const Session* Translator::established(Direction direction, const Packet& packet,
                                       std::uint64_t hash, std::uint32_t probable, Instant now) {
    const std::uint32_t index = sessions_.find(direction, packet.flow, hash, probable);
    if (index == kNone || !is_allowed(sessions_[index]) || sessions_[index].is_followed ||
        (sessions_[index].is_hairpin && direction == Direction::Outbound)) {
        return nullptr;
    }
    note_packet(index, direction, packet, now);
    return &sessions_[index];
}

Decision Translator::inbound(const Packet& packet, Instant now) {
    const std::uint32_t index = find_allowed(Direction::Inbound, packet.flow, now);
    if (index != kNone) {
        return pass(index, Direction::Inbound, packet, now);
    }
    const NatRules::Match match =
        rules().match_inbound(packet.flow.protocol, packet.flow.destination);
    switch (match.kind) {
        case NatRules::Kind::Untouched:
            return rules().is_outside_address(packet.flow.destination.address)
                       ? unsolicited(packet, Verdict::Unmapped)
                       : Decision{};
        case NatRules::Kind::OneToOne:
            return without_session(Direction::Inbound, packet.flow, match.other);
        case NatRules::Kind::Forward:
        case NatRules::Kind::Dynamic:
            return inbound_new(packet, match, now);
    }
    return {};
}

std::uint32_t Translator::find_allowed(Direction direction, const Flow& flow, Instant now) {
    // More than once only after a change of rules: what they revoked may hide what they made.
    while (true) {
        const std::uint32_t index = sessions_.find(direction, flow);
        if (index == kNone || is_allowed(sessions_[index])) {
            return index;
        }
        end_session(index, now);
        ++counters_.sessions_revoked;
    }
}

bool Translator::is_allowed(Session& session) {
    const auto revision = static_cast<std::uint8_t>(revision_number_);
    if (session.revision == revision) {
        return true;
    }
    if (!rules().still_allows(session.rule, session.protocol, session.inside(),
                              session.outside()) ||
        rules().is_excluded(session.protocol, session.inside_address, session.remote())) {
        return false;
    }
    session.revision = revision;
    session.is_hairpin = rules().is_outside_address(session.remote_address);
    return true;
}

bool Translator::is_allowed(const Mapping& mapping) const {
    return rules().still_allows(mapping.rule, mapping.protocol, mapping.inside(),
                                mapping.outside());
}

Decision Translator::pass(std::uint32_t index, Direction direction, const Packet& packet,
                          Instant now) {
    if (!packet.is_noted) {
        note_packet(index, direction, packet, now);
    }
    const bool is_outbound = direction == Direction::Outbound;
    const Session& session = sessions_[index];
    Decision decision;
    decision.verdict = Verdict::Translate;
    decision.is_hairpin = is_outbound && session.is_hairpin;
    decision.is_followed = session.is_followed;
    decision.session = index;
    decision.rewrite.endpoint = is_outbound ? session.outside() : session.inside();
    decision.rewrite.ip = is_outbound ? session.ip_difference : session.ip_difference.inverse();
    decision.rewrite.transport =
        is_outbound ? session.transport_difference : session.transport_difference.inverse();
    return decision;
}

void Translator::note_packet(std::uint32_t index, Direction direction, const Packet& packet,
                             Instant now) {
    if (sessions_[index].protocol == net::IpProtocol::Tcp) {
        follow_tcp(index, direction, packet.tcp, now);
    } else if (direction == Direction::Outbound || settings_.inbound_refreshes) {
        sessions_.refresh(index, now);
    }
    ++counters_.translated[static_cast<std::size_t>(direction)];
}

void Translator::follow_tcp(std::uint32_t index, Direction direction, const TcpSegment& tcp,
                            Instant now) {
    Session& session = sessions_[index];
    if (tcp.flags.rst && !is_plausible_reset(session, direction, tcp.sequence)) {
        ++counters_.resets_doubted;
        return;
    }
    if (tcp.flags.ack && !tcp.flags.rst) {
        const bool is_inside = direction == Direction::Outbound;
        (is_inside ? session.inside_ack : session.outside_ack) = tcp.acknowledgment;
        if (is_inside) {
            session.inside_acked = true;
        } else {
            session.outside_acked = true;
        }
    }
    const TcpState next = next_state(session.tcp, direction, tcp.flags);
    if (next != session.tcp) {
        if (is_opening(next)) {  // the ports are used again: what was acknowledged is of the past
            session.inside_acked = false;
            session.outside_acked = false;
        }
        session.tcp = next;
        sessions_.set_age(index, age_of(next), now);
    } else if (!tcp.flags.rst) {  // RFC 7857 7.1, 2.2: a reset keeps nothing alive
        sessions_.refresh(index, now);
    }
    if (tcp.flags.syn && direction == Direction::Outbound && !held_syns_.is_empty()) {
        held_syns_.cancel(session.flow(Direction::Inbound));
    }
}

Decision Translator::without_session(Direction direction, const Flow& flow, Endpoint other) {
    ++counters_.translated[static_cast<std::size_t>(direction)];
    ++counters_.without_session;
    Decision decision;
    decision.verdict = Verdict::Translate;
    decision.is_hairpin =
        direction == Direction::Outbound && rules().is_outside_address(flow.destination.address);
    decision.rewrite = rewrite_of(flow.protocol, ours(direction, flow), other);
    return decision;
}

Decision Translator::refuse(Reason reason) {
    ++counters_.refused[static_cast<std::size_t>(reason)];
    Decision decision;
    decision.verdict = Verdict::Drop;
    decision.reason = reason;
    return decision;
}

Decision Translator::outbound_new(const Packet& packet, const Opening& opening, Instant now) {
    const NatRules::Match& match = opening.match;
    const Flow& flow = packet.flow;
    if (!has_ports(flow.protocol)) {
        return refuse(Reason::UntranslatableProtocol);
    }
    if (rules().owner(Direction::Outbound, flow, settings_.place.workers) !=
        settings_.place.worker) {
        return refuse(Reason::NotOwner);
    }
    NewSession wanted{flow.source, flow.destination, flow.protocol, match.rule};
    wanted.random = opening.random;
    if (flow.protocol == net::IpProtocol::Tcp) {
        if (packet.tcp.flags.rst) {
            return refuse(Reason::StrayReset);
        }
        // A SYN with an ACK answers one that passed without a session; what else there is belongs
        // to a connection that is older than our state.
        wanted.tcp = packet.tcp.flags.syn
                         ? packet.tcp.flags.ack ? TcpState::Established : TcpState::InsideSyn
                         : TcpState::PickedUp;
        wanted.age = age_of(wanted.tcp);
    } else if (flow.protocol == net::IpProtocol::Icmp) {
        wanted.age = AgeClass::Icmp;
    }
    const auto opened = match.kind == NatRules::Kind::Forward
                            ? open_forward(wanted, match.other, now)
                            : open_dynamic(wanted, *match.source, opening.share, now);
    if (!opened) {
        tell_shortage(opened.error(), wanted, now);
        return refuse(opened.error());
    }
    return pass(*opened, Direction::Outbound, packet, now);
}

Decision Translator::inbound_new(const Packet& packet, const NatRules::Match& match, Instant now) {
    const Flow& flow = packet.flow;
    if (!has_ports(flow.protocol)) {
        return unsolicited(packet, Verdict::Unmapped);
    }
    if (rules().owner(Direction::Inbound, flow, settings_.place.workers) !=
        settings_.place.worker) {
        return refuse(Reason::NotOwner);
    }
    const bool is_forward = match.kind == NatRules::Kind::Forward;
    std::uint32_t mapping = kNone;
    if (!is_forward) {
        mapping = mapping_outside(flow.protocol, flow.destination);
        if (mapping == kNone) {
            return unsolicited(packet, Verdict::Unmapped);
        }
        if (!may_enter(mapping, flow)) {
            return unsolicited(packet, Verdict::Drop);
        }
    }
    const Endpoint inside = is_forward ? match.other : mappings_[mapping].inside();
    if (!is_opening_syn(packet)) {
        // Nothing is remembered of it, so nobody outside can fill the tables or keep a mapping
        // alive (RFC 4787 REQ-6, RFC 7857 7); the answer from inside makes the session.
        return without_session(Direction::Inbound, flow, inside);
    }
    const NewSession wanted{inside,
                            flow.source,
                            flow.protocol,
                            is_forward ? match.rule : mappings_[mapping].rule,
                            TcpState::OutsideSyn,
                            AgeClass::TcpOpeningInward};
    const auto opened = is_forward ? open_forward(wanted, flow.destination, now)
                                   : open_mapped(wanted, mapping, now);
    if (!opened) {
        return refuse(opened.error());
    }
    if (mapping != kNone) {
        end_expectation(mapping, now);
    }
    return pass(*opened, Direction::Inbound, packet, now);
}

Decision Translator::unsolicited(const Packet& packet, Verdict otherwise) {
    Decision decision;
    decision.verdict = is_opening_syn(packet) ? Verdict::Unsolicited : otherwise;
    return decision.verdict == Verdict::Drop ? refuse(Reason::Filtered) : decision;
}

bool Translator::may_enter(std::uint32_t index, const Flow& flow) const {
    const Mapping& mapping = mappings_[index];
    if (ftp_.is_expected(index, flow.source.address)) {
        return true;
    }
    if (mapping.is_requested) {
        const RequestedMapping& request = requests_[requests_.find(index)];
        if (!request.is_released) {  // RFC 6887 11: anyone, but for the filters that were asked for
            return request.lets_in(flow.source);
        }
    }
    if (mapping.is_announced || mapping.is_closed) {
        return false;
    }
    switch (rules().policy_of(mapping.rule).filtering.value_or(settings_.filtering)) {
        case Filtering::EndpointIndependent:
            return true;
        case Filtering::AddressDependent:
            return sessions_.has_peer(flow.protocol, mapping.outside(), flow.source.address);
        case Filtering::AddressAndPortDependent:
            return false;  // the session would have been found
    }
    return false;
}

std::uint32_t Translator::mapping_inside(net::IpProtocol protocol, Endpoint inside, RuleId rule) {
    const std::uint32_t index = mappings_.find_inside(protocol, inside, rule);
    if (index != kNone && !is_allowed(mappings_[index])) {
        mappings_.detach(index);
        return kNone;
    }
    return index;
}

std::uint32_t Translator::mapping_outside(net::IpProtocol protocol, Endpoint outside) {
    const std::uint32_t index = mappings_.find_outside(protocol, outside);
    if (index != kNone && !is_allowed(mappings_[index])) {
        mappings_.detach(index);
        return kNone;
    }
    return index;
}

bool Translator::is_mapped(net::IpProtocol protocol, Endpoint outside) const {
    const NatRules::Kind kind = rules().match_inbound(protocol, outside).kind;
    return kind == NatRules::Kind::Forward || kind == NatRules::Kind::OneToOne ||
           (kind == NatRules::Kind::Dynamic && mappings_.find_outside(protocol, outside) != kNone);
}

std::optional<Endpoint> Translator::counterpart(Direction direction, const Flow& flow,
                                                net::InterfaceId out, bool& is_concerned) {
    const bool is_outbound = direction == Direction::Outbound;
    is_concerned = true;
    const std::uint32_t index = sessions_.find(direction, flow);
    if (index != kNone && is_allowed(sessions_[index])) {
        return is_outbound ? sessions_[index].outside() : sessions_[index].inside();
    }
    const NatRules::Match match = is_outbound
                                      ? rules().match_outbound(flow, out)
                                      : rules().match_inbound(flow.protocol, flow.destination);
    if (match.kind == NatRules::Kind::Forward || match.kind == NatRules::Kind::OneToOne) {
        return match.other;
    }
    is_concerned = match.kind != NatRules::Kind::Untouched;
    if (!is_concerned || !has_ports(flow.protocol)) {
        return std::nullopt;
    }
    const std::uint32_t mapping = is_outbound
                                      ? mapping_inside(flow.protocol, flow.source, match.rule)
                                      : mapping_outside(flow.protocol, flow.destination);
    if (mapping == kNone) {
        return std::nullopt;
    }
    return is_outbound ? mappings_[mapping].outside() : mappings_[mapping].inside();
}

QuotedDecision Translator::translate_quoted(Direction direction, const Flow& quoted,
                                            net::Ipv4Address outer, net::InterfaceId out) {
    // The error goes against the packet that it quotes, so its direction is that of the answer.
    const Flow answer = reversed(quoted);
    bool is_concerned = false;
    const auto other = counterpart(direction, answer, out, is_concerned);
    QuotedDecision decision;
    if (!other && !is_concerned) {
        decision.verdict =
            direction == Direction::Outbound ? Verdict::Untouched : Verdict::Unmapped;
        return decision;
    }
    if (!other) {
        ++counters_.refused[static_cast<std::size_t>(Reason::UnknownQuote)];
        decision.verdict = Verdict::Drop;
        decision.reason = Reason::UnknownQuote;
        return decision;
    }
    ++counters_.quoted;
    decision.verdict = Verdict::Translate;
    decision.quoted = rewrite_of(quoted.protocol, ours(direction, answer), *other);
    decision.outer = other->address;
    if (direction == Direction::Outbound) {
        // RFC 5508 REQ-5c: a router inside may have an address of its own to be known by.
        const NatRules::Match own =
            rules().match_outbound({quoted.protocol, {outer, 0}, answer.destination}, out);
        if (own.kind == NatRules::Kind::OneToOne) {
            decision.outer = own.other.address;
        }
    }
    decision.outer_ip.change(outer, decision.outer);
    return decision;
}

std::optional<HeldSyns::Ticket> Translator::hold_syn(const Flow& flow, Instant now) {
    if (settings_.unsolicited_syn == UnsolicitedSyn::Hold) {
        if (const auto ticket = held_syns_.hold(flow, now)) {
            ++counters_.syns_held;
            return ticket;
        }
    }
    ++counters_.refused[static_cast<std::size_t>(Reason::UnsolicitedSyn)];
    return std::nullopt;
}

std::optional<HeldSyns::Due> Translator::take_due_syn(Instant now) {
    return held_syns_.take_due(now);
}

}  // namespace godwit::dataplane::nat
