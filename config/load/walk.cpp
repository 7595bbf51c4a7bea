#include "config/load/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "config/check/suggest.hpp"
#include "config/load/scalar.hpp"
#include "config/schema/schema.hpp"

namespace godwit::config {

namespace {

constexpr std::size_t kMostShown = 60;

std::string quoted(std::string_view text) {
    return "'" + printable(text, kMostShown) + "'";
}

std::string what_is(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::Null:
            return "nothing";
        case YamlNode::Kind::List:
            return "a list";
        case YamlNode::Kind::Map:
            return "a map";
        case YamlNode::Kind::Scalar:
        case YamlNode::Kind::Refused:
            break;
    }
    return quoted(node.text);
}

std::string word_list(const std::vector<std::string>& words, std::string_view conjunction) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) {
            text += i + 1 == words.size() ? fmt::format(" {} ", conjunction) : ", ";
        }
        text += "'" + words[i] + "'";
    }
    return text;
}

std::vector<std::string> keys_of(const Descriptor& section) {
    std::vector<std::string> keys;
    for (const Descriptor& child : section.children) {
        keys.push_back(child.name);
    }
    return keys;
}

// The section that has `key`, for "belongs elsewhere"; empty when none or only a map's entries do.
std::string home_of(const Descriptor& section, std::string_view key, const std::string& path) {
    for (const Descriptor& child : section.children) {
        if (child.name == key && !path.empty()) {
            return path;
        }
        if (child.type == Type::Section) {
            const std::string inner = path.empty() ? child.name : path + "." + child.name;
            if (std::string found = home_of(child, key, inner); !found.empty()) {
                return found;
            }
        }
    }
    return "";
}

// The name of an item of a NamedList, when it has one.
const YamlNode* name_of(const YamlNode& item) {
    for (std::size_t i = 0; item.kind == YamlNode::Kind::Map && i + 1 < item.children.size();
         i += 2) {
        if (item.children[i].text == "name" &&
            item.children[i + 1].kind == YamlNode::Kind::Scalar) {
            return &item.children[i + 1];
        }
    }
    return nullptr;
}

// A key of a map as it is written, with its value.
struct Written {
    const YamlNode* key = nullptr;
    const YamlNode* value = nullptr;
};

class Walker {
public:
    explicit Walker(Findings& findings) : findings_(findings) {}

    // `place` is where to point when the node itself has none: its key.
    std::optional<Value> walk(const YamlNode& node, const Descriptor& descriptor,
                              const Mark& place) {
        if (node.kind == YamlNode::Kind::Refused) {
            return std::nullopt;
        }
        switch (descriptor.type) {
            case Type::Section:
                return walk_section(node, descriptor, place);
            case Type::NamedMap:
                return walk_named_map(node, descriptor, place);
            case Type::List:
            case Type::NamedList:
                return walk_list(node, descriptor, place);
            case Type::OneOrList:
                return walk_one_or_list(node, descriptor, place);
            case Type::Arguments:
                return walk_arguments(node, descriptor, place);
            default:
                return walk_scalar(node, descriptor, place);
        }
    }

    [[nodiscard]] bool within_limits() const { return within_limits_; }

private:
    // Makes the path one step longer for its life.
    class Deeper {
    public:
        Deeper(std::string& path, std::string_view step) : path_(path), length_(path.size()) {
            if (!path.empty() && step.substr(0, 1) != "[") {
                path += '.';
            }
            path += step;
        }
        ~Deeper() { path_.resize(length_); }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;

    private:
        std::string& path_;
        std::size_t length_;
    };

    void error(const Mark& mark, const Problem& problem) { findings_.error(mark, path_, problem); }

    void wrong_type(const YamlNode& node, const Descriptor& descriptor, const Mark& place) {
        const bool nothing = node.kind == YamlNode::Kind::Null;
        std::string help = descriptor.example.empty() ? "" : "For example: " + descriptor.example;
        if (node.kind == YamlNode::Kind::Scalar && node.text.find(':') != std::string::npos) {
            help = "A ':' after a key needs a space behind it.";
        }
        error(nothing ? place : node.mark,
              {"wrong-type",
               fmt::format("expected {}, got {}", expectation(descriptor), what_is(node)), help});
    }

