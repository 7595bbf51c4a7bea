// From YAML text to a Model, or to all the errors of it at once.
//
// The loader walks the YAML beside the schema tree, so a key, its type, its range and its help are
// written once. It then runs config/check (references, overlaps). It never stops at the first
// error, and never gives back a model when there is one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model/model.hpp"
#include "net/result.hpp"

namespace godwit::config {

enum class Severity : std::uint8_t { Error, Warning };

// One finding. `line` and `column` count from 1. `help` says what to do next; `suggestion` is the
// "did you mean" word.
struct Diagnostic {
    Severity severity = Severity::Error;
    std::string id;  // stable: "unknown-key", "missing-unit", "overlapping-address", ...
    std::string file;
    int line = 0;
    int column = 0;
    std::string path;  // "interfaces.lan0.mtu"
    std::string what;
    std::string source_line;
    std::string suggestion;
    std::string help;
};

struct Loaded {
    Model model;
    std::vector<Diagnostic> warnings;
};

using LoadResult = net::Result<Loaded, std::vector<Diagnostic>>;

LoadResult load_text(std::string_view yaml, std::string_view file_name);
LoadResult load_file(const std::string& path);  // a file that cannot be read is a Diagnostic too

// "file:line:column: error[ID] path: what", the source line, a caret, "did you mean", help.
std::string render(const std::vector<Diagnostic>& diagnostics);

}  // namespace godwit::config
