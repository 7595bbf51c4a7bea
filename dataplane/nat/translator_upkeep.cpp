// What happens beside packets: construction, time, new rules, views, orders.
#include <algorithm>

#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat {
namespace {

// In the order of AgeClass.
SessionStore::Lifetimes lifetimes_of(const Timeouts& times) {
    return {Seconds{0},        times.tcp_opening, times.tcp_opening, times.tcp_established,
            times.tcp_closing, times.udp,         times.icmp};
}

std::uint32_t subscribers_of(const Settings& settings) {
    return settings.max_subscribers != 0 ? settings.max_subscribers
                                         : std::max(settings.max_sessions / 16U, 64U);
}

bool keeps_peers(const Settings& settings) {
    return settings.keeps_peers || settings.filtering == Filtering::AddressDependent;
}

// One for each session, each data connection that is expected and each request; and one that is
// made before what it is for has found its room.
std::uint32_t mappings_of(const Settings& settings) {
    return settings.max_sessions + FtpGateway::room_for(settings.max_sessions) +
           RequestedMappings::room_for(settings.max_sessions) + 1U;
}

// How many ports of one worker make a block at this address; 0: none are given out in blocks.
std::uint32_t block_ports_at(const NatRules& rules, std::uint32_t index, unsigned workers) {
    const SourceRule* rule = rules.source_rule_at(index);
    return rule == nullptr || rule->allocation != PortAllocation::Blocks
               ? 0U
               : std::max((rule->block_ports / workers) & ~1U, 2U);
}

}  // namespace

net::Result<std::unique_ptr<Translator>, std::string> Translator::create(
    const Settings& settings, std::shared_ptr<const NatRules> rules) {
    if (std::string wrong = check(settings); !wrong.empty()) {
        return net::unexpected(std::move(wrong));
    }
    std::unique_ptr<Translator> made(new Translator(settings));  // the constructor is private
    auto revision = made->prepare(std::move(rules));
    if (!revision) {
        return net::unexpected(std::move(revision.error()));
    }
    made->revision_ = std::move(*revision);
    return made;
}

Translator::Translator(const Settings& settings)
    : settings_(settings),
      sessions_(settings.max_sessions, keeps_peers(settings), lifetimes_of(settings.timeouts),
                settings.key),
      mappings_(mappings_of(settings), settings.key),
      subscribers_(subscribers_of(settings), settings.key),
      ftp_(settings.max_sessions, settings.key),
      requests_(settings.max_sessions, settings.key),
      held_syns_(settings.max_held_syns, settings.timeouts.syn_hold, settings.key),
      events_(settings.event_capacity),
      uses_(std::make_unique<RuleUses>()) {}

std::uint32_t Translator::expire(Instant now, std::uint32_t budget) {
    std::uint32_t ended = 0;
    for (; ended < budget; ++ended) {
        const std::uint32_t mapping = ftp_.overdue(now);
        if (mapping == kNone) {
            break;
        }
        end_expectation(mapping, now);
    }
    for (; ended < budget; ++ended) {
        const std::uint32_t request = requests_.overdue(now);
        if (request == kNone) {
            break;
        }
        counters_.requests_expired += requests_[request].is_released ? 0U : 1U;
        end_request(request, now);
    }
    for (std::size_t turn = 0; turn < kAgeClasses; ++turn) {
        const auto age = static_cast<AgeClass>(next_class_);
        for (; ended < budget; ++ended) {
            const std::uint32_t index = sessions_.expired(age, now);
            if (index == kNone) {
                break;
            }
            if (age == AgeClass::TcpEstablished) {
                // RFC 7857 figure 1, TCP_EST T.O.: it has the transitory time to show that it
                // lives.
                sessions_[index].tcp = TcpState::Transitory;
                sessions_.set_age(index, AgeClass::TcpClosing, now);
            } else {
                end_session(index, now);
                ++counters_.sessions_expired;
            }
        }
        next_class_ = (next_class_ + 1) % kAgeClasses;
        if (ended == budget) {
            break;  // the next call begins with the next class
        }
    }
    return ended;
}

net::Result<std::unique_ptr<Revision>, std::string> Translator::prepare(
    std::shared_ptr<const NatRules> rules) const {
    return prepare_for(settings_, revision_ ? revision_->rules.get() : nullptr, std::move(rules));
}

net::Result<std::unique_ptr<Revision>, std::string> Translator::prepare_for(
    const Settings& settings, const NatRules* before, std::shared_ptr<const NatRules> rules) {
    auto revision = std::make_unique<Revision>();
    const std::vector<net::Ipv4Address>& addresses = rules->outside_addresses();
    revision->pools.resize(addresses.size());
    for (std::uint32_t index = 0; index < addresses.size(); ++index) {
        if (!rules->is_pool_address(index)) {
            continue;
        }
        const std::uint32_t block = block_ports_at(*rules, index, settings.place.workers);
        const auto old = before != nullptr ? before->outside_index(addresses[index]) : std::nullopt;
        if (old && before->is_pool_address(*old) &&
            block_ports_at(*before, *old, settings.place.workers) != block) {
            return net::unexpected(
                "nat: " + addresses[index].to_string() +
                " would give out its ports in blocks of another size while the old ones are in "
                "use; take the address out of the pool first, and apply that");
        }
        revision->pools[index] = std::make_unique<PortPool>(
            settings.place, settings.timeouts.port_quarantine, block, settings.most_resting_ports);
    }
    revision->port_quarantine = settings.timeouts.port_quarantine;
    revision->most_resting_ports = settings.most_resting_ports;
    for (const auto& pool : revision->pools) {
        revision->port_bytes += pool ? pool->bytes() : 0U;
    }
    revision->rules = std::move(rules);
    return revision;
}

