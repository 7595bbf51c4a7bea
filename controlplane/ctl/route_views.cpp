#include "controlplane/ctl/route_views.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <string_view>
#include <utility>

#include "controlplane/ctl/json_reading.hpp"
#include "controlplane/ctl/table.hpp"

namespace godwit::ctl {
namespace json = boost::json;
namespace {

std::string text_of(const json::value& object, std::string_view key) {
    return printable(cell_of(member(object, key)));
}

// "via 10.0.0.2 lan0", "on link lan0", "blackhole".
std::string way_of(const json::value& next_hop) {
    const std::string kind = text_of(next_hop, "kind");
    const std::string via = text_of(next_hop, "via");
    const std::string interface = text_of(next_hop, "interface");
    std::string text = kind == "glean"     ? "on link"
                       : kind == "receive" ? "this router"
                       : via.empty()       ? kind
                                           : "via " + via;
    if (!interface.empty()) {
        text += " " + interface;
    }
    return text;
}

std::string candidate_text(const json::value& route) {
    const bool best = truth_of(member(route, "selected"));
    std::string text = fmt::format("{} {}, distance {}, metric {}", best ? "  best" : "     -",
                                   text_of(route, "source"), count_of(member(route, "distance")),
                                   count_of(member(route, "metric")));
    if (const std::uint64_t tag = count_of(member(route, "tag")); tag > 0) {
        text += fmt::format(", tag {}", tag);
    }
    text += fmt::format(": {}\n", text_of(route, "verdict"));
    for (const json::value& next_hop : items(member(route, "next-hops"))) {
        const std::string problem = text_of(next_hop, "problem");
        text +=
            fmt::format("         {}{}\n", way_of(next_hop), problem.empty() ? "" : ": " + problem);
    }
    if (best) {
        const std::string reason = text_of(route, "reason");
        text += fmt::format("         installed: {}{}\n", text_of(route, "installed"),
                            reason.empty() ? "" : ", " + reason);
    }
    return text;
}

std::string list_text(const json::value& list, std::string_view between) {
    std::string text;
    for (const json::value& item : items(list)) {
        text += (text.empty() ? "" : std::string(between)) + printable(cell_of(item));
    }
    return text;
}

std::string step_text(const json::value& step) {
    const std::string term = text_of(step, "term");
    const std::string then = text_of(step, "then");
    const std::string conditions = list_text(member(step, "conditions"), ", ");
    const std::string changes = list_text(member(step, "changes"), ", ");
    if (term.empty()) {
        return fmt::format("    no term decides: {}\n", then);
    }
    if (!truth_of(member(step, "applies"))) {
        return fmt::format("    term {}: does not apply ({})\n", term, conditions);
    }
    return fmt::format("    term {}: applies{}{}: {}\n", term,
                       conditions.empty() ? "" : " (" + conditions + ")",
                       changes.empty() ? "" : ", " + changes, then);
}

std::string announcement_text(const json::value& announcement) {
    const bool handed_over = truth_of(member(announcement, "handed-over"));
    std::string text = fmt::format("  to {}: {}", text_of(announcement, "to"),
                                   handed_over ? "handed over" : "not handed over");
    if (handed_over) {
        text += fmt::format(", metric {}{}", count_of(member(announcement, "metric")),
                            truth_of(member(announcement, "metric-set")) ? "" : " of its source");
        if (const std::uint64_t tag = count_of(member(announcement, "tag")); tag > 0) {
            text += fmt::format(", tag {}", tag);
        }
    }
    const std::string reason = text_of(announcement, "reason");
    text += reason.empty() ? "\n" : ": " + reason + "\n";
    const json::value& policy = member(announcement, "policy");
    if (!policy.is_object()) {
        return text;
    }
    const std::string rule = text_of(policy, "rule");
    text += rule.empty() ? fmt::format("    policy {}\n", text_of(policy, "name"))
                         : fmt::format("    {}\n", rule);
    for (const json::value& step : items(member(policy, "steps"))) {
        text += step_text(step);
    }
    return text;
}

}  // namespace

std::string policy_table(const json::value& data) {
    Table table({{"POLICY"}, {"TERM"}, {"THEN"}, {"ROUTES", Align::Right}});
    for (const json::value& policy : items(data)) {
        std::string name = cell_of(member(policy, "policy"));
        for (const json::value& term : items(member(policy, "terms"))) {
            table.add_row({std::exchange(name, {}), cell_of(member(term, "term")),
                           cell_of(member(term, "then")), cell_of(member(term, "routes"))});
        }
        table.add_row({std::move(name), "(default)", cell_of(member(policy, "default")),
                       cell_of(member(policy, "by-default"))});
    }
    return table.text();
}

std::string explanation_text(const json::value& data) {
    std::string text = text_of(data, "prefix") + "\n";
    for (const json::value& route : items(member(data, "candidates"))) {
        text += candidate_text(route);
    }
    for (const json::value& step : items(member(data, "resolution"))) {
        const std::string source = text_of(step, "source");
        text += fmt::format("  {} is reached through {}{}\n", text_of(step, "next-hop"),
                            text_of(step, "through"), source.empty() ? "" : " (" + source + ")");
    }
    for (const json::value& announcement : items(member(data, "announcements"))) {
        text += announcement_text(announcement);
    }
    return text;
}

}  // namespace godwit::ctl
