// The workers and the table owner: their load and their ledger, block by block.
#include <string>

#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;

constexpr Column<Ledger> kLedger[] = {
    {{"godwit_worker_received_packets_total",
      kCounter,
      "packets",
      "Packets that devices delivered.",
      {"worker"}},
     &Ledger::received},
    {{"godwit_worker_handed_in_packets_total",
      kCounter,
      "packets",
      "Packets that other workers, or the table owner, gave.",
      {"worker"}},
     &Ledger::handed_in},
    {{"godwit_worker_originated_packets_total",
      kCounter,
      "packets",
      "Packets that the dataplane made: ARP, ICMP errors, fragments.",
      {"worker"}},
     &Ledger::originated},
    {{"godwit_worker_injected_packets_total",
      kCounter,
      "packets",
      "Packets from the control plane.",
      {"worker"}},
     &Ledger::injected},
    {{"godwit_worker_sent_packets_total",
      kCounter,
      "packets",
      "Packets that devices took.",
      {"worker"}},
     &Ledger::sent},
    {{"godwit_worker_punted_packets_total",
      kCounter,
      "packets",
      "Packets that the router itself took.",
      {"worker"}},
     &Ledger::punted},
    {{"godwit_worker_dropped_packets_total",
      kCounter,
      "packets",
      "Packets that were dropped.",
      {"worker"}},
     &Ledger::dropped},
    {{"godwit_worker_handed_out_packets_total",
      kCounter,
      "packets",
      "Packets that others were given.",
      {"worker"}},
     &Ledger::handed_out},
};

constexpr Column<LoopTotals> kLoops[] = {
    {{"godwit_worker_loops_total", kCounter, "loops", "Rounds of the worker's loop.", {"worker"}},
     &LoopTotals::loops},
    {{"godwit_worker_busy_cycles_total",
      kCounter,
      "cycles",
      "CPU cycles in rounds that had packets.",
      {"worker"}},
     &LoopTotals::busy_cycles},
    {{"godwit_worker_idle_cycles_total",
      kCounter,
      "cycles",
      "CPU cycles in rounds that had none, sleep included.",
      {"worker"}},
     &LoopTotals::idle_cycles},
    {{"godwit_worker_sleeps_total", kCounter, "sleeps", "Times that the worker slept.", {"worker"}},
     &LoopTotals::sleeps},
    {{"godwit_worker_wakeups_total",
      kCounter,
      "wakeups",
      "Sleeps that a device or another thread ended, and not time.",
      {"worker"}},
     &LoopTotals::wakeups},
    {{"godwit_worker_reassembled_datagrams_total",
      kCounter,
      "datagrams",
      "Datagrams that were put together from fragments.",
      {"worker"}},
     &LoopTotals::datagrams_reassembled},
    {{"godwit_worker_fragmented_datagrams_total",
      kCounter,
      "datagrams",
      "Datagrams that were cut into fragments.",
      {"worker"}},
     &LoopTotals::datagrams_fragmented},
    {{"godwit_worker_made_fragments_total",
      kCounter,
      "fragments",
      "Fragments of these.",
      {"worker"}},
     &LoopTotals::fragments_made},
    {{"godwit_worker_mended_checksums_total",
      kCounter,
      "packets",
      "Packets of virtual devices whose unfinished checksum was completed.",
      {"worker"}},
     &LoopTotals::checksums_mended},
};

// As `show workers` names them: a number, or "owner".
std::string worker_name(std::size_t block, std::size_t blocks) {
    return block + 1 == blocks ? "owner" : std::to_string(block);
}

}  // namespace

void add_worker_families(Families& families) {
    for (const auto& column : kLedger) {
        families.push_back({column.metric, "workers",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.dataplane) {
                                    const auto& blocks = reading.dataplane->ledger.blocks;
                                    for (std::size_t block = 0; block < blocks.size(); ++block) {
                                        page.add(blocks[block].*number,
                                                 {worker_name(block, blocks.size())});
                                    }
                                }
                            }});
    }
    families.push_back({{"godwit_worker_in_flight_packets",
                         kGauge,
                         "packets",
                         "What rings and hold queues contain; below zero the books are wrong.",
                         {"worker"}},
                        "workers",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.dataplane) {
                                const auto& blocks = reading.dataplane->ledger.blocks;
                                for (std::size_t block = 0; block < blocks.size(); ++block) {
                                    page.add(static_cast<double>(blocks[block].in_flight()),
                                             {worker_name(block, blocks.size())});
                                }
                            }
                        }});
    for (const auto& column : kLoops) {
        families.push_back({column.metric, "workers",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.dataplane) {
                                    const auto& loops = reading.dataplane->loops;
                                    for (std::size_t block = 0; block < loops.size(); ++block) {
                                        page.add(loops[block].*number,
                                                 {worker_name(block, loops.size())});
                                    }
                                }
                            }});
    }
    families.push_back({{"godwit_worker_busy_ratio",
                         kGauge,
                         "ratio",
                         "Share of the last second that went to rounds with packets.",
                         {"worker"}},
                        "workers",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.dataplane) {
                                const auto& ratios = reading.dataplane->busy_ratios;
                                for (std::size_t block = 0; block < ratios.size(); ++block) {
                                    page.add(ratios[block], {worker_name(block, ratios.size())});
                                }
                            }
                        }});
    families.push_back({{"godwit_worker_bursts_total",
                         kCounter,
                         "bursts",
                         "Bursts that devices gave, by how many packets they had.",
                         {"worker", "packets"}},
                        "workers",
                        [](const Reading& reading, Exposition& page) {
                            if (!reading.dataplane) {
                                return;
                            }
                            const auto& loops = reading.dataplane->loops;
                            for (std::size_t block = 0; block < loops.size(); ++block) {
                                for (std::size_t size = 0; size < kBurstNames.size(); ++size) {
                                    page.add(loops[block].burst_sizes[size],
                                             {worker_name(block, loops.size()), kBurstNames[size]});
                                }
                            }
                        }});
    families.push_back({{"godwit_worker_clock_hertz", kGauge, "hertz",
                         "Cycles a second of the clock that all cycles here are counted by."},
                        "",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.dataplane) {
                                page.add(reading.dataplane->cycles_per_second);
                            }
                        }});
}

}  // namespace godwit::control
