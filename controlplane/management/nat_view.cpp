#include "controlplane/management/nat_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <numeric>
#include <utility>

#include "controlplane/management/record_text.hpp"
#include "net/ip_protocol.hpp"
#include "net/ipv4_address.hpp"
#include "net/router_ports.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 9> kTcpStates = {"none",        "inside-syn",  "outside-syn",
                                                        "picked-up",   "established", "inside-fin",
                                                        "outside-fin", "both-fin",    "transitory"};
constexpr std::array<std::string_view, api::kNatAges> kAges = {
    "free", "opening", "opening-inward", "established", "closing", "udp", "icmp"};
constexpr std::array<std::string_view, api::kNatRefusals> kRefusals = {"none",
                                                                       "session-table-full",
                                                                       "subscriber-table-full",
                                                                       "subscriber-sessions",
                                                                       "subscriber-ports",
                                                                       "subscriber-rate",
                                                                       "ports-exhausted",
                                                                       "untranslatable-protocol",
                                                                       "filtered",
                                                                       "unsolicited-syn",
                                                                       "stray-reset",
                                                                       "unknown-quote",
                                                                       "not-owner"};

template <class Enum, std::size_t kCount>
std::string look_up(Enum value, const std::array<std::string_view, kCount>& words) {
    const auto place = static_cast<std::size_t>(value);
    return place < kCount ? std::string(words[place]) : fmt::format("unknown-{}", place);
}

std::string endpoint(std::uint32_t address, std::uint16_t port) {
    return fmt::format("{}:{}", net::Ipv4Address(address).to_string(), port);
}

json::value limit_json(std::uint32_t limit) {
    return limit == 0 ? json::value(nullptr) : json::value(limit);
}

bool rule_has(const config::NatSourceRule& rule, net::Ipv4Address address,
              const config::Model& model) {
    if (std::ranges::any_of(rule.to, [&](const auto& range) { return range.contains(address); })) {
        return true;
    }
    const auto out = model.interfaces.find(rule.out_interface);
    return rule.to_interface_address && out != model.interfaces.end() &&
           !out->second.addresses.empty() && out->second.addresses.front().address == address;
}

bool is_own(const config::Model& model, net::Ipv4Address address) {
    return std::ranges::any_of(model.interfaces, [&](const auto& each) {
        return std::ranges::any_of(each.second.addresses,
                                   [&](const auto& own) { return own.address == address; });
    });
}

// How many ports of an address there are to give out.
std::uint32_t ports_of(const config::NatSourceRule& rule, bool is_own_address) {
    std::uint32_t count = rule.ports.count();
    if (is_own_address) {
        const std::uint32_t first = std::max(rule.ports.first, net::kFirstRouterPort);
        const std::uint32_t last = std::min(rule.ports.last, net::kLastRouterPort);
        count -= first <= last ? last - first + 1U : 0U;
    }
    return count;
}

}  // namespace

NatRuleNames names_of(const std::vector<api::NatRuleRecord>& rules) {
    NatRuleNames names;
    for (const api::NatRuleRecord& rule : rules) {
        names[rule.rule] = text_in(rule.name);
    }
    return names;
}

std::string word(api::NatRuleKind kind) {
    constexpr std::array<std::string_view, 4> kKinds = {"none", "source", "static", "destination"};
    return look_up(kind, kKinds);
}

std::string word(api::NatTcpState state) {
    return look_up(state, kTcpStates);
}

std::string word(api::NatAge age) {
    return look_up(age, kAges);
}

std::string word(api::NatRefusal refusal) {
    return look_up(refusal, kRefusals);
}

std::string nat_event_word(std::uint8_t event) {
    constexpr std::array<std::pair<std::uint8_t, std::string_view>, 8> kEvents = {
        {{4, "session-create"},
         {5, "session-delete"},
         {8, "binding-create"},
         {9, "binding-delete"},
         {12, "ports-exhausted"},
         {13, "quota-exceeded"},
         {16, "port-block-allocation"},
         {17, "port-block-release"}}};
    for (const auto& [value, text] : kEvents) {
        if (value == event) {
            return std::string(text);
        }
    }
    return fmt::format("unknown-{}", event);
}

std::string protocol_word(std::uint8_t protocol) {
    switch (net::IpProtocol{protocol}) {
        case net::IpProtocol::Tcp:
            return "tcp";
        case net::IpProtocol::Udp:
            return "udp";
        case net::IpProtocol::Icmp:
            return "icmp";
        default:
            return std::to_string(protocol);
    }
}

