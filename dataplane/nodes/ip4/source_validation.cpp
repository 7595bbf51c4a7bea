#include "dataplane/nodes/ip4/source_validation.hpp"

#include <array>
#include <bit>

#include "dataplane/graph/packet_bytes.hpp"
#include "net/ipv4.hpp"

namespace godwit::dataplane {

namespace {

static_assert(kBurst <= 64);

bool leads_somewhere(Verdict verdict) {
    return verdict != Verdict::NoRoute && verdict != Verdict::Blackhole;
}

bool leads_out_of(const Environment& env, const NextHopEntry& hop, net::InterfaceId interface) {
    if (hop.verdict != Verdict::Group) {
        return leads_somewhere(hop.verdict) && hop.interface == interface;
    }
    const NextHopGroup& group = env.next_hops.group(hop.target);
    std::uint32_t last = ~0U;
    for (const std::uint32_t member : group.buckets) {
        if (member == last) {
            continue;
        }
        last = member;
        const NextHopEntry entry = env.next_hops.entry(member);
        if (leads_somewhere(entry.verdict) && entry.interface == interface) {
            return true;
        }
        if (hop.of_one) {
            return false;
        }
    }
    return false;
}

bool is_valid(const Environment& env, rte_mbuf* packet, std::uint32_t source,
              std::uint32_t next_hop) {
    const net::InterfaceId ingress = meta(packet).ingress;
    const NextHopEntry hop = env.next_hops.entry(next_hop);
    if (env.interface(ingress)->source_validation == SourceValidation::Strict) {
        return leads_out_of(env, hop, ingress);
    }
    return leads_somewhere(hop.verdict) && env.fib.has_specific_route(source);
}

}  // namespace

std::uint64_t packets_without_valid_source(const Environment& env,
                                           std::span<rte_mbuf* const> packets,
                                           std::uint64_t asked) {
    std::array<std::uint32_t, kBurst> sources;
    std::array<std::uint32_t, kBurst> next_hops;
    std::array<unsigned, kBurst> places;
    unsigned count = 0;
    for (; asked != 0; asked &= asked - 1) {
        const auto place = static_cast<unsigned>(std::countr_zero(asked));
        const std::uint32_t source = layout_at<net::wire::Ipv4Layout>(packets[place]).source.host();
        if (source != 0) {
            places[count] = place;
            sources[count++] = source;
        }
    }
    env.fib.lookup_burst(sources.data(), next_hops.data(), count);
    std::uint64_t invalid = 0;
    for (unsigned i = 0; i < count; ++i) {
        if (!is_valid(env, packets[places[i]], sources[i], next_hops[i])) {
            invalid |= std::uint64_t{1} << places[i];
        }
    }
    return invalid;
}

}  // namespace godwit::dataplane
