// How sessions are made and how they end, and what is counted and told on the way.
#include <algorithm>

#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat {
namespace {

// A SYN from outside costs its sender nothing: all of them together may have this part of the
// table.
constexpr std::uint32_t kInwardShare = 4;
// Transitory sessions, in no order: the oldest of all goes.
constexpr std::array kTransitory{AgeClass::TcpClosing, AgeClass::TcpOpening,
                                 AgeClass::TcpOpeningInward};
constexpr Seconds kBetweenShortagesTold{1};

}  // namespace

net::Result<std::uint32_t, Reason> Translator::open_dynamic(const NewSession& wanted,
                                                            const SourceRule& rule,
                                                            const Share& share, Instant now) {
    const std::uint32_t known = mapping_inside(wanted.protocol, wanted.inside, wanted.rule);
    if (known != kNone) {
        mappings_[known].is_closed = false;
        return open_mapped(wanted, known, now);
    }
    if (!can_make_room(wanted)) {
        return net::unexpected(Reason::SessionTableFull);
    }
    const auto made = take_mapping(wanted, rule, share, now);
    if (!made) {
        return made;
    }
    return add_mapped(wanted, *made, now);
}

net::Result<std::uint32_t, Reason> Translator::take_mapping(const NewSession& wanted,
                                                            const SourceRule& rule,
                                                            const Share& share, Instant now) {
    const std::uint32_t subscriber = subscribers_.find_or_add(wanted.inside.address, share.outside);
    if (subscriber == kNone) {
        return net::unexpected(Reason::SubscriberTableFull);
    }
    Reason reason = check_limits(subscriber, wanted, now);
    const std::uint32_t most = share_of_limit(limits_of(wanted.rule).ports);
    if (reason == Reason::None && most != 0 && subscribers_[subscriber].ports >= most) {
        reason = Reason::SubscriberPorts;
    }
    std::optional<std::uint16_t> port;
    if (reason == Reason::None) {
        port = take_port(rule, subscriber, wanted, now);
        // Never another address of the pool: paired (RFC 7857 4).
        reason = port ? Reason::None : Reason::PortsExhausted;
    }
    if (reason != Reason::None) {
        subscribers_.remove_if_idle(subscriber);
        return net::unexpected(reason);
    }
    ++subscribers_[subscriber].ports;
    Mapping mapping;
    mapping.inside_address = wanted.inside.address;
    mapping.inside_port = wanted.inside.port;
    mapping.outside_address = share.outside;
    mapping.outside_port = *port;
    mapping.protocol = wanted.protocol;
    mapping.rule = wanted.rule;
    mapping.subscriber = subscriber;
    const std::uint32_t index = mappings_.add(mapping);
    ++counters_.mappings_made;
    counters_.ports_preserved += static_cast<std::uint64_t>(*port == wanted.inside.port);
    tell(NatEvent::BindingCreate, mapping, now);
    return index;
}

std::uint32_t Translator::add_mapped(const NewSession& wanted, std::uint32_t mapping, Instant now) {
    // The session that makes room may be the last of this very mapping.
    ++mappings_[mapping].sessions;
    make_room(wanted.age, now);
    --mappings_[mapping].sessions;
    return add_session(wanted, mappings_[mapping].outside(), mapping, mappings_[mapping].subscriber,
                       now);
}

net::Result<std::uint32_t, Reason> Translator::open_mapped(const NewSession& wanted,
                                                           std::uint32_t mapping, Instant now) {
    if (!can_make_room(wanted)) {
        return net::unexpected(Reason::SessionTableFull);
    }
    const Reason reason = check_limits(mappings_[mapping].subscriber, wanted, now);
    if (reason != Reason::None) {
        return net::unexpected(reason);
    }
    return add_mapped(wanted, mapping, now);
}

net::Result<std::uint32_t, Reason> Translator::open_forward(const NewSession& wanted,
                                                            Endpoint outside, Instant now) {
    if (!can_make_room(wanted)) {
        return net::unexpected(Reason::SessionTableFull);
    }
    const std::uint32_t subscriber =
        subscribers_.find_or_add(wanted.inside.address, outside.address);
    if (subscriber == kNone) {
        return net::unexpected(Reason::SubscriberTableFull);
    }
    const Reason reason = check_limits(subscriber, wanted, now);
    if (reason != Reason::None) {
        subscribers_.remove_if_idle(subscriber);
        return net::unexpected(reason);
    }
    ++subscribers_[subscriber].sessions;
    make_room(wanted.age, now);
    --subscribers_[subscriber].sessions;
    return add_session(wanted, outside, kNone, subscriber, now);
}