bool Translator::can_retune(const Settings& from, const Settings& to) {
    return from.max_sessions == to.max_sessions && subscribers_of(from) == subscribers_of(to) &&
           from.max_held_syns == to.max_held_syns && from.event_capacity == to.event_capacity &&
           keeps_peers(from) == keeps_peers(to);
}

void Translator::retune(const Settings& settings) {
    const WorkerPlace place = settings_.place;
    const net::SipKey key = settings_.key;
    settings_ = settings;
    settings_.place = place;
    settings_.key = key;
    sessions_.set_lifetimes(lifetimes_of(settings.timeouts));
    held_syns_.set_hold(settings.timeouts.syn_hold);
}

std::unique_ptr<Revision> Translator::apply(std::unique_ptr<Revision> revision) {
    if (is_sweeping()) {
        return revision;
    }
    // Ports that are in use or at rest stay so where the address stays. Both lists are sorted.
    const std::vector<net::Ipv4Address>& from = revision_->rules->outside_addresses();
    const std::vector<net::Ipv4Address>& to = revision->rules->outside_addresses();
    for (std::size_t old_at = 0, new_at = 0; old_at < from.size() && new_at < to.size();) {
        if (from[old_at] == to[new_at] && revision_->pools[old_at] && revision->pools[new_at]) {
            std::swap(revision_->pools[old_at], revision->pools[new_at]);
            revision->pools[new_at]->set_rest(revision->port_quarantine,
                                              revision->most_resting_ports);
        }
        const bool is_behind = from[old_at] <= to[new_at];
        new_at += static_cast<std::size_t>(to[new_at] <= from[old_at]);
        old_at += static_cast<std::size_t>(is_behind);
    }
    std::swap(revision_, revision);
    ++revision_number_;
    is_sweeping_ = true;
    sweep_at_ = 0;
    sweep_request_at_ = 0;
    return revision;
}

bool Translator::sweep(std::uint32_t budget, Instant now) {
    for (; budget > 0 && sweep_at_ < sessions_.touched(); --budget, ++sweep_at_) {
        Session& session = sessions_[sweep_at_];
        if (session.age != AgeClass::Free && !is_allowed(session)) {
            end_session(sweep_at_, now);
            ++counters_.sessions_revoked;
        }
    }
    for (; budget > 0 && sweep_request_at_ < requests_.touched(); --budget, ++sweep_request_at_) {
        const RequestedMapping& request = requests_[sweep_request_at_];
        if (request.is_used && !is_allowed(mappings_[request.mapping])) {
            counters_.requests_revoked += request.is_released ? 0U : 1U;
            end_request(sweep_request_at_, now);
        }
    }
    is_sweeping_ = sweep_at_ < sessions_.touched() || sweep_request_at_ < requests_.touched();
    return !is_sweeping_;
}

bool SessionFilter::matches(const Session& session) const {
    return session.age != AgeClass::Free && (!inside || *inside == session.inside_address) &&
           (!outside || *outside == session.outside_address) &&
           (!remote || *remote == session.remote_address) &&
           (!protocol || *protocol == session.protocol) && (!rule || *rule == session.rule) &&
           (!age || *age == session.age) && (!inside_port || *inside_port == session.inside_port) &&
           (!outside_port || *outside_port == session.outside_port);
}

bool SessionFilter::matches(const Mapping& mapping) const {
    return !remote && !age && (!inside || *inside == mapping.inside_address) &&
           (!outside || *outside == mapping.outside_address) &&
           (!protocol || *protocol == mapping.protocol) && (!rule || *rule == mapping.rule) &&
           (!inside_port || *inside_port == mapping.inside_port) &&
           (!outside_port || *outside_port == mapping.outside_port);
}

std::size_t Translator::read_sessions(std::uint32_t& cursor, std::uint32_t budget,
                                      const SessionFilter& filter,
                                      std::span<SessionView> out) const {
    std::size_t count = 0;
    while (cursor < sessions_.touched() && budget-- > 0 && count < out.size()) {
        const Session& session = sessions_[cursor++];
        if (filter.matches(session)) {
            out[count++] = {session.flow(Direction::Outbound),
                            session.outside(),
                            session.rule,
                            session.tcp,
                            session.age,
                            Instant{Seconds{session.listed}}};
        }
    }
    cursor = cursor < sessions_.touched() ? cursor : kNone;
    return count;
}

