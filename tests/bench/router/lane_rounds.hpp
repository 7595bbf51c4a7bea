// Rounds of one worker on its lane: the worker itself, and as its floor the same loop with a bare
// rte_eth_rx_burst and rte_eth_tx_burst on the same ports. Only what moves the packets is timed.
#pragma once

#include <rte_ethdev.h>

#include <array>
#include <cstdint>

#include "net/result.hpp"
#include "tests/bench/harness/bench.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/router/lane.hpp"
#include "tests/bench/router/router.hpp"

#include <fmt/format.h>

namespace godwit::bench {

constexpr unsigned kPacketsARound = 1U << 18;
constexpr unsigned kDeviceBurst = 64;

// Cycles a packet of `packets` packets offered in bursts. `handle(count)` moves `count` packets
// from west to east.
template <class Handle>
net::Result<double, Problem> timed_round(Lane& lane, unsigned packets, unsigned burst, double clock,
                                         Handle&& handle) {
    UninterruptedSum sum(clock);
    for (unsigned done = 0; done < packets; done += burst) {
        const unsigned offered = lane.offer(burst);
        const std::uint64_t begin = cycles_now();
        handle(offered);
        sum.add(cycles_now() - begin, burst);
        const auto sent = lane.collect();
        lane.give_back(sent);
        if (offered != burst || sent.size() != burst) {
            return net::unexpected(
                Problem{fmt::format("of a burst of {} {} were offered and {} came out", burst,
                                    offered, sent.size()),
                        "a packet was lost: run tests/packet, which says why"});
        }
    }
    return sum.per_item();
}

class LaneRounds {
public:
    LaneRounds(Router& router, Lane& lane, unsigned burst)
        : router_(router), lane_(lane), burst_(burst), clock_(clock_cycles()) {}

    net::Result<double, Problem> floor() {
        const std::uint16_t west = router_.west(0).port_id();
        const std::uint16_t east = router_.east().port_id();
        return timed_round(lane_, packets_a_round(), burst_, clock_, [west, east](unsigned count) {
            std::array<rte_mbuf*, kDeviceBurst> packets;
            for (unsigned moved = 0; moved < count;) {
                const std::uint16_t got = rte_eth_rx_burst(west, 0, packets.data(), kDeviceBurst);
                if (rte_eth_tx_burst(east, 0, packets.data(), got) != got || got == 0) {
                    return;  // less comes out than was offered, which is seen there
                }
                moved += got;
            }
        });
    }
    net::Result<double, Problem> worker() {
        dataplane::Worker& worker = router_.worker(0);
        return timed_round(lane_, packets_a_round(), burst_, clock_, [&worker](unsigned count) {
            for (unsigned moved = 0; moved < count;) {
                const unsigned got = worker.run_once();
                if (got == 0) {
                    return;
                }
                moved += got;
            }
        });
    }

private:
    // Whole bursts, and fewer packets where bursts are so small that the bench's part of the loop
    // is most of it.
    [[nodiscard]] unsigned packets_a_round() const {
        const unsigned packets = burst_ < 8 ? kPacketsARound / 8 : kPacketsARound;
        return packets / burst_ * burst_;
    }

    Router& router_;
    Lane& lane_;
    unsigned burst_;
    double clock_;
};

}  // namespace godwit::bench