    // The keys of a map, each once, in the order of the file; reports what is no key or is there
    // twice.
    std::vector<Written> keys_once(const YamlNode& map) {
        std::vector<Written> result;
        std::unordered_map<std::string_view, int> first_lines;
        for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
            const YamlNode& key = map.children[i];
            if (key.kind == YamlNode::Kind::Refused) {
                continue;
            }
            if (key.kind != YamlNode::Kind::Scalar) {
                error(
                    key.mark.line > 0 ? key.mark : map.mark,
                    {"wrong-type", fmt::format("a key must be a word, not {}", what_is(key)), ""});
                continue;
            }
            const auto [first, is_new] = first_lines.emplace(key.text, key.mark.line);
            if (!is_new) {
                const Deeper deeper(path_, key.text);
                error(key.mark, {"duplicate-key",
                                 fmt::format("{} is here twice, first on line {}", quoted(key.text),
                                             first->second),
                                 "Keep one of the two; nothing of the second is read."});
                continue;
            }
            result.push_back({&key, &map.children[i + 1]});
        }
        return result;
    }

    std::optional<Value> walk_section(const YamlNode& node, const Descriptor& section,
                                      const Mark& place) {
        // "static:" with nothing behind it is an empty section.
        if (node.kind != YamlNode::Kind::Map && node.kind != YamlNode::Kind::Null) {
            wrong_type(node, section, place);
            return std::nullopt;
        }
        std::map<std::string_view, Written> present;
        std::unordered_set<std::string> meant;  // keys that a misspelt one stands for
        for (const Written& written : keys_once(node)) {
            if (section.child(written.key->text) != nullptr) {
                present.emplace(written.key->text, written);
            } else {
                meant.insert(unknown_key(*written.key, section));
            }
        }
        check_key_rules(section, present, meant, place);
        Value result;
        for (const Descriptor& child : section.children) {
            const auto found = present.find(child.name);
            std::optional<Value> value;
            if (found != present.end()) {
                const Deeper deeper(path_, child.name);
                value = walk(*found->second.value, child, found->second.key->mark);
            } else if (child.type == Type::Section && !child.absent_unless_written) {
                value = walk_section(YamlNode(), child, place);
            } else if (child.required && meant.count(child.name) == 0) {
                error(place,
                      {"missing-key", fmt::format("the key '{}' is missing", child.name),
                       fmt::format("Add it, for example {}: {}", child.name, child.example)});
            } else {
                value = default_of(child);
            }
            if (value) {
                result.add(child.name, std::move(*value));
            }
        }
        return result;
    }

    // Gives back the key that was probably meant.
    std::string unknown_key(const YamlNode& key, const Descriptor& section) {
        if (findings_.is_full()) {
            error(key.mark, {"unknown-key", "", ""});
            return "";
        }
        const std::vector<std::string> known = keys_of(section);
        const std::string nearest = nearest_word(key.text, known);
        const std::string home = home_of(schema(), key.text, "");
        std::string help = "Known keys here: " + word_list(known, "and") + ".";
        if (!home.empty()) {
            help = fmt::format("{} is a key of '{}'.", quoted(key.text), home);
        } else if (key.text.find(':') != std::string::npos) {
            help = "A ':' after a key needs a space behind it.";
        }
        const Deeper deeper(path_, key.text);
        error(key.mark, {"unknown-key", fmt::format("there is no key {}", quoted(key.text)), help,
                         home.empty() ? nearest : ""});
        return nearest;
    }

    void check_key_rules(const Descriptor& section,
                         const std::map<std::string_view, Written>& present,
                         const std::unordered_set<std::string>& meant, const Mark& place) {
        const auto written = [&](const std::string& key) { return present.count(key) > 0; };
        const auto intended = [&](const std::string& key) {
            return written(key) || meant.count(key) > 0;
        };
        const auto any = [](const std::vector<std::string>& keys, const auto& predicate) {
            return std::any_of(keys.begin(), keys.end(), predicate);
        };
        const std::vector<std::string>& kinds = section.rules.exactly_one_of;
        if (!kinds.empty() && !any(kinds, intended)) {
            error(place, {"missing-key", "one of " + word_list(kinds, "or") + " must be there",
                          "Add the one that says what this is."});
        }
        const std::vector<std::string>& ways = section.rules.at_least_one_of;
        if (!ways.empty() && !any(ways, intended)) {
            error(place, {"missing-key", "one of " + word_list(ways, "or") + " must be there",
                          "Add one of them."});
        }
        std::string first_kind;
        for (const Descriptor& child : section.children) {
            if (!written(child.name)) {
                continue;
            }
            const Deeper deeper(path_, child.name);
            const Mark& mark = present.at(child.name).key->mark;
            const bool is_kind = std::find(kinds.begin(), kinds.end(), child.name) != kinds.end();
            if (is_kind && !first_kind.empty()) {
                error(mark, {"conflicting-keys",
                             fmt::format("'{}' cannot stand beside '{}'", child.name, first_kind),
                             "Keep one of " + word_list(kinds, "and") + "."});
            } else if (is_kind) {
                first_kind = child.name;
            }
            for (const std::string& other : child.excludes) {
                if (written(other)) {
                    error(mark, {"conflicting-keys",
                                 fmt::format("'{}' cannot stand beside '{}'", child.name, other),
                                 "Keep one of the two."});
                }
            }
            if (!child.only_with.empty() && !any(child.only_with, intended)) {
                error(mark, {"conflicting-keys",
                             fmt::format("'{}' has a meaning only with {}", child.name,
                                         word_list(child.only_with, "or")),
                             "Remove it here."});
            }
            for (const std::string& other : child.needs) {
                if (!intended(other)) {
                    const Descriptor* needed = section.child(other);
                    error(mark,
                          {"missing-key",
                           fmt::format("'{}' needs the key '{}' beside it", child.name, other),
                           fmt::format("Add it, for example {}: {}", other,
                                       needed == nullptr ? "" : needed->example)});
                }
            }
        }
    }

    std::optional<Value> walk_named_map(const YamlNode& node, const Descriptor& map,
                                        const Mark& place) {
        if (node.kind != YamlNode::Kind::Map && node.kind != YamlNode::Kind::Null) {
            wrong_type(node, map, place);
            return std::nullopt;
        }
        const std::vector<Written> entries = keys_once(node);
        check_count(entries.size(), map, place);
        const Descriptor key_form = {
            .name = "", .type = map.key_type, .doc = "", .range = map.key_range};
        Value::Map result;
        for (const Written& written : entries) {
            const Deeper deeper(path_, written.key->text);
            const auto key = parse_scalar(key_form, written.key->text, written.key->quoted);
            if (!key) {
                error(written.key->mark, key.error());
            }
            // A broken name is no reason to keep silent about what is under it.
            auto value = walk(*written.value, map.children.front(), written.key->mark);
            if (key) {
                result.push_back(
                    {std::get<std::string>(key->data), value ? std::move(*value) : Value()});
            }
        }
        return Value(std::move(result));
    }

    void check_count(std::size_t count, const Descriptor& descriptor, const Mark& place) {
        if (descriptor.count && count > descriptor.count->most) {
            within_limits_ = false;
            error(place, {"out-of-range",
                          fmt::format("at most {} are possible, here are {}",
                                      descriptor.count->most, count),
                          "Remove some."});
        }
        if (descriptor.count && count < descriptor.count->least) {
            error(place, {"out-of-range",
                          fmt::format("at least {} must be there", descriptor.count->least), ""});
        }
    }

    std::optional<Value> walk_list(const YamlNode& node, const Descriptor& list,
                                   const Mark& place) {
        if (node.kind != YamlNode::Kind::List) {
            if (node.kind == YamlNode::Kind::Scalar) {
                error(
                    node.mark,
                    {"wrong-type", fmt::format("expected a list, got {}", what_is(node)),
                     "Put it in brackets.", fmt::format("[{}]", printable(node.text, kMostShown))});
            } else {
                wrong_type(node, list, place);
            }
            return std::nullopt;
        }
        check_count(node.children.size(), list, node.mark);
        if (list.type == Type::NamedList) {
            check_names(node);
        }
        Value::List items;
        for (std::size_t i = 0; i < node.children.size(); ++i) {
            const Deeper deeper(path_, fmt::format("[{}]", i));
            auto item = walk(node.children[i], list.children.front(), node.mark);
            if (item) {
                items.push_back(std::move(*item));
            }
        }
        return Value(std::move(items));
    }

    // Each name once: it is what a plan, a view and a later revision know the item by.
    void check_names(const YamlNode& list) {
        std::unordered_map<std::string_view, int> first_lines;
        for (std::size_t i = 0; i < list.children.size(); ++i) {
            const YamlNode* name = name_of(list.children[i]);
            if (name == nullptr) {
                continue;  // the section says that it is missing
            }
            const auto [first, is_new] = first_lines.emplace(name->text, name->mark.line);
            if (!is_new) {
                const Deeper deeper(path_, fmt::format("[{}]", i));
                error(name->mark, {"duplicate-name",
                                   fmt::format("{} is the name of another item too, on line {}",
                                               quoted(name->text), first->second),
                                   "Give each item of the list a name of its own."});
            }
        }
    }

    std::optional<Value> walk_one_or_list(const YamlNode& node, const Descriptor& descriptor,
                                          const Mark& place) {
        if (node.kind == YamlNode::Kind::List) {
            return walk_list(node, descriptor, place);
        }
        auto one = walk(node, descriptor.children.front(), place);
        if (!one) {
            return std::nullopt;
        }
        return Value(Value::List{std::move(*one)});
    }

    // DPDK takes the arguments of a device as "name=value,name=value": what would break out of that
    // form is refused.
    std::optional<Value> walk_arguments(const YamlNode& node, const Descriptor& descriptor,
                                        const Mark& place) {
        if (node.kind != YamlNode::Kind::Map) {
            wrong_type(node, descriptor, place);
            return std::nullopt;
        }
        const Descriptor value_form = {
            .name = "", .type = Type::Text, .doc = "", .range = Range{0, 255}};
        const Descriptor key_form = {
            .name = "", .type = Type::Word, .doc = "", .range = Range{1, 63}};
        Value::Map result;
        for (const Written& written : keys_once(node)) {
            const Deeper deeper(path_, written.key->text);
            if (const auto key = parse_scalar(key_form, written.key->text, false); !key) {
                error(written.key->mark, key.error());
                continue;
            }
            const auto value = walk_scalar(*written.value, value_form, written.key->mark);
            if (!value) {
                continue;
            }
            if (written.value->text.find_first_of(",=[]\"'") != std::string::npos) {
                error(written.value->mark,
                      {"invalid-value",
                       "an argument of a device has no comma, '=', bracket or quote in it", ""});
                continue;
            }
            result.push_back({written.key->text, *value});
        }
        return Value(std::move(result));
    }

    std::optional<Value> walk_scalar(const YamlNode& node, const Descriptor& descriptor,
                                     const Mark& place) {
        if (node.kind == YamlNode::Kind::Refused) {
            return std::nullopt;
        }
        if (node.kind != YamlNode::Kind::Scalar) {
            wrong_type(node, descriptor, place);
            return std::nullopt;
        }
        auto value = parse_scalar(descriptor, node.text, node.quoted);
        if (!value) {
            error(node.mark, value.error());
            return std::nullopt;
        }
        return std::move(*value);
    }

    Findings& findings_;
    std::string path_;
    bool within_limits_ = true;
};

}  // namespace

