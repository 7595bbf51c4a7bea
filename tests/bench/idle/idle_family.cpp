// The worker runs its own loop (Worker::run, idle: adaptive) on the second core, on a port of
// rings, which cannot wake it by an interrupt: what is measured is the loop's own backing off. Its
// CPU time is what the kernel charges its thread (getrusage). The first packets come after gaps of
// 1 to 20 ms, from the main core, which also takes the time until each is out again.
#include "tests/bench/idle/idle_family.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/router/lane.hpp"
#include "tests/bench/traffic/destinations.hpp"

namespace godwit::bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr double kLostAfterSeconds = 0.1;

double thread_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Worker 0 in its own loop on the second core, from construction until stop().
class RunningWorker {
public:
    explicit RunningWorker(Router& router) : router_(router), core_([this] { run(); }) {}
    ~RunningWorker() { stop(); }
    RunningWorker(const RunningWorker&) = delete;
    RunningWorker& operator=(const RunningWorker&) = delete;

    void stop() {
        stop_.store(true);
        core_.join();
    }
    // After stop().
    [[nodiscard]] double cpu_share() const { return cpu_seconds_ / wall_seconds_; }

private:
    void run() {
        const auto begin = SteadyClock::now();
        const double cpu_before = thread_cpu_seconds();
        router_.worker(0).run(stop_);
        cpu_seconds_ = thread_cpu_seconds() - cpu_before;
        wall_seconds_ = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    }

    Router& router_;
    std::atomic<bool> stop_{false};
    double cpu_seconds_ = 0;
    double wall_seconds_ = 1;
    SecondCore core_;
};

struct IdleBench {
    std::unique_ptr<Router> router;
    std::unique_ptr<Lane> lane;
};

net::Result<IdleBench, Problem> prepare(Context& context) {
    if (auto problem = context.dpdk().start()) {
        return net::unexpected(*problem);
    }
    if (!context.dpdk().has_second_core()) {
        return net::unexpected(Problem{"this program may use one CPU only", "give it two", true});
    }
    const RouterPlan plan{.idle = config::IdleMode::Adaptive};
    const std::uint64_t seed = context.options().seed;
    const auto routes = make_table(1'000, plan.next_hops, seed);
    auto router = Router::build(context.dpdk(), plan, routes);
    if (!router) {
        return net::unexpected(router.error());
    }
    FrameSequence sequence = (*router)->addressing(0);
    sequence.destinations = routed_destinations(routes, 4096, seed + 1);
    sequence.sizes = {kSmallestFrame};
    IdleBench bench;
    bench.router = std::move(*router);
    bench.lane =
        std::make_unique<Lane>(*bench.router, 0, context.dpdk().pool(), std::move(sequence));
    return bench;
}

std::optional<Problem> measure_share(Context& context) {
    auto bench = prepare(context);
    if (!bench) {
        return bench.error();
    }
    RunningWorker worker(*bench->router);
    std::this_thread::sleep_for(std::chrono::duration<double>(context.options().seconds));
    worker.stop();
    context.figure(
        "cpu-share", worker.cpu_share(), "ratio",
        fmt::format("of one core, in {:.1f} s without a packet", context.options().seconds));
    const auto sleeps = static_cast<double>(bench->router->counters(0).sleeps.read());
    context.figure("sleeps-a-second", sleeps / context.options().seconds, "sleeps/s");
    return std::nullopt;
}

std::optional<Problem> measure_first_packet(Context& context) {
    auto bench = prepare(context);
    if (!bench) {
        return bench.error();
    }
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    std::mt19937_64 random(context.options().seed);
    std::uniform_int_distribution<int> gap(1'000, 20'000);
    Samples microseconds;
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    RunningWorker worker(*bench->router);
    const auto end = SteadyClock::now() + std::chrono::duration<double>(context.options().seconds);
    while (SteadyClock::now() < end) {
        std::this_thread::sleep_for(std::chrono::microseconds(gap(random)));
        const std::uint64_t begin = rte_rdtsc();
        const std::uint64_t give_up = begin + static_cast<std::uint64_t>(hz * kLostAfterSeconds);
        sent += bench->lane->offer(1);
        std::span<rte_mbuf* const> out;
        while ((out = bench->lane->collect()).empty() && rte_rdtsc() < give_up) {
            rte_pause();
        }
        const std::uint64_t spent = rte_rdtsc() - begin;
        if (out.empty()) {
            ++lost;
            continue;
        }
        microseconds.add(static_cast<double>(spent) / hz * 1e6);
        bench->lane->give_back(out);
    }
    worker.stop();
    context.figure("sent", static_cast<double>(sent), "packets",
                   "each after 1 to 20 ms of silence");
    context.figure("lost", static_cast<double>(lost), "packets", "must be 0");
    context.figure("latency-median", microseconds.median(), "microseconds");
    context.figure("latency-p90", microseconds.quantile(0.9), "microseconds");
    context.figure("latency-p99", microseconds.quantile(0.99), "microseconds");
    context.figure("latency-largest", microseconds.quantile(1), "microseconds",
                   "with what else the machine runs");
    context.figure("cpu-share", worker.cpu_share(), "ratio", "of one core");
    if (lost > 0) {
        return Problem{fmt::format("{} of {} first packets did not come out", lost, sent),
                       "the worker slept over them: see dataplane/worker"};
    }
    return std::nullopt;
}

}  // namespace

Family idle_family() {
    return {"idle",
            "a worker with idle: adaptive on a port without interrupts",
            {{"idle/share", "CPU time of a worker without packets", measure_share},
             {"idle/first-packet", "time through an idle worker", measure_first_packet}}};
}

}  // namespace godwit::bench
