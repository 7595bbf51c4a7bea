// The YAML beside the schema: every key looked up, every value checked by itself, defaults filled
// in. Whatever is wrong goes to the findings and is left out of the result; the walk goes on.
#pragma once

#include <string>
#include <utility>

#include "config/check/check.hpp"
#include "config/load/findings.hpp"
#include "config/load/yaml_tree.hpp"
#include "config/model/value.hpp"

namespace godwit::config {

struct Walked {
    Value tree;
    // No map or list has more entries than it may: config/check, which compares entries with each
    // other, is made for these.
    bool within_limits = true;
};
Walked walk(const YamlNode& document, Findings& findings);

// Where a path of config/check is in the document, and how to write it for a person
// ("interfaces.lan0.addresses[1]"). The deepest step that is written in the file counts: a default
// has the place of its section.
struct Place {
    Mark mark;
    std::string path;
};
Place locate(const YamlNode& document, const Path& path);

}  // namespace godwit::config
