// What a person sees of the counters region: values read once, and their JSON.
//
// The region changes while it is read. Of every packet the dataplane counts the way in before the
// way out; so the ways out are read first, of all blocks, then the ways in: "in flight" can come
// out too high for a moment, never below zero. Everything here is read through this file, so that
// no two views of a number disagree.
#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/counters.hpp"
#include "dataplane/api/messages.hpp"
#include "net/interface_id.hpp"

namespace godwit::control {

// The ledger of dataplane/api/counters.hpp: of one block, or of all.
struct Ledger {
    std::uint64_t received = 0;
    std::uint64_t handed_in = 0;
    std::uint64_t originated = 0;
    std::uint64_t injected = 0;
    std::uint64_t sent = 0;
    std::uint64_t punted = 0;
    std::uint64_t dropped = 0;
    std::uint64_t handed_out = 0;

    // What rings and hold queues contain now; below zero the books are wrong.
    [[nodiscard]] std::int64_t in_flight() const {
        return static_cast<std::int64_t>(received + handed_in + originated + injected - sent -
                                         punted - dropped - handed_out);
    }
    Ledger& operator+=(const Ledger& other);
    friend bool operator==(const Ledger&, const Ledger&) = default;
};

struct InterfaceTotals {
    std::uint64_t rx_packets = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t in_sent = 0;
    std::uint64_t in_punted = 0;
    std::uint64_t in_dropped = 0;
    std::uint64_t tx_packets = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_dropped = 0;

    [[nodiscard]] std::int64_t in_flight() const {
        return static_cast<std::int64_t>(rx_packets - in_sent - in_punted - in_dropped);
    }
    friend bool operator==(const InterfaceTotals&, const InterfaceTotals&) = default;
};

struct LedgerSnapshot {
    std::vector<Ledger> blocks;  // the workers, then the table owner
    Ledger total;
    std::array<InterfaceTotals, api::kMaxInterfaces> interfaces;

    // No book is below zero.
    [[nodiscard]] bool plausible() const;
    friend bool operator==(const LedgerSnapshot&, const LedgerSnapshot&) = default;
};

// `worker_count` is what Welcome said, at most kMaxWorkers.
LedgerSnapshot read_ledger(const api::CountersRegion& region, std::uint32_t worker_count);

// What a block counts beside its packets.
struct LoopTotals {
    std::uint64_t loops = 0;
    std::uint64_t busy_cycles = 0;
    std::uint64_t idle_cycles = 0;
    std::uint64_t sleeps = 0;
    std::uint64_t wakeups = 0;
    std::uint64_t checksums_mended = 0;
    std::uint64_t datagrams_reassembled = 0;
    std::uint64_t datagrams_fragmented = 0;
    std::uint64_t fragments_made = 0;
    std::array<std::uint64_t, api::kBurstBuckets> burst_sizes{};
};
// The workers, then the table owner.
std::vector<LoopTotals> read_loops(const api::CountersRegion& region, std::uint32_t worker_count);
// "1", "2-3", ..., "128+", by api::burst_bucket().
extern const std::array<std::string_view, api::kBurstBuckets> kBurstNames;

struct NodeTotals {
    std::uint64_t calls = 0;
    std::uint64_t packets = 0;
    std::uint64_t cycles = 0;
};
// By api::NodeId, of all blocks.
std::array<NodeTotals, api::kNodeCount> read_nodes(const api::CountersRegion& region,
                                                   std::uint32_t worker_count);
// By api::DropReason.
std::array<std::uint64_t, api::kDropReasonCount> read_drops(const api::CountersRegion& region,
                                                            std::uint32_t worker_count);

struct IcmpErrorTotals {
    std::uint64_t sent = 0;
    std::array<std::uint64_t, api::kIcmpSilenceCount> not_sent{};  // by api::IcmpSilence
};
IcmpErrorTotals read_icmp_errors(const api::CountersRegion& region, std::uint32_t worker_count);

// The load of each block between the last two calls of sample(); since its start before that.
class LoadSamples {
public:
    void sample(const api::CountersRegion& region, std::uint32_t worker_count);
    void forget() { blocks_.clear(); }
    [[nodiscard]] double busy_ratio(std::size_t block) const;
    // Busy cycles for each packet that the block received or was handed; nothing without packets.
    [[nodiscard]] std::optional<double> cycles_per_packet(std::size_t block) const;

private:
    struct Sample {
        std::uint64_t busy = 0;
        std::uint64_t idle = 0;
        std::uint64_t packets = 0;
        double busy_ratio = 0.0;
        std::optional<double> cycles_per_packet;
    };
    std::vector<Sample> blocks_;
};

// `name_of` is asked for interface numbers; one that is unknown shows as "interface-N".
boost::json::object ledger_json(const LedgerSnapshot& snapshot, bool balanced,
                                const std::map<net::InterfaceId, std::string>& names);
boost::json::array workers_json(const api::CountersRegion& region, std::uint32_t worker_count,
                                const LedgerSnapshot& ledger, const LoadSamples& load,
                                std::span<const api::WorkerRecord> records, unsigned owner_cpu);
boost::json::array nodes_json(const api::CountersRegion& region, std::uint32_t worker_count);
boost::json::array drops_json(const api::CountersRegion& region, std::uint32_t worker_count);
// The dataplane's ICMP errors: {sent, not-sent: {SILENCE: n, ...}}.
boost::json::object icmp_errors_json(const api::CountersRegion& region, std::uint32_t worker_count);
// Adds the counter keys of `show interfaces` to `object`.
void add_interface_counters(boost::json::object& object, const InterfaceTotals& totals);

}  // namespace godwit::control
