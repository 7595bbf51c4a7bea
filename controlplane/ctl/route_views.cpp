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

// ", tag 7", or nothing.
std::string tag_text(const json::value& object, std::string_view key) {
    const std::uint64_t tag = count_of(member(object, key));
    return tag > 0 ? fmt::format(", tag {}", tag) : "";
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
    text += fmt::format("{}: {}\n", tag_text(route, "tag"), text_of(route, "verdict"));
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

// The policy, or the rule without one, and its steps; nothing where none was asked.
std::string policy_text(const json::value& policy) {
    if (!policy.is_object()) {
        return {};
    }
    const std::string rule = text_of(policy, "rule");
    std::string text = rule.empty() ? fmt::format("    policy {}\n", text_of(policy, "name"))
                                    : fmt::format("    {}\n", rule);
    for (const json::value& step : items(member(policy, "steps"))) {
        text += step_text(step);
    }
    return text;
}

// The end of a line, after ": it is passive" if there is a reason.
std::string reason_text(const json::value& object) {
    const std::string reason = text_of(object, "reason");
    return reason.empty() ? "\n" : ": " + reason + "\n";
}

std::string announcement_text(const json::value& announcement) {
    const bool handed_over = truth_of(member(announcement, "handed-over"));
    std::string text = fmt::format("  to {}: {}", text_of(announcement, "to"),
                                   handed_over ? "handed over" : "not handed over");
    if (handed_over) {
        text += fmt::format(", metric {}{}", count_of(member(announcement, "metric")),
                            truth_of(member(announcement, "metric-set")) ? "" : " of its source");
        text += tag_text(announcement, "tag");
    }
    return text + reason_text(announcement) + policy_text(member(announcement, "policy"));
}

std::string import_text(const json::value& imported) {
    const bool in_use = text_of(imported, "state") == "in-use";
    std::string text = fmt::format("  rip import from {} on {}: {}", text_of(imported, "neighbor"),
                                   text_of(imported, "interface"), in_use ? "in use" : "refused");
    if (in_use) {
        text += fmt::format(", metric {}{}", count_of(member(imported, "metric")),
                            tag_text(imported, "tag"));
    }
    text +=
        fmt::format("; told {} s ago as metric {}{}", count_of(member(imported, "heard-seconds")),
                    count_of(member(imported, "told-metric")), tag_text(imported, "told-tag"));
    const std::string via = text_of(imported, "via");
    if (via != text_of(imported, "neighbor")) {
        text += ", via " + via;
    }
    text += in_use ? fmt::format("; cost {}\n", count_of(member(imported, "cost"))) : "\n";
    return text + policy_text(member(imported, "policy"));
}

std::string export_text(const json::value& exported, const std::string& prefix) {
    const std::string to = text_of(exported, "to");
    std::string text = fmt::format("  rip export{}{} on {}: ", to.empty() ? "" : " to ", to,
                                   text_of(exported, "interface"));
    if (truth_of(member(exported, "told"))) {
        const std::string told_as = text_of(exported, "prefix");
        const std::string via = text_of(exported, "via");
        text += fmt::format("told{}, metric {}{}{}", told_as == prefix ? "" : " as " + told_as,
                            count_of(member(exported, "metric")), tag_text(exported, "tag"),
                            via.empty() ? "" : ", via " + via);
    } else {
        text += "not told";
    }
    return text + reason_text(exported) + policy_text(member(exported, "policy"));
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
    const json::value& rip = member(data, "rip");
    for (const json::value& imported : items(member(rip, "imports"))) {
        text += import_text(imported);
    }
    for (const json::value& exported : items(member(rip, "exports"))) {
        text += export_text(exported, text_of(data, "prefix"));
    }
    return text;
}

}  // namespace godwit::ctl
