// Prefixes come in the order of a neighbour that sends its table: shuffled, from the seed. Next
// hops are a hundred routers of one subnet. The peer of the ratio is what a plain std::map of the
// same prefixes takes for the same changes in the same round: it knows no sources, no best route
// and no download.
//
// Memory is what malloc says that it has given out, so that everything counts.
#include "tests/bench/rib/rib_family.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <random>
#include <utility>

#include "controlplane/rib/rib.hpp"
#include "dataplane/api/messages.hpp"
#include "dataplane/owner/route_table.hpp"
#include "dataplane/tables/reclaimer.hpp"
#include "tests/bench/harness/dpdk.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/traffic/prefixes.hpp"

namespace godwit::bench {

namespace {

using control::DownloadOp;
using control::Rib;
using control::RibNextHop;
using control::Route;
using control::RouteSource;

constexpr std::size_t kPrefixes = 1'000'000;
constexpr std::uint32_t kRouters = 100;
constexpr std::size_t kBatch = 1024;  // operations taken at once, as the download does
constexpr net::InterfaceId kLink{1};
constexpr net::InterfaceId kOtherLink{2};

class Stopwatch {
public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::size_t bytes_in_use() {
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

net::Ipv4Address router(std::uint32_t number) {
    return net::Ipv4Address(net::Ipv4Address(198, 18, 0, 1).value() + number);
}

// In the order in which they come.
std::vector<RouteOfTable> shuffled_table(std::uint64_t seed) {
    std::vector<RouteOfTable> table = make_table(kPrefixes, kRouters, seed);
    std::mt19937_64 random(seed);
    std::shuffle(table.begin(), table.end(), random);
    return table;
}

Route route_of(const RouteOfTable& from, RouteSource source, std::uint32_t shift = 0) {
    Route route;
    route.prefix = from.prefix;
    route.source = source;
    route.distance = control::distance_of(source);
    route.next_hops = {RibNextHop::gateway(router((from.next_hop + shift) % kRouters + 1), kLink)};
    return route;
}

// What a new session's worth of operations does to whoever carries them out: nothing.
std::size_t drain(Rib& rib) {
    std::size_t operations = 0;
    for (auto taken = rib.take_download(kBatch); !taken.empty();
         taken = rib.take_download(kBatch)) {
        operations += taken.size();
        rib.acknowledged(operations);
    }
    return operations;
}

void updates(Context& context, const std::string& what, double seconds, double map_seconds) {
    context.figure(what, kPrefixes / seconds / 1e6, "M updates/s",
                   fmt::format("{:.2f} s for {} routes", seconds, kPrefixes));
    context.figure(what + "-to-map", seconds / map_seconds, "ratio",
                   "time, of that of a plain std::map");
}

std::optional<Problem> one_source(Context& context) {
    const auto table = shuffled_table(context.options().seed);
    std::map<net::Ipv4Prefix, std::uint32_t> map;
    Stopwatch watch;
    for (const RouteOfTable& each : table) {
        map.insert_or_assign(each.prefix, each.next_hop);
    }
    const double map_load = watch.seconds();
    watch = {};
    for (const RouteOfTable& each : table) {
        map.insert_or_assign(each.prefix, each.next_hop + 1);
    }
    const double map_replace = watch.seconds();
    watch = {};
    for (const RouteOfTable& each : table) {
        map.erase(each.prefix);
    }
    const double map_withdraw = watch.seconds();

    const std::size_t before = bytes_in_use();
    Rib rib;
    rib.set_interface_up(kLink, true);
    watch = {};
    for (const RouteOfTable& each : table) {
        rib.set(route_of(each, RouteSource::ExternalBgp));
    }
    updates(context, "load", watch.seconds(), map_load);
    watch = {};
    const std::size_t operations = drain(rib);
    context.figure("take", static_cast<double>(operations) / watch.seconds() / 1e6,
                   "M operations/s", "the download taken in batches, and acknowledged");
    context.figure("bytes", static_cast<double>(bytes_in_use() - before) / kPrefixes, "bytes",
                   fmt::format("a prefix with one route; {:.0f} of them in the table's own storage",
                               static_cast<double>(rib.bytes()) / kPrefixes));
    watch = {};
    for (const RouteOfTable& each : table) {
        rib.set(route_of(each, RouteSource::ExternalBgp, 1));
    }
    updates(context, "replace", watch.seconds(), map_replace);
    drain(rib);

    std::vector<double> pages;
    const Stopwatch all;
    std::optional<net::Ipv4Prefix> after;
    for (bool more = true; more;) {
        const Stopwatch page_watch;
        const auto page = rib.page(after, control::kPageRoutes);
        pages.push_back(page_watch.seconds());
        more = !page.empty();
        if (more) {
            after = page.back().prefix;
        }
    }
    // One in a thousand is left out: the kernel's own pauses fall on some.
    std::sort(pages.begin(), pages.end());
    context.figure("page", pages[pages.size() - 1 - pages.size() / 1000] * 1e3, "ms",
                   fmt::format("999 of 1000 pages of {} prefixes take less; {:.2f} s in all",
                               control::kPageRoutes, all.seconds()));
    watch = {};
    for (const RouteOfTable& each : table) {
        rib.remove(each.prefix, RouteSource::ExternalBgp);
    }
    updates(context, "withdraw", watch.seconds(), map_withdraw);
    drain(rib);
    return rib.size() == 0
               ? std::nullopt
               : std::optional(Problem{"routes are left behind", "see controlplane/rib"});
}

std::optional<Problem> three_sources(Context& context) {
    const auto table = shuffled_table(context.options().seed);
    constexpr std::array kSources{RouteSource::InternalBgp, RouteSource::Ospf,
                                  RouteSource::ExternalBgp};
    const std::size_t before = bytes_in_use();
    control::RibLimits limits;
    limits.max_routes = kPrefixes * kSources.size();
    Rib rib(limits);
    rib.set_interface_up(kLink, true);
    const Stopwatch watch;
    for (std::uint32_t i = 0; i < kSources.size(); ++i) {
        for (const RouteOfTable& each : table) {
            rib.set(route_of(each, kSources[i], i));
        }
        drain(rib);
    }
    const double seconds = watch.seconds();
    context.figure(
        "load", static_cast<double>(rib.size()) / seconds / 1e6, "M updates/s",
        fmt::format("{} routes, each better than the one before, with their download", rib.size()));
    context.figure("bytes", static_cast<double>(bytes_in_use() - before) / kPrefixes, "bytes",
                   "a prefix with three routes");
    return std::nullopt;
}

// A million routes through a hundred routers that are not neighbours: each of them is reached by
// one interior route, which moves.
std::optional<Problem> next_hop(Context& context) {
    const auto table = shuffled_table(context.options().seed);
    Rib rib;
    rib.set_interface_up(kLink, true);
    rib.set_interface_up(kOtherLink, true);
    const net::Ipv4Prefix routers = net::Ipv4Prefix::covering(router(0), 24);
    const auto interior = [&](net::InterfaceId interface) {
        Route route;
        route.prefix = routers;
        route.source = RouteSource::Ospf;
        route.distance = control::distance_of(RouteSource::Ospf);
        route.next_hops = {RibNextHop::gateway(net::Ipv4Address(192, 0, 2, 1), interface)};
        return route;
    };
    rib.set(interior(kLink));
    for (const RouteOfTable& each : table) {
        Route route = route_of(each, RouteSource::InternalBgp);
        route.next_hops.front().interface = {};
        rib.set(std::move(route));
    }
    drain(rib);
    Samples milliseconds;
    std::size_t operations = 0;
    for (unsigned round = 0; round < context.options().rounds; ++round) {
        const Stopwatch watch;
        rib.set(interior(round % 2 == 0 ? kOtherLink : kLink));
        operations = drain(rib);
        milliseconds.add(watch.seconds() * 1e3);
    }
    context.figure("change", milliseconds.median(), "ms",
                   "the interior route to a hundred next hops of a million prefixes moves");
    context.figure("operations", static_cast<double>(operations), "operations",
                   "for the dataplane, of each change");
    return operations < 2 * kRouters + 10
               ? std::nullopt
               : std::optional(
                     Problem{"a change of a next hop touches its prefixes", "see rib_state.hpp"});
}

// ---- down to the table that packets are looked up in

class NoDemand final : public dataplane::NeighborDemand {
public:
    bool refer(const dataplane::NeighborKey& /*key*/) override { return true; }
    void unrefer(const dataplane::NeighborKey& /*key*/) override {}
};

// The table owner's tables, without its loop.
struct Owner {
    Owner()
        : fib(reclaimer, kPrefixes + 1000),
          next_hops(reclaimer, 1024, 2048, 64),
          interfaces(reclaimer),
          hops(next_hops, interfaces, demand),
          routes(fib, hops, kPrefixes + 1000) {
        auto snapshot = std::make_unique<dataplane::InterfaceSnapshot>();
        snapshot->entries.resize(3);
        for (std::uint16_t id = 1; id < 3; ++id) {
            dataplane::InterfaceEntry& entry = snapshot->entries[id];
            entry.id = net::InterfaceId(id);
            entry.type = api::InterfaceType::Port;
            entry.up = true;
            entry.port = id;
            entry.mtu = 1500;
        }
        interfaces.replace(std::move(snapshot));
        routes.session_opened();
    }

    NoDemand demand;
    dataplane::Reclaimer reclaimer{1};
    dataplane::Fib fib;
    dataplane::NextHops next_hops;
    dataplane::InterfaceTable interfaces;
    dataplane::Hops hops;
    dataplane::RouteTable routes;
};

// One operation as the record that the route ring carries.
class Records {
public:
    explicit Records(dataplane::RouteTable& routes) : routes_(routes) {}

    void begin() { give(api::RouteType::SyncBegin, api::SyncRecord{0, 1}); }
    void operator()(const control::SetNextHop& op) {
        api::NextHopSetRecord record;
        record.number = op.number;
        record.kind = api::NextHopKind::Gateway;
        record.interface = op.next_hop.interface.value();
        record.gateway = op.next_hop.via ? op.next_hop.via->value() : 0;
        give(api::RouteType::NextHopSet, record);
    }
    void operator()(const control::SetRoute& op) {
        api::RouteSetRecord record;
        record.prefix = op.prefix.address().value();
        record.length = op.prefix.length();
        record.number = op.number;
        give(api::RouteType::RouteSet, record);
    }
    void operator()(const control::DeleteRoute& op) {
        api::RouteDeleteRecord record;
        record.prefix = op.prefix.address().value();
        record.length = op.prefix.length();
        give(api::RouteType::RouteDelete, record);
    }
    void operator()(const control::DeleteNextHop& op) {
        api::NextHopDeleteRecord record;
        record.number = op.number;
        give(api::RouteType::NextHopDelete, record);
    }
    void operator()(const control::SetGroup& /*op*/) {}  // no route of this bench has two next hops

private:
    template <class Record>
    void give(api::RouteType type, Record record) {
        record.sequence = ++sequence_;
        std::array<std::byte, sizeof(Record)> bytes;
        std::memcpy(bytes.data(), &record, sizeof record);
        routes_.apply({static_cast<std::uint32_t>(type), bytes});
    }

    dataplane::RouteTable& routes_;
    std::uint64_t sequence_ = 0;
};

std::optional<Problem> download(Context& context) {
    if (auto problem = context.dpdk().start()) {
        return problem;
    }
    const auto table = shuffled_table(context.options().seed);
    Rib rib;
    rib.set_interface_up(kLink, true);
    for (const RouteOfTable& each : table) {
        rib.set(route_of(each, RouteSource::ExternalBgp));
    }
    Owner owner;
    Records records(owner.routes);
    records.begin();
    const Stopwatch watch;
    for (auto taken = rib.take_download(kBatch); !taken.empty();
         taken = rib.take_download(kBatch)) {
        for (const DownloadOp& operation : taken) {
            std::visit(records, operation);
        }
    }
    const double seconds = watch.seconds();
    context.figure("seconds", seconds, "s",
                   fmt::format("until {} routes are in the dataplane's table; the ring's own copy "
                               "is left out",
                               owner.routes.downloaded()));
    return owner.routes.downloaded() == kPrefixes
               ? std::nullopt
               : std::optional(Problem{fmt::format("only {} routes are in the dataplane's table",
                                                   owner.routes.downloaded()),
                                       "raise its limits in tests/bench/rib/rib_family.cpp"});
}

}  // namespace

Family rib_family() {
    Family family{"rib",
                  "the control plane's table of a million routes: updates a second, bytes a "
                  "prefix, a next hop that moves, the download into the dataplane's table",
                  {}};
    family.cases.push_back(
        {"rib/1M/one-source", "load, page, replace and withdraw a million routes", one_source});
    family.cases.push_back({"rib/1M/three-sources", "three routes to each of them", three_sources});
    family.cases.push_back({"rib/1M/next-hop", "the way to the next hops of all moves", next_hop});
    family.cases.push_back(
        {"rib/1M/download", "from the RIB into the dataplane's table", download, 1536});
    return family;
}

}  // namespace godwit::bench
