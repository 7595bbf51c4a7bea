#include "tests/bench/router/router.hpp"

#include <fmt/format.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "net/ethernet.hpp"

namespace godwit::bench {

namespace {

constexpr unsigned kRingSlots = 1024;
constexpr std::uint16_t kMtu = 1500;
constexpr net::Ipv4Address kEastAddress(198, 18, 0, 1);
constexpr std::uint8_t kEastLength = 15;

net::InterfaceId east_id() {
    return net::InterfaceId(1);
}

net::InterfaceId west_id(unsigned worker) {
    return net::InterfaceId(static_cast<std::uint16_t>(2 + worker));
}

net::MacAddress own_mac(net::InterfaceId interface) {
    return net::MacAddress(
        {0x02, 0x60, 0xd1, 0x70, 0x00, static_cast<std::uint8_t>(interface.value())});
}

// The neighbour's MAC address carries the number of its next hop in the last four bytes.
constexpr std::uint8_t kNeighborMark = 0x9b;

net::MacAddress neighbor_mac(std::uint32_t next_hop) {
    return net::MacAddress({0x02, kNeighborMark, static_cast<std::uint8_t>(next_hop >> 24),
                            static_cast<std::uint8_t>(next_hop >> 16),
                            static_cast<std::uint8_t>(next_hop >> 8),
                            static_cast<std::uint8_t>(next_hop)});
}

net::Ipv4InterfaceAddress west_address(unsigned worker) {
    return {net::Ipv4Address(100, 127, static_cast<std::uint8_t>(worker), 1), 24};
}

}  // namespace

Router::Router(const RouterPlan& plan, std::size_t max_routes, rte_mempool* pool)
    : plan_(plan),
      pool_(pool),
      counters_(std::make_unique<api::CountersRegion>()),
      reclaimer_(plan.workers),
      fib_(reclaimer_, max_routes),
      next_hops_(reclaimer_, plan.next_hops + 16, plan.next_hops + 16, 16, plan.workers),
      interfaces_(reclaimer_),
      links_(plan.workers),
      nat_(plan.workers, {1, 2}) {}

net::Result<std::unique_ptr<Router>, Problem> Router::build(Dpdk& dpdk, const RouterPlan& plan,
                                                            std::span<const RouteOfTable> routes) {
    if (auto problem = dpdk.start()) {
        return net::unexpected(*problem);
    }
    std::unique_ptr<Router> router(
        new Router(plan, routes.size() + plan.spare_routes, dpdk.pool()));
    if (auto problem = router->open_ports(dpdk)) {
        return net::unexpected(*problem);
    }
    router->publish_interfaces();
    if (auto problem = router->write_next_hops()) {
        return net::unexpected(*problem);
    }
    if (auto problem = router->write_routes(routes)) {
        return net::unexpected(*problem);
    }
    router->make_workers();
    if (auto problem = router->install_nat()) {
        return net::unexpected(*problem);
    }
    return router;
}

std::optional<Problem> Router::open_ports(Dpdk& dpdk) {
    const auto open = [&](std::vector<drivers::RingPort>& into,
                          std::uint16_t tx_queues) -> std::optional<Problem> {
        auto port = drivers::RingPort::open(fmt::format("b{}", dpdk.next_serial()), 1, tx_queues,
                                            pool_, kRingSlots);
        if (!port) {
            return Problem{port.error().what, port.error().mend};
        }
        into.push_back(std::move(*port));
        return std::nullopt;
    };
    if (auto problem = open(east_, static_cast<std::uint16_t>(plan_.workers))) {
        return problem;
    }
    for (unsigned worker = 0; worker < plan_.workers; ++worker) {
        if (auto problem = open(west_, 1)) {
            return problem;
        }
    }
    return std::nullopt;
}

void Router::publish_interfaces() {
    auto snapshot = std::make_unique<dataplane::InterfaceSnapshot>();
    snapshot->entries.resize(1);
    const auto add = [&snapshot](net::InterfaceId id, const drivers::RingPort& port,
                                 const net::Ipv4InterfaceAddress& address, unsigned tx_queues) {
        dataplane::InterfaceEntry entry;
        entry.id = id;
        entry.type = api::InterfaceType::Port;
        entry.up = true;
        entry.port = port.port_id();
        entry.mtu = kMtu;
        entry.mac = own_mac(id);
        entry.addresses = {address};
        auto& view = snapshot->ports.at(entry.port);
        view.untagged = id;
        view.tx_queue_count = static_cast<std::uint16_t>(tx_queues);
        snapshot->entries.push_back(std::move(entry));
    };
    add(east_id(), east_.front(), {kEastAddress, kEastLength}, plan_.workers);
    for (unsigned worker = 0; worker < plan_.workers; ++worker) {
        add(west_id(worker), west_[worker], west_address(worker), 1);
    }
    interfaces_.replace(std::move(snapshot));
    reclaimer_.poll();
}

std::optional<Problem> Router::write_next_hops() {
    fib_values_.assign(plan_.next_hops + 1, dataplane::Fib::kNoRoute);
    for (std::uint32_t next_hop = 1; next_hop <= plan_.next_hops; ++next_hop) {
        const auto index = next_hops_.allocate({.verdict = dataplane::Verdict::Incomplete,
                                                .of_one = false,
                                                .interface = east_id(),
                                                .target = 0});
        dataplane::Adjacency adjacency;
        net::ByteWriter writer(adjacency.rewrite);
        net::EthernetHeader{neighbor_mac(next_hop), own_mac(east_id()), net::EtherType::Ipv4}
            .encode(writer);
        adjacency.rewrite_bytes = 14;
        adjacency.interface = east_id();
        adjacency.port = east_.front().port_id();
        adjacency.mtu = kMtu;
        adjacency.neighbor = kEastAddress.value() + next_hop;
        if (!index || !next_hops_.set_adjacency(*index, adjacency)) {
            return Problem{fmt::format("there is no room for next hop {}", next_hop),
                           "see dataplane/tables/next_hops.hpp for its limits"};
        }
        fib_values_[next_hop] = *index;
    }
    return std::nullopt;
}

std::optional<Problem> Router::write_routes(std::span<const RouteOfTable> routes) {
    std::vector<dataplane::Fib::Route> sorted;
    sorted.reserve(routes.size());
    for (const RouteOfTable& route : routes) {
        sorted.push_back({route.prefix, fib_value(route.next_hop)});
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.prefix < b.prefix; });
    if (fib_.build(sorted) != dataplane::Fib::Built::Done) {
        return Problem{fmt::format("the table refuses {} routes", sorted.size()),
                       "see dataplane/tables/fib.hpp for its limits"};
    }
    reclaimer_.poll();
    return std::nullopt;
}

