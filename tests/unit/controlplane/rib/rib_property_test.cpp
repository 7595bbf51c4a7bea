// The RIB against an oracle that recomputes everything: random changes over a small address space,
// where prefixes nest, next hops lie inside them and loops are common. After each change the
// download, carried out by a model that refuses what the dataplane would refuse, must give exactly
// the oracle's forwarding table. GODWIT_SEED repeats one run.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <string>

#include "controlplane/rib/rib.hpp"
#include "tests/support/seeds.hpp"
#include "tests/unit/controlplane/rib/model_fib.hpp"
#include "tests/unit/controlplane/rib/oracle.hpp"
#include "tests/unit/controlplane/rib/route_builders.hpp"

namespace godwit::control::testing {
namespace {

using godwit::testing::seeds;

class Scenario {
public:
    explicit Scenario(std::uint64_t seed) : random_(seed) {}

    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

    // 8.0.0.0 to 11.192.0.1: prefixes of /0, /6 to /10 and /32 that nest into each other.
    net::Ipv4Address any_address() {
        return net::Ipv4Address(0x08000000U | below(16) << 22 | below(2));
    }
    net::Ipv4Prefix any_prefix() {
        constexpr std::array<std::uint8_t, 9> kLengths{0, 6, 7, 8, 9, 9, 10, 10, 32};
        return net::Ipv4Prefix::covering(any_address(), kLengths[below(9)]);
    }
    net::InterfaceId any_interface() {
        return net::InterfaceId(static_cast<std::uint16_t>(1 + below(3)));
    }
    RibNextHop any_next_hop() {
        switch (below(8)) {
            case 0:
                return RibNextHop::gateway(any_address(), any_interface());
            case 1:
                return RibNextHop::glean(any_interface());
            case 2:
                return below(3) == 0 ? RibNextHop::blackhole()
                                     : RibNextHop::receive(any_interface());
            default:
                return RibNextHop::recursive(any_address());
        }
    }
    Route any_route() {
        constexpr std::array kSources{RouteSource::Connected, RouteSource::Static,
                                      RouteSource::Ospf};
        Route route;
        route.prefix = any_prefix();
        route.source = kSources[below(3)];
        route.distance = distance_of(route.source);
        route.metric = below(2);
        for (unsigned count = 1 + below(3); count > 0; --count) {
            route.next_hops.push_back(any_next_hop());
        }
        return route;
    }

private:
    std::mt19937_64 random_;
};

void change_something(Scenario& scenario, Rib& rib, Oracle& oracle) {
    switch (scenario.below(8)) {
        case 0: {
            const net::InterfaceId interface = scenario.any_interface();
            const bool up = scenario.below(3) != 0;
            rib.set_interface_up(interface, up);
            if (up) {
                oracle.up.insert(interface);
            } else {
                oracle.up.erase(interface);
            }
            return;
        }
        case 1: {
            std::vector<Route> routes;
            std::erase_if(oracle.routes, [](const auto& item) {
                return item.first.second == RouteSource::Static;
            });
            for (unsigned count = scenario.below(8); count > 0; --count) {
                Route route = scenario.any_route();
                route.source = RouteSource::Static;
                route.distance = distance_of(RouteSource::Static);
                if (oracle.routes.try_emplace({route.prefix, route.source}, route).second) {
                    routes.push_back(std::move(route));
                }
            }
            rib.replace_source(RouteSource::Static, std::move(routes));
            return;
        }
        case 2:
        case 3:
            if (!oracle.routes.empty()) {
                auto victim = oracle.routes.begin();
                std::advance(victim, scenario.below(static_cast<unsigned>(oracle.routes.size())));
                EXPECT_TRUE(rib.remove(victim->first.first, victim->first.second));
                oracle.routes.erase(victim);
            }
            return;
        default: {
            Route route = scenario.any_route();
            oracle.routes.insert_or_assign({route.prefix, route.source}, route);
            EXPECT_TRUE(rib.set(std::move(route)));
            return;
        }
    }
}

std::string describe(const Oracle& oracle) {
    std::string text = "\nup:";
    for (const net::InterfaceId interface : oracle.up) {
        text += " " + std::to_string(interface.value());
    }
    for (const auto& [key, route] : oracle.routes) {
        text += "\n" + key.first.to_string() + " " + std::string(name_of(key.second)) + " metric " +
                std::to_string(route.metric);
        for (const RibNextHop& next_hop : route.next_hops) {
            text += " [" + next_hop.to_string() + "]";
        }
    }
    return text;
}

std::string describe(const std::map<net::Ipv4Prefix, std::set<RibNextHop>>& fib) {
    std::string text = "\n";
    for (const auto& [prefix, hops] : fib) {
        text += prefix.to_string() + " ->";
        for (const RibNextHop& next_hop : hops) {
            text += " [" + next_hop.to_string() + "]";
        }
        text += "\n";
    }
    return text;
}

TEST(RibProperty, The_downloaded_table_equals_the_oracle_after_every_change) {
    for (const std::uint64_t seed : seeds(150)) {
        Scenario scenario(seed);
        Rib rib;
        Oracle oracle;
        ModelFib fib;
        for (int step = 0; step < 80; ++step) {
            change_something(scenario, rib, oracle);
            ASSERT_EQ(fib.apply(rib.take_download(100000)), "") << "GODWIT_SEED=" << seed;
            ASSERT_EQ(describe(fib.expanded()), describe(oracle.fib()))
                << "step " << step << ", GODWIT_SEED=" << seed << describe(oracle) << "\nabandoned "
                << rib.counters().resolutions_abandoned;
            ASSERT_FALSE(rib.has_download());
        }
        ASSERT_EQ(rib.counters().resolutions_abandoned, 0U);
        for (const auto source : {RouteSource::Connected, RouteSource::Static, RouteSource::Ospf}) {
            rib.replace_source(source, {});
        }
        ASSERT_EQ(fib.apply(rib.take_download(100000)), "");
        ASSERT_EQ(fib.object_count(), 0U) << "next hops left behind, GODWIT_SEED=" << seed;
    }
}

// Everything that the two show of their routes.
std::string views(const Rib& rib) {
    std::string text;
    for (const PrefixView& view : rib.page(std::nullopt, 1000)) {
        text += "\n" + view.prefix.to_string();
        for (const RouteView& route : view.routes) {
            text += " " + std::string(name_of(route.source)) + (route.selected ? "*" : "") + "/" +
                    std::to_string(static_cast<int>(route.install.state));
            for (const NextHopView& next_hop : route.next_hops) {
                text += next_hop.active ? "+" : "-";
            }
        }
    }
    return text + "\nselected " + std::to_string(rib.selected_size());
}

// What a consumer of every source has in the end.
class Consumer {
public:
    explicit Consumer(Rib& rib) : rib_(rib) {
        RedistributionRequest request;
        for (const auto source : {RouteSource::Connected, RouteSource::Static, RouteSource::Ospf}) {
            request.rules.push_back({source, PolicyGate(WithoutPolicy::AcceptAll)});
        }
        id_ = rib_.redistribution().subscribe(request);
    }
    void take(std::size_t limit) {
        for (const RedistributionChange& change : rib_.redistribution().take(id_, limit)) {
            if (change.route) {
                has_[change.prefix] = std::string(name_of(change.route->source)) + " " +
                                      change.route->next_hop.to_string();
            } else {
                has_.erase(change.prefix);
            }
        }
    }
    const std::map<net::Ipv4Prefix, std::string>& everything() {
        while (!rib_.redistribution().in_step(id_)) {
            take(100);
        }
        return has_;
    }

private:
    Rib& rib_;
    SubscriptionId id_{};
    std::map<net::Ipv4Prefix, std::string> has_;
};

// As one with a million routes on an interface: a turn visits one route, or a few, and other
// changes and downloads come in between.
TEST(RibProperty, A_change_worked_off_in_portions_ends_where_it_would_at_once) {
    for (const std::uint64_t seed : seeds(150)) {
        Scenario scenario(seed * 104729);
        Scenario same(seed * 104729);
        Rib slow(RibLimits{.visits_a_turn = 1 + seed % 3});
        Rib fast;
        Oracle oracle;
        Oracle other;
        ModelFib fib;
        Consumer slow_consumer(slow);
        Consumer fast_consumer(fast);
        std::mt19937_64 pace(seed);
        std::size_t taken = 0;
        std::size_t fast_taken = 0;
        const auto take = [&](std::size_t limit) {
            const auto operations = slow.take_download(limit);
            taken += operations.size();
            return fib.apply(operations);
        };
        for (int step = 0; step < 80; ++step) {
            change_something(scenario, slow, oracle);
            change_something(same, fast, other);
            for (std::size_t turns = pace() % 3; turns > 0; --turns) {
                slow.settle_more();
                slow_consumer.take(pace() % 4);
                ASSERT_EQ(take(pace() % 4), "") << "step " << step << ", GODWIT_SEED=" << seed;
            }
            if (pace() % 20 == 0) {
                slow.begin_resync();
                fast.begin_resync();
                fib = ModelFib();  // as after a sweep of everything
                taken = 0;
                fast_taken = 0;
            }
            if (pace() % 8 != 0) {
                continue;
            }
            while (slow.settle_more() || slow.has_download()) {
                ASSERT_EQ(take(pace() % 4), "") << "step " << step << ", GODWIT_SEED=" << seed;
            }
            ASSERT_EQ(describe(fib.expanded()), describe(oracle.fib()))
                << "step " << step << ", GODWIT_SEED=" << seed << describe(oracle);
            slow.acknowledged(taken);
            fast_taken += fast.take_download(100000).size();
            fast.acknowledged(fast_taken);
            ASSERT_EQ(views(slow), views(fast)) << "step " << step << ", GODWIT_SEED=" << seed;
            ASSERT_EQ(slow_consumer.everything(), fast_consumer.everything())
                << "step " << step << ", GODWIT_SEED=" << seed;
        }
        for (const auto source : {RouteSource::Connected, RouteSource::Static, RouteSource::Ospf}) {
            slow.replace_source(source, {});
        }
        while (slow.settle_more() || slow.has_download()) {
            ASSERT_EQ(take(100000), "");
        }
        ASSERT_EQ(fib.object_count(), 0U) << "next hops left behind, GODWIT_SEED=" << seed;
    }
}

TEST(RibProperty, Taking_the_download_in_pieces_between_changes_is_always_safe) {
    for (const std::uint64_t seed : seeds(150)) {
        Scenario scenario(seed * 7919);
        Rib rib;
        Oracle oracle;
        ModelFib fib;
        for (int step = 0; step < 80; ++step) {
            change_something(scenario, rib, oracle);
            ASSERT_EQ(fib.apply(rib.take_download(scenario.below(4))), "")
                << "step " << step << ", GODWIT_SEED=" << seed;
            if (scenario.below(40) == 0) {
                rib.begin_resync();
                fib = ModelFib();  // as after a sweep of everything
            }
        }
        while (rib.has_download()) {
            ASSERT_EQ(fib.apply(rib.take_download(1)), "") << "GODWIT_SEED=" << seed;
        }
        ASSERT_EQ(describe(fib.expanded()), describe(oracle.fib())) << "GODWIT_SEED=" << seed;
    }
}

}  // namespace
}  // namespace godwit::control::testing