std::uint32_t Translator::add_session(const NewSession& wanted, Endpoint outside,
                                      std::uint32_t mapping, std::uint32_t subscriber,
                                      Instant now) {
    Session session;
    session.inside_address = wanted.inside.address;
    session.inside_port = wanted.inside.port;
    session.outside_address = outside.address;
    session.outside_port = outside.port;
    session.remote_address = wanted.remote.address;
    session.remote_port = wanted.remote.port;
    session.protocol = wanted.protocol;
    session.tcp = wanted.tcp;
    session.rule = wanted.rule;
    session.revision = static_cast<std::uint8_t>(revision_number_);
    session.is_hairpin = rules().is_outside_address(wanted.remote.address);
    session.mapping = mapping;
    session.subscriber = subscriber;
    session.ip_difference.change(wanted.inside.address, outside.address);
    if (wanted.protocol != net::IpProtocol::Icmp) {
        session.transport_difference = session.ip_difference;
    }
    session.transport_difference.change_port(wanted.inside.port, outside.port);
    if (mapping != kNone) {
        ++mappings_[mapping].sessions;
    }
    Subscriber& owner = subscribers_[subscriber];
    ++owner.sessions;
    if (wanted.age != AgeClass::TcpOpeningInward) {
        const std::uint32_t second = now.time_since_epoch().count();
        owner.made = owner.second == second ? owner.made : std::uint16_t{0};
        owner.made = static_cast<std::uint16_t>(std::min(owner.made + 1, 65535));
        owner.second = second;
    }
    ++counters_.sessions_made;
    uses_->count_made(wanted.rule);
    tell(NatEvent::SessionCreate, session, now);
    const std::uint32_t index = sessions_.add(session, wanted.age, now);
    if (settings_.ftp) {
        begin_following(index);
    }
    return index;
}

const SubscriberLimits& Translator::limits_of(RuleId rule) const {
    const auto& own = rules().policy_of(rule).limits;
    return own ? *own : settings_.limits;
}

Reason Translator::check_limits(std::uint32_t subscriber, const NewSession& wanted, Instant now) {
    const Subscriber& owner = subscribers_[subscriber];
    const SubscriberLimits& limits = limits_of(wanted.rule);
    const bool is_inward = wanted.age == AgeClass::TcpOpeningInward;
    // What the outside opens must use up neither the sessions nor the rate of the subscriber: a
    // quarter of the one, and all of the other, is for what the inside opens.
    const std::uint32_t limit = share_of_limit(limits.sessions);
    const std::uint32_t most = is_inward ? limit - limit / kInwardShare : limit;
    if (limit != 0 && owner.sessions >= most) {
        return Reason::SubscriberSessions;
    }
    const std::uint32_t rate = share_of_limit(limits.new_sessions_per_second);
    if (rate != 0 && !is_inward && owner.second == now.time_since_epoch().count() &&
        owner.made >= rate) {
        return Reason::SubscriberRate;
    }
    return Reason::None;
}

bool Translator::can_make_room(const NewSession& wanted) const {
    if (!sessions_.is_full()) {
        return true;
    }
    const AgeClass age = wanted.age;
    if (rules().policy_of(wanted.rule).at_limit.value_or(settings_.at_limit) == AtLimit::Refuse) {
        return false;
    }
    if (age == AgeClass::TcpOpeningInward) {
        return sessions_.count(age) != 0;
    }
    return std::ranges::any_of(kTransitory,
                               [&](AgeClass each) { return sessions_.count(each) != 0; });
}

void Translator::make_room(AgeClass age, Instant now) {
    const bool is_inward = age == AgeClass::TcpOpeningInward;
    const bool is_over_share =
        is_inward && sessions_.count(age) >= std::max(sessions_.capacity() / kInwardShare, 1U);
    if (!sessions_.is_full() && !is_over_share) {
        return;
    }
    // What the outside opens displaces only what the outside opened.
    std::uint32_t oldest = sessions_.oldest(AgeClass::TcpOpeningInward);
    if (!is_inward) {
        for (const AgeClass each : kTransitory) {
            const std::uint32_t first = sessions_.oldest(each);
            if (first != kNone &&
                (oldest == kNone || sessions_[first].listed < sessions_[oldest].listed)) {
                oldest = first;
            }
        }
    }
    end_session(oldest, now);
    ++counters_.sessions_evicted;
}

