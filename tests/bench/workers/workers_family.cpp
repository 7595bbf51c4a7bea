// Two workers with a lane each (ports, rings and buffers of their own; the tables are shared), a
// core each. In every round worker 0 runs alone, then worker 1 alone, then both at the same time,
// for the same time; the ratio is what both forwarded together to the mean of what each did alone.
//
// The two are workers 0 and 4 of five, and the others do nothing: net_ring keeps the pointers and
// counters of neighbouring transmit queues in one cache line, which no NIC does and which would
// cost each worker a transfer of it in every burst.
//
// Each core also offers its packets and takes them back, which is part of the same loop and scales
// with it: `generator-share` says how much of the loop that is. The cycles of the workers
// themselves are given alone and together, because they are what sharing the tables and the memory
// bus would raise.
#include "tests/bench/workers/workers_family.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/router/lane.hpp"
#include "tests/bench/traffic/destinations.hpp"

namespace godwit::bench {

namespace {

constexpr unsigned kBurstPackets = 64;
constexpr std::size_t kSequence = std::size_t{1} << 20;
constexpr unsigned kMostRounds = 9;
constexpr std::array kWorkers{0U, 4U};

struct LoopCount {
    std::uint64_t packets = 0;
    std::uint64_t lost = 0;
    std::uint64_t worker_cycles = 0;
    std::uint64_t cycles = 0;
};

LoopCount run_lane(Router& router, Lane& lane, unsigned worker, std::uint64_t begin_tsc,
                   std::uint64_t end_tsc) {
    LoopCount count;
    while (rte_rdtsc() < begin_tsc) {
        rte_pause();
    }
    const std::uint64_t begin = rte_rdtsc();
    std::uint64_t now = begin;
    while (now < end_tsc) {
        const unsigned offered = lane.offer(kBurstPackets);
        const std::uint64_t before = rte_rdtsc();
        router.worker(worker).run_once();
        count.worker_cycles += rte_rdtsc() - before;
        const auto sent = lane.collect();
        lane.give_back(sent);
        count.packets += sent.size();
        count.lost += offered - sent.size();
        now = rte_rdtsc();
    }
    count.cycles = now - begin;
    return count;
}

class Rounds {
public:
    Rounds(Router& router, std::array<std::unique_ptr<Lane>, 2>& lanes, double seconds)
        : router_(router),
          lanes_(lanes),
          span_(static_cast<std::uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()))),
          lead_(rte_get_tsc_hz() / 1000) {}

    // Each for the same time; a worker that does not take part stays empty.
    std::array<LoopCount, 2> run(bool first, bool second) {
        std::array<LoopCount, 2> counts;
        const std::uint64_t begin = rte_rdtsc() + lead_;
        const std::uint64_t end = begin + span_;
        const auto lane_of = [this, begin, end, &counts](unsigned worker) {
            counts[worker] = run_lane(router_, *lanes_[worker], kWorkers[worker], begin, end);
        };
        std::unique_ptr<SecondCore> core;
        if (second) {
            core = std::make_unique<SecondCore>([&lane_of] { lane_of(1); });
        }
        if (first) {
            lane_of(0);
        }
        if (core) {
            core->join();
        }
        return counts;
    }

private:
    Router& router_;
    std::array<std::unique_ptr<Lane>, 2>& lanes_;
    std::uint64_t span_;
    std::uint64_t lead_;  // both cores are there before the time begins
};

double cycles_a_packet(const LoopCount& count) {
    return static_cast<double>(count.worker_cycles) /
           static_cast<double>(std::max<std::uint64_t>(count.packets, 1));
}

std::optional<Problem> measure(Context& context, std::size_t routes_count, std::size_t flows) {
    if (auto problem = context.dpdk().start()) {
        return problem;
    }
    if (!context.dpdk().has_second_core()) {
        return Problem{"this program may use one CPU only", "give it two", true};
    }
    const std::uint64_t seed = context.options().seed;
    const RouterPlan plan{.workers = kWorkers.back() + 1};
    const auto routes = make_table(routes_count, plan.next_hops, seed);
    auto router = Router::build(context.dpdk(), plan, routes);
    if (!router) {
        return router.error();
    }
    std::array<std::unique_ptr<Lane>, 2> lanes;
    for (unsigned worker = 0; worker < kWorkers.size(); ++worker) {
        FrameSequence sequence = (*router)->addressing(kWorkers[worker]);
        sequence.destinations = flows == 0
                                    ? routed_destinations(routes, kSequence, seed + worker)
                                    : flow_destinations(routes, flows, kSequence, seed + worker);
        sequence.sizes = {kSmallestFrame};
        lanes[worker] = std::make_unique<Lane>(**router, kWorkers[worker], context.dpdk().pool(),
                                               std::move(sequence));
    }
    const unsigned count = std::min(context.options().rounds, kMostRounds);
    Rounds rounds(**router, lanes, context.options().seconds / (3 * count));
    Samples ratio;
    Samples alone_cycles;
    Samples both_cycles;
    Samples generator;
    Samples alone_mpps;
    Samples both_mpps;
    std::uint64_t lost = 0;
    const auto mpps = [](const LoopCount& of) {
        return static_cast<double>(of.packets) * static_cast<double>(rte_get_tsc_hz()) /
               static_cast<double>(std::max<std::uint64_t>(of.cycles, 1)) / 1e6;
    };
    for (unsigned round = 0; round < count; ++round) {
        const LoopCount first = rounds.run(true, false)[0];
        const LoopCount second = rounds.run(false, true)[1];
        const auto both = rounds.run(true, true);
        const double alone = (mpps(first) + mpps(second)) / 2;
        alone_mpps.add(alone);
        both_mpps.add(mpps(both[0]) + mpps(both[1]));
        ratio.add((mpps(both[0]) + mpps(both[1])) / alone);
        alone_cycles.add((cycles_a_packet(first) + cycles_a_packet(second)) / 2);
        both_cycles.add((cycles_a_packet(both[0]) + cycles_a_packet(both[1])) / 2);
        generator.add(1 - static_cast<double>(both[0].worker_cycles + both[1].worker_cycles) /
                              static_cast<double>(both[0].cycles + both[1].cycles));
        lost += first.lost + second.lost + both[0].lost + both[1].lost;
    }
    context.figure("scaling", ratio.median(), "ratio", "both together to one alone");
    context.figure("one-mpps", alone_mpps.median(), "Mpackets/s", "the mean of each alone");
    context.figure("both-mpps", both_mpps.median(), "Mpackets/s");
    context.figure("generator-share", generator.median(), "ratio",
                   "of each core's loop: offering and taking back");
    context.figure("one-cycles", alone_cycles.median(), "cycles", "of a worker, a packet");
    context.figure("both-cycles", both_cycles.median(), "cycles", "of a worker, a packet");
    context.figure("lost", static_cast<double>(lost), "packets", "must be 0");
    if (lost > 0) {
        return Problem{fmt::format("{} packets were lost", lost),
                       "run tests/packet, which says why"};
    }
    return std::nullopt;
}

}  // namespace

Family two_workers_family() {
    Family family{"two-workers",
                  "two workers on two cores against one, each with its own ports; the "
                  "generator's share is in the same loops",
                  {}};
    family.cases.push_back({"two-workers/1/10k-flows", "1 route",
                            [](Context& context) { return measure(context, 1, 10'000); }});
    family.cases.push_back({"two-workers/1M/random", "1M routes, random destinations",
                            [](Context& context) { return measure(context, 1'000'000, 0); }});
    return family;
}

}  // namespace godwit::bench
