// docs/configuration.md from the schema tree: one heading a section, one table of its keys.
#include <fmt/format.h>

#include "config/schema/schema.hpp"

namespace godwit::config {

namespace {

constexpr std::string_view kPreface =
    R"(# Configuration reference

<!-- Written from config/schema by the program config-reference; do not edit by hand. -->

One YAML file holds the whole configuration, by default `/etc/godwit/godwit.yaml`. Keys are
kebab-case; things with a name are maps, or, where their order matters, lists whose items have a
`name`. Sizes carry their unit (`512MiB`, also KiB, GiB, TiB, and B, KB, MB, GB, TB in powers of
1000), and so do durations (`30s`, also ms, m, h, d). Anchors, aliases and tags of YAML are refused. A file may have
16 MiB.

`godwit check FILE` shows every error of a file at once; `godwit schema` prints this reference as a
JSON Schema for editors. *Change* says what changing a key does to a running router: `live` touches
nothing else, `restart` starts the dataplane anew and is refused unless asked for.
)";

std::string cell(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '|') {
            result += '\\';
        }
        result += c;
    }
    return result;
}

std::string type_cell(const Descriptor& key) {
    switch (key.type) {
        case Type::Section:
        case Type::NamedMap:
            return "map, see below";
        case Type::NamedList:
            return "list, see below";
        case Type::List:
            return "list of: " + expectation(key.children.front());
        default:
            return expectation(key);
    }
}

std::string default_cell(const Descriptor& key) {
    if (key.required) {
        return "required";
    }
    if (!key.default_text) {
        return "";
    }
    return key.default_text->empty() ? "empty" : "`" + *key.default_text + "`";
}

std::string code_list(const std::vector<std::string>& names, std::string_view conjunction) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) {
            text += i + 1 == names.size() ? fmt::format(" {} ", conjunction) : ", ";
        }
        text += "`" + names[i] + "`";
    }
    return text;
}

std::string doc_cell(const Descriptor& key) {
    std::string text = key.doc;
    if (key.reference == Reference::Interface) {
        text += " Names an interface of this file.";
    } else if (key.reference == Reference::Port) {
        text += " Names a port of this file.";
    } else if (key.reference == Reference::PrefixSet) {
        text += " Names a set of `policy.prefix-sets`.";
    } else if (key.reference == Reference::Policy) {
        text += " Names a policy of `policy.policies`.";
    }
    if (!key.only_with.empty()) {
        text += " Only with " + code_list(key.only_with, "or") + ".";
    }
    if (!key.needs.empty()) {
        text += " Needs " + code_list(key.needs, "and") + ".";
    }
    if (!key.excludes.empty()) {
        text += " Not with " + code_list(key.excludes, "or") + ".";
    }
    return text;
}

bool is_map(const Descriptor& key) {
    return key.type == Type::Section || key.type == Type::NamedMap || key.type == Type::NamedList;
}

void add_words(std::string& text, const std::string& title, const std::vector<Choice>& choices) {
    text += fmt::format("\n{}:\n\n", title);
    for (const Choice& choice : choices) {
        text += fmt::format("- `{}`: {}\n", choice.word, choice.doc);
    }
}

void add_section(std::string& text, const Descriptor& section, const std::string& path) {
    text +=
        fmt::format("\n## {}\n\n{}\n", path.empty() ? "The file" : "`" + path + "`", section.doc);
    if (section.type == Type::NamedMap) {
        text += fmt::format(
            "Each key is {}",
            expectation(
                {.name = "", .type = section.key_type, .doc = "", .range = section.key_range}));
        text += section.count ? fmt::format("; at most {} of them.\n", section.count->most) : ".\n";
        const Descriptor& entry = section.children.front();
        if (entry.type != Type::Section) {
            text += fmt::format("Its value is {}: {}\n", expectation(entry), entry.doc);
            return;
        }
        add_section(text, entry, path + "." + entry.name);
        return;
    }
    if (section.type == Type::NamedList) {
        text += section.count
                    ? fmt::format("A list of at most {}; each item:\n", section.count->most)
                    : "A list; each item:\n";
        add_section(text, section.children.front(), path + "[]");
        return;
    }
    text += "\n| key | value | default | change | what it is |\n| --- | --- | --- | --- | --- |\n";
    for (const Descriptor& key : section.children) {
        text += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, cell(type_cell(key)),
                            cell(default_cell(key)), is_map(key) ? "" : to_string(key.cost),
                            cell(doc_cell(key)));
    }
    for (const Descriptor& key : section.children) {
        if (!key.choices.empty()) {
            add_words(text, "`" + key.name + "`", key.choices);
        } else if (key.type == Type::VirtualDevice) {
            add_words(text, "Drivers of `" + key.name + "`", virtual_drivers());
        }
    }
    for (const Descriptor& key : section.children) {
        if (is_map(key)) {
            add_section(text, key, path.empty() ? key.name : path + "." + key.name);
        }
    }
}

}  // namespace

std::string configuration_reference() {
    std::string text(kPreface);
    add_section(text, schema(), "");
    return text;
}

}  // namespace godwit::config
