// What one worker lets through to the control plane: a rate for each class of packets, so that a
// flood of one kind leaves the others, and the control plane, alive. The rates of the higher
// priorities are what they can take from the lower ones, which are drained after them.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/punt_class.hpp"
#include "dataplane/graph/token_bucket.hpp"

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

    explicit PuntPolicer(std::uint64_t cycles_per_second) {
        for (std::size_t i = 0; i < kRates.size(); ++i) {
            buckets_[i] =
                TokenBucket(kRates[i].packets_per_second, kRates[i].burst, cycles_per_second);
        }
    }
    bool admits(api::PuntClass punt_class, std::uint64_t now_cycles) {
        return buckets_[static_cast<std::size_t>(punt_class)].take(now_cycles);
    }

private:
    std::array<TokenBucket, api::kPuntClassCount> buckets_;
};

}  // namespace godwit::dataplane