std::optional<std::uint8_t> protocol_number(std::string_view word) {
    if (word == "tcp") {
        return static_cast<std::uint8_t>(net::IpProtocol::Tcp);
    }
    if (word == "udp") {
        return static_cast<std::uint8_t>(net::IpProtocol::Udp);
    }
    if (word == "icmp") {
        return static_cast<std::uint8_t>(net::IpProtocol::Icmp);
    }
    std::uint8_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    return error == std::errc() && end == word.data() + word.size() ? std::optional(number)
                                                                    : std::nullopt;
}

std::uint64_t nat_sessions(const api::NatTotalsRecord& totals) {
    return std::accumulate(totals.sessions.begin() + 1, totals.sessions.end(), std::uint64_t{0});
}

json::object nat_totals_json(const api::NatTotalsRecord& totals,
                             const std::vector<api::NatRuleRecord>& rules,
                             const config::Nat& configured) {
    json::array list;
    for (const api::NatRuleRecord& rule : rules) {
        list.push_back(json::object{
            {"name", text_in(rule.name)},
            {"kind", word(rule.kind)},
            {"protocol",
             rule.protocol == 0 ? json::value(nullptr) : json::value(protocol_word(rule.protocol))},
            {"sessions", rule.sessions},
            {"sessions-made", rule.sessions_made}});
    }
    json::object ages;
    for (std::size_t age = 1; age < api::kNatAges; ++age) {
        ages[kAges[age]] = totals.sessions[age];
    }
    json::object refused;
    for (std::size_t why = 1; why < api::kNatRefusals; ++why) {
        refused[kRefusals[why]] = totals.refused[why];
    }
    return json::object{
        {"rules", std::move(list)},
        {"sessions", nat_sessions(totals)},
        {"max-sessions", totals.max_sessions},
        {"sessions-by-state", std::move(ages)},
        {"mappings", totals.mappings},
        {"subscribers", totals.subscribers},
        {"max-subscribers", totals.max_subscribers},
        {"syns-waiting", totals.syns_waiting},
        {"memory-bytes", totals.memory_bytes},
        {"limits",
         {{"ports", limit_json(configured.limits.ports)},
          {"sessions", limit_json(configured.limits.sessions)},
          {"sessions-per-second", limit_json(configured.limits.sessions_per_second)}}},
        {"packets",
         {{"translated-out", totals.translated_out},
          {"translated-in", totals.translated_in},
          {"without-session", totals.without_session},
          {"icmp-errors", totals.errors_translated},
          {"syns-held", totals.syns_held},
          {"resets-doubted", totals.resets_doubted}}},
        {"ftp",
         {{"translated", totals.ftp_translated},
          {"refused", totals.ftp_refused},
          {"limited", totals.ftp_limited},
          {"held", totals.ftp_held}}},
        {"refused", std::move(refused)},
        {"sessions-made", totals.sessions_made},
        {"sessions-ended",
         {{"expired", totals.sessions_expired},
          {"evicted", totals.sessions_evicted},
          {"revoked", totals.sessions_revoked},
          {"cleared", totals.sessions_cleared}}},
        {"mappings-made", totals.mappings_made},
        {"ports-preserved", totals.ports_preserved},
        {"events",
         {{"told", totals.events_told},
          {"suppressed", totals.events_suppressed},
          {"lost", totals.events_lost}}}};
}

json::object nat_session_json(const api::NatSessionRecord& session, const NatRuleNames& names) {
    const auto name = names.find(session.rule);
    const bool is_tcp = session.tcp != api::NatTcpState::None;
    return json::object{
        {"protocol", protocol_word(session.protocol)},
        {"inside", endpoint(session.inside, session.inside_port)},
        {"outside", endpoint(session.outside, session.outside_port)},
        {"remote", endpoint(session.remote, session.remote_port)},
        {"rule", name == names.end() ? json::value(nullptr) : json::value(name->second)},
        {"state", is_tcp ? json::value(word(session.age)) : json::value(nullptr)},
        {"tcp", is_tcp ? json::value(word(session.tcp)) : json::value(nullptr)},
        {"idle-seconds", session.idle_seconds},
        {"expires-in-seconds", session.seconds_left},
        {"worker", session.worker}};
}

