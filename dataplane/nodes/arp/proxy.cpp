#include "dataplane/nodes/arp/proxy.hpp"

#include <algorithm>

namespace godwit::dataplane {

namespace {

bool can_be_a_host(net::Ipv4Address address) {
    return !address.is_this_network() && !address.is_loopback() && !address.is_multicast() &&
           !address.is_reserved() && !address.is_limited_broadcast();
}

bool is_in_its_subnets(const InterfaceEntry& entry, net::Ipv4Address address) {
    return std::any_of(entry.addresses.begin(), entry.addresses.end(),
                       [&](const auto& own) { return own.subnet().contains(address); });
}

// One way, which is no group.
bool leads_elsewhere(const Environment& env, const InterfaceEntry& entry, const NextHopEntry& way) {
    switch (way.verdict) {
        case Verdict::Adjacency:
            return env.next_hops.adjacency(way.target).interface != entry.id;
        case Verdict::Receive:  // an address of ours, on another interface
        case Verdict::Glean:
        case Verdict::Incomplete:
            return way.interface != entry.id;
        case Verdict::NoRoute:
        case Verdict::Blackhole:
        case Verdict::Broadcast:
        case Verdict::Group:
            break;
    }
    return false;
}

// An outside address that NAT has on this link, and that no interface has: it is ours all the same.
bool is_given_out(const Environment& env, const InterfaceEntry& entry, net::Ipv4Address target) {
    return env.nat.translator != nullptr && is_in_its_subnets(entry, target) &&
           env.nat.translator->rules().is_outside_address(target) &&
           env.nat.translator->rules().interface_of(target, {}) == entry.id;
}

}  // namespace

bool answers_for(const Environment& env, const InterfaceEntry& entry,
                 const net::wire::ArpView& request) {
    const net::Ipv4Address sender = request.sender_address();
    const net::Ipv4Address target = request.target_address();
    if (request.operation() != net::ArpOperation::Request || sender == target ||
        !is_in_its_subnets(entry, sender) || !can_be_a_host(target) ||
        env.interfaces->is_tentative(target)) {
        return false;
    }
    if (is_given_out(env, entry, target)) {
        return true;
    }
    if (!entry.proxy_arp) {
        return false;
    }
    const NextHopEntry way = env.next_hops.entry(env.fib.lookup(target.value()));
    if (way.verdict != Verdict::Group) {
        return leads_elsewhere(env, entry, way);
    }
    const auto& buckets = env.next_hops.group(way.target).buckets;
    return std::all_of(buckets.begin(), buckets.end(), [&](std::uint32_t member) {
        return leads_elsewhere(env, entry, env.next_hops.entry(member));
    });
}

}  // namespace godwit::dataplane
