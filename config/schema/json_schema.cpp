// The schema tree as JSON Schema (draft 2020-12). Written by hand as text: the tree is small, its
// order is kept, and nothing here needs a JSON library. What JSON Schema cannot say (references,
// overlaps) stays with `godwit check`.
#include <fmt/format.h>

#include "config/schema/schema.hpp"

namespace godwit::config {

namespace {

// Patterns are the loader's own rules, as far as a regular expression carries them.
constexpr std::string_view kOctet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

std::string address_pattern() {
    return fmt::format("({0}\\.){{3}}{0}", kOctet);
}

std::string pattern_of(Type type) {
    switch (type) {
        case Type::Size:
            return "^[0-9]+(KiB|MiB|GiB|TiB|KB|MB|GB|TB|B)$";
        case Type::Duration:
            return "^[0-9]+(ms|s|m|h|d)$";
        case Type::Hostname:
            return "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$";
        case Type::Word:
            return "^[A-Za-z0-9][A-Za-z0-9._-]*$";
        case Type::SocketPath:
            return "^/";
        case Type::Timestamp:
            return "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";
        case Type::Address:
            return "^" + address_pattern() + "$";
        case Type::Prefix:
        case Type::InterfaceAddress:
            return "^" + address_pattern() + "/(3[0-2]|[12]?[0-9])$";
        case Type::AddressOrPrefix:
            return "^" + address_pattern() + "(/(3[0-2]|[12]?[0-9]))?$";
        case Type::PrefixRange:
            return "^" + address_pattern() +
                   "/(3[0-2]|[12]?[0-9])( ge (3[0-2]|[12]?[0-9]))?( le (3[0-2]|[12]?[0-9]))?$";
        case Type::AddressRange:
            return "^([a-z-]+|" + address_pattern() + "(/(3[0-2]|[12]?[0-9])|-" +
                   address_pattern() + ")?)$";
        case Type::AddressAndPort:
            return "^" + address_pattern() + "(:[1-9][0-9]{0,4})?$";
        case Type::PortRange:
            return "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$";
        case Type::ListenPlace:
            return "^[A-Za-z0-9][A-Za-z0-9._-]*:[1-9][0-9]{0,4}$";
        case Type::Mac:
            return "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$";
        case Type::PciAddress:
            return "^([0-9A-Fa-f]{4}:)?[0-9A-Fa-f]{2}:[01][0-9A-Fa-f]\\.[0-7]$";
        case Type::VirtualDevice: {
            std::string drivers;
            for (const Choice& driver : virtual_drivers()) {
                drivers += (drivers.empty() ? "" : "|") + driver.word;
            }
            return "^(" + drivers + ")[0-9]{1,4}$";
        }
        default:
            return "";
    }
}

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result + "\"";
}

std::string name_list(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + quoted(name);
    }
    return "[" + text + "]";
}

// One object, member by member, indented.
class Members {
public:
    explicit Members(std::size_t depth) : indent_(2 * (depth + 1), ' ') {}

    void add(std::string_view name, std::string_view json) {
        text_ += fmt::format("{}{}{}: {}", text_.empty() ? "" : ",\n", indent_, quoted(name), json);
    }
    [[nodiscard]] std::string close() const {
        return "{\n" + text_ + "\n" + indent_.substr(2) + "}";
    }

private:
    std::string indent_;
    std::string text_;
};

std::string json_of(const Descriptor& descriptor, std::size_t depth);

// {"required": ["a"]} for each name: what oneOf and anyOf are made of.
std::string presence_of_each(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + fmt::format("{{\"required\": [{}]}}", quoted(name));
    }
    return "[" + text + "]";
}

// Rules between the keys of one section, one member of "allOf" each.
std::string key_rules(const Descriptor& section) {
    std::vector<std::string> rules;
    const auto forbid_with = [&](const std::string& key, const std::string& other) {
        rules.push_back(fmt::format("{{\"not\": {{\"required\": {}}}}}", name_list({key, other})));
    };
    if (!section.rules.exactly_one_of.empty()) {
        rules.push_back("{\"oneOf\": " + presence_of_each(section.rules.exactly_one_of) + "}");
    }
    if (!section.rules.at_least_one_of.empty()) {
        rules.push_back("{\"anyOf\": " + presence_of_each(section.rules.at_least_one_of) + "}");
    }
    for (const Descriptor& child : section.children) {
        for (const std::string& other : child.excludes) {
            forbid_with(child.name, other);
        }
        if (!child.only_with.empty()) {
            rules.push_back(
                fmt::format("{{\"if\": {{\"required\": [{}]}}, \"then\": {{\"anyOf\": {}}}}}",
                            quoted(child.name), presence_of_each(child.only_with)));
        }
        if (!child.needs.empty()) {
            rules.push_back(
                fmt::format("{{\"if\": {{\"required\": [{}]}}, \"then\": {{\"required\": {}}}}}",
                            quoted(child.name), name_list(child.needs)));
        }
    }
    std::string text;
    for (const std::string& rule : rules) {
        text += (text.empty() ? "" : ", ") + rule;
    }
    return text;
}

