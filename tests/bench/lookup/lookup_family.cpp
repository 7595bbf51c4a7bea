// Each round passes over all keys with each table in turn, so that other work on the machine falls
// on all of them; ratios are made within a round, and medians of the rounds reported. Another pass
// before each timed one brings the table's own lines into the caches, as a worker's would be: all
// of them, for two contenders may share a table, and the second would find it where the first left
// it. There are 2^20 keys a pass, read in order and so prefetched.
//
// The peer of the ratio is rte_fib with four-byte entries, by whichever of its lookups (scalar or
// AVX-512) was faster in that round: the form whose next hops do not run out. Two-byte entries and
// rte_lpm are there for information.
#include "tests/bench/lookup/lookup_family.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "net/result.hpp"
#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/lookup/table_cases.hpp"
#include "tests/bench/lookup/tables.hpp"
#include "tests/bench/traffic/destinations.hpp"

namespace godwit::bench {

namespace {

constexpr std::size_t kKeys = std::size_t{1} << 20;
constexpr unsigned kMebibytes = 1536;

enum class Keys : std::uint8_t { Uniform, Routed, Zipf };

struct Contender {
    std::string name;
    LookupTable* table = nullptr;
    std::function<void()> select;  // before each pass: one table may be looked up in several ways
    Samples cycles;
};

std::vector<std::uint32_t> make_keys(Keys kind, std::span<const RouteOfTable> routes,
                                     std::uint64_t seed) {
    switch (kind) {
        case Keys::Uniform:
            return uniform_destinations(kKeys, seed);
        case Keys::Routed:
            return routed_destinations(routes, kKeys, seed);
        case Keys::Zipf:
            break;
    }
    return zipf_destinations(routes, kKeys, seed);
}

double pass_cycles(Contender& contender, std::span<std::uint32_t> keys) {
    contender.select();
    contender.table->pass(keys);
    return contender.table->pass(keys);
}

// All contenders give the same answer for every key, or a sentence.
std::optional<Problem> compare_answers(std::vector<Contender>& contenders,
                                       std::span<std::uint32_t> keys) {
    std::vector<std::uint32_t> expected(keys.size());
    std::vector<std::uint32_t> got(keys.size());
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        Contender& contender = contenders[i];
        contender.select();
        contender.table->answers(keys, i == 0 ? expected : got);
        if (i == 0) {
            continue;
        }
        const auto differs = std::mismatch(expected.begin(), expected.end(), got.begin());
        if (differs.first != expected.end()) {
            const auto at = static_cast<std::size_t>(differs.first - expected.begin());
            return Problem{fmt::format("for {} {} answers {} and {} answers {}",
                                       net::Ipv4Address(keys[at]).to_string(), contenders[0].name,
                                       expected[at], contender.name, got[at]),
                           "the tables differ: find out which is wrong before timing them"};
        }
    }
    return std::nullopt;
}

// The tables of a case, loaded with the same routes.
struct Tables {
    std::unique_ptr<OurTable> ours;
    std::unique_ptr<OurTable> ours_by_loads;  // as where gathers are slow, or there are none
    std::unique_ptr<LookupTable> rte_fib_4;
    std::unique_ptr<LookupTable> rte_fib_2;
    std::unique_ptr<LookupTable> rte_lpm;  // null: not loaded

