// YAML text to a tree of nodes that know their place. The only user of yaml-cpp.
//
// It takes the parser's events and not its documents: so every duplicate key is still there, and
// depth, number of nodes and aliases are refused while the text is read, before they cost anything.
// Tags and aliases are no part of the configuration's language.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/load/findings.hpp"
#include "config/load/source_text.hpp"

namespace godwit::config {

constexpr std::size_t kMostDepth = 32;
constexpr std::size_t kMostNodes = 2'000'000;

struct YamlNode {
    // Refused: was reported already; whoever reads it keeps silent.
    enum class Kind : std::uint8_t { Null, Scalar, List, Map, Refused };

    Kind kind = Kind::Null;
    bool quoted = false;
    Mark mark;
    std::string text;                // of a Scalar
    std::vector<YamlNode> children;  // items of a List; key, value, key, value, … of a Map
};

// The one document of the text. Nothing when the text is no YAML or goes beyond a limit, and then
// `findings` says so.
std::optional<YamlNode> parse_yaml(const SourceText& source, Findings& findings);

}  // namespace godwit::config
