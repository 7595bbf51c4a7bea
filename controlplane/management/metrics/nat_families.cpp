// NAT: sessions and mappings, what was translated and what refused, rules, outside addresses, and
// the journal. Never by session or by subscriber.
#include "controlplane/management/metrics/family.hpp"
#include "controlplane/management/pcp_view.hpp"
#include "controlplane/management/record_text.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;
using Totals = api::NatTotalsRecord;

constexpr Column<Totals> kTotals[] = {
    {{"godwit_nat_limit_sessions", kGauge, "sessions",
      "Sessions that there can be (max-sessions)."},
     &Totals::max_sessions},
    {{"godwit_nat_mappings", kGauge, "mappings", "Mappings of an inside to an outside port."},
     &Totals::mappings},
    {{"godwit_nat_subscribers", kGauge, "subscribers", "Inside hosts with a mapping."},
     &Totals::subscribers},
    {{"godwit_nat_limit_subscribers", kGauge, "subscribers", "Inside hosts that there can be."},
     &Totals::max_subscribers},
    {{"godwit_nat_waiting_syns", kGauge, "packets",
      "Connections from outside that wait for one from inside (RFC 5382 REQ-4)."},
     &Totals::syns_waiting},
    {{"godwit_nat_memory_bytes", kGauge, "bytes", "Memory of the tables."}, &Totals::memory_bytes},
    {{"godwit_nat_sessionless_packets_total", kCounter, "packets",
      "Packets that were translated by a rule or a mapping alone."},
     &Totals::without_session},
    {{"godwit_nat_icmp_errors_total", kCounter, "packets", "ICMP errors that were translated."},
     &Totals::errors_translated},
    {{"godwit_nat_held_syns_total", kCounter, "packets",
      "Connections from outside that were held for a while."},
     &Totals::syns_held},
    {{"godwit_nat_doubted_resets_total", kCounter, "packets",
      "TCP resets that did not end their session at once (RFC 7857 2.2)."},
     &Totals::resets_doubted},
    {{"godwit_nat_created_sessions_total", kCounter, "sessions", "Sessions that were made."},
     &Totals::sessions_made},
    {{"godwit_nat_created_mappings_total", kCounter, "mappings", "Mappings that were made."},
     &Totals::mappings_made},
    {{"godwit_nat_preserved_ports_total", kCounter, "mappings",
      "Mappings whose outside port is the inside one."},
     &Totals::ports_preserved},
    {{"godwit_nat_requested_mappings", kGauge, "mappings", "Mappings that hosts asked for (PCP)."},
     &Totals::requested},
    {{"godwit_nat_limit_requested_mappings", kGauge, "mappings",
      "Mappings that hosts can ask for."},
     &Totals::max_requested},
    {{"godwit_nat_released_mappings", kGauge, "mappings",
      "Mappings that their hosts gave back and that are held for them for a while."},
     &Totals::released},
    {{"godwit_nat_granted_requests_total", kCounter, "requests",
      "Requests for a mapping that made one."},
     &Totals::requests_granted},
    {{"godwit_nat_renewed_requests_total", kCounter, "requests",
      "Requests that gave a mapping more time."},
     &Totals::requests_renewed},
};

// A metric whose samples are members of the totals, each with the value of one label.
struct Member {
    std::string_view label;
    std::uint64_t Totals::*number;
};
constexpr Member kTranslated[] = {{"out", &Totals::translated_out}, {"in", &Totals::translated_in}};
constexpr Member kEnded[] = {{"expired", &Totals::sessions_expired},
                             {"evicted", &Totals::sessions_evicted},
                             {"revoked", &Totals::sessions_revoked},
                             {"cleared", &Totals::sessions_cleared}};
constexpr Member kEndedRequests[] = {{"released", &Totals::requests_released},
                                     {"expired", &Totals::requests_expired},
                                     {"revoked", &Totals::requests_revoked},
                                     {"cleared", &Totals::requests_cleared}};
constexpr Member kFtp[] = {{"translated", &Totals::ftp_translated},
                           {"refused", &Totals::ftp_refused},
                           {"limited", &Totals::ftp_limited},
                           {"held", &Totals::ftp_held}};
constexpr Member kEvents[] = {{"told", &Totals::events_told},
                              {"suppressed", &Totals::events_suppressed},
                              {"lost", &Totals::events_lost}};

Family of_members(const telemetry::Metric& metric, std::span<const Member> members) {
    return {metric, "nat", [members](const Reading& reading, Exposition& page) {
                if (reading.nat) {
                    for (const Member& member : members) {
                        page.add(reading.nat->totals.*member.number, {member.label});
                    }
                }
            }};
}

Family of_rules(const telemetry::Metric& metric, std::uint64_t api::NatRuleRecord::*number) {
    return {metric, "nat", [number](const Reading& reading, Exposition& page) {
                if (reading.nat) {
                    for (const api::NatRuleRecord& rule : reading.nat->rules) {
                        page.add(rule.*number, {text_in(rule.name), word(rule.kind)});
                    }
                }
            }};
}

