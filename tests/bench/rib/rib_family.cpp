// The routes are those of table.hpp; the download is in download_case.cpp. The peer of the ratio is
// what a plain std::map of the same prefixes takes for the same changes in the same round: it knows
// no sources, no best route and no download.
//
// Memory is what malloc says that it has given out, so that everything counts.
#include "tests/bench/rib/rib_family.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "controlplane/rib/rib.hpp"
#include "tests/bench/harness/samples.hpp"
#include "tests/bench/rib/download_case.hpp"
#include "tests/bench/rib/table.hpp"

namespace godwit::bench {

namespace {

using control::Rib;
using control::RibNextHop;
using control::Route;
using control::RouteSource;

constexpr std::size_t kBatch = 1024;  // operations taken at once, as the download does
constexpr net::InterfaceId kOtherLink{2};

std::size_t bytes_in_use() {
    return mallinfo2().uordblks + mallinfo2().hblkhd;
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
    context.figure(what, kRibPrefixes / seconds / 1e6, "M updates/s",
                   fmt::format("{:.2f} s for {} routes", seconds, kRibPrefixes));
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
    rib.set_interface_up(kRibLink, true);
    watch = {};
    for (const RouteOfTable& each : table) {
        rib.set(route_of(each, RouteSource::ExternalBgp));
    }
    updates(context, "load", watch.seconds(), map_load);
    watch = {};
    const std::size_t operations = drain(rib);
    context.figure("take", static_cast<double>(operations) / watch.seconds() / 1e6,
                   "M operations/s", "the download taken in batches, and acknowledged");
    context.figure("bytes", static_cast<double>(bytes_in_use() - before) / kRibPrefixes, "bytes",
                   fmt::format("a prefix with one route; {:.0f} of them in the table's own storage",
                               static_cast<double>(rib.bytes()) / kRibPrefixes));
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
    limits.max_routes = kRibPrefixes * kSources.size();
    Rib rib(limits);
    rib.set_interface_up(kRibLink, true);
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
    context.figure("bytes", static_cast<double>(bytes_in_use() - before) / kRibPrefixes, "bytes",
                   "a prefix with three routes");
    return std::nullopt;
}

// A million routes through a hundred routers that are not neighbours: each of them is reached by
// one interior route, which moves.
std::optional<Problem> next_hop(Context& context) {
    const auto table = shuffled_table(context.options().seed);
    Rib rib;
    rib.set_interface_up(kRibLink, true);
    rib.set_interface_up(kOtherLink, true);
    const net::Ipv4Prefix routers = net::Ipv4Prefix::covering(rib_router(0), 24);
    const auto interior = [&](net::InterfaceId interface) {
        Route route;
        route.prefix = routers;
        route.source = RouteSource::Ospf;
        route.distance = control::distance_of(RouteSource::Ospf);
        route.next_hops = {RibNextHop::gateway(net::Ipv4Address(192, 0, 2, 1), interface)};
        return route;
    };
    rib.set(interior(kRibLink));
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
        rib.set(interior(round % 2 == 0 ? kOtherLink : kRibLink));
        operations = drain(rib);
        milliseconds.add(watch.seconds() * 1e3);
    }
    context.figure("change", milliseconds.median(), "ms",
                   "the interior route to a hundred next hops of a million prefixes moves");
    context.figure("operations", static_cast<double>(operations), "operations",
                   "for the dataplane, of each change");
    return operations < 2 * kRibRouters + 10
               ? std::nullopt
               : std::optional(
                     Problem{"a change of a next hop touches its prefixes", "see rib_state.hpp"});
}

// The link under all of a million routes goes, and comes back: each route chooses again, in turns.
std::optional<Problem> interface(Context& context) {
    const auto table = shuffled_table(context.options().seed);
    Rib rib;
    rib.set_interface_up(kRibLink, true);
    rib.set_interface_up(kOtherLink, true);
    for (const RouteOfTable& each : table) {
        rib.set(route_of(each, RouteSource::ExternalBgp));
        Route other = route_of(each, RouteSource::InternalBgp);
        other.next_hops.front().interface = kOtherLink;
        rib.set(std::move(other));
    }
    drain(rib);
    std::vector<double> turns;
    Samples all;
    for (unsigned round = 0; round < context.options().rounds; ++round) {
        const Stopwatch watch;
        std::size_t operations = 0;
        bool more = true;
        for (bool first = true; more; first = false) {
            const Stopwatch turn;
            if (first) {
                rib.set_interface_up(kRibLink, round % 2 == 1);
            }
            more = rib.settle_more();
            operations += rib.take_download(kBatch).size();
            rib.acknowledged(operations);
            turns.push_back(turn.seconds());
        }
        drain(rib);
        all.add(watch.seconds());
    }
    // One in a thousand is left out: the kernel's own pauses fall on some.
    std::sort(turns.begin(), turns.end());
    context.figure("turn", turns[turns.size() - 1 - turns.size() / 1000] * 1e3, "ms",
                   "999 of 1000 turns take less, each with a batch of the download");
    context.figure("seconds", all.median(), "s",
                   fmt::format("until {} routes lead over another interface", kRibPrefixes));
    return std::nullopt;
}

}  // namespace

Family rib_family() {
    Family family{
        "rib",
        "the control plane's table of a million routes: updates a second, bytes a "
        "prefix, a next hop and a link that move, the download into the dataplane's table",
        {}};
    family.cases.push_back(
        {"rib/1M/one-source", "load, page, replace and withdraw a million routes", one_source});
    family.cases.push_back({"rib/1M/three-sources", "three routes to each of them", three_sources});
    family.cases.push_back({"rib/1M/next-hop", "the way to the next hops of all moves", next_hop});
    family.cases.push_back(
        {"rib/1M/interface", "the link under all of them goes and comes", interface});
    family.cases.push_back(
        {"rib/1M/download", "from the RIB into the dataplane's lookup table", rib_download, 1536});
    return family;
}

}  // namespace godwit::bench
