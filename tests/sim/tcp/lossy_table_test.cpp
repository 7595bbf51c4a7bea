// smoltcp's table (docs of its netsim test): 10 MiB over a round trip of 100 ms with buffers of
// 32 KiB and random loss in both directions; the rate that is reached, in virtual time.
//
// The loss there has nothing to do with load, and smoltcp measures without congestion control.
// CUBIC and NewReno lower their window on each loss, as RFC 9293 (MUST-19) has it by default; at 1
// and 2 % that is slower by its nature: their window is below the 32 KiB of the buffers most of the
// time, and what is lost is not time spent in waiting for a retransmission. Westwood+, which may be
// chosen where loss does not come of load, sees from its round trips that nothing was queued, and
// keeps its window: it must be faster everywhere, CUBIC everywhere else.
#include <gtest/gtest.h>

#include <array>

#include "tests/sim/tcp/transfer.hpp"

namespace godwit::sim {
namespace {

struct Cell {
    double loss;
    double smoltcp;  // bytes per second
    bool by_cubic;   // that CUBIC must be faster too
};
constexpr std::array<Cell, 8> kCells{{
    {0, 322'945, true},
    {0.001, 314'780, true},
    {0.01, 219'671, false},
    {0.02, 166'588, false},
    {0.05, 76'626, true},
    {0.1, 37'775, true},
    {0.2, 6'079, true},
    {0.3, 1'156, true},
}};

double rate(double loss, tcp::CongestionAlgorithm congestion, std::uint64_t seed,
            tcp::ConnectionInfo& info) {
    constexpr std::uint64_t kBytes = 10 * 1024 * 1024;
    World world(seed);
    for (SimHost* const host : {&world.client(), &world.server()}) {
        host->out.delay = std::chrono::milliseconds(50);
        host->out.loss = loss;
    }
    TransferPlan plan;
    plan.up = kBytes;
    plan.client.send_buffer = plan.client.receive_buffer = 32 * 1024;
    plan.client.congestion = congestion;
    plan.client.user_timeout = std::chrono::hours(10);
    plan.client.connect_timeout = std::chrono::hours(10);
    plan.server = plan.client;
    Transfer transfer(world, plan);
    const Instant began = world.now();
    world.run(began + std::chrono::hours(24), [&] { return transfer.over(); });
    info = transfer.last_client_info();
    EXPECT_EQ(transfer.fault(), "");
    EXPECT_EQ(world.violation(), "");
    EXPECT_TRUE(transfer.delivered());
    return double(kBytes) / std::chrono::duration<double>(transfer.delivered_at() - began).count();
}

// rfc9293: MAY-18
TEST(Tcp_over_lossy_links, is_faster_than_smoltcp_in_every_cell) {
    std::printf("%6s %12s %12s %12s %12s   of Westwood: resent timeouts recoveries probes\n",
                "loss", "smoltcp", "CUBIC", "NewReno", "Westwood");
    for (const Cell& cell : kCells) {
        tcp::ConnectionInfo info;
        tcp::ConnectionInfo ignored;
        const double westwood = rate(cell.loss, tcp::CongestionAlgorithm::Westwood, 1, info);
        const double cubic = rate(cell.loss, tcp::CongestionAlgorithm::Cubic, 1, ignored);
        const double reno = rate(cell.loss, tcp::CongestionAlgorithm::NewReno, 1, ignored);
        std::printf("%5.1f%% %12.0f %12.0f %12.0f %12.0f   %u %u %u %u\n", cell.loss * 100,
                    cell.smoltcp, cubic, reno, westwood, info.counts.retransmitted,
                    info.counts.timeouts, info.counts.recoveries, info.counts.probes);
        EXPECT_GT(westwood, cell.smoltcp) << "at a loss of " << cell.loss;
        if (cell.by_cubic) {
            EXPECT_GT(cubic, cell.smoltcp) << "at a loss of " << cell.loss;
        }
    }
}

}  // namespace
}  // namespace godwit::sim
