// What became of packets: nodes, drops, ICMP errors, punts, and the limits of the dataplane's
// tables.
#include "controlplane/management/metrics/family.hpp"
#include "controlplane/management/record_text.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;

constexpr Column<NodeTotals> kNodes[] = {
    {{"godwit_node_calls_total", kCounter, "calls", "Bursts that the node worked off.", {"node"}},
     &NodeTotals::calls},
    {{"godwit_node_packets_total", kCounter, "packets", "Packets of these.", {"node"}},
     &NodeTotals::packets},
    {{"godwit_node_cycles_total", kCounter, "cycles", "CPU cycles that they took.", {"node"}},
     &NodeTotals::cycles},
};

struct PuntDrop {
    std::string_view reason;  // as in godwit_drop_packets_total
    std::uint64_t PuntTotals::*packets;
};
constexpr PuntDrop kPuntDrops[] = {
    {text_of(api::DropReason::PuntPoliced).name, &PuntTotals::policed},
    {text_of(api::DropReason::PuntRingFull).name, &PuntTotals::ring_full},
    {text_of(api::DropReason::PuntNoControlPlane).name, &PuntTotals::no_control_plane},
};

constexpr Column<api::LimitRecord> kLimits[] = {
    {{"godwit_limit_used_entries",
      kGauge,
      "entries",
      "What is in use of a bounded table.",
      {"limit"}},
     &api::LimitRecord::used},
    {{"godwit_limit_capacity_entries",
      kGauge,
      "entries",
      "What there is of it; 0 if it has no limit of its own.",
      {"limit"}},
     &api::LimitRecord::capacity},
    {{"godwit_limit_refused_total",
      kCounter,
      "entries",
      "What was refused, or gave way, for want of room.",
      {"limit"}},
     &api::LimitRecord::refused},
};

}  // namespace

void add_node_families(Families& families) {
    for (const auto& column : kNodes) {
        families.push_back({column.metric, "nodes",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.dataplane) {
                                    for (std::size_t n = 0; n < api::kNodeCount; ++n) {
                                        page.add(reading.dataplane->nodes[n].*number,
                                                 {api::kNodeNames[n]});
                                    }
                                }
                            }});
    }
    families.push_back(
        {{"godwit_drop_packets_total",
          kCounter,
          "packets",
          "Packets that were dropped, by reason (docs/drop-reasons.md).",
          {"reason"}},
         "drops",
         [](const Reading& reading, Exposition& page) {
             if (reading.dataplane) {
                 for (const api::DropReasonText& text : api::kDropReasons) {
                     page.add(reading.dataplane->drops[static_cast<std::size_t>(text.reason)],
                              {text.name});
                 }
             }
         }});
    families.push_back({{"godwit_icmp_error_packets_total", kCounter, "packets",
                         "ICMP errors that the dataplane sent."},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.dataplane) {
                                page.add(reading.dataplane->icmp_errors.sent);
                            }
                        }});
    families.push_back({{"godwit_icmp_suppressed_errors_total",
                         kCounter,
                         "errors",
                         "ICMP errors that something called for and that were not sent, by reason "
                         "(docs/drop-reasons.md).",
                         {"reason"}},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.dataplane) {
                                for (const api::IcmpSilenceText& text : api::kIcmpSilences) {
                                    page.add(reading.dataplane->icmp_errors
                                                 .not_sent[static_cast<std::size_t>(text.silence)],
                                             {text.name});
                                }
                            }
                        }});
    families.push_back(
        {{"godwit_punt_packets_total",
          kCounter,
          "packets",
          "Packets that were given to the control plane, by class.",
          {"class"}},
         "punts",
         [](const Reading& reading, Exposition& page) {
             if (reading.dataplane) {
                 for (const api::PuntClassText& text : api::kPuntClasses) {
                     page.add(
                         reading.dataplane->punts[static_cast<std::size_t>(text.punt_class)].punted,
                         {text.name});
                 }
             }
         }});
    families.push_back(
        {{"godwit_punt_dropped_packets_total",
          kCounter,
          "packets",
          "Packets for the control plane that were dropped, by class and reason.",
          {"class", "reason"}},
         "punts",
         [](const Reading& reading, Exposition& page) {
             if (!reading.dataplane) {
                 return;
             }
             for (const api::PuntClassText& text : api::kPuntClasses) {
                 const PuntTotals& totals =
                     reading.dataplane->punts[static_cast<std::size_t>(text.punt_class)];
                 for (const PuntDrop& drop : kPuntDrops) {
                     page.add(totals.*drop.packets, {text.name, drop.reason});
                 }
             }
         }});
    for (const auto& column : kLimits) {
        families.push_back({column.metric, "status",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                for (const api::LimitRecord& record : reading.limits) {
                                    page.add(record.*number, {word(record.limit)});
                                }
                            }});
    }
    families.push_back({{"godwit_limit_peak_entries",
                         kGauge,
                         "entries",
                         "The most that was in use since the start, where that is watched.",
                         {"limit"}},
                        "status",
                        [](const Reading& reading, Exposition& page) {
                            for (const api::LimitRecord& record : reading.limits) {
                                if (record.most_used != 0) {
                                    page.add(std::uint64_t{record.most_used}, {word(record.limit)});
                                }
                            }
                        }});
}

}  // namespace godwit::control
