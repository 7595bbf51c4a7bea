// PCP: requests of hosts, what was answered, what was not.
#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;

constexpr Column<pcp::Counters> kCounters[] = {
    {{"godwit_pcp_received_datagrams_total", kCounter, "datagrams",
      "What came to the port: answered, dropped, under way or waiting."},
     &pcp::Counters::received},
    {{"godwit_pcp_asks_total", kCounter, "asks", "Mappings that the dataplane was asked for."},
     &pcp::Counters::asks},
    {{"godwit_pcp_unanswered_asks_total", kCounter, "asks",
      "Those that it did not answer in time."},
     &pcp::Counters::unanswered},
    {{"godwit_pcp_late_answers_total", kCounter, "answers", "Those that it answered too late."},
     &pcp::Counters::late_outcomes},
    {{"godwit_pcp_announcements_total", kCounter, "datagrams",
      "Announcements that mappings are lost, or that the server is there."},
     &pcp::Counters::announcements},
};

constexpr Column<PcpReading, std::size_t> kRequests[] = {
    {{"godwit_pcp_asks_under_way", kGauge, "asks",
      "Mappings that the dataplane is being asked for."},
     &PcpReading::under_way},
    {{"godwit_pcp_waiting_requests", kGauge, "requests", "Requests that wait behind those."},
     &PcpReading::waiting},
};

template <std::size_t kCount>
Family by_name(const telemetry::Metric& metric, const std::array<std::string_view, kCount>& names,
               std::array<std::uint64_t, kCount> pcp::Counters::*numbers) {
    return {metric, "nat", [&names, numbers](const Reading& reading, Exposition& page) {
                if (reading.pcp) {
                    for (std::size_t at = 0; at < kCount; ++at) {
                        page.add((reading.pcp->counters.*numbers)[at], {names[at]});
                    }
                }
            }};
}

}  // namespace

void add_pcp_families(Families& families) {
    for (const auto& column : kCounters) {
        families.push_back({column.metric, "nat",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.pcp) {
                                    page.add(reading.pcp->counters.*number);
                                }
                            }});
    }
    for (const auto& column : kRequests) {
        families.push_back({column.metric, "nat",
                            [number = column.number](const Reading& reading, Exposition& page) {
                                if (reading.pcp) {
                                    page.add(std::uint64_t{(*reading.pcp).*number});
                                }
                            }});
    }
    families.push_back({{"godwit_pcp_unsent_datagrams_total", kCounter, "datagrams",
                         "What the router could not send."},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.pcp) {
                                page.add(reading.pcp->not_sent);
                            }
                        }});
    families.push_back(by_name({"godwit_pcp_requests_total",
                                kCounter,
                                "requests",
                                "Requests of hosts for mappings, by what they are.",
                                {"kind"}},
                               pcp::kRequestKindNames, &pcp::Counters::requests));
    families.push_back(by_name({"godwit_pcp_answers_total",
                                kCounter,
                                "answers",
                                "Answers to them, by result (RFC 6887 7.4).",
                                {"result"}},
                               pcp::kResultCodeNames, &pcp::Counters::answers));
    families.push_back(by_name({"godwit_pcp_dropped_datagrams_total",
                                kCounter,
                                "datagrams",
                                "What came to the port and was not answered, by reason.",
                                {"reason"}},
                               pcp::kDropReasonNames, &pcp::Counters::drops));
}

}  // namespace godwit::control