void add_section(Members& members, const Descriptor& section, std::size_t depth) {
    members.add("type", "\"object\"");
    members.add("additionalProperties", "false");
    std::vector<std::string> required;
    Members properties(depth + 1);
    for (const Descriptor& child : section.children) {
        properties.add(child.name, json_of(child, depth + 2));
        if (child.required) {
            required.push_back(child.name);
        }
    }
    members.add("properties", properties.close());
    if (!required.empty()) {
        members.add("required", name_list(required));
    }
    if (const std::string rules = key_rules(section); !rules.empty()) {
        members.add("allOf", "[" + rules + "]");
    }
}

void add_named_map(Members& members, const Descriptor& map, std::size_t depth) {
    members.add("type", "\"object\"");
    std::string names = "{\"pattern\": " + quoted(pattern_of(map.key_type));
    if (map.key_range) {
        names += fmt::format(", \"maxLength\": {}", map.key_range->most);
    }
    members.add("propertyNames", names + "}");
    if (map.count) {
        members.add("maxProperties", std::to_string(map.count->most));
    }
    members.add("additionalProperties", json_of(map.children.front(), depth + 1));
}

void add_list(Members& members, const Descriptor& list, std::size_t depth) {
    members.add("type", "\"array\"");
    if (list.count) {
        members.add("minItems", std::to_string(list.count->least));
        members.add("maxItems", std::to_string(list.count->most));
    }
    members.add("items", json_of(list.children.front(), depth + 1));
}

void add_integer(Members& members, const Descriptor& integer) {
    members.add("type", "\"integer\"");
    if (integer.power_of_two && integer.range) {
        std::string powers;
        for (std::uint64_t value = integer.range->least; value <= integer.range->most; value *= 2) {
            powers += fmt::format("{}{}", powers.empty() ? "" : ", ", value);
        }
        members.add("enum", "[" + powers + "]");
    } else if (integer.range) {
        members.add("minimum", std::to_string(integer.range->least));
        members.add("maximum", std::to_string(integer.range->most));
    }
    if (integer.default_text) {
        members.add("default", *integer.default_text);
    }
}

void add_choice(Members& members, const Descriptor& choice) {
    std::vector<std::string> words;
    for (const Choice& one : choice.choices) {
        words.push_back(one.word);
    }
    members.add("enum", name_list(words));
    if (choice.default_text) {
        members.add("default", quoted(*choice.default_text));
    }
}

void add_string(Members& members, const Descriptor& text) {
    // A single port is a number to YAML.
    members.add("type", text.type == Type::PortRange ? "[\"string\", \"integer\"]" : "\"string\"");
    if (const std::string pattern = pattern_of(text.type); !pattern.empty()) {
        members.add("pattern", quoted(pattern));
    }
    if (text.range && text.type != Type::Size && text.type != Type::Duration) {
        members.add("maxLength", std::to_string(text.range->most));
    }
    if (text.default_text) {
        members.add("default", quoted(*text.default_text));
    }
}

std::string json_of(const Descriptor& descriptor, std::size_t depth) {
    Members members(depth);
    members.add("description", quoted(descriptor.doc));
    switch (descriptor.type) {
        case Type::Section:
            add_section(members, descriptor, depth);
            break;
        case Type::NamedMap:
            add_named_map(members, descriptor, depth);
            break;
        case Type::List:
        case Type::NamedList:
            add_list(members, descriptor, depth);
            break;
        case Type::OneOrList: {
            Members list(depth + 1);
            add_list(list, descriptor, depth + 1);
            members.add("anyOf", "[" + json_of(descriptor.children.front(), depth + 1) + ", " +
                                     list.close() + "]");
            break;
        }
        case Type::Arguments:
            members.add("type", "\"object\"");
            members.add("additionalProperties",
                        "{\"type\": [\"string\", \"integer\", \"boolean\", \"number\"]}");
            break;
        case Type::True:
            members.add("const", "true");
            break;
        case Type::Boolean:
            members.add("type", "\"boolean\"");
            if (descriptor.default_text) {
                members.add("default", *descriptor.default_text);
            }
            break;
        case Type::Integer:
            add_integer(members, descriptor);
            break;
        case Type::Choice:
            add_choice(members, descriptor);
            break;
        default:
            add_string(members, descriptor);
            break;
    }
    return members.close();
}

}  // namespace

std::string json_schema() {
    std::string body = json_of(schema(), 0);
    // The two members that only the whole document has go first.
    body.insert(2,
                "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                "  \"title\": \"Godwit configuration\",\n");
    return body + "\n";
}

}  // namespace godwit::config