Walked walk(const YamlNode& document, Findings& findings) {
    Walker walker(findings);
    auto result = walker.walk(document, schema(), Mark{1, 1});
    return {result ? std::move(*result) : Value(), walker.within_limits()};
}

Place locate(const YamlNode& document, const Path& path) {
    const YamlNode* node = &document;
    Place place = {{1, 1}, ""};
    for (const Step& step : path) {
        if (!step.item) {
            place.path += (place.path.empty() ? "" : ".") + step.text;
        }
        if (node == nullptr) {
            continue;
        }
        const YamlNode* next = nullptr;
        if (step.item && node->kind == YamlNode::Kind::List) {
            std::size_t to_skip = step.repeat;
            for (std::size_t i = 0; i < node->children.size() && next == nullptr; ++i) {
                const YamlNode& item = node->children[i];
                const YamlNode* name = name_of(item);
                const std::string& text = name == nullptr ? item.text : name->text;
                if (text == step.text && to_skip-- == 0) {
                    next = &item;
                    place.path += fmt::format("[{}]", i);
                    place.mark = item.mark;
                }
            }
        } else if (!step.item && node->kind == YamlNode::Kind::Map) {
            for (std::size_t i = 0; i + 1 < node->children.size() && next == nullptr; i += 2) {
                if (node->children[i].text == step.text) {
                    next = &node->children[i + 1];
                    // A map begins with its first key: its own key is the better place.
                    const bool is_container = next->kind != YamlNode::Kind::Scalar;
                    place.mark = is_container ? node->children[i].mark : next->mark;
                }
            }
        }
        node = next;
    }
    return place;
}

}  // namespace godwit::config