std::optional<std::uint16_t> Translator::take_port(const SourceRule& rule, std::uint32_t subscriber,
                                                   const NewSession& wanted, Instant now) {
    Subscriber& owner = subscribers_[subscriber];
    PortPool& pool = *pool_of(owner.outside);
    if (pool.reserved_revision != revision_number_) {
        pool.clear_reserved();
        for (const ForwardRule& forward : rules().forwards()) {
            if (forward.outside == owner.outside) {
                pool.reserve(forward.protocol, forward.ports);
            }
        }
        for (const OwnPorts& own : rules().own_ports()) {
            if (own.outside && *own.outside != owner.outside) {
                continue;
            }
            for (const auto protocol :
                 {net::IpProtocol::Tcp, net::IpProtocol::Udp, net::IpProtocol::Icmp}) {
                if (!own.protocol || *own.protocol == protocol) {
                    pool.reserve(protocol, own.ports);
                }
            }
        }
        pool.reserved_revision = revision_number_;
    }
    if (rule.allocation == PortAllocation::Blocks) {
        return take_port_in_block(pool, rule, owner, wanted, now);
    }
    const Share share = rule.allocation == PortAllocation::Deterministic
                            ? rules().share_of(rule, owner.inside)
                            : Share{owner.outside, rule.ports};
    return take_port_of(pool, wanted, ports_of(rule, share, wanted.protocol), now);
}

PortRange Translator::ports_of(const SourceRule& rule, const Share& share,
                               net::IpProtocol protocol) {
    const bool any_identifier =  // they are nobody's services
        protocol == net::IpProtocol::Icmp && rule.allocation == PortAllocation::Single;
    return any_identifier ? PortRange{1, 65535} : share.ports;
}

// A random number is drawn only where the port must differ.
std::optional<std::uint16_t> Translator::take_port_of(PortPool& pool, const NewSession& wanted,
                                                      PortRange range, Instant now) {
    const std::uint16_t preferred = wanted.port != 0 ? wanted.port : wanted.inside.port;
    const auto same = pool.take_same(wanted.protocol, preferred, range, now);
    return same || wanted.exactly
               ? same
               : pool.take_other(wanted.protocol, preferred, range,
                                 wanted.random != 0 ? wanted.random : random(), now);
}

std::optional<std::uint16_t> Translator::take_port_in_block(PortPool& pool, const SourceRule& rule,
                                                            Subscriber& subscriber,
                                                            const NewSession& wanted, Instant now) {
    for (std::size_t at = 0; at < subscriber.blocks; ++at) {
        const PortRange ports = pool.ports_of_block(subscriber.block[at]);
        if (const auto port = take_port_of(pool, wanted, ports, now)) {
            ++subscriber.block_ports_out[at];
            return port;
        }
    }
    // No block is begun for one port that is most likely not in it.
    if (subscriber.blocks >= rule.max_blocks || wanted.exactly) {
        return std::nullopt;
    }
    const auto block = pool.take_block(rule.ports, random(), now);
    if (!block) {
        return std::nullopt;
    }
    const PortRange ports = pool.ports_of_block(*block);
    const auto port = take_port_of(pool, wanted, ports, now);
    if (!port) {  // all of it is forwarded
        pool.give_back_block(*block, now);
        return std::nullopt;
    }
    subscriber.block[subscriber.blocks] = *block;
    subscriber.block_ports_out[subscriber.blocks] = 1;
    ++subscriber.blocks;
    tell_block(NatEvent::PortBlockAllocation, subscriber, ports, rule.id, now);
    return port;
}

