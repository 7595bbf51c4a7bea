// Questions to compiled rules. Forwards and outside addresses are found by halving; exclusions,
// one-to-one and source rules are few, and asked in order.
#include "dataplane/nat/rules.hpp"

#include <algorithm>
#include <tuple>

namespace godwit::dataplane::nat {
namespace {

bool contains(const std::vector<net::Ipv4Prefix>& prefixes, net::Ipv4Address address) {
    return std::ranges::any_of(prefixes, [&](const auto& each) { return each.contains(address); });
}

net::Ipv4Address moved(net::Ipv4Address address, const net::Ipv4Prefix& from,
                       const net::Ipv4Prefix& to) {
    return net::Ipv4Address(to.address().value() | (address.value() & ~from.mask()));
}

// "A Fast, Minimal Memory, Consistent Hash Algorithm", Lamping and Veach, 2014. It wants a key
// whose bits are mixed: neighbours inside must not be neighbours in the pool.
std::size_t jump_hash(net::Ipv4Address inside, std::size_t count) {
    std::uint64_t key = (std::uint64_t{inside.value()} + 1U) * 0x9e3779b97f4a7c15ULL;
    key = (key ^ key >> 32U) * 0xd6e8feb86659fd93ULL;
    key ^= key >> 32U;
    std::size_t chosen = 0;
    std::size_t next = 0;
    while (next < count) {
        chosen = next;
        key = key * 2862933555777941757ULL + 1U;
        next = static_cast<std::size_t>(static_cast<double>(chosen + 1U) *
                                        (2147483648.0 / static_cast<double>((key >> 33U) + 1U)));
    }
    return chosen;
}

std::uint64_t addresses_in(const net::Ipv4Prefix& prefix) {
    return std::uint64_t{1} << (32U - prefix.length());
}

// Where the address stands among those of the prefixes, one prefix after the other.
std::uint64_t position_in(const std::vector<net::Ipv4Prefix>& prefixes, net::Ipv4Address address) {
    std::uint64_t before = 0;
    for (const net::Ipv4Prefix& prefix : prefixes) {
        if (prefix.contains(address)) {
            return before + (address.value() - prefix.address().value());
        }
        before += addresses_in(prefix);
    }
    return before;
}

// The last of the sorted rules that does not begin behind what is looked for.
template <class Key, class KeyOf>
const ForwardRule* last_not_after(const std::vector<ForwardRule>& rules, const Key& key,
                                  KeyOf key_of) {
    const auto after = std::ranges::upper_bound(rules, key, {}, key_of);
    return after == rules.begin() ? nullptr : &*std::prev(after);
}

std::uint16_t last_inside_port(const ForwardRule& rule) {
    return static_cast<std::uint16_t>(rule.first_inside_port +
                                      (rule.ports.last - rule.ports.first));
}

Endpoint outside_of(const ForwardRule& rule, Endpoint inside) {
    return {rule.outside,
            static_cast<std::uint16_t>(inside.port + rule.ports.first - rule.first_inside_port)};
}

Endpoint outside_of(const OneToOneRule& rule, Endpoint inside) {
    return {moved(inside.address, rule.inside, rule.outside), inside.port};
}

}  // namespace

NatRules::Match NatRules::match_outbound(const Flow& flow, net::InterfaceId out) const {
    if (is_excluded(flow.protocol, flow.source.address, flow.destination)) {
        return {};
    }
    const ForwardRule* forward = forward_to_inside(flow.protocol, flow.source);
    if (forward != nullptr && (forward->out.is_none() || forward->out == out)) {
        return {Kind::Forward, forward->id, outside_of(*forward, flow.source)};
    }
    const OneToOneRule* fixed = one_to_one_inside(flow.source.address);
    if (fixed != nullptr && fixed->out == out) {
        return {Kind::OneToOne, fixed->id, outside_of(*fixed, flow.source)};
    }
    for (const SourceRule& rule : rules_.source) {
        if (rule.out == out && contains(rule.from, flow.source.address)) {
            return {Kind::Dynamic, rule.id, {}, &rule};
        }
    }
    return {};
}

NatRules::Match NatRules::match_inbound(net::IpProtocol protocol, Endpoint outside) const {
    if (const ForwardRule* rule = forward_from_outside(protocol, outside)) {
        const int offset = rule->first_inside_port - rule->ports.first;
        return {Kind::Forward,
                rule->id,
                {rule->inside, static_cast<std::uint16_t>(outside.port + offset)}};
    }
    if (const OneToOneRule* fixed = one_to_one_outside(outside.address)) {
        return {Kind::OneToOne,
                fixed->id,
                {moved(outside.address, fixed->outside, fixed->inside), outside.port}};
    }
    const auto index = outside_index(outside.address);
    if (is_own(protocol, outside)) {
        return {};
    }
    return index && is_pool_[*index] ? Match{Kind::Dynamic} : Match{};
}

std::optional<Endpoint> NatRules::fixed_outside(net::IpProtocol protocol, Endpoint inside) const {
    if (const ForwardRule* forward = forward_to_inside(protocol, inside)) {
        return outside_of(*forward, inside);
    }
    if (const OneToOneRule* fixed = one_to_one_inside(inside.address)) {
        return outside_of(*fixed, inside);
    }
    return std::nullopt;
}

const SourceRule* NatRules::next_source(const SourceRule* previous, net::Ipv4Address inside) const {
    const SourceRule* const end = rules_.source.data() + rules_.source.size();
    const SourceRule* const begin = previous == nullptr ? rules_.source.data() : previous + 1;
    const SourceRule* const found = std::find_if(
        begin, end, [inside](const SourceRule& rule) { return contains(rule.from, inside); });
    return found == end ? nullptr : found;
}

bool NatRules::is_own(net::IpProtocol protocol, Endpoint outside) const {
    return std::ranges::any_of(rules_.own, [&](const OwnPorts& each) {
        return each.ports.contains(outside.port) &&
               (!each.protocol || *each.protocol == protocol) &&
               (!each.outside || *each.outside == outside.address);
    });
}

bool NatRules::is_excluded(net::IpProtocol protocol, net::Ipv4Address inside,
                           Endpoint remote) const {
    return std::ranges::any_of(rules_.exclusions, [&](const Exclusion& each) {
        return each.from.contains(inside) && each.to.contains(remote.address) &&
               (!each.protocol || *each.protocol == protocol) && each.ports.contains(remote.port);
    });
}

net::InterfaceId NatRules::interface_of(net::Ipv4Address outside, net::Ipv4Address inside) const {
    const auto index = outside_index(outside);
    if (index && !outside_interface_[*index].is_none()) {
        return outside_interface_[*index];
    }
    const auto rule = std::ranges::find_if(
        rules_.source, [inside](const SourceRule& each) { return contains(each.from, inside); });
    return rule == rules_.source.end() ? net::InterfaceId() : rule->out;
}

bool NatRules::may_be_given_out(net::IpProtocol protocol, Endpoint outside) const {
    if (!has_ports(protocol) || is_own(protocol, outside)) {
        return false;
    }
    return std::ranges::any_of(rules_.source, [&](const SourceRule& rule) {
        const bool any_identifier =
            protocol == net::IpProtocol::Icmp && rule.allocation == PortAllocation::Single;
        return contains(rule.pool, outside.address) &&
               (any_identifier || rule.ports.contains(outside.port));
    });
}

Share NatRules::share_of(const SourceRule& rule, net::Ipv4Address inside) const {
    const Pool& pool = pool_of(rule);
    if (rule.allocation != PortAllocation::Deterministic) {
        return {pool.addresses[jump_hash(inside, pool.addresses.size())], rule.ports};
    }
    const std::uint64_t position = position_in(rule.from, inside);
    const auto first =
        static_cast<std::uint16_t>(rule.ports.first + position % pool.sharing * pool.ports_each);
    return {pool.addresses[static_cast<std::size_t>(position / pool.sharing)],
            {first, static_cast<std::uint16_t>(first + pool.ports_each - 1U)}};
}

std::optional<net::Ipv4Address> NatRules::deterministic_subscriber(Endpoint outside) const {
    for (const SourceRule& rule : rules_.source) {
        const Pool& pool = pool_of(rule);
        const auto found = std::ranges::find(pool.addresses, outside.address);
        if (rule.allocation != PortAllocation::Deterministic || found == pool.addresses.end() ||
            !rule.ports.contains(outside.port)) {
            continue;
        }
        const std::uint32_t slot =
            static_cast<std::uint32_t>(outside.port - rule.ports.first) / pool.ports_each;
        std::uint64_t position =
            static_cast<std::uint64_t>(found - pool.addresses.begin()) * pool.sharing + slot;
        if (slot >= pool.sharing || position >= pool.subscribers) {
            continue;
        }
        for (const net::Ipv4Prefix& prefix : rule.from) {
            if (position < addresses_in(prefix)) {
                return net::Ipv4Address(prefix.address().value() +
                                        static_cast<std::uint32_t>(position));
            }
            position -= addresses_in(prefix);
        }
    }
    return std::nullopt;
}

unsigned NatRules::owner(Direction direction, const Flow& flow, unsigned workers) const {
    if (direction == Direction::Inbound) {
        return owner_of_port(flow.destination.port, workers);
    }
    // The port of a forwarded endpoint is not the same on both sides; the outside one says whose.
    if (const ForwardRule* rule = forward_to_inside(flow.protocol, flow.source)) {
        const int offset = rule->ports.first - rule->first_inside_port;
        return owner_of_port(static_cast<std::uint16_t>(flow.source.port + offset), workers);
    }
    return owner_of_port(flow.source.port, workers);
}

bool NatRules::still_allows(RuleId id, net::IpProtocol protocol, Endpoint inside,
                            Endpoint outside) const {
    const ForwardRule* forward = forward_to_inside(protocol, inside);
    const ForwardRule* taken = forward_from_outside(protocol, outside);
    if (forward != nullptr || taken != nullptr) {
        return forward != nullptr && taken != nullptr && forward->id == id && taken->id == id &&
               match_inbound(protocol, outside).other == inside;
    }
    const SourceRule* rule = source_rule(id);
    if (rule == nullptr || is_own(protocol, outside) || !contains(rule->from, inside.address) ||
        one_to_one_inside(inside.address) != nullptr) {
        return false;
    }
    const bool any_identifier =
        protocol == net::IpProtocol::Icmp && rule->allocation == PortAllocation::Single;
    if (rule->allocation == PortAllocation::Deterministic) {
        const Share share = share_of(*rule, inside.address);
        return share.outside == outside.address && share.ports.contains(outside.port);
    }
    return contains(rule->pool, outside.address) &&
           (any_identifier || rule->ports.contains(outside.port));
}

std::optional<std::uint32_t> NatRules::outside_index(net::Ipv4Address address) const {
    const std::uint32_t index = find_outside(address);
    return index == kNoSlot ? std::nullopt : std::optional(index);
}

const SourceRule* NatRules::source_rule(RuleId id) const {
    const auto found = std::ranges::find(rules_.source, id, &SourceRule::id);
    return found == rules_.source.end() ? nullptr : &*found;
}

const SourceRule* NatRules::source_rule_at(std::uint32_t index) const {
    const auto found = std::ranges::find_if(
        rules_.source, [&](const auto& rule) { return contains(rule.pool, outside_[index]); });
    return found == rules_.source.end() ? nullptr : &*found;
}

const NatRules::Pool& NatRules::pool_of(const SourceRule& rule) const {
    return pools_[static_cast<std::size_t>(&rule - rules_.source.data())];
}

const ForwardRule* NatRules::forward_from_outside(net::IpProtocol protocol,
                                                  Endpoint outside) const {
    const ForwardRule* rule =
        last_not_after(by_outside_, std::tuple(protocol, outside.address, outside.port),
                       [](const ForwardRule& each) {
                           return std::tuple(each.protocol, each.outside, each.ports.first);
                       });
    return rule != nullptr && rule->protocol == protocol && rule->outside == outside.address &&
                   outside.port <= rule->ports.last
               ? rule
               : nullptr;
}

const ForwardRule* NatRules::forward_to_inside(net::IpProtocol protocol, Endpoint inside) const {
    const ForwardRule* rule = last_not_after(
        by_inside_, std::tuple(protocol, inside.address, inside.port), [](const ForwardRule& each) {
            return std::tuple(each.protocol, each.inside, each.first_inside_port);
        });
    return rule != nullptr && rule->protocol == protocol && rule->inside == inside.address &&
                   inside.port <= last_inside_port(*rule)
               ? rule
               : nullptr;
}

const OneToOneRule* NatRules::one_to_one_inside(net::Ipv4Address inside) const {
    const auto found = std::ranges::find_if(
        rules_.one_to_one, [&](const auto& each) { return each.inside.contains(inside); });
    return found == rules_.one_to_one.end() ? nullptr : &*found;
}

const OneToOneRule* NatRules::one_to_one_outside(net::Ipv4Address outside) const {
    const auto found = std::ranges::find_if(
        rules_.one_to_one, [&](const auto& each) { return each.outside.contains(outside); });
    return found == rules_.one_to_one.end() ? nullptr : &*found;
}

}  // namespace godwit::dataplane::nat
