#include "tests/sim/rip/oracle.hpp"

#include <algorithm>

namespace godwit::sim::rip {

std::vector<unsigned> true_metrics(const World& world, const net::Ipv4Prefix& network) {
    std::vector<unsigned> metrics(world.routers().size(), kInfinity);
    for (RouterIndex router = 0; router < metrics.size(); ++router) {
        if (!world.is_attached(router, network)) {
            continue;
        }
        metrics[router] = 1;
        for (const Wire& wire : world.wires()) {
            for (const WireEnd& end : wire.ends) {
                if (wire.subnet == network && end.router == router) {
                    metrics[router] = end.cost;
                }
            }
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (const Wire& wire : world.wires()) {
            if (wire.state != WireState::Whole) {
                continue;
            }
            for (const WireEnd& from : wire.ends) {
                for (const WireEnd& to : wire.ends) {
                    const unsigned by_here = std::min(metrics[from.router] + to.cost, kInfinity);
                    if (from.router != to.router && by_here < metrics[to.router] &&
                        !world.is_attached(to.router, network)) {
                        metrics[to.router] = by_here;
                        changed = true;
                    }
                }
            }
        }
    }
    return metrics;
}

namespace {

// The cost of the cheapest living wire from `router` to `next`, on the side of `router`.
unsigned cost_to(const World& world, RouterIndex router, RouterIndex next) {
    unsigned best = kInfinity;
    for (const Wire& wire : world.wires()) {
        const auto end_of = [&](RouterIndex wanted) {
            return std::find_if(wire.ends.begin(), wire.ends.end(),
                                [&](const WireEnd& end) { return end.router == wanted; });
        };
        const auto own = end_of(router);
        if (wire.state == WireState::Whole && own != wire.ends.end() &&
            end_of(next) != wire.ends.end()) {
            best = std::min<unsigned>(best, own->cost);
        }
    }
    return best;
}

}  // namespace

std::string difference(const World& world) {
    for (const net::Ipv4Prefix& network : world.networks()) {
        const std::vector<unsigned> metrics = true_metrics(world, network);
        for (RouterIndex router = 0; router < metrics.size(); ++router) {
            if (world.is_attached(router, network)) {
                continue;
            }
            const std::string where =
                "router " + std::to_string(router) + ", network " + network.to_string() + ": ";
            const auto view = world.routers()[router].rib->find(network);
            const bool known = view && !view->routes.empty();
            const unsigned metric = known ? view->routes.front().metric : kInfinity;
            if (metric != metrics[router]) {
                return where + "metric " + std::to_string(metric) + " instead of " +
                       std::to_string(metrics[router]);
            }
            for (const World::Hop& next : world.next_routers(router, network)) {
                if (!next.arrives ||
                    metrics[next.router] + cost_to(world, router, next.router) != metric) {
                    return where + "by router " + std::to_string(next.router) + ", no shortest way";
                }
            }
        }
    }
    return {};
}

std::vector<net::Ipv4Prefix> looping_networks(const World& world) {
    std::vector<net::Ipv4Prefix> looping;
    const std::size_t count = world.routers().size();
    for (const net::Ipv4Prefix& network : world.networks()) {
        // Kahn: routers whose every way has ended are taken away; what remains goes in circles, or
        // leads into a circle.
        std::vector<std::vector<RouterIndex>> before(count);
        std::vector<std::size_t> open(count, 0);
        std::vector<RouterIndex> ended;
        for (RouterIndex router = 0; router < count; ++router) {
            for (const World::Hop& next : world.next_routers(router, network)) {
                if (next.arrives) {
                    before[next.router].push_back(router);
                    ++open[router];
                }
            }
            if (open[router] == 0) {
                ended.push_back(router);
            }
        }
        std::size_t done = 0;
        while (done < ended.size()) {
            for (const RouterIndex router : before[ended[done]]) {
                if (--open[router] == 0) {
                    ended.push_back(router);
                }
            }
            ++done;
        }
        if (done < count) {
            looping.push_back(network);
        }
    }
    return looping;
}

}  // namespace godwit::sim::rip
