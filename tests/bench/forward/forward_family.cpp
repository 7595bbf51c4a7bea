// One thread does everything: it puts a burst of prepared frames into the port's ring, runs the
// worker until it has handled them (this alone is timed, with the TSC), takes them from the other
// port's ring, and makes them new. The floor is the same loop with a bare rte_eth_rx_burst and
// rte_eth_tx_burst on the same ports in place of the worker, round by round beside it: what the
// devices cost. The cost of reading the clock twice is taken off both.
//
// `all` includes the device, `ours` is `all` without the floor. Every frame must come out at a
// neighbour; one that does not ends the case. What is left out: the memory traffic of a real device
// and its PCIe, and the table owner.
#include "tests/bench/forward/forward_family.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/api/node_id.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/router/lane.hpp"
#include "tests/bench/router/lane_rounds.hpp"
#include "tests/bench/router/router.hpp"
#include "tests/bench/traffic/destinations.hpp"

namespace godwit::bench {

namespace {

constexpr std::size_t kSequence = std::size_t{1} << 20;

struct Setting {
    std::size_t routes = 1;
    unsigned size = 64;     // of a frame on the wire; 0: IMIX
    std::size_t flows = 0;  // 0: a random destination for each packet
    unsigned burst = 64;    // offered at once
    unsigned buffers = kBuffersInRotation;
};

struct NodeCycles {
    std::array<std::uint64_t, api::kNodeCount> cycles{};
    std::array<std::uint64_t, api::kNodeCount> packets{};
    std::uint64_t received = 0;
};

NodeCycles read_nodes(const api::CounterBlock& counters) {
    NodeCycles nodes;
    for (std::size_t i = 0; i < api::kNodeCount; ++i) {
        nodes.cycles[i] = counters.nodes[i].cycles.read();
        nodes.packets[i] = counters.nodes[i].packets.read();
    }
    nodes.received = counters.received.read();
    return nodes;
}

// Cycles a packet received, by node, in each round. A node without a count of its own is part of
// another one. What interrupts the worker is in these, so their medians need a quiet machine more
// than the other figures do.
class NodeSamples {
public:
    void add(const NodeCycles& before, const NodeCycles& after) {
        const auto received = static_cast<double>(after.received - before.received);
        for (std::size_t i = 0; i < api::kNodeCount; ++i) {
            if (after.packets[i] == before.packets[i] || received == 0) {
                continue;
            }
            cycles_[i].add(static_cast<double>(after.cycles[i] - before.cycles[i]) / received);
            share_[i].add(static_cast<double>(after.packets[i] - before.packets[i]) / received);
        }
    }
    void report(Context& context) const {
        for (std::size_t i = 0; i < api::kNodeCount; ++i) {
            if (!cycles_[i].empty()) {
                context.figure(fmt::format("node/{}", api::kNodeNames[i]), cycles_[i].median(),
                               "cycles",
                               fmt::format("{:.3g} % of the packets", 100 * share_[i].median()));
            }
        }
    }

private:
    std::array<Samples, api::kNodeCount> cycles_;
    std::array<Samples, api::kNodeCount> share_;
};

std::vector<std::uint32_t> make_destinations(const Setting& setting,
                                             std::span<const RouteOfTable> routes,
                                             std::uint64_t seed) {
    return setting.flows == 0 ? routed_destinations(routes, kSequence, seed)
                              : flow_destinations(routes, setting.flows, kSequence, seed);
}

std::optional<Problem> measure(Context& context, const Setting& setting) {
    const std::uint64_t seed = context.options().seed;
    const RouterPlan plan;
    const auto routes = make_table(setting.routes, plan.next_hops, seed);
    auto router = Router::build(context.dpdk(), plan, routes);
    if (!router) {
        return router.error();
    }
    FrameSequence sequence = (*router)->addressing(0);
    sequence.destinations = make_destinations(setting, routes, seed + 1);
    sequence.sizes = setting.size == 0
                         ? imix_sizes(seed + 2)
                         : std::vector<std::uint16_t>{static_cast<std::uint16_t>(setting.size)};
    Lane lane(**router, 0, context.dpdk().pool(), std::move(sequence), setting.buffers);
    LaneRounds run(**router, lane, setting.burst);

    Samples all;
    Samples floor;
    Samples ours;
    NodeSamples nodes;
    // The first round warms the tables and is not counted.
    for (unsigned round = 0; round <= context.options().rounds; ++round) {
        const auto device = run.floor();
        if (!device) {
            return device.error();
        }
        const NodeCycles before = read_nodes((*router)->counters(0));
        const auto worker = run.worker();
        if (!worker) {
            return worker.error();
        }
        if (round == 0) {
            continue;
        }
        nodes.add(before, read_nodes((*router)->counters(0)));
        all.add(*worker);
        floor.add(*device);
        ours.add(*worker - *device);
    }
    context.figure("all", all.median(), "cycles", fmt::format("smallest {:.1f}", all.smallest()));
    context.figure("device", floor.median(), "cycles", "the same ports, bare");
    context.figure("ours", ours.median(), "cycles",
                   fmt::format("smallest {:.1f}", ours.smallest()));
    context.figure("device-share", floor.median() / all.median(), "ratio");
    context.figure("mpps", static_cast<double>(rte_get_tsc_hz()) / all.median() / 1e6, "Mpackets/s",
                   "what `all` comes to on one core");
    nodes.report(context);
    return std::nullopt;
}

std::string size_name(unsigned size) {
    return size == 0 ? "imix" : std::to_string(size);
}

std::string traffic_name(std::size_t flows) {
    if (flows == 0) {
        return "random";
    }
    return flows >= 1000 ? fmt::format("{}k-flows", flows / 1000)
                         : fmt::format("{}-flow{}", flows, flows == 1 ? "" : "s");
}

}  // namespace

Family forward_family() {
    Family family{"forward",
                  fmt::format("cycles a packet of one worker on ports of rings, {} buffers in "
                              "rotation, bursts of 64 where nothing else is said",
                              kBuffersInRotation),
                  {}};
    const auto add = [&family](const std::string& routes_name, const Setting& setting) {
        std::string name = fmt::format("forward/{}/{}/{}", routes_name, size_name(setting.size),
                                       traffic_name(setting.flows));
        if (setting.burst != Setting().burst) {
            name += fmt::format("-burst-{}", setting.burst);
        }
        if (setting.buffers != Setting().buffers) {
            name += fmt::format("-buffers-{}", setting.buffers);
        }
        family.cases.push_back(
            {name,
             fmt::format("{} routes, {} bytes, {}, bursts of {}", setting.routes,
                         size_name(setting.size), traffic_name(setting.flows), setting.burst),
             [setting](Context& context) { return measure(context, setting); }});
    };
    const std::vector<std::pair<std::string, std::size_t>> tables{
        {"1", 1}, {"1k", 1'000}, {"1M", 1'000'000}};
    for (const auto& [name, routes] : tables) {
        for (const std::size_t flows :
             {std::size_t{1}, std::size_t{100}, std::size_t{10'000}, std::size_t{0}}) {
            add(name, {.routes = routes, .size = 64, .flows = flows});
        }
    }
    for (const unsigned size : {128U, 256U, 512U, 1024U, kLargestFrame, 0U}) {
        add("1k", {.routes = 1'000, .size = size, .flows = 10'000});
    }
    add("1M", {.routes = 1'000'000, .size = 0, .flows = 0});
    for (const unsigned burst : {1U, 8U, 32U, 256U}) {
        add("1", {.routes = 1, .size = 64, .flows = 10'000, .burst = burst});
        add("1M", {.routes = 1'000'000, .size = 64, .flows = 0, .burst = burst});
    }
    for (const unsigned buffers : {256U, 8192U}) {
        add("1", {.routes = 1, .size = 64, .flows = 10'000, .buffers = buffers});
    }
    return family;
}

}  // namespace godwit::bench
