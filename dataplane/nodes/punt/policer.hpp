// What one worker lets through to the control plane: a rate for each class of packets, so that a
// flood of one kind leaves the others, and the control plane, alive. The rates of the higher
// priorities are what they can take from the lower ones, which are drained after them.
//
// Within a class one interface must not use up what the others need: forged OSPF on one link would
// end the adjacencies of another. So a part of a class's rate is each interface's own, and the rest
// is all interfaces'. A packet takes from its interface's own part first; a flood empties that and
// the common rest, and every other interface still has a part of its own. One interface alone has
// the whole rate. Of all interfaces at once a class lets through no more than its common rest and
// the parts of those that send.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/punt_class.hpp"
#include "dataplane/graph/token_bucket.hpp"
#include "net/interface_id.hpp"

namespace godwit::dataplane {

class PuntPolicer {
public:
    struct Rate {
        std::uint32_t packets_per_second;
        std::uint32_t burst;
    };
    // By PuntClass. BGP is the fastest: a table of a million routes comes in this way. OSPF's burst
    // is the database of a new neighbour.
    static constexpr std::array<Rate, api::kPuntClassCount> kRates{{
        {2'000, 500},      // Icmp
        {10'000, 2'000},   // Udp
        {20'000, 5'000},   // Tcp
        {5'000, 1'000},    // OtherProtocol
        {2'000, 500},      // Broadcast
        {5'000, 1'000},    // Multicast
        {10'000, 2'000},   // Ospf
        {5'000, 1'000},    // Rip
        {50'000, 10'000},  // Bgp
        {5'000, 1'000},    // Igmp
        {5'000, 1'000},    // Pim
        {2'000, 500},      // RouterAlert
    }};
    // Of a class's rate and burst, one in so many is each interface's own.
    static constexpr std::uint32_t kOwnShare = 16;
    static constexpr Rate own_part(api::PuntClass punt_class) {
        const Rate whole = kRates[static_cast<std::size_t>(punt_class)];
        return {whole.packets_per_second / kOwnShare, whole.burst / kOwnShare};
    }

    explicit PuntPolicer(std::uint64_t cycles_per_second) {
        Buckets own;
        for (std::size_t i = 0; i < kRates.size(); ++i) {
            const Rate part = own_part(static_cast<api::PuntClass>(i));
            own[i] = TokenBucket(part.packets_per_second, part.burst, cycles_per_second);
            common_[i] = TokenBucket(kRates[i].packets_per_second - part.packets_per_second,
                                     kRates[i].burst - part.burst, cycles_per_second);
        }
        own_.assign(api::kMaxInterfaces, own);
    }
    bool admits(api::PuntClass punt_class, net::InterfaceId ingress, std::uint64_t now_cycles) {
        const auto kind = static_cast<std::size_t>(punt_class);
        return own_[ingress.value() % api::kMaxInterfaces][kind].take(now_cycles) ||
               common_[kind].take(now_cycles);
    }

private:
    using Buckets = std::array<TokenBucket, api::kPuntClassCount>;

    Buckets common_;
    std::vector<Buckets> own_;  // by interface
};

}  // namespace godwit::dataplane
