#include "config/load/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace godwit::config {

namespace {

constexpr std::size_t kMostPathCharacters = 200;
constexpr std::size_t kMostSentenceCharacters = 600;

}  // namespace

Findings::Findings(const SourceText& source, std::string_view file)
    : source_(source), file_(printable(file, kMostPathCharacters)) {}

Diagnostic Findings::make(Severity severity, const Mark& mark, std::string_view path,
                          const Problem& problem) const {
    Diagnostic diagnostic;
    diagnostic.severity = severity;
    diagnostic.id = problem.id;
    diagnostic.file = file_;
    diagnostic.path = printable(path, kMostPathCharacters);
    diagnostic.what = printable(problem.what, kMostSentenceCharacters);
    diagnostic.suggestion = printable(problem.suggestion, kMostPathCharacters);
    diagnostic.help = printable(problem.help, kMostSentenceCharacters);
    if (mark.line > 0) {
        diagnostic.line = mark.line;
        diagnostic.column = source_.character_column(mark);
        diagnostic.source_line = source_.line(mark.line);
    }
    return diagnostic;
}

void Findings::error(const Mark& mark, std::string_view path, const Problem& problem) {
    if (errors_.size() == kMost) {
        more_errors_ = true;
        return;
    }
    errors_.push_back(make(Severity::Error, mark, path, problem));
}

void Findings::warning(const Mark& mark, std::string_view path, const Problem& problem) {
    if (warnings_.size() == kMost) {
        more_warnings_ = true;
        return;
    }
    warnings_.push_back(make(Severity::Warning, mark, path, problem));
}

std::vector<Diagnostic> Findings::finish(std::vector<Diagnostic> list, bool more) const {
    std::stable_sort(list.begin(), list.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    if (more) {
        const Problem rest = {"too-many-findings",
                              fmt::format("there are more than these {}", list.size()),
                              "Mend these first, then check again."};
        list.push_back(make(list.front().severity, Mark{}, "", rest));
    }
    return list;
}

std::vector<Diagnostic> Findings::take_errors() {
    return finish(std::exchange(errors_, {}), more_errors_);
}

std::vector<Diagnostic> Findings::take_warnings() {
    return finish(std::exchange(warnings_, {}), more_warnings_);
}

}  // namespace godwit::config
