// Diagnostics as a person reads them. Source lines come from the file as they stand, so they are
// made safe here: no control character of a file reaches a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "config/load/load.hpp"
#include "config/load/source_text.hpp"

namespace godwit::config {

namespace {

constexpr std::string_view kIndent = "    ";
constexpr std::size_t kShownWidth = 120;  // characters of a source line
constexpr std::size_t kShownBefore = 80;  // of them at most before the caret

std::size_t character_count(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t offset = 0; offset < text.size(); ++count) {
        offset += character_at(text, offset).size;
    }
    return count;
}

std::size_t byte_offset(std::string_view text, std::size_t characters) {
    std::size_t offset = 0;
    while (characters > 0 && offset < text.size()) {
        offset += character_at(text, offset).size;
        --characters;
    }
    return std::min(offset, text.size());
}

// The source line, cut to a window around the column, and the caret under it.
std::string source_with_caret(const Diagnostic& diagnostic) {
    std::string_view line = diagnostic.source_line;
    auto before = static_cast<std::size_t>(std::max(diagnostic.column, 1) - 1);
    std::string ellipsis;
    if (before > kShownBefore) {
        line.remove_prefix(byte_offset(line, before - kShownBefore));
        before = kShownBefore;
        ellipsis = "…";
    }
    const std::size_t split = byte_offset(line, before);
    const std::string left = ellipsis + printable(line.substr(0, split), line.size());
    const std::string right = printable(line.substr(split), kShownWidth - before);
    return fmt::format("{0}{1}{2}\n{0}{3}^\n", kIndent, left, right,
                       std::string(character_count(left), ' '));
}

std::string render_one(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file;
    if (diagnostic.line > 0) {
        text += fmt::format(":{}:{}", diagnostic.line, diagnostic.column);
    }
    text += fmt::format(": {}[{}] ", diagnostic.severity == Severity::Error ? "error" : "warning",
                        diagnostic.id);
    if (!diagnostic.path.empty()) {
        text += diagnostic.path + ": ";
    }
    text += diagnostic.what + "\n";
    if (diagnostic.line > 0 && !diagnostic.source_line.empty()) {
        text += source_with_caret(diagnostic);
    }
    if (!diagnostic.suggestion.empty()) {
        text += fmt::format("{}did you mean '{}'?\n", kIndent, diagnostic.suggestion);
    }
    if (!diagnostic.help.empty()) {
        text += fmt::format("{}help: {}\n", kIndent, diagnostic.help);
    }
    return text;
}

}  // namespace

std::string render(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) {
        text += render_one(diagnostic);
    }
    return text;
}

}  // namespace godwit::config