std::vector<NatAddressTotals> nat_addresses(const std::vector<api::NatPortRecord>& ports,
                                            const config::Model& model) {
    std::map<net::Ipv4Address, api::NatPortRecord> sums;
    for (const api::NatPortRecord& record : ports) {
        api::NatPortRecord& sum = sums[net::Ipv4Address(record.outside)];
        sum.outside = record.outside;
        sum.tcp += record.tcp;
        sum.udp += record.udp;
        sum.icmp += record.icmp;
    }
    std::vector<NatAddressTotals> addresses;
    for (const auto& [address, sum] : sums) {
        NatAddressTotals& totals = addresses.emplace_back();
        totals.address = address;
        totals.used = sum;
        for (const config::NatSourceRule& rule : model.nat.source) {
            if (rule_has(rule, address, model)) {
                totals.rule = rule.name;
                totals.ports = ports_of(rule, is_own(model, address));
                break;
            }
        }
    }
    return addresses;
}

json::array nat_addresses_json(const std::vector<NatAddressTotals>& addresses) {
    json::array list;
    for (const NatAddressTotals& each : addresses) {
        const bool ruled = !each.rule.empty();
        const auto free = [&](std::uint32_t used) {
            return ruled ? json::value(each.free(used)) : json::value(nullptr);
        };
        list.push_back(json::object{{"address", each.address.to_string()},
                                    {"rule", ruled ? json::value(each.rule) : json::value(nullptr)},
                                    {"tcp-ports-used", each.used.tcp},
                                    {"tcp-ports-free", free(each.used.tcp)},
                                    {"udp-ports-used", each.used.udp},
                                    {"udp-ports-free", free(each.used.udp)},
                                    {"icmp-identifiers-used", each.used.icmp}});
    }
    return list;
}

json::array nat_subscribers_json(const std::vector<api::NatSubscriberRecord>& records,
                                 std::size_t most) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, api::NatSubscriberRecord> sums;
    for (const api::NatSubscriberRecord& record : records) {
        api::NatSubscriberRecord& sum = sums[{record.inside, record.outside}];
        sum.inside = record.inside;
        sum.outside = record.outside;
        sum.ports += record.ports;
        sum.sessions += record.sessions;
        sum.blocks = static_cast<std::uint16_t>(sum.blocks + record.blocks);
    }
    std::vector<api::NatSubscriberRecord> sorted;
    for (const auto& [key, sum] : sums) {
        sorted.push_back(sum);
    }
    std::ranges::stable_sort(sorted,
                             [](const auto& a, const auto& b) { return a.sessions > b.sessions; });
    json::array list;
    for (const api::NatSubscriberRecord& each : sorted) {
        if (most != 0 && list.size() == most) {
            break;
        }
        list.push_back(json::object{{"inside", net::Ipv4Address(each.inside).to_string()},
                                    {"outside", net::Ipv4Address(each.outside).to_string()},
                                    {"ports", each.ports},
                                    {"sessions", each.sessions},
                                    {"blocks", each.blocks}});
    }
    return list;
}

std::string nat_journal_line(const api::NatBindingRecord& binding) {
    json::object line{{"observationTimeMilliseconds", binding.time_ms},
                      {"natEvent", binding.event},
                      {"event", nat_event_word(binding.event)}};
    const auto address = [](std::uint32_t value) { return net::Ipv4Address(value).to_string(); };
    const bool is_block = binding.block_last != 0;
    if (!is_block) {
        line["protocolIdentifier"] = binding.protocol;
    }
    line["sourceIPv4Address"] = address(binding.inside);
    if (!is_block) {
        line["sourceTransportPort"] = binding.inside_port;
    }
    if (binding.outside != 0) {
        line["postNATSourceIPv4Address"] = address(binding.outside);
    }
    if (is_block) {
        line["portRangeStart"] = binding.block_first;
        line["portRangeEnd"] = binding.block_last;
        line["portRangeStepSize"] = binding.block_step;
    } else if (binding.outside != 0) {
        line["postNAPTSourceTransportPort"] = binding.outside_port;
    }
    if (binding.remote != 0) {
        line["destinationIPv4Address"] = address(binding.remote);
        line["destinationTransportPort"] = binding.remote_port;
    }
    line["rule"] = text_in(binding.rule_name);
    return json::serialize(line) + "\n";
}

}  // namespace godwit::control
