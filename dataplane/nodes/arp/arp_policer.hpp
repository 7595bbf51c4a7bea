// How many ARP messages one worker gives to the table owner: a rate for each interface and each
// kind of message.
//
// A flood of requests with random senders would fill their ring, and take the owner's time from the
// packets that wait for a neighbour and from what the control plane sends. Over its rate a message
// teaches nothing; a request is answered all the same, by the worker. The kinds are apart because a
// stranger chooses how many requests come, while replies are mostly to what we asked, and a message
// from an address that is in use, or is ours, is the news of a neighbour that moved or of a
// conflict (RFC 5227 2.4).
//
// Not here: one host of an interface against another. Whoever floods replies, or messages from the
// addresses of neighbours, slows learning on his own link, where he can do worse.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/graph/token_bucket.hpp"
#include "net/interface_id.hpp"

namespace godwit::dataplane {

enum class ArpKind : std::uint8_t {
    Request,  // and gratuitous announcements
    Reply,
    Known,  // its sender is a neighbour in use, or says it has our address
    kCount
};

class ArpPolicer {
public:
    struct Rate {
        std::uint32_t messages_per_second;
        std::uint32_t burst;
    };
    static constexpr std::size_t kKinds = static_cast<std::size_t>(ArpKind::kCount);
    static constexpr std::array<Rate, kKinds> kRates{{
        {1'000, 256},    // Request
        {4'000, 1'024},  // Reply: as many as a table that is learnt at once brings
        {1'000, 256},    // Known
    }};

    explicit ArpPolicer(std::uint64_t cycles_per_second) {
        std::array<TokenBucket, kKinds> full;
        for (std::size_t i = 0; i < kKinds; ++i) {
            full[i] =
                TokenBucket(kRates[i].messages_per_second, kRates[i].burst, cycles_per_second);
        }
        buckets_.assign(api::kMaxInterfaces, full);
    }
    bool admits(net::InterfaceId ingress, ArpKind kind, std::uint64_t now_cycles) {
        return buckets_[ingress.value() % api::kMaxInterfaces][static_cast<std::size_t>(kind)].take(
            now_cycles);
    }

private:
    std::vector<std::array<TokenBucket, kKinds>> buckets_;  // by interface
};

}  // namespace godwit::dataplane
