// One core changes routes, as the table owner would: Fib::set and Fib::remove, the Reclaimer polled
// after every batch. The other core forwards at the rate that it reaches with a loop that feeds
// itself: offer a burst, run the worker, report quiescent, check every packet that came out. Half
// of the packets go to where routes change, half to a million routes that stay.
//
// A packet is lost when it was offered and did not come out; it is misrouted when it came out
// addressed to a neighbour that is not among the valid answers of its destination (ground.hpp).
// Both must be 0, and so must what differs from the table once the changes have ended: then each
// destination has one answer.
#include "tests/bench/churn/churn_family.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include <atomic>
#include <utility>

#include "tests/bench/churn/ground.hpp"
#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/router/lane.hpp"
#include "tests/bench/traffic/destinations.hpp"

namespace godwit::bench {

namespace {

constexpr std::size_t kStableRoutes = 1'000'000;
constexpr std::size_t kSequence = std::size_t{1} << 18;
constexpr unsigned kBurstPackets = 64;
constexpr unsigned kChangesABatch = 16;

struct Traffic {
    std::vector<std::uint32_t> destinations;
    std::vector<ValidAnswers> valid;  // by place in the sequence
};

struct Outcome {
    std::uint64_t offered = 0;
    std::uint64_t came_out = 0;
    std::uint64_t misrouted = 0;
    std::uint64_t worker_cycles = 0;
    std::uint64_t cycles = 0;
    [[nodiscard]] std::uint64_t lost() const { return offered - came_out; }
};

// What is in the table for an address, as the number of a next hop.
std::uint32_t next_hop_in_table(Router& router, std::span<const std::uint32_t> next_hop_of_value,
                                std::uint32_t address) {
    const std::uint32_t value = router.fib().lookup(address);
    return value < next_hop_of_value.size() ? next_hop_of_value[value] : 0;
}

std::vector<std::uint32_t> next_hops_by_value(const Router& router) {
    std::vector<std::uint32_t> by_value;
    for (std::uint32_t next_hop = 1; next_hop <= kChurnNextHops; ++next_hop) {
        const std::uint32_t value = router.fib_value(next_hop);
        if (by_value.size() <= value) {
            by_value.resize(value + 1, 0);
        }
        by_value[value] = next_hop;
    }
    return by_value;
}

Traffic make_traffic(Router& router, std::span<const RouteOfTable> stable,
                     std::span<const ChangeKind> kinds, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto by_value = next_hops_by_value(router);
    const auto routed = routed_destinations(stable, kSequence / 2, seed);
    Traffic traffic;
    for (std::size_t i = 0; i < kSequence; ++i) {
        Destination destination;
        if (i % 2 == 0) {
            destination.address = routed[i / 2];
            const std::uint32_t only = next_hop_in_table(router, by_value, destination.address);
            destination.valid = {only, only};
        } else {
            destination = ground_destination(kinds[i / 2 % kinds.size()], random);
        }
        traffic.destinations.push_back(destination.address);
        traffic.valid.push_back(destination.valid);
    }
    return traffic;
}

// The forwarding core: until it is told to stop, then once more through the whole sequence against
// what the table says at the end.
class Forwarder {
public:
    Forwarder(Router& router, Lane& lane, const Traffic& traffic)
        : router_(router), lane_(lane), traffic_(traffic), core_([this] { run(); }) {}
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;
    ~Forwarder() { finish(); }

    [[nodiscard]] bool runs() const { return running_.load(std::memory_order_acquire); }
    void finish() {
        stop_.store(true, std::memory_order_release);
        core_.join();
    }
    [[nodiscard]] const Outcome& during() const { return during_; }

    // After finish(): one pass of the sequence with each destination's only answer.
    Outcome settled_pass() {
        std::vector<ValidAnswers> exact(traffic_.destinations.size());
        const auto by_value = next_hops_by_value(router_);
        for (std::size_t i = 0; i < exact.size(); ++i) {
            const std::uint32_t only =
                next_hop_in_table(router_, by_value, traffic_.destinations[i]);
            exact[i] = {only, only};
        }
        Outcome settled;
        while (settled.offered < exact.size() && step(settled, exact) > 0) {
        }
        return settled;
    }

private:
    void run() {
        dataplane::Reclaimer& reclaimer = router_.reclaimer();
        reclaimer.online(0);
        running_.store(true, std::memory_order_release);
        const std::uint64_t begin = rte_rdtsc();
        while (!stop_.load(std::memory_order_acquire)) {
            step(during_, traffic_.valid);
            reclaimer.quiescent(0);
        }
        during_.cycles = rte_rdtsc() - begin;
        reclaimer.offline(0);
    }

    unsigned step(Outcome& outcome, std::span<const ValidAnswers> valid) {
        const unsigned offered = lane_.offer(kBurstPackets);
        outcome.offered += offered;
        const std::uint64_t begin = rte_rdtsc();
        router_.worker(0).run_once();
        outcome.worker_cycles += rte_rdtsc() - begin;
        const auto sent = lane_.collect();
        outcome.came_out += sent.size();
        for (const rte_mbuf* packet : sent) {
            const std::uint32_t place = FrameWriter::place_of(packet);
            if (place >= valid.size() || !valid[place].contains(Router::next_hop_of(packet))) {
                ++outcome.misrouted;
            }
        }
        lane_.give_back(sent);
        return offered;
    }