std::size_t Translator::read_subscribers(std::uint32_t& cursor, std::uint32_t budget,
                                         std::span<Subscriber> out) const {
    std::size_t count = 0;
    while (cursor < subscribers_.touched() && budget-- > 0 && count < out.size()) {
        const Subscriber& subscriber = subscribers_[cursor++];
        if (subscriber.is_used) {
            out[count++] = subscriber;
        }
    }
    cursor = cursor < subscribers_.touched() ? cursor : kNone;
    return count;
}

std::size_t Translator::read_mappings(std::uint32_t& cursor, std::uint32_t budget,
                                      std::span<MappingView> out) const {
    std::size_t count = 0;
    while (cursor < requests_.touched() && budget-- > 0 && count < out.size()) {
        const RequestedMapping& request = requests_[cursor++];
        if (request.is_used && !request.is_released) {
            const Mapping& mapping = mappings_[request.mapping];
            out[count++] = {mapping.inside(),      mapping.outside(),
                            mapping.protocol,      mapping.rule,
                            mapping.sessions - 1U, Instant{Seconds{request.deadline}},
                            request.filter_count,  request.filters};
        }
    }
    cursor = cursor < requests_.touched() ? cursor : kNone;
    return count;
}

std::size_t Translator::clear_sessions(std::uint32_t& cursor, std::uint32_t budget,
                                       const SessionFilter& filter, Instant now) {
    std::size_t count = 0;
    while (cursor < sessions_.touched() && budget-- > 0) {
        const std::uint32_t index = cursor++;
        if (filter.matches(sessions_[index])) {
            end_session(index, now);
            ++counters_.sessions_cleared;
            ++count;
        }
    }
    cursor = cursor < sessions_.touched() ? cursor : kNone;
    return count;
}

std::size_t Translator::clear_requests(std::uint32_t& cursor, std::uint32_t budget,
                                       const SessionFilter& filter, Instant now) {
    std::size_t count = 0;
    while (cursor < requests_.touched() && budget-- > 0) {
        const std::uint32_t index = cursor++;
        const RequestedMapping& request = requests_[index];
        if (request.is_used && !request.is_released && filter.matches(mappings_[request.mapping])) {
            end_request(index, now);
            ++counters_.requests_cleared;
            ++count;
        }
    }
    cursor = cursor < requests_.touched() ? cursor : kNone;
    return count;
}

std::uint32_t Translator::ports_out(net::Ipv4Address outside, net::IpProtocol protocol) const {
    const auto index = rules().outside_index(outside);
    const PortPool* pool = index ? revision_->pools[*index].get() : nullptr;
    return pool == nullptr ? 0U : pool->ports_out(protocol);
}

std::size_t Translator::session_bytes() const {
    return sessions_.bytes() + mappings_.bytes() + subscribers_.bytes() +
           FtpGateway::bytes_for(settings_.max_sessions) +
           RequestedMappings::bytes_for(settings_.max_sessions);
}

std::size_t Translator::bytes_for(const Settings& settings) {
    const std::size_t sessions = settings.max_sessions;
    const std::size_t mappings = mappings_of(settings);
    const std::size_t subscribers = subscribers_of(settings);
    return sessions * sizeof(Session) + mappings * sizeof(Mapping) +
           subscribers * sizeof(Subscriber) + BucketTable::bytes_for(sessions * 2U) +
           BucketTable::bytes_for(mappings * 2U) + BucketTable::bytes_for(subscribers) +
           (keeps_peers(settings) ? BucketTable::bytes_for(sessions) : 0U) +
           FtpGateway::bytes_for(settings.max_sessions) +
           RequestedMappings::bytes_for(settings.max_sessions);
}

Statistics Translator::statistics(Instant now) const {
    Statistics all;
    all.now_seconds = now.time_since_epoch().count();
    all.max_sessions = sessions_.capacity();
    all.max_subscribers = subscribers_.capacity();
    for (std::size_t age = 0; age < kAgeClasses; ++age) {
        all.sessions[age] = sessions_.count(static_cast<AgeClass>(age));
    }
    all.mappings = mappings_.used();
    all.subscribers = subscribers_.used();
    all.requested = requests_.count();
    all.released = requests_.used() - requests_.count();
    all.max_requested = requests_.capacity();
    all.syns_waiting = held_syns_.held();
    all.events_lost = events_.lost();
    all.memory_bytes = session_bytes() + port_bytes();
    all.counters = counters_;
    return all;
}

Statistics& Statistics::operator+=(const Statistics& other) {
    using Words = std::array<std::uint64_t, sizeof(Statistics) / sizeof(std::uint64_t)>;
    const std::uint64_t latest = std::max(now_seconds, other.now_seconds);
    auto sum = std::bit_cast<Words>(*this);
    const auto more = std::bit_cast<Words>(other);
    for (std::size_t at = 0; at < sum.size(); ++at) {
        sum[at] += more[at];
    }
    *this = std::bit_cast<Statistics>(sum);
    now_seconds = latest;
    return *this;
}

std::size_t Translator::port_bytes() const {
    return revision_->port_bytes;
}

}  // namespace godwit::dataplane::nat
