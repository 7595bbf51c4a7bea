// PCP: requests of hosts, what was answered, what was not.
#include "controlplane/management/metrics/family.hpp"

namespace godwit::control {

namespace {

using telemetry::Exposition;

template <std::size_t kCount>
Family by_name(const telemetry::Metric& metric, const std::array<std::string_view, kCount>& names,
               std::array<std::uint64_t, kCount> pcp::Counters::*numbers) {
    return {metric, "nat", [&names, numbers](const Reading& reading, Exposition& page) {
                if (reading.pcp) {
                    for (std::size_t at = 0; at < kCount; ++at) {
                        page.add(((*reading.pcp).*numbers)[at], {names[at]});
                    }
                }
            }};
}

}  // namespace

void add_pcp_families(Families& families) {
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
    families.push_back({{"godwit_pcp_announcements_total", kCounter, "datagrams",
                         "Announcements that mappings are lost, or that the server is there."},
                        "nat",
                        [](const Reading& reading, Exposition& page) {
                            if (reading.pcp) {
                                page.add(reading.pcp->announcements);
                            }
                        }});
}

}  // namespace godwit::control
