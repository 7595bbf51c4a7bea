// The findings of one load, on their way to Diagnostics: given their line, made safe to show,
// bounded in number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/check/check.hpp"
#include "config/load/load.hpp"
#include "config/load/source_text.hpp"

namespace godwit::config {

// What is wrong, without the place.
struct Problem {
    std::string id;
    std::string what;
    std::string help;
    std::string suggestion = {};
};

class Findings {
public:
    // Errors or warnings beyond this number are not kept; a last line says that there are more.
    static constexpr std::size_t kMost = kMostFindings;

    Findings(const SourceText& source, std::string_view file);

    void error(const Mark& mark, std::string_view path, const Problem& problem);
    void warning(const Mark& mark, std::string_view path, const Problem& problem);

    // Whether another error would not be kept, so that nobody works for its words.
    [[nodiscard]] bool is_full() const { return errors_.size() >= kMost; }
    [[nodiscard]] bool has_errors() const { return !errors_.empty(); }
    // Sorted by line and column.
    [[nodiscard]] std::vector<Diagnostic> take_errors();
    [[nodiscard]] std::vector<Diagnostic> take_warnings();

private:
    [[nodiscard]] Diagnostic make(Severity severity, const Mark& mark, std::string_view path,
                                  const Problem& problem) const;
    [[nodiscard]] std::vector<Diagnostic> finish(std::vector<Diagnostic> list, bool more) const;

    const SourceText& source_;
    std::string file_;
    std::vector<Diagnostic> errors_;
    std::vector<Diagnostic> warnings_;
    bool more_errors_ = false;
    bool more_warnings_ = false;
};

}  // namespace godwit::config
