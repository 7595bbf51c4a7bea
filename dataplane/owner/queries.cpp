#include "dataplane/owner/queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dataplane/api/decode.hpp"

namespace godwit::dataplane {

namespace {

void answer_interfaces(const Interfaces& interfaces, std::uint64_t cursor, QueryPage& page) {
    for (const net::InterfaceId id : interfaces.all()) {
        const auto record = interfaces.record(id);
        if (id.value() < cursor || !record) {
            continue;
        }
        if (!page.add(*record)) {
            page.next_cursor = id.value();
            return;
        }
    }
}

std::uint64_t cursor_of(const net::Ipv4Prefix& prefix) {
    return (std::uint64_t{prefix.address().value()} << 6 | prefix.length()) + 1;
}

net::Ipv4Prefix prefix_at(std::uint64_t cursor) {
    if (cursor == 0) {
        return {};
    }
    const std::uint64_t key = cursor - 1;
    const auto length = static_cast<std::uint8_t>(std::min<std::uint64_t>(key & 0x3fU, 32));
    return net::Ipv4Prefix::covering(net::Ipv4Address(static_cast<std::uint32_t>(key >> 6)),
                                     length);
}

void answer_fib(const QuerySources& sources, std::uint64_t cursor, QueryPage& page) {
    sources.fib.walk(prefix_at(cursor), [&](const Fib::Route& route) {
        api::FibRecord record;
        record.prefix = route.prefix.address().value();
        record.length = route.prefix.length();
        record.next_hop = route.next_hop;
        if (const Hop* hop = sources.hops.find(route.next_hop)) {
            record.from_neighbor = hop->of_neighbor ? 1 : 0;
            record.kind = hop->target.kind;
            record.interface = hop->target.interface.value();
            record.gateway = hop->target.gateway.value();
        }
        if (!page.add(record)) {
            page.next_cursor = cursor_of(route.prefix);
            return false;
        }
        return true;
    });
}

void answer_next_hops(const Hops& hops, std::uint64_t cursor, QueryPage& page) {
    for (std::uint64_t at = std::max<std::uint64_t>(cursor, 1); at < hops.end(); ++at) {
        const auto index = static_cast<std::uint32_t>(at);
        const Hop* hop = hops.find(index);
        if (hop == nullptr) {
            continue;
        }
        api::NextHopRecord record;
        record.next_hop = index;
        record.kind = hop->target.kind;
        record.resolved = hops.is_resolved(index) ? 1 : 0;
        record.interface = hop->target.interface.value();
        record.gateway = hop->target.gateway.value();
        record.references = hop->route_references + hop->group_references;
        record.member_count = static_cast<std::uint32_t>(hop->members.size());
        std::copy_n(hop->members.begin(), std::min(hop->members.size(), record.members.size()),
                    record.members.begin());
        if (!page.add(record)) {
            page.next_cursor = index;
            return;
        }
    }
}

void answer_neighbors(const Neighbors& neighbors, std::uint64_t cursor, Instant now,
                      QueryPage& page) {
    NeighborKey from;
    if (cursor != 0) {
        const std::uint64_t key = cursor - 1;
        from.interface = net::InterfaceId(static_cast<std::uint16_t>(key >> 32));
        from.address = net::Ipv4Address(static_cast<std::uint32_t>(key));
    }
    neighbors.walk(from, now, [&](const NeighborKey& key, const api::NeighborRecord& record) {
        if (!page.add(record)) {
            page.next_cursor =
                (std::uint64_t{key.interface.value()} << 32 | key.address.value()) + 1;
            return false;
        }
        return true;
    });
}

// The queues of a worker with the names of their ports: "wan0/0 lan0/0".
std::string queue_names(const QuerySources& sources, const Worker& worker) {
    const auto& ports = sources.interfaces;
    std::string text;
    for (const RxQueue& queue : worker.queues()) {
        std::string name = fmt::format("port{}", queue.port);
        for (const net::InterfaceId id : ports.all()) {
            const InterfaceEntry* entry = ports.entry(id);
            if (entry != nullptr && entry->type == api::InterfaceType::Port && entry->up &&
                entry->port == queue.port) {
                name = ports.name_of(id);
            }
        }
        text += fmt::format("{}{}/{}", text.empty() ? "" : " ", name, queue.queue);
    }
    return text;
}

void answer_workers(const QuerySources& sources, std::uint64_t cursor, QueryPage& page) {
    const config::Workers& configured = sources.model.workers;
    for (std::uint64_t number = cursor; number < sources.workers.size(); ++number) {
        const Worker& worker = *sources.workers[number];
        api::WorkerRecord record;
        record.worker = static_cast<std::uint32_t>(number);
        record.cpu =
            number < configured.cores.size() ? configured.cores[number] : configured.main_core;
        record.rx_queue_count = static_cast<std::uint32_t>(worker.queues().size());
        api::set_bounded_text(record.queues, queue_names(sources, worker));
        if (!page.add(record)) {
            page.next_cursor = number;
            return;
        }
    }
}

struct FragmentsHeld {
    std::uint64_t buffers = 0;
    std::uint64_t max_buffers = 0;
    std::uint64_t pushed_out = 0;
    std::uint64_t pushed_out_by_interface = 0;
};

FragmentsHeld fragments_held(const QuerySources& sources) {
    FragmentsHeld held;
    for (const auto& worker : sources.workers) {
        const auto& drops = worker->counters().drops;
        const auto dropped = [&drops](api::DropReason reason) {
            return drops[static_cast<std::size_t>(reason)].read();
        };
        held.buffers += worker->fragments_held();
        held.max_buffers += worker->max_fragments_held();
        held.pushed_out += dropped(api::DropReason::ReassemblyFull);
        held.pushed_out_by_interface += dropped(api::DropReason::ReassemblyInterfaceFull);
    }
    return held;
}

// Packets that were dropped, or never received, and errors that were not sent, because the pool was
// empty.
std::uint64_t without_buffer(const QuerySources& sources) {
    const auto in_block = [](const api::CounterBlock& block) {
        using api::DropReason;
        return block.drops[static_cast<std::size_t>(DropReason::NoBuffer)].read() +
               block.drops[static_cast<std::size_t>(DropReason::Ip4FragmentNoBuffer)].read() +
               block.icmp_silences[static_cast<std::size_t>(api::IcmpSilence::NoBuffer)].read();
    };
    std::uint64_t total = in_block(sources.own_counters);
    for (const auto& worker : sources.workers) {
        total += in_block(worker->counters());
    }
    for (const net::InterfaceId id : sources.interfaces.all()) {
        if (const auto record = sources.interfaces.record(id)) {
            total += record->device_rx_no_buffer;
        }
    }
    return total;
}

void answer_limits(const QuerySources& sources, std::uint64_t cursor, QueryPage& page) {
    using enum api::TableLimit;
    const RouteStatistics& routes = sources.routes.statistics();
    const NeighborStatistics& neighbors = sources.neighbors.statistics();
    const auto& held = sources.neighbors.held();
    const Conflicts& conflicts = sources.conflicts;
    const FragmentsHeld fragments = fragments_held(sources);
    const auto& buffers = sources.packet_buffers;
    std::vector<api::LimitRecord> limits = {
        {Routes, 0, sources.routes.downloaded(), sources.routes.max_routes(),
         routes.routes_refused},
        {Lookup, 0, sources.fib.size(), 0, sources.fib.refused_at_limit()},
        {NextHops, 0, sources.next_hops.used(), sources.next_hops.capacity(),
         sources.next_hops.refused_at_limit()},
        {Adjacencies, 0, 0, 0, sources.hops.adjacencies_refused()},
        {Neighbors, 0, sources.neighbors.size(), sources.neighbor_settings.max_entries,
         neighbors.table_full},
        {HostRoutes, 0, 0, 0, routes.host_routes_refused},
        {InterfaceNeighbors, 0, 0, 0, neighbors.interface_full},
        {UnresolvedNeighbors, 0, sources.neighbors.unresolved(),
         sources.neighbor_settings.max_unresolved, neighbors.throttled + neighbors.given_up_early},
        {HeldPackets, 0, held.total(), held.capacity(), held.pushed_out()},
        {OwnAddresses, 0, conflicts.size() - conflicts.not_in_use(), conflicts.size(),
         conflicts.statistics().refused},
        {AddressConflicts, 0, 0, 0, conflicts.statistics().conflicts},
        {Fragments, 0, fragments.buffers, fragments.max_buffers, fragments.pushed_out},
        {InterfaceFragments, 0, 0, 0, fragments.pushed_out_by_interface},
        {PacketBuffers, buffers.most_used(), buffers.used(), buffers.capacity(),
         without_buffer(sources)}};
    const std::vector<api::LimitRecord> of_nat = sources.nat.limits();
    limits.insert(limits.end(), of_nat.begin(), of_nat.end());
    for (std::uint64_t number = cursor; number < limits.size(); ++number) {
        if (!page.add(limits[number])) {
            page.next_cursor = number;
            return;
        }
    }
}

}  // namespace

void answer(const QuerySources& sources, const api::QueryBody& query, Instant now,
            QueryPage& page) {
    switch (query.kind) {
        case api::QueryKind::Interfaces:
            answer_interfaces(sources.interfaces, query.cursor, page);
            break;
        case api::QueryKind::Fib:
            answer_fib(sources, query.cursor, page);
            break;
        case api::QueryKind::NextHops:
            answer_next_hops(sources.hops, query.cursor, page);
            break;
        case api::QueryKind::Neighbors:
            answer_neighbors(sources.neighbors, query.cursor, now, page);
            break;
        case api::QueryKind::Workers:
            answer_workers(sources, query.cursor, page);
            break;
        case api::QueryKind::Limits:
            answer_limits(sources, query.cursor, page);
            break;
        case api::QueryKind::NatTotals:
            sources.nat.answer_totals(page, now);
            break;
        case api::QueryKind::NatRules:
            sources.nat.answer_rules(query.cursor, page);
            break;
    }
}

}  // namespace godwit::dataplane
