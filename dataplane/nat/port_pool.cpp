// Arithmetic between ports, pairs and blocks; the order of preference.
#include "dataplane/nat/port_pool.hpp"

#include <algorithm>

namespace godwit::dataplane::nat {
namespace {

constexpr PortRange kWellKnown{0, 1023};
constexpr PortRange kOthers{1024, 65535};
constexpr unsigned kParities = 2;
constexpr std::uint32_t kAllPairs = 32768;

PortRange both(PortRange a, PortRange b) {
    return {std::max(a.first, b.first), std::min(a.last, b.last)};
}

// Of one worker and one parity, rounded up.
std::uint32_t share_of_resting(WorkerPlace place, std::uint32_t most_resting) {
    const std::uint32_t shares = kParities * place.workers;
    return (most_resting + shares - 1U) / shares;
}

unsigned plane(net::IpProtocol protocol) {
    return protocol == net::IpProtocol::Tcp ? 0U : protocol == net::IpProtocol::Udp ? 1U : 2U;
}

}  // namespace

PortPool::PortPool(WorkerPlace place, Seconds quarantine, std::uint32_t block_ports,
                   std::uint32_t most_resting)
    : place_(place),
      pairs_((kAllPairs - place.worker + place.workers - 1U) / place.workers),
      block_ports_(block_ports),
      blocks_(block_ports == 0 ? 0U : pairs_ / (block_ports / 2U), quarantine) {
    for (unsigned set = 0; set < 3 * kParities; ++set) {
        bits_.emplace_back(pairs_, quarantine, share_of_resting(place, most_resting));
    }
}

void PortPool::set_rest(Seconds quarantine, std::uint32_t most_resting) {
    for (AgeingBits& set : bits_) {
        set.set_rest(quarantine, share_of_resting(place_, most_resting));
    }
    blocks_.set_rest(quarantine, ~0U);
}

std::optional<std::uint16_t> PortPool::take_same(net::IpProtocol protocol, std::uint16_t wanted,
                                                 PortRange range, Instant now) {
    if (!is_same_free(protocol, wanted, range, now)) {
        return std::nullopt;
    }
    bits(protocol, wanted & 1U).take(pair_of(wanted));
    return wanted;
}

bool PortPool::is_same_free(net::IpProtocol protocol, std::uint16_t wanted, PortRange range,
                            Instant now) {
    return owner_of_port(wanted, place_.workers) == place_.worker && range.contains(wanted) &&
           bits(protocol, wanted & 1U).is_free(pair_of(wanted), now);
}

std::optional<std::uint16_t> PortPool::take_other(net::IpProtocol protocol, std::uint16_t wanted,
                                                  PortRange range, std::uint64_t random,
                                                  Instant now) {
    const unsigned parity = wanted & 1U;
    const bool is_low = kWellKnown.contains(wanted);
    for (const PortRange side : {is_low ? kWellKnown : kOthers, is_low ? kOthers : kWellKnown}) {
        for (const unsigned choice : {parity, 1U - parity}) {
            if (const auto found = take_random(protocol, choice, both(range, side), random, now)) {
                return found;
            }
        }
    }
    return std::nullopt;
}

std::optional<std::uint16_t> PortPool::take_random(net::IpProtocol protocol, unsigned parity,
                                                   PortRange range, std::uint64_t random,
                                                   Instant now) {
    const Span span = pairs_in(range, parity);
    if (span.begin >= span.end) {
        return std::nullopt;
    }
    AgeingBits& set = bits(protocol, parity);
    const auto pair = set.find_free(span.begin, span.end, span.at(random), now);
    if (!pair) {
        return std::nullopt;
    }
    set.take(*pair);
    return port(*pair, parity);
}

std::optional<std::uint16_t> PortPool::probable_other(net::IpProtocol protocol,
                                                      std::uint16_t wanted, PortRange range,
                                                      std::uint64_t random, Instant now) {
    const unsigned parity = wanted & 1U;
    const Span span = pairs_like(wanted, range);
    if (span.begin >= span.end) {
        return std::nullopt;
    }
    const std::uint32_t start = span.at(random);
    const std::uint32_t end = std::min(span.end, AgeingBits::end_of_word(start));
    const auto pair = bits(protocol, parity).find_free(start, end, start, now);
    return pair ? std::optional(port(*pair, parity)) : std::nullopt;
}

void PortPool::prefetch_other(net::IpProtocol protocol, std::uint16_t wanted, PortRange range,
                              std::uint64_t random) const {
    const Span span = pairs_like(wanted, range);
    if (span.begin < span.end) {
        bits(protocol, wanted & 1U).prefetch(span.at(random));
    }
}

void PortPool::give_back(net::IpProtocol protocol, std::uint16_t port_number, Instant now) {
    bits(protocol, port_number & 1U).give_back(pair_of(port_number), now);
}

void PortPool::clear_reserved() {
    for (AgeingBits& set : bits_) {
        set.clear_reserved();
    }
}

void PortPool::reserve(net::IpProtocol protocol, PortRange range) {
    for (unsigned parity = 0; parity < kParities; ++parity) {
        const Span span = pairs_in(range, parity);
        for (std::uint32_t pair = span.begin; pair < span.end; ++pair) {
            bits(protocol, parity).reserve(pair);
        }
    }
}

std::optional<std::uint16_t> PortPool::take_block(PortRange range, std::uint64_t random,
                                                  Instant now) {
    const std::uint32_t length = block_ports_ / 2U;  // in pairs
    const Span even = pairs_in(range, 0);
    const Span odd = pairs_in(range, 1);
    const Span whole{(std::max(even.begin, odd.begin) + length - 1U) / length,
                     std::min(even.end, odd.end) / length};
    if (whole.begin >= whole.end) {
        return std::nullopt;
    }
    const auto block = blocks_.find_free(whole.begin, whole.end, whole.at(random), now);
    if (!block) {
        return std::nullopt;
    }
    blocks_.take(*block);
    return static_cast<std::uint16_t>(*block);
}

void PortPool::give_back_block(std::uint16_t block, Instant now) {
    blocks_.give_back(block, now);
}

PortRange PortPool::ports_of_block(std::uint16_t block) const {
    const std::uint32_t length = block_ports_ / 2U;
    return {port(block * length, 0), port((block + 1U) * length - 1U, 1)};
}

std::uint32_t PortPool::ports_out(net::IpProtocol protocol) const {
    return bits(protocol, 0).out() + bits(protocol, 1).out();
}

std::size_t PortPool::bytes() const {
    std::size_t sum = sizeof(*this) + blocks_.bytes();
    for (const AgeingBits& set : bits_) {
        sum += sizeof(set) + set.bytes();
    }
    return sum;
}

PortPool::Span PortPool::pairs_in(PortRange range, unsigned parity) const {
    // Port 0 is nobody's: as a source it means "none".
    const std::uint32_t first = std::max<std::uint32_t>(range.first, 1U);
    const std::uint32_t base = 2U * place_.worker + parity;  // the port of pair 0
    const std::uint32_t step = 2U * place_.workers;
    const std::uint32_t begin = first <= base ? 0U : (first - base + step - 1U) / step;
    const std::uint32_t end =
        range.size() == 0 || range.last < base ? 0U : (range.last - base) / step + 1U;
    return {begin, end};
}

PortPool::Span PortPool::pairs_like(std::uint16_t wanted, PortRange range) const {
    const PortRange side = kWellKnown.contains(wanted) ? kWellKnown : kOthers;
    return pairs_in(both(range, side), wanted & 1U);
}

AgeingBits& PortPool::bits(net::IpProtocol protocol, unsigned parity) {
    return bits_[plane(protocol) * kParities + parity];
}

const AgeingBits& PortPool::bits(net::IpProtocol protocol, unsigned parity) const {
    return bits_[plane(protocol) * kParities + parity];
}

}  // namespace godwit::dataplane::nat