void add_addresses(Families& families) {
    families.push_back({{"godwit_nat_used_ports",
                         kGauge,
                         "ports",
                         "Ports of an outside address that are given out; identifiers, of ICMP.",
                         {"address", "protocol"}},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                for (const NatAddressTotals& each : reading.nat->addresses) {
                                    const std::string address = each.address.to_string();
                                    page.add(std::uint64_t{each.used.tcp}, {address, "tcp"});
                                    page.add(std::uint64_t{each.used.udp}, {address, "udp"});
                                    page.add(std::uint64_t{each.used.icmp}, {address, "icmp"});
                                }
                            }
                        }});
    families.push_back(
        {{"godwit_nat_free_ports",
          kGauge,
          "ports",
          "Ports of an outside address that its rule can still give out.",
          {"address", "protocol"}},
         "nat",
         [](const Reading& reading, Exposition& page) {
             if (reading.nat) {
                 for (const NatAddressTotals& each : reading.nat->addresses) {
                     if (!each.rule.empty()) {
                         const std::string address = each.address.to_string();
                         page.add(std::uint64_t{each.free(each.used.tcp)}, {address, "tcp"});
                         page.add(std::uint64_t{each.free(each.used.udp)}, {address, "udp"});
                     }
                 }
             }
         }});
    families.push_back({{"godwit_nat_untold_addresses", kGauge, "addresses",
                         "Outside addresses beyond the first 1024, which have no metrics of their "
                         "own."},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                page.add(std::uint64_t{reading.nat->addresses_not_shown});
                            }
                        }});
}

}  // namespace

void add_nat_families(Families& families) {
    for (const auto& column : kTotals) {
        families.push_back({column.metric, "nat",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.nat) {
                                    page.add(reading.nat->totals.*number);
                                }
                            }});
    }
    families.push_back({{"godwit_nat_sessions", kGauge, "sessions", "Sessions."},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                page.add(nat_sessions(reading.nat->totals));
                            }
                        }});
    families.push_back({{"godwit_nat_state_sessions",
                         kGauge,
                         "sessions",
                         "Sessions, by what their time to live follows from.",
                         {"state"}},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                for (std::size_t age = 1; age < api::kNatAges; ++age) {
                                    page.add(reading.nat->totals.sessions[age],
                                             {word(static_cast<api::NatAge>(age))});
                                }
                            }
                        }});
    families.push_back(of_members({"godwit_nat_translated_packets_total",
                                   kCounter,
                                   "packets",
                                   "Packets that were translated.",
                                   {"direction"}},
                                  kTranslated));
    families.push_back(of_members({"godwit_nat_ended_sessions_total",
                                   kCounter,
                                   "sessions",
                                   "Sessions that ended, by cause.",
                                   {"cause"}},
                                  kEnded));
    families.push_back(of_members({"godwit_nat_ended_requests_total",
                                   kCounter,
                                   "mappings",
                                   "Mappings that hosts asked for and that ended, by cause.",
                                   {"cause"}},
                                  kEndedRequests));
    families.push_back({{"godwit_nat_epoch_seconds", kGauge, "seconds",
                         "How long no change has taken a mapping away that a host asked for."},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                page.add(reading.nat->totals.epoch.age_ms / 1000);
                            }
                        }});
    families.push_back({{"godwit_nat_refused_requests_total",
                         kCounter,
                         "requests",
                         "Requests of hosts for mappings that were refused, by reason.",
                         {"reason"}},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                for (std::size_t why = 1; why < api::kNatMapOutcomes; ++why) {
                                    page.add(reading.nat->totals.requests_refused[why],
                                             {word(static_cast<api::NatMapOutcome>(why))});
                                }
                            }
                        }});
    families.push_back(of_members({"godwit_nat_ftp_endpoints_total",
                                   kCounter,
                                   "endpoints",
                                   "Endpoints that FTP named, by what became of them.",
                                   {"result"}},
                                  kFtp));
    families.push_back(of_members({"godwit_nat_events_total",
                                   kCounter,
                                   "events",
                                   "Bindings for the journal: told, over its rate, or not taken in "
                                   "time.",
                                   {"result"}},
                                  kEvents));
    families.push_back({{"godwit_nat_refused_packets_total",
                         kCounter,
                         "packets",
                         "Packets that were not translated, by reason.",
                         {"reason"}},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.nat) {
                                for (std::size_t why = 1; why < api::kNatRefusals; ++why) {
                                    page.add(reading.nat->totals.refused[why],
                                             {word(static_cast<api::NatRefusal>(why))});
                                }
                            }
                        }});
    families.push_back(of_rules(
        {"godwit_nat_rule_sessions", kGauge, "sessions", "Sessions of a rule.", {"rule", "kind"}},
        &api::NatRuleRecord::sessions));
    families.push_back(of_rules({"godwit_nat_rule_created_sessions_total",
                                 kCounter,
                                 "sessions",
                                 "Sessions that a rule has made.",
                                 {"rule", "kind"}},
                                &api::NatRuleRecord::sessions_made));
    add_addresses(families);
    families.push_back({{"godwit_nat_journal_lines_total",
                         kCounter,
                         "lines",
                         "Lines of the journal: written, or not, because the disk did not keep up.",
                         {"result"}},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.journal) {
                                page.add(reading.journal->first, {"written"});
                                page.add(reading.journal->second, {"not-written"});
                            }
                        }});
}

}  // namespace godwit::control
