#include "tests/bench/harness/budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

namespace godwit::bench {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kKeys{"name", "accepted", "margin_percent", "better"};

net::Result<BudgetLine, std::string> parse_line(const json::value& value) {
    const json::object* object = value.if_object();
    if (object == nullptr) {
        return net::unexpected<std::string>("it is not an object");
    }
    for (const auto& member : *object) {
        const std::string_view key(member.key().data(), member.key().size());
        if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
            return net::unexpected(fmt::format("it has an unknown key \"{}\"", key));
        }
    }
    const auto number = [object](const char* key) -> std::optional<double> {
        const json::value* found = object->if_contains(key);
        if (found == nullptr || !found->is_number()) {
            return std::nullopt;
        }
        return found->to_number<double>();
    };
    const auto text = [object](const char* key) -> std::optional<std::string> {
        const json::value* found = object->if_contains(key);
        if (found == nullptr || !found->is_string()) {
            return std::nullopt;
        }
        return std::string(found->as_string());
    };
    const auto name = text("name");
    const auto accepted = number("accepted");
    const auto margin = number("margin_percent");
    const auto better = text("better");
    if (!name || !accepted || !margin) {
        return net::unexpected<std::string>(
            "it needs \"name\" (text), \"accepted\" and \"margin_percent\" (numbers)");
    }
    if (object->contains("better") && (!better || (*better != "less" && *better != "more"))) {
        return net::unexpected<std::string>("\"better\" is \"less\" or \"more\"");
    }
    return BudgetLine{*name, *accepted, *margin, !better || *better == "less"};
}

bool belongs_to_a_case(const std::string& name, std::span<const std::string> cases) {
    return std::any_of(cases.begin(), cases.end(),
                       [&name](const std::string& one) { return name.starts_with(one + "/"); });
}

}  // namespace

net::Result<std::vector<BudgetLine>, Problem> parse_budget(std::string_view text,
                                                           const std::string& file) {
    boost::system::error_code error;
    const json::value root = json::parse(text, error);
    if (error) {
        return net::unexpected(
            Problem{fmt::format("{} is not JSON: {}", file, error.message()), "mend the file"});
    }
    const json::object* object = root.if_object();
    const json::value* figures = object != nullptr ? object->if_contains("figures") : nullptr;
    if (figures == nullptr || !figures->is_array()) {
        return net::unexpected(
            Problem{fmt::format("{} has no list \"figures\"", file), "write {\"figures\": [...]}"});
    }
    std::vector<BudgetLine> budget;
    for (const json::value& value : figures->as_array()) {
        auto line = parse_line(value);
        if (!line) {
            return net::unexpected(
                Problem{fmt::format("{}, figure {}: {}", file, budget.size() + 1, line.error()),
                        "mend the line"});
        }
        budget.push_back(*line);
    }
    return budget;
}

BudgetAnswer compare_with_budget(std::span<const BudgetLine> budget,
                                 std::span<const Figure> figures,
                                 std::span<const std::string> cases_run) {
    BudgetAnswer answer;
    for (const BudgetLine& line : budget) {
        const auto figure =
            std::find_if(figures.begin(), figures.end(),
                         [&line](const Figure& candidate) { return candidate.name == line.name; });
        if (figure == figures.end()) {
            if (belongs_to_a_case(line.name, cases_run)) {
                answer.broken.push_back(fmt::format(
                    "{}: its case was run and reports no such figure; correct the name in the "
                    "budget, or the case",
                    line.name));
            } else {
                ++answer.not_run;
            }
            continue;
        }
        const double room = std::fabs(line.accepted) * line.margin_percent / 100;
        const double limit = line.less_is_better ? line.accepted + room : line.accepted - room;
        // Written so that a figure that is not a number is over its budget.
        const bool holds = line.less_is_better ? figure->value <= limit : figure->value >= limit;
        if (holds) {
            ++answer.held;
            continue;
        }
        answer.broken.push_back(fmt::format(
            "{}: {:.4g} {} is {} the limit {:.4g} (accepted {:.4g}, margin {:.4g} %)", line.name,
            figure->value, figure->unit, line.less_is_better ? "above" : "below", limit,
            line.accepted, line.margin_percent));
    }
    return answer;
}

}  // namespace godwit::bench
