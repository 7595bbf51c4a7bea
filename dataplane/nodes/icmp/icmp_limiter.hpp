// How many ICMP errors one worker sends: a rate for each type (RFC 1812 4.3.2.8). A traceroute of
// many probes passes; a scan of a dead network does not make us a source of as many packets.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/graph/token_bucket.hpp"
#include "net/icmp.hpp"

namespace godwit::dataplane {

class IcmpLimiter {
public:
    static constexpr std::uint32_t kErrorsPerSecond = 1'000;
    static constexpr std::uint32_t kBurst = 200;

    explicit IcmpLimiter(std::uint64_t cycles_per_second) {
        buckets_.fill(TokenBucket(kErrorsPerSecond, kBurst, cycles_per_second));
    }
    bool admits(net::IcmpType type, std::uint64_t now_cycles) {
        return buckets_[place_of(type)].take(now_cycles);
    }

private:
    enum Place : std::size_t { kUnreachable, kTimeExceeded, kOther, kPlaces };
    static Place place_of(net::IcmpType type) {
        if (type == net::IcmpType::DestinationUnreachable) {
            return kUnreachable;
        }
        return type == net::IcmpType::TimeExceeded ? kTimeExceeded : kOther;
    }

    std::array<TokenBucket, kPlaces> buckets_;
};

}  // namespace godwit::dataplane