void Router::make_workers() {
    const dataplane::Shared shared{.reclaimer = reclaimer_,
                                   .fib = fib_,
                                   .next_hops = next_hops_,
                                   .interfaces = interfaces_,
                                   .links = links_,
                                   .pool = pool_,
                                   .nat = &nat_};
    for (unsigned worker = 0; worker < plan_.workers; ++worker) {
        std::vector<dataplane::RxQueue> queues;
        queues.push_back({.port = west_[worker].port_id(), .queue = 0});
        workers_.push_back(std::make_unique<dataplane::Worker>(
            worker, shared, counters_->blocks[worker], std::move(queues), plan_.idle));
    }
}

std::optional<Problem> Router::install_nat() {
    if (const std::string wrong = nat_.want(plan_.nat); !wrong.empty()) {
        return Problem{wrong, "see dataplane/nat/settings.hpp for what it may be"};
    }
    while (nat_.poll()) {
        for (const auto& worker : workers_) {
            worker->run_once();
        }
    }
    return std::nullopt;
}

bool Router::set_route(const net::Ipv4Prefix& prefix, std::uint32_t next_hop) {
    return fib_.set(prefix, fib_value(next_hop)) != dataplane::Fib::Change::TableFull;
}

FrameSequence Router::addressing(unsigned worker) const {
    FrameSequence sequence;
    sequence.to = own_mac(west_id(worker));
    sequence.from = net::MacAddress({0x02, 0x60, 0xd1, 0x70, 0xff, 0x01});
    sequence.source = net::Ipv4Address(west_address(worker).address.value() + 9);
    return sequence;
}

std::uint32_t Router::next_hop_of(const rte_mbuf* sent) {
    const auto* const bytes = rte_pktmbuf_mtod(sent, const std::uint8_t*);
    if (bytes[0] != 0x02 || bytes[1] != kNeighborMark) {
        return 0;
    }
    return std::uint32_t{bytes[2]} << 24 | std::uint32_t{bytes[3]} << 16 |
           std::uint32_t{bytes[4]} << 8 | bytes[5];
}

}  // namespace godwit::bench
