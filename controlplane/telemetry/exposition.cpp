#include "controlplane/telemetry/exposition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

namespace godwit::control::telemetry {

namespace {

void append_escaped(std::string& text, std::string_view raw, bool quotes) {
    for (const char c : raw) {
        if (c == '\\') {
            text += "\\\\";
        } else if (c == '\n') {
            text += "\\n";
        } else if (c == '"' && quotes) {
            text += "\\\"";
        } else {
            text += c;
        }
    }
}

std::string_view trimmed(std::string_view text) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [&](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110 12.4.2: 0 to 1 with at most three digits behind the point, in thousandths. What is none
// wants nothing.
unsigned quality_of(std::string_view text) {
    if (text.empty() || (text.front() != '0' && text.front() != '1') ||
        (text.size() > 1 && text[1] != '.') || text.size() > 5) {
        return 0;
    }
    unsigned quality = text.front() == '1' ? 1000U : 0U;
    unsigned place = 100;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (c < '0' || c > '9') {
            return 0;
        }
        quality += place * static_cast<unsigned>(c - '0');
        place /= 10;
    }
    return std::min(quality, 1000U);
}

struct MediaRange {
    std::string_view type;
    unsigned quality = 1000;
    bool version_known = true;
};

std::string_view take_part(std::string_view& rest, char separator) {
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return trimmed(part);
}

MediaRange parse_range(std::string_view text) {
    MediaRange range;
    range.type = take_part(text, ';');
    while (!text.empty()) {
        std::string_view value = take_part(text, ';');
        const std::string_view name = take_part(value, '=');
        if (equal_ignoring_case(name, "q")) {
            range.quality = quality_of(trimmed(value));
        } else if (equal_ignoring_case(name, "version")) {
            // 0.0.1 asks for what became 1.0.0.
            const std::string_view version = trimmed(value);
            range.version_known = version == "1.0.0" || version == "0.0.1";
        }
    }
    return range;
}

}  // namespace

Form form_for(std::string_view accept) {
    std::optional<unsigned> open_metrics;
    unsigned text = 0;      // by the most specific range that fits text/plain
    unsigned text_fit = 0;  // 1: */*, 2: text/*, 3: text/plain
    while (!accept.empty()) {
        const MediaRange range = parse_range(take_part(accept, ','));
        if (equal_ignoring_case(range.type, "application/openmetrics-text")) {
            if (range.version_known) {
                open_metrics = std::max(open_metrics.value_or(0), range.quality);
            }
            continue;
        }
        const unsigned fit = equal_ignoring_case(range.type, "text/plain") ? 3
                             : equal_ignoring_case(range.type, "text/*")   ? 2
                             : range.type == "*/*"                         ? 1
                                                                           : 0;
        if (fit > text_fit || (fit == text_fit && fit > 0)) {
            text = fit > text_fit ? range.quality : std::max(text, range.quality);
            text_fit = fit;
        }
    }
    return open_metrics && *open_metrics > 0 && *open_metrics >= text ? Form::OpenMetrics
                                                                      : Form::Prometheus;
}

std::string_view content_type(Form form) {
    return form == Form::OpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                     : "text/plain; version=0.0.4; charset=utf-8";
}

void Exposition::begin(const Metric& metric) {
    metric_ = metric;
    head_written_ = false;
}

void Exposition::head() {
    if (std::exchange(head_written_, true)) {
        return;
    }
    const bool open = form_ == Form::OpenMetrics;
    const std::string_view family = open ? metric_.family() : metric_.name;
    text_ += fmt::format("# HELP {} ", family);
    append_escaped(text_, metric_.help, open);
    // The older form has no type for an info.
    const bool older_info = !open && metric_.kind == MetricKind::Info;
    text_ += fmt::format("\n# TYPE {} {}\n", family,
                         word(older_info ? MetricKind::Gauge : metric_.kind));
    // OpenMetrics 1.0: a unit ends the name of its family, and an info has none.
    if (open && metric_.kind != MetricKind::Info && !metric_.unit.empty() &&
        family.ends_with(fmt::format("_{}", metric_.unit))) {
        text_ += fmt::format("# UNIT {} {}\n", family, metric_.unit);
    }
}

void Exposition::sample(std::initializer_list<std::string_view> labels) {
    head();
    ++samples_;
    text_ += metric_.name;
    char before = '{';
    const auto* name = metric_.labels.begin();
    for (const std::string_view value : labels) {
        text_ += before;
        text_ += *name++;
        text_ += "=\"";
        append_escaped(text_, value, true);
        text_ += '"';
        before = ',';
    }
    text_ += labels.size() == 0 ? " " : "} ";
}

void Exposition::add(std::uint64_t value, std::initializer_list<std::string_view> labels) {
    sample(labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void Exposition::add(double value, std::initializer_list<std::string_view> labels) {
    sample(labels);
    if (std::isnan(value)) {
        text_ += "NaN\n";
    } else if (std::isinf(value)) {
        text_ += value > 0 ? "+Inf\n" : "-Inf\n";
    } else {
        fmt::format_to(std::back_inserter(text_), "{}\n", value);
    }
}

std::string Exposition::take() {
    if (form_ == Form::OpenMetrics) {
        text_ += "# EOF\n";
    }
    return std::move(text_);
}

}  // namespace godwit::control::telemetry