    [[nodiscard]] std::vector<Contender> contenders() const {
        std::vector<Contender> all;
        all.push_back({"ours", ours.get(), [] {}, {}});
        all.push_back({"ours-by-loads", ours_by_loads.get(), [] {}, {}});
        add_rte_fib(all, "rte-fib", *rte_fib_4);
        add_rte_fib(all, "rte-fib-2-byte", *rte_fib_2);
        if (rte_lpm) {
            all.push_back({"rte-lpm", rte_lpm.get(), [] {}, {}});
        }
        return all;
    }

private:
    static void add_rte_fib(std::vector<Contender>& all, const std::string& name,
                            LookupTable& table) {
        const auto by = [&table](FibLookup lookup) {
            return [&table, lookup] { select_lookup(table, lookup); };
        };
        all.push_back({name + "-scalar", &table, by(FibLookup::Scalar), {}});
        if (select_lookup(table, FibLookup::Avx512)) {
            all.push_back({name + "-avx512", &table, by(FibLookup::Avx512), {}});
        }
    }
};

net::Result<Tables, Problem> load_tables(std::span<const RouteOfTable> routes, bool with_lpm) {
    Tables tables;
    tables.ours = std::make_unique<OurTable>(routes.size());
    tables.ours_by_loads = std::make_unique<OurTable>(routes.size(), dataplane::FibWay::Loads);
    tables.rte_fib_4 = make_rte_fib(routes.size(), FibEntry::FourBytes);
    tables.rte_fib_2 = make_rte_fib(routes.size(), FibEntry::TwoBytes);
    tables.rte_lpm = with_lpm ? make_rte_lpm(routes.size()) : nullptr;
    if (!tables.rte_fib_4 || !tables.rte_fib_2 || (with_lpm && !tables.rte_lpm)) {
        return net::unexpected(
            Problem{"DPDK has no memory for rte_fib or rte_lpm", "free memory for it"});
    }
    for (LookupTable* table :
         {static_cast<LookupTable*>(tables.ours.get()),
          static_cast<LookupTable*>(tables.ours_by_loads.get()), tables.rte_fib_4.get(),
          tables.rte_fib_2.get(), tables.rte_lpm.get()}) {
        if (table == nullptr) {
            continue;
        }
        for (const RouteOfTable& route : routes) {
            if (!table->set(route.prefix, route.next_hop)) {
                return net::unexpected(
                    Problem{fmt::format("a table takes no more at {}", route.prefix.to_string()),
                            "raise its limits in tests/bench/lookup/tables.cpp"});
            }
        }
    }
    return tables;
}

void report_ratio(Context& context, const std::vector<Contender>& contenders,
                  const std::vector<std::vector<double>>& rounds) {
    Samples ratio;
    unsigned avx_wins = 0;
    for (const std::vector<double>& round : rounds) {
        double peer = 0;
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            const bool avx = contenders[i].name == "rte-fib-avx512";
            if (contenders[i].name == "rte-fib-scalar" || (avx && round[i] < peer)) {
                peer = round[i];
                avx_wins += avx ? 1U : 0U;
            }
        }
        ratio.add(round[0] / peer);
    }
    context.figure(
        "ours-to-rte-fib", ratio.median(), "ratio",
        fmt::format("rte_fib's faster lookup, avx512 in {} of {} rounds", avx_wins, rounds.size()));
}

std::optional<Problem> measure(Context& context, std::size_t prefixes, Keys kind,
                               std::uint32_t next_hops) {
    if (auto problem = context.dpdk().start()) {
        return problem;
    }
    const std::uint64_t seed = context.options().seed;
    const auto routes = make_table(prefixes, next_hops, seed);
    auto tables = load_tables(routes, prefixes <= kLpmPrefixes || context.options().slow);
    if (!tables) {
        return tables.error();
    }
    auto keys = make_keys(kind, routes, seed + 1);
    auto contenders = tables->contenders();
    if (auto problem = compare_answers(contenders, keys)) {
        return problem;
    }
    std::vector<std::vector<double>> rounds;
    for (unsigned round = 0; round < context.options().rounds; ++round) {
        std::vector<double> cycles(contenders.size());
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            // Another one begins each round: none always follows the same neighbour.
            const std::size_t turn = (i + round) % contenders.size();
            cycles[turn] = pass_cycles(contenders[turn], keys);
            contenders[turn].cycles.add(cycles[turn]);
        }
        rounds.push_back(std::move(cycles));
    }
    for (const Contender& contender : contenders) {
        context.figure(contender.name, contender.cycles.median(), "cycles",
                       fmt::format("smallest {:.1f}", contender.cycles.smallest()));
    }
    report_ratio(context, contenders, rounds);
    return std::nullopt;
}

}  // namespace

Family lookup_family() {
    Family family{"lookup",
                  "cycles a lookup in bursts of 64: our table, rte_fib, rte_lpm (up to 100k "
                  "prefixes, or --slow); next hops drawn from 100",
                  {}};
    constexpr std::uint32_t kNextHops = 100;
    const std::vector<std::pair<std::string, std::size_t>> sizes{
        {"1", 1}, {"1k", 1'000}, {"100k", 100'000}, {"1M", 1'000'000}};
    const std::vector<std::pair<std::string, Keys>> kinds{
        {"uniform", Keys::Uniform}, {"routed", Keys::Routed}, {"zipf", Keys::Zipf}};
    const auto add = [&family](const std::string& size, std::size_t prefixes,
                               const std::string& keys, Keys kind, std::uint32_t next_hops) {
        family.cases.push_back(
            {fmt::format("lookup/{}/{}", size, keys),
             fmt::format("{} prefixes, {} next hops, {} keys", prefixes, next_hops, keys),
             [prefixes, kind, next_hops](Context& context) {
                 return measure(context, prefixes, kind, next_hops);
             },
             kMebibytes});
    };
    for (const auto& [size, prefixes] : sizes) {
        for (const auto& [keys, kind] : kinds) {
            add(size, prefixes, keys, kind, kNextHops);
        }
    }
    add("1M-5000-hops", 1'000'000, "routed", Keys::Routed, 5'000);
    for (const auto& [size, prefixes] : sizes) {
        family.cases.push_back({fmt::format("lookup/{}/table", size),
                                fmt::format("{} prefixes: bytes, load, changes", prefixes),
                                [count = prefixes](Context& context) {
                                    return measure_table(context, count, kNextHops);
                                },
                                kMebibytes});
    }
    return family;
}

}  // namespace godwit::bench
