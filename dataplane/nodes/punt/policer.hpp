// What one worker lets through to the control plane: a rate for each class of packets, so that a
// flood of one kind leaves the others, and the control plane, alive.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/messages.hpp"
#include "dataplane/graph/token_bucket.hpp"

namespace godwit::dataplane {

class PuntPolicer {
public:
    struct Rate {
        std::uint32_t packets_per_second;
        std::uint32_t burst;
    };
    // By PuntClass. TCP is the fastest: a BGP table of a million routes comes in this way. Other
    // protocols are routing protocols, whose Hellos must pass next to floods of anything else.
    static constexpr std::array<Rate, api::kPuntClassCount> kRates{{
        {2'000, 500},      // Icmp
        {10'000, 2'000},   // Udp
        {50'000, 10'000},  // Tcp
        {10'000, 2'000},   // OtherProtocol
        {2'000, 500},      // Broadcast
        {5'000, 1'000},    // Multicast
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
