#include "controlplane/management/counter_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json.hpp>

#include "controlplane/management/record_text.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

// The workers and the table owner; a count that cannot be is cut to what the region has.
std::span<const api::CounterBlock> blocks_of(const api::CountersRegion& region,
                                             std::uint32_t worker_count) {
    const std::size_t count = std::min<std::size_t>(worker_count, api::kMaxWorkers) + 1;
    return {region.blocks.data(), count};
}

double ratio_of(std::uint64_t busy, std::uint64_t idle) {
    const double all = static_cast<double>(busy) + static_cast<double>(idle);
    return all > 0.0 ? static_cast<double>(busy) / all : 0.0;
}

json::object burst_sizes_json(const LoopTotals& loop) {
    json::object sizes;
    for (std::size_t bucket = 0; bucket < kBurstNames.size(); ++bucket) {
        sizes[kBurstNames[bucket]] = loop.burst_sizes[bucket];
    }
    return sizes;
}

}  // namespace

const std::array<std::string_view, api::kBurstBuckets> kBurstNames{
    "1", "2-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128+"};

Ledger& Ledger::operator+=(const Ledger& other) {
    received += other.received;
    handed_in += other.handed_in;
    originated += other.originated;
    injected += other.injected;
    sent += other.sent;
    punted += other.punted;
    dropped += other.dropped;
    handed_out += other.handed_out;
    return *this;
}

bool LedgerSnapshot::plausible() const {
    return std::all_of(blocks.begin(), blocks.end(),
                       [](const Ledger& block) { return block.in_flight() >= 0; }) &&
           std::all_of(interfaces.begin(), interfaces.end(),
                       [](const InterfaceTotals& totals) { return totals.in_flight() >= 0; });
}

LedgerSnapshot read_ledger(const api::CountersRegion& region, std::uint32_t worker_count) {
    const auto blocks = blocks_of(region, worker_count);
    LedgerSnapshot snapshot;
    snapshot.blocks.resize(blocks.size());
    // The ways out first, and then the ways in: see the head of counter_view.hpp.
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        Ledger& ledger = snapshot.blocks[i];
        ledger.sent = blocks[i].sent.read();
        ledger.punted = blocks[i].punted.read();
        ledger.dropped = blocks[i].dropped.read();
        ledger.handed_out = blocks[i].handed_out.read();
        for (std::size_t n = 0; n < api::kMaxInterfaces; ++n) {
            const api::InterfaceCounters& from = blocks[i].interfaces[n];
            InterfaceTotals& to = snapshot.interfaces[n];
            to.in_sent += from.in_sent.read();
            to.in_punted += from.in_punted.read();
            to.in_dropped += from.in_dropped.read();
            to.tx_packets += from.tx_packets.read();
            to.tx_bytes += from.tx_bytes.read();
            to.tx_dropped += from.tx_dropped.read();
        }
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        Ledger& ledger = snapshot.blocks[i];
        ledger.received = blocks[i].received.read();
        ledger.handed_in = blocks[i].handed_in.read();
        ledger.originated = blocks[i].originated.read();
        ledger.injected = blocks[i].injected.read();
        for (std::size_t n = 0; n < api::kMaxInterfaces; ++n) {
            snapshot.interfaces[n].rx_packets += blocks[i].interfaces[n].rx_packets.read();
            snapshot.interfaces[n].rx_bytes += blocks[i].interfaces[n].rx_bytes.read();
        }
        snapshot.total += ledger;
    }
    return snapshot;
}

std::vector<LoopTotals> read_loops(const api::CountersRegion& region, std::uint32_t worker_count) {
    std::vector<LoopTotals> loops;
    for (const api::CounterBlock& block : blocks_of(region, worker_count)) {
        LoopTotals& loop = loops.emplace_back();
        loop.loops = block.loops.read();
        loop.busy_cycles = block.busy_cycles.read();
        loop.idle_cycles = block.idle_cycles.read();
        loop.sleeps = block.sleeps.read();
        loop.wakeups = block.wakeups.read();
        loop.checksums_mended = block.checksums_mended.read();
        loop.datagrams_reassembled = block.datagrams_reassembled.read();
        loop.datagrams_fragmented = block.datagrams_fragmented.read();
        loop.fragments_made = block.fragments_made.read();
        for (std::size_t bucket = 0; bucket < api::kBurstBuckets; ++bucket) {
            loop.burst_sizes[bucket] = block.burst_sizes[bucket].read();
        }
    }
    return loops;
}