void Translator::give_back_port(const Mapping& mapping, Instant now) {
    PortPool* pool = pool_of(mapping.outside_address);
    if (pool == nullptr) {
        return;  // the address is no longer ours
    }
    pool->give_back(mapping.protocol, mapping.outside_port, now);
    Subscriber& owner = subscribers_[mapping.subscriber];
    for (std::size_t at = 0; at < owner.blocks; ++at) {
        const PortRange ports = pool->ports_of_block(owner.block[at]);
        if (!ports.contains(mapping.outside_port)) {
            continue;
        }
        if (--owner.block_ports_out[at] == 0) {
            pool->give_back_block(owner.block[at], now);
            --owner.blocks;
            owner.block[at] = owner.block[owner.blocks];
            owner.block_ports_out[at] = owner.block_ports_out[owner.blocks];
            tell_block(NatEvent::PortBlockRelease, owner, ports, mapping.rule, now);
        }
        return;
    }
}

void Translator::end_session(std::uint32_t index, Instant now) {
    const Session session = sessions_[index];
    if (session.is_followed) {
        ftp_.forget(index);
    }
    sessions_.remove(index);
    uses_->count_ended(session.rule);
    tell(NatEvent::SessionDelete, session, now);
    --subscribers_[session.subscriber].sessions;
    if (session.mapping != kNone) {
        release_mapping(session.mapping, now);
    } else {
        subscribers_.remove_if_idle(session.subscriber);
    }
}

void Translator::end_mapping(std::uint32_t index, Instant now) {
    const Mapping mapping = mappings_[index];
    give_back_port(mapping, now);
    --subscribers_[mapping.subscriber].ports;
    mappings_.remove(index);
    tell(NatEvent::BindingDelete, mapping, now);
}

void Translator::release_mapping(std::uint32_t mapping, Instant now) {
    const std::uint32_t subscriber = mappings_[mapping].subscriber;
    if (--mappings_[mapping].sessions == 0) {
        end_mapping(mapping, now);
    }
    subscribers_.remove_if_idle(subscriber);
}

PortPool* Translator::pool_of(net::Ipv4Address outside) const {
    const auto index = rules().outside_index(outside);
    return index ? revision_->pools[*index].get() : nullptr;
}

std::uint32_t Translator::share_of_limit(std::uint32_t limit) const {
    return (limit + settings_.place.workers - 1U) / settings_.place.workers;
}

std::uint64_t Translator::random() {
    // Of one key and a count: nobody who sees some of the ports knows the next (RFC 6056).
    return net::siphash(settings_.key, {++drawn_, settings_.place.worker});
}

void Translator::tell(NatEvent event, const Session& session, Instant now) {
    if (settings_.logging == Logging::Sessions) {
        events_.push({now,
                      event,
                      session.protocol,
                      session.rule,
                      session.inside(),
                      session.outside(),
                      session.remote(),
                      {0, 0},
                      0});
    }
}

void Translator::tell(NatEvent event, const Mapping& mapping, Instant now) {
    const PortPool* pool = pool_of(mapping.outside_address);
    const bool has_blocks = pool != nullptr && pool->block_ports() != 0;
    const SourceRule* rule = rules().source_rule(mapping.rule);
    // RFC 7422: what follows from the rule needs no log.
    const bool follows = rule != nullptr && rule->allocation == PortAllocation::Deterministic;
    if (settings_.logging == Logging::Bindings && !has_blocks && !follows) {
        events_.push({now,
                      event,
                      mapping.protocol,
                      mapping.rule,
                      mapping.inside(),
                      mapping.outside(),
                      {},
                      {0, 0},
                      0});
    }
}

void Translator::tell_block(NatEvent event, const Subscriber& subscriber, PortRange block,
                            RuleId rule, Instant now) {
    if (settings_.logging != Logging::Nothing) {
        events_.push({now,
                      event,
                      {},
                      rule,
                      {subscriber.inside, 0},
                      {subscriber.outside, 0},
                      {},
                      block,
                      static_cast<std::uint16_t>(settings_.place.workers)});
    }
}

void Translator::tell_shortage(Reason reason, const NewSession& wanted, Instant now) {
    // RFC 6888 REQ-11c; the counters have each, the journal at most one a second.
    if (!is_shortage(reason) || settings_.logging == Logging::Nothing ||
        (now - last_shortage_told_ < kBetweenShortagesTold && last_shortage_told_ != Instant{})) {
        return;
    }
    last_shortage_told_ = now;
    const NatEvent event =
        reason == Reason::PortsExhausted ? NatEvent::PortsExhausted : NatEvent::QuotaExceeded;
    events_.push({now, event, wanted.protocol, wanted.rule, wanted.inside, {}, {}, {0, 0}, 0});
}

}  // namespace godwit::dataplane::nat
