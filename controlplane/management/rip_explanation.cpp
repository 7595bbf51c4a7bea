#include "controlplane/management/rip_explanation.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "controlplane/management/rip_settings.hpp"
#include "controlplane/management/route_explanation.hpp"

namespace godwit::control {

namespace json = boost::json;

namespace {

json::value address_or_null(const std::optional<net::Ipv4Address>& address) {
    return address ? json::value(address->to_string()) : json::value(nullptr);
}

json::object import_json(const rip::ImportExplanation& imported, const PolicyTable& policies) {
    json::object object{
        {"neighbor", imported.neighbor.to_string()},
        {"interface", imported.interface},
        {"state", imported.metric ? "in-use" : "refused"},
        {"via", address_or_null(imported.told.next_hop)},
        {"told-metric", imported.told.metric},
        {"told-tag", imported.told.tag},
        {"cost", imported.cost},
        {"heard-seconds", std::chrono::duration_cast<std::chrono::seconds>(imported.heard).count()},
        {"policy", trace_json(explain_rip_policy(imported.policy, policies, imported.told))}};
    if (imported.metric) {
        object["metric"] = imported.metric->value();
        object["tag"] = imported.tag;
    }
    return object;
}

json::object export_json(const rip::ExportExplanation& explained, const PolicyTable& policies) {
    const std::string_view reason = rip::sentence_of(explained.reason);
    json::object object{
        {"interface", explained.interface},
        {"to", address_or_null(explained.to)},
        {"told", explained.told.has_value()},
        {"reason", reason.empty() ? json::value(nullptr) : json::value(reason)},
        {"policy", explained.asked ? json::value(trace_json(explain_rip_policy(
                                         explained.policy, policies, *explained.asked)))
                                   : json::value(nullptr)}};
    if (explained.told) {
        object["prefix"] = explained.told->prefix.to_string();
        object["metric"] = explained.told->metric.value();
        object["tag"] = explained.told->tag;
        object["via"] = address_or_null(explained.told->next_hop);
    }
    return object;
}

}  // namespace

std::optional<rip::PrefixExplanation> rip_explanation(const RipInstance& rip,
                                                      const net::Ipv4Prefix& prefix) {
    return rip.service() == nullptr
               ? std::nullopt
               : std::optional(rip.service()->core().explain(prefix, rip.now()));
}

std::optional<net::Ipv4Prefix> longest_in_rip(const RipInstance& rip, net::Ipv4Address address) {
    for (std::uint8_t length = 33; length-- > 0;) {
        const auto prefix = net::Ipv4Prefix::covering(address, length);
        if (const auto known = rip_explanation(rip, prefix); known && !known->is_empty()) {
            return prefix;
        }
    }
    return std::nullopt;
}

json::value rip_explanation_json(const std::optional<rip::PrefixExplanation>& explanation,
                                 const PolicyTable& policies) {
    if (!explanation) {
        return nullptr;
    }
    json::array imports;
    for (const rip::ImportExplanation& imported : explanation->imports) {
        imports.push_back(import_json(imported, policies));
    }
    json::array exports;
    for (const rip::ExportExplanation& explained : explanation->exports) {
        exports.push_back(export_json(explained, policies));
    }
    return json::object{{"imports", std::move(imports)}, {"exports", std::move(exports)}};
}

}  // namespace godwit::control
