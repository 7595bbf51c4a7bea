// Changes are single ones, of random prefixes of the loaded table: a replacement gives a route
// another next hop; a flap takes it away and puts it back, which counts as two changes. Ours are
// made as the table owner makes them, with a reader that looks up on the other core and reports
// quiescent after every burst, and with what was freed collected every 64 changes; the peers have
// no readers, and rte_fib could not have any (it reuses memory under them).
//
// Bytes of ours are what the table says of itself; those of the peers are what DPDK's heap grew by,
// which for rte_fib includes the RIB that it keeps its routes in.
#include "tests/bench/lookup/table_cases.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>

#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/lookup/tables.hpp"
#include "tests/bench/traffic/destinations.hpp"

namespace godwit::bench {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr unsigned kChangesBetweenPolls = 64;
constexpr std::size_t kMostChanges = 1'000'000;
constexpr double kLongestSeconds = 1;

double seconds_since(SteadyClock::time_point begin) {
    return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Seconds, or nothing when the table takes no more.
std::optional<double> load(LookupTable& table, std::span<const RouteOfTable> routes) {
    const auto begin = SteadyClock::now();
    for (const RouteOfTable& route : routes) {
        if (!table.set(route.prefix, route.next_hop)) {
            return std::nullopt;
        }
    }
    return seconds_since(begin);
}

// Changes a second: until the most changes or the longest time is reached.
double change_rate(LookupTable& table, std::span<const RouteOfTable> routes, bool flap,
                   std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::size_t> any(0, routes.size() - 1);
    std::vector<std::size_t> chosen(kMostChanges / 2);
    for (std::size_t& one : chosen) {
        one = any(random);
    }
    std::size_t changes = 0;
    std::uint32_t shift = 0;
    const auto begin = SteadyClock::now();
    double passed = 0;
    for (std::size_t i = 0; i < chosen.size() && passed < kLongestSeconds; ++i) {
        const RouteOfTable& route = routes[chosen[i]];
        if (flap) {
            table.remove(route.prefix);
            table.set(route.prefix, route.next_hop);
            changes += 2;
        } else {
            shift = shift % 50 + 1;  // never what it was: the next hops of ours change places
            table.set(route.prefix,
                      route.next_hop > 50 ? route.next_hop - shift : route.next_hop + shift);
            changes += 1;
        }
        if (i % kChangesBetweenPolls == 0) {
            table.settle();
            passed = seconds_since(begin);
        }
    }
    return static_cast<double>(changes) / seconds_since(begin);
}

// Looks up on the other core until it is stopped, as a worker does.
class Reader {
public:
    Reader(OurTable& table, std::vector<std::uint32_t> keys)
        : table_(table), keys_(std::move(keys)), core_([this] { read(); }) {}
    ~Reader() {
        stop_.store(true, std::memory_order_relaxed);
        core_.join();
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

private:
    void read() {
        dataplane::Reclaimer& reclaimer = table_.reclaimer();
        std::array<std::uint32_t, kLookupBurst> next_hops;
        reclaimer.online(0);
        for (std::size_t at = 0; !stop_.load(std::memory_order_relaxed);
             at = (at + kLookupBurst) % keys_.size()) {
            table_.fib().lookup_burst(&keys_[at], next_hops.data(), kLookupBurst);
            reclaimer.quiescent(0);
        }
        reclaimer.offline(0);
    }

    OurTable& table_;
    std::vector<std::uint32_t> keys_;
    std::atomic<bool> stop_{false};
    SecondCore core_;
};

void report_load(Context& context, const std::string& name, const LookupTable& table,
                 double seconds, std::size_t routes) {
    context.figure(name + "/bytes", static_cast<double>(table.bytes()), "bytes");
    context.figure(name + "/load-seconds", seconds, "seconds", "one route at a time");
    context.figure(name + "/load-rate", static_cast<double>(routes) / seconds, "routes/s");
}

void report_changes(Context& context, const std::string& name, LookupTable& table,
                    std::span<const RouteOfTable> routes, const std::string& note) {
    const std::uint64_t seed = context.options().seed + 7;
    context.figure(name + "/replace-rate", change_rate(table, routes, false, seed), "changes/s",
                   note);
    context.figure(name + "/flap-rate", change_rate(table, routes, true, seed), "changes/s", note);
}

Problem takes_no_more(const std::string& name) {
    return {fmt::format("{} does not take the routes of the case", name),
            "raise its limits in tests/bench/lookup/tables.cpp"};
}

// Built anew several times: all routes at once, the copying into the table's own form of a route
// included.
std::optional<Problem> measure_build(Context& context, std::span<const RouteOfTable> routes) {
    Samples seconds;
    for (unsigned round = 0; round < context.options().rounds; ++round) {
        OurTable table(routes.size());
        const auto begin = SteadyClock::now();
        if (!table.build(routes)) {
            return takes_no_more("our table, built at once,");
        }
        seconds.add(seconds_since(begin));
    }
    context.figure("ours/build-seconds", seconds.median(), "seconds",
                   fmt::format("all routes at once; smallest {:.4f}", seconds.smallest()));
    return std::nullopt;
}

std::optional<Problem> measure_ours(Context& context, std::span<const RouteOfTable> routes) {
    const ResidentMemory before = resident_memory();
    OurTable ours(routes.size());
    const auto seconds = load(ours, routes);
    if (!seconds) {
        return takes_no_more("our table");
    }
    report_load(context, "ours", ours, *seconds, routes.size());
    const ResidentMemory after = resident_memory();
    context.figure("ours/resident-bytes", static_cast<double>(after.resident - before.resident),
                   "bytes",
                   fmt::format("{} MiB of it in transparent huge pages",
                               (after.in_huge_pages - before.in_huge_pages) >> 20));
    if (context.dpdk().has_second_core()) {
        const Reader reader(
            ours, routed_destinations(routes, std::size_t{1} << 16, context.options().seed + 1));
        report_changes(context, "ours", ours, routes, "with a reader and RCU");
    } else {
        report_changes(context, "ours", ours, routes, "without a reader: there is one CPU");
    }
    return std::nullopt;
}

std::optional<Problem> measure_peer(Context& context, const std::string& name,
                                    std::unique_ptr<LookupTable> table,
                                    std::span<const RouteOfTable> routes) {
    if (!table) {
        return Problem{fmt::format("DPDK has no memory for {}", name), "free memory for it"};
    }
    const auto seconds = load(*table, routes);
    if (!seconds) {
        return takes_no_more(name);
    }
    report_load(context, name, *table, *seconds, routes.size());
    report_changes(context, name, *table, routes, "no reader");
    return std::nullopt;
}

}  // namespace

std::optional<Problem> measure_table(Context& context, std::size_t prefixes,
                                     std::uint32_t next_hops) {
    if (auto problem = context.dpdk().start()) {
        return problem;
    }
    const auto routes = make_table(prefixes, next_hops, context.options().seed);
    if (auto problem = measure_build(context, routes)) {
        return problem;
    }
    if (auto problem = measure_ours(context, routes)) {
        return problem;
    }
    if (auto problem =
            measure_peer(context, "rte-fib", make_rte_fib(prefixes, FibEntry::FourBytes), routes)) {
        return problem;
    }
    if (prefixes > kLpmPrefixes && !context.options().slow) {
        context.say("rte_lpm is left out: it takes minutes with so many routes (--slow)");
        return std::nullopt;
    }
    return measure_peer(context, "rte-lpm", make_rte_lpm(prefixes), routes);
}

}  // namespace godwit::bench