    Router& router_;
    Lane& lane_;
    const Traffic& traffic_;
    std::atomic<bool> running_{false};
    std::atomic<bool> stop_{false};
    Outcome during_;
    SecondCore core_;
};

struct Changes {
    std::uint64_t made = 0;
    std::uint64_t refused = 0;
    double seconds = 0;
};

// `rate` changes a second; 0: as fast as it goes.
Changes make_changes(Router& router, RouteChanger& changer, double rate, double seconds) {
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const std::uint64_t begin = rte_rdtsc();
    Changes changes;
    while ((changes.seconds = static_cast<double>(rte_rdtsc() - begin) / hz) < seconds) {
        if (rate > 0 && static_cast<double>(changes.made) > changes.seconds * rate) {
            rte_pause();
            continue;
        }
        for (unsigned i = 0; i < kChangesABatch; ++i) {
            if (changer.change()) {
                ++changes.made;
            } else {
                ++changes.refused;
            }
        }
        router.reclaimer().poll();
    }
    return changes;
}

void report(Context& context, Router& router, const RouteChanger& changer,
            std::span<const ChangeKind> kinds, const Changes& changes, const Outcome& during,
            const Outcome& settled) {
    context.figure("changes-rate", static_cast<double>(changes.made) / changes.seconds, "changes/s",
                   fmt::format("for {:.1f} s", changes.seconds));
    for (const ChangeKind kind : kinds) {
        context.figure(fmt::format("changes/{}", name_of(kind)),
                       static_cast<double>(changer.changes(kind)), "changes");
    }
    const auto count = [&context](const std::string& name, std::uint64_t value,
                                  const std::string& unit, const std::string& note) {
        context.figure(name, static_cast<double>(value), unit, note);
    };
    count("forwarded", during.came_out, "packets", "while routes changed");
    count("lost", during.lost(), "packets", "must be 0");
    count("misrouted", during.misrouted, "packets", "must be 0");
    count("lost-after", settled.lost(), "packets", "once the changes had ended; must be 0");
    count("misrouted-after", settled.misrouted, "packets", "must be 0");
    count("refused", changes.refused, "changes", "the table was full; must be 0");
    count("reclaimer-waits", router.reclaimer().waits_at_limit(), "waits",
          "the writer had to wait for the worker");
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const auto cycles = static_cast<double>(during.cycles);
    context.figure("mpps", static_cast<double>(during.came_out) / (cycles / hz) / 1e6, "Mpackets/s",
                   "the checking of every packet included");
    context.figure("worker-cycles",
                   static_cast<double>(during.worker_cycles) / static_cast<double>(during.came_out),
                   "cycles", "a packet, device included");
    context.figure("worker-share", static_cast<double>(during.worker_cycles) / cycles, "ratio",
                   "of its core; the rest offers and checks");
}

std::optional<Problem> measure(Context& context, std::span<const ChangeKind> kinds, double rate) {
    if (auto problem = context.dpdk().start()) {
        return problem;
    }
    if (!context.dpdk().has_second_core()) {
        return Problem{"this program may use one CPU only", "give it two", true};
    }
    const std::uint64_t seed = context.options().seed;
    const auto stable = make_table(kStableRoutes, kStableNextHops, seed);
    std::vector<RouteOfTable> routes = stable;
    const auto ground = ground_routes();
    routes.insert(routes.end(), ground.begin(), ground.end());
    auto router =
        Router::build(context.dpdk(), {.next_hops = kChurnNextHops, .spare_routes = 4096}, routes);
    if (!router) {
        return router.error();
    }
    const Traffic traffic = make_traffic(**router, stable, kinds, seed + 1);
    FrameSequence sequence = (*router)->addressing(0);
    sequence.destinations = traffic.destinations;
    sequence.sizes = {kSmallestFrame};
    Lane lane(**router, 0, context.dpdk().pool(), std::move(sequence));
    RouteChanger changer(**router, kinds, seed + 2);

    Forwarder forwarder(**router, lane, traffic);
    while (!forwarder.runs()) {
        rte_pause();
    }
    const Changes changes = make_changes(**router, changer, rate, context.options().seconds);
    forwarder.finish();
    const Outcome settled = forwarder.settled_pass();
    const Outcome& during = forwarder.during();
    report(context, **router, changer, kinds, changes, during, settled);
    const std::uint64_t wrong =
        during.lost() + during.misrouted + settled.lost() + settled.misrouted + changes.refused;
    if (wrong > 0) {
        return Problem{fmt::format("{} packets or changes went wrong (lost {}, misrouted {}, "
                                   "afterwards lost {}, misrouted {}, changes refused {})",
                                   wrong, during.lost(), during.misrouted, settled.lost(),
                                   settled.misrouted, changes.refused),
                       "a reader of the table saw what never was right: see dataplane/tables"};
    }
    return std::nullopt;
}

}  // namespace

Family churn_family() {
    Family family{"churn",
                  "changes a second while a worker forwards among 1M routes; packets lost and "
                  "misrouted, which must be 0",
                  {}};
    family.cases.push_back(
        {"churn/paced", "all kinds, at --churn-rate, for --seconds", [](Context& context) {
             return measure(context, kAllChangeKinds, context.options().churn_rate);
         }});
    family.cases.push_back({"churn/unpaced", "all kinds, as fast as it goes, for --seconds",
                            [](Context& context) { return measure(context, kAllChangeKinds, 0); }});
    for (const ChangeKind kind : kAllChangeKinds) {
        family.cases.push_back({fmt::format("churn/{}", name_of(kind)),
                                fmt::format("{} alone, as fast as it goes", name_of(kind)),
                                [kind](Context& context) {
                                    return measure(context, {&kind, 1}, 0);
                                }});
    }
    return family;
}

}  // namespace godwit::bench