std::array<NodeTotals, api::kNodeCount> read_nodes(const api::CountersRegion& region,
                                                   std::uint32_t worker_count) {
    std::array<NodeTotals, api::kNodeCount> nodes{};
    for (const api::CounterBlock& block : blocks_of(region, worker_count)) {
        for (std::size_t n = 0; n < api::kNodeCount; ++n) {
            nodes[n].calls += block.nodes[n].calls.read();
            nodes[n].packets += block.nodes[n].packets.read();
            nodes[n].cycles += block.nodes[n].cycles.read();
        }
    }
    return nodes;
}

std::array<std::uint64_t, api::kDropReasonCount> read_drops(const api::CountersRegion& region,
                                                            std::uint32_t worker_count) {
    std::array<std::uint64_t, api::kDropReasonCount> drops{};
    for (const api::CounterBlock& block : blocks_of(region, worker_count)) {
        for (std::size_t reason = 0; reason < api::kDropReasonCount; ++reason) {
            drops[reason] += block.drops[reason].read();
        }
    }
    return drops;
}

IcmpErrorTotals read_icmp_errors(const api::CountersRegion& region, std::uint32_t worker_count) {
    IcmpErrorTotals totals;
    for (const api::CounterBlock& block : blocks_of(region, worker_count)) {
        totals.sent += block.icmp_errors.read();
        for (std::size_t silence = 0; silence < api::kIcmpSilenceCount; ++silence) {
            totals.not_sent[silence] += block.icmp_silences[silence].read();
        }
    }
    return totals;
}

void LoadSamples::sample(const api::CountersRegion& region, std::uint32_t worker_count) {
    const auto blocks = blocks_of(region, worker_count);
    blocks_.resize(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const std::uint64_t busy = blocks[i].busy_cycles.read();
        const std::uint64_t idle = blocks[i].idle_cycles.read();
        const std::uint64_t packets = blocks[i].received.read() + blocks[i].handed_in.read();
        Sample& last = blocks_[i];
        if (busy < last.busy || idle < last.idle || packets < last.packets) {
            last = {};  // another run of the dataplane
        }
        last.busy_ratio = ratio_of(busy - last.busy, idle - last.idle);
        last.cycles_per_packet.reset();
        if (packets > last.packets) {
            last.cycles_per_packet =
                static_cast<double>(busy - last.busy) / static_cast<double>(packets - last.packets);
        }
        last.busy = busy;
        last.idle = idle;
        last.packets = packets;
    }
}

double LoadSamples::busy_ratio(std::size_t block) const {
    return block < blocks_.size() ? blocks_[block].busy_ratio : 0.0;
}

std::optional<double> LoadSamples::cycles_per_packet(std::size_t block) const {
    return block < blocks_.size() ? blocks_[block].cycles_per_packet : std::nullopt;
}

json::object ledger_json(const LedgerSnapshot& snapshot, bool balanced,
                         const std::map<net::InterfaceId, std::string>& names) {
    const Ledger& total = snapshot.total;
    json::array by_interface;
    for (std::size_t n = 0; n < api::kMaxInterfaces; ++n) {
        const InterfaceTotals& totals = snapshot.interfaces[n];
        const auto name = names.find(net::InterfaceId(static_cast<std::uint16_t>(n)));
        if (name == names.end() && totals == InterfaceTotals()) {
            continue;
        }
        by_interface.push_back(json::object{
            {"name", name != names.end() ? name->second : fmt::format("interface-{}", n)},
            {"rx-packets", totals.rx_packets},
            {"in-sent", totals.in_sent},
            {"in-punted", totals.in_punted},
            {"in-dropped", totals.in_dropped},
            {"in-flight", totals.in_flight()},
        });
    }
    return json::object{
        {"received", total.received},
        {"handed-in", total.handed_in},
        {"originated", total.originated},
        {"injected", total.injected},
        {"sent", total.sent},
        {"punted", total.punted},
        {"dropped", total.dropped},
        {"handed-out", total.handed_out},
        {"in-flight", total.in_flight()},
        {"balanced", balanced},
        {"by-interface", by_interface},
    };
}

