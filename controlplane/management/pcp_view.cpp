#include "controlplane/management/pcp_view.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "controlplane/management/record_text.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, api::kNatMapOutcomes> kOutcomes = {
    "done",       "not-authorized",   "not-translated",   "no-room",     "no-port",
    "over-limit", "not-as-suggested", "too-many-filters", "rules-change"};

template <std::size_t kCount>
json::object by_name(const std::array<std::string_view, kCount>& names,
                     const std::array<std::uint64_t, kCount>& numbers) {
    json::object object;
    for (std::size_t at = 0; at < kCount; ++at) {
        object[names[at]] = numbers[at];
    }
    return object;
}

std::string endpoint(std::uint32_t address, std::uint16_t port) {
    return fmt::format("{}:{}", net::Ipv4Address(address).to_string(), port);
}

}  // namespace

std::string word(api::NatMapOutcome outcome) {
    const auto at = static_cast<std::size_t>(outcome);
    return at < kOutcomes.size() ? std::string(kOutcomes[at]) : fmt::format("unknown-{}", at);
}

json::value pcp_json(const PcpInstance& pcp) {
    if (!pcp.is_on()) {
        return nullptr;
    }
    const pcp::Server& server = pcp.service().server();
    const pcp::Counters& counters = server.counters();
    const std::string& why = pcp.service().counters().last_reason;
    return json::object{
        {"received", counters.received},
        {"requests", by_name(pcp::kRequestKindNames, counters.requests)},
        {"answers", by_name(pcp::kResultCodeNames, counters.answers)},
        {"dropped", by_name(pcp::kDropReasonNames, counters.drops)},
        {"under-way", server.asks_under_way()},
        {"waiting", server.requests_waiting()},
        {"asked-of-dataplane", counters.asks},
        {"not-answered-by-dataplane", counters.unanswered},
        {"answered-too-late", counters.late_outcomes},
        {"announcements", counters.announcements},
        {"not-sent", pcp.service().counters().packets_not_sent},
        {"why-not-sent", why.empty() ? json::value(nullptr) : json::value(why)},
        {"problem", pcp.problem().empty() ? json::value(nullptr) : json::value(pcp.problem())}};
}

json::object requested_json(const api::NatTotalsRecord& totals) {
    json::object refused;
    for (std::size_t why = 1; why < kOutcomes.size(); ++why) {
        refused[kOutcomes[why]] = totals.requests_refused[why];
    }
    return {{"mappings", totals.requested},
            {"max-mappings", totals.max_requested},
            {"held-after-release", totals.released},
            {"granted", totals.requests_granted},
            {"renewed", totals.requests_renewed},
            {"ended",
             {{"released", totals.requests_released},
              {"expired", totals.requests_expired},
              {"revoked", totals.requests_revoked},
              {"cleared", totals.requests_cleared}}},
            {"refused", std::move(refused)},
            {"epoch-seconds", totals.epoch.age_ms / 1000}};
}

json::object nat_mapping_json(const api::NatMappingRecord& mapping, const NatRuleNames& names) {
    const auto name = names.find(mapping.rule);
    json::array filters;
    for (std::size_t at = 0; at < mapping.filter_count; ++at) {
        const api::NatMapFilter& filter = mapping.filters[at];
        filters.push_back(json::object{
            {"remote", net::Ipv4Prefix::covering(net::Ipv4Address(filter.network), filter.length)
                           .to_string()},
            {"port", filter.port == 0 ? json::value(nullptr) : json::value(filter.port)}});
    }
    return {{"protocol", protocol_word(mapping.protocol)},
            {"inside", endpoint(mapping.inside, mapping.inside_port)},
            {"outside", endpoint(mapping.outside, mapping.outside_port)},
            {"rule", name == names.end() ? json::value(nullptr) : json::value(name->second)},
            {"sessions", mapping.sessions},
            {"expires-in-seconds", mapping.seconds_left},
            {"filters", std::move(filters)},
            {"worker", mapping.worker}};
}

}  // namespace godwit::control