json::array workers_json(const api::CountersRegion& region, std::uint32_t worker_count,
                         const LedgerSnapshot& ledger, const LoadSamples& load,
                         std::span<const api::WorkerRecord> records, unsigned owner_cpu) {
    json::array workers;
    const std::vector<LoopTotals> loops = read_loops(region, worker_count);
    for (std::size_t i = 0; i < loops.size(); ++i) {
        const LoopTotals& loop = loops[i];
        const bool owner = i + 1 == loops.size();
        const auto record =
            std::find_if(records.begin(), records.end(),
                         [i](const api::WorkerRecord& each) { return each.worker == i; });
        json::object worker;
        if (owner) {
            worker["worker"] = "owner";
        } else {
            worker["worker"] = i;
        }
        worker["cpu"] = record != records.end() ? record->cpu : owner_cpu;
        worker["queues"] = record != records.end() ? text_in(record->queues) : std::string();
        worker["loops"] = loop.loops;
        worker["busy-ratio"] = load.busy_ratio(i);
        const std::optional<double> cycles = load.cycles_per_packet(i);
        worker["cycles-per-packet"] = cycles ? json::value(*cycles) : json::value();
        worker["sleeps"] = loop.sleeps;
        worker["wakeups"] = loop.wakeups;
        worker["burst-sizes"] = burst_sizes_json(loop);
        worker["datagrams-reassembled"] = loop.datagrams_reassembled;
        worker["datagrams-fragmented"] = loop.datagrams_fragmented;
        worker["fragments-made"] = loop.fragments_made;
        const Ledger& own = i < ledger.blocks.size() ? ledger.blocks[i] : Ledger();
        worker["received"] = own.received;
        worker["handed-in"] = own.handed_in;
        worker["originated"] = own.originated;
        worker["injected"] = own.injected;
        worker["sent"] = own.sent;
        worker["punted"] = own.punted;
        worker["dropped"] = own.dropped;
        worker["handed-out"] = own.handed_out;
        worker["in-flight"] = own.in_flight();
        workers.push_back(std::move(worker));
    }
    return workers;
}

json::array nodes_json(const api::CountersRegion& region, std::uint32_t worker_count) {
    json::array rows;
    const auto nodes = read_nodes(region, worker_count);
    for (std::size_t n = 0; n < api::kNodeCount; ++n) {
        const NodeTotals& node = nodes[n];
        const double each =
            node.packets > 0 ? static_cast<double>(node.cycles) / static_cast<double>(node.packets)
                             : 0.0;
        rows.push_back(json::object{
            {"node", api::kNodeNames[n]},
            {"calls", node.calls},
            {"packets", node.packets},
            {"cycles", node.cycles},
            {"cycles-per-packet", each},
        });
    }
    return rows;
}

json::array drops_json(const api::CountersRegion& region, std::uint32_t worker_count) {
    json::array rows;
    const auto drops = read_drops(region, worker_count);
    for (const api::DropReasonText& text : api::kDropReasons) {
        const std::uint64_t packets = drops[static_cast<std::size_t>(text.reason)];
        if (packets == 0) {
            continue;
        }
        rows.push_back(json::object{
            {"reason", text.name},
            {"stage", text.stage},
            {"packets", packets},
            {"what", text.what},
        });
    }
    return rows;
}

json::object icmp_errors_json(const api::CountersRegion& region, std::uint32_t worker_count) {
    const IcmpErrorTotals totals = read_icmp_errors(region, worker_count);
    json::object not_sent;
    for (const api::IcmpSilenceText& text : api::kIcmpSilences) {
        not_sent[text.name] = totals.not_sent[static_cast<std::size_t>(text.silence)];
    }
    return json::object{{"sent", totals.sent}, {"not-sent", std::move(not_sent)}};
}

void add_interface_counters(json::object& object, const InterfaceTotals& totals) {
    object["rx-packets"] = totals.rx_packets;
    object["rx-bytes"] = totals.rx_bytes;
    object["tx-packets"] = totals.tx_packets;
    object["tx-bytes"] = totals.tx_bytes;
    object["in-sent"] = totals.in_sent;
    object["in-punted"] = totals.in_punted;
    object["in-dropped"] = totals.in_dropped;
    object["tx-dropped"] = totals.tx_dropped;
}

}  // namespace godwit::control
